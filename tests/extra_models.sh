#!/bin/sh
# Says which tests are skipped for want of models that are not part of the repository: sh extra_models.sh FOLDER
# SPDX-License-Identifier: MIT
#
# FOLDER is what ADDER_EXTRA_MODELS names, and the environment variable ADDER_SHARED wins, as in tests/support/shared.h.
# Exits with 77, which ctest takes as skipped, if there is no such folder.
set -eu
folder=${ADDER_SHARED-$1}
[ -n "$folder" ] && [ -d "$folder/models" ] && exit 0
cat <<END
tests: ======================================================================================================
tests: SKIPPED are the tests of models that are not bundled: there is no folder '$folder' with models/.
tests: They are logits of conformance/mamba, conformance/mamba_untied_odd and adder-1m (Reference, GoldenLogits,
tests: ModelBits), zero-shot tasks and WikiText-2 (EvalTask, EvalText), the GPT-NeoX tokenizer (Tokenizer, Json),
tests: and Checkpoint.OpensOtherModels. Everything else runs on examples/models and on models made on the spot.
tests: To run them as well: cmake -DADDER_EXTRA_MODELS=FOLDER, or ADDER_SHARED=FOLDER in the environment, with
tests: models/, tokenizers/ and data/ in it.
tests: ======================================================================================================
END
exit 77

// Writes a toy Mamba-2 with a state of halves, whose logits tests/golden/logits.crc has: make_toy FILE
// SPDX-License-Identifier: MIT
#include "converter/base/file.h"
#include "tests/support/blob_builder.h"

int main(int count, char **arguments) {
    if (count != 2) return 2;
    using namespace adder;
    const test::AlignedBytes blob =
        test::build_blob(test::toy_model("mamba2", recipe_named("small"), StateType::f16));
    AtomicFile file(arguments[1]);
    file.write(blob.data(), blob.size());
    file.commit();
}

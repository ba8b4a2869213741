// Writes a toy of a family, whose logits tests/golden/logits.crc has: make_toy FILE MODEL_TYPE f32|f16
// SPDX-License-Identifier: MIT
#include <string>

#include "converter/base/file.h"
#include "tests/support/blob_builder.h"

int main(int count, char **arguments) {
    if (count != 4) return 2;
    using namespace adder;
    const StateType state = arguments[3] == std::string("f16") ? StateType::f16 : StateType::f32;
    const test::AlignedBytes blob =
        test::build_blob(test::toy_model(arguments[2], recipe_named("small"), state));
    AtomicFile file(arguments[1]);
    file.write(blob.data(), blob.size());
    file.commit();
}

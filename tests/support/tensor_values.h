// The values of a checkpoint's tensor, by its name in the files.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/model/checkpoint.h"

namespace adder::test {

inline std::vector<float> values_of(const Checkpoint &checkpoint, const std::string &name) {
    const TensorView &tensor = checkpoint.files().tensor(name);
    std::vector<float> values(static_cast<size_t>(tensor.elements));
    checkpoint.files().read(tensor, values.data());
    return values;
}

}  // namespace adder::test

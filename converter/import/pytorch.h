// Reads the tensors of a PyTorch file (FILE.pth, pytorch_model.bin) in place, as torch.save writes them since 1.6.
// SPDX-License-Identifier: MIT
//
// The file is a ZIP archive: STEM/data.pkl is a pickle of a dict of tensors by name, STEM/data/KEY are the storages that
// they lie in (pytorch, torch/serialization.py: _save, and torch/_utils.py: _rebuild_tensor_v2). The pickle is read as data
// (pickle.h): nothing in the file is ever executed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "converter/import/tensor_view.h"

namespace adder {

// Reads a whole file in memory, checks that every tensor lies within its storage, and points into `data`, which must live
// on. What stands in the dict and is no tensor (a trainer's count of steps) is passed over. Views keep their strides;
// several tensors may lie in one storage. `name` (a path) stands in messages. Throws Error(bad_input).
TensorTable parse_pytorch(const uint8_t *data, size_t size, const std::string &name);

}  // namespace adder

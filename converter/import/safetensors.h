// Reads safetensors files: an 8-byte little-endian header length, a JSON header, and the tensors' data.
// SPDX-License-Identifier: MIT
//
// The format: https://github.com/huggingface/safetensors (README, "Format"). What is checked beyond plain
// sense is what the reference implementation checks too: the header starts with '{' and is at most 100 MB,
// and the tensors cover the data without holes or overlaps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "converter/import/tensor_view.h"

namespace adder {

// Reads the header of a whole file in memory, checks it, and points into `data`, which must live on. `name`
// (a path) stands in messages. Throws Error(bad_input).
TensorTable parse_safetensors(const uint8_t *data, size_t size, const std::string &name);

}  // namespace adder

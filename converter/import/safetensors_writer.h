// Writes safetensors files from streams of floats: no more than a piece of a tensor is in memory.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/base/file.h"
#include "converter/import/safetensors.h"

namespace adder {

// The values of all tensors in the order given, each tensor's last index the fastest. Throws Error(failure).
class SafetensorsWriter {
  public:
    // `dtype`, of all tensors: f32, f16 or bf16.
    SafetensorsWriter(const std::string &path, DType dtype, const std::vector<TensorSpec> &tensors);
    void append(const float *values, size_t count);  // rounded to nearest, ties to even
    void commit();                                   // every value has been given

  private:
    AtomicFile file_;
    const DType dtype_;
    uint64_t missing_ = 0;  // values
    std::vector<uint16_t> halves_;
};

uint64_t element_count(const TensorSpec &tensor);
uint64_t element_bytes(DType dtype);  // of f32, f16, bf16

}  // namespace adder

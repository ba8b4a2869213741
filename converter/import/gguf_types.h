// The types of tensors that GGUF files know, and the values of blocks: codes of few bits that share scales.
// SPDX-License-Identifier: MIT
//
// A block is a run of elements along a row; a row is a whole number of blocks (ggml: ggml-common.h has the layouts,
// ggml-quants.c the values).
#pragma once

#include <cstddef>
#include <cstdint>

#include "converter/import/tensor_view.h"

namespace adder {

// A type as files number it.
struct GgufTensorType {
    uint32_t id;
    const char *name;  // "Q4_K"
    DType dtype;
    uint32_t block, bytes;  // elements of a block, and the bytes that they take; 0: the type cannot be read
};
// Null if the number is not known.
const GgufTensorType *gguf_tensor_type(uint32_t id);
// "F32, F16, ...": the types whose values can be read.
std::string readable_gguf_types();

// Elements [first, first + count) of a tensor of blocks that begin at `data`. Every product and difference is of few enough bits
// to be exact in a float, but for one rounding where a minimum is added.
void floats_of_blocks(DType dtype, const uint8_t *data, uint64_t first, uint64_t count, float *out);

// How many bits an element takes with its share of the scales: 4.5 of Q4_0; of other types their own.
double bits_per_element(DType dtype);

}  // namespace adder

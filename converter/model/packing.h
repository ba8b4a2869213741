// Packs tensors into the runtime's padded layouts, tiles of 8 rows: for a blob, and for the float model.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "converter/plan/model_shape.h"
#include "converter/quantize/dense.h"

namespace adder {

// Where rows and columns of a tensor go in the runtime's padded layouts.
class Packing {
  public:
    Packing(const ModelShape &shape, Role role, uint32_t block);
    // Each packs [rows][cols] into `out`, tensor_extent(...).bytes bytes, padding zeroed.
    void floats(const DenseTensor &tensor, float *out) const;
    void int8_codes(const DenseTensor &tensor, const std::vector<int8_t> &codes, int8_t *out) const;
    // Scales [rows] into [padded rows], or a single one; padding is 1.
    void int8_scales(const std::vector<float> &scales, float *out) const;
    void int4_codes(const DenseTensor &tensor, const std::vector<int8_t> &codes, uint8_t *out) const;
    // bfloat16 scales [rows][groups], or binary16, into [tiles][groups of the padded columns][8]; padding is `one`,
    // which is 1.
    void int4_scales(uint32_t rows, uint32_t group, const std::vector<uint16_t> &scales, uint16_t one,
                     uint16_t *out) const;

  private:
    bool matrix_;
    uint32_t rows_, cols_;              // padded
    std::vector<uint32_t> padded_row_;  // where a row goes: each part of the rows begins on a tile
};

}  // namespace adder

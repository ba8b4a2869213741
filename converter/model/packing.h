// Packs tensors into the runtime's padded layouts, tiles of 8 rows: for a blob, and for the float model.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "converter/import/config.h"
#include "converter/quantize/dense.h"
#include "runtime/model.h"

namespace adder {

// Where rows and columns of a tensor go in the runtime's padded layouts.
class Packing {
  public:
    Packing(const ModelConfig &config, const Shape &shape, Role role);
    // Each packs [rows][cols] into `out`, tensor_extent(...).bytes bytes, padding zeroed.
    void floats(const DenseTensor &tensor, float *out) const;
    void int8_codes(const DenseTensor &tensor, const std::vector<int8_t> &codes, int8_t *out) const;
    // Scales [rows] into [padded rows], or a single one; padding is 1.
    void int8_scales(const std::vector<float> &scales, float *out) const;
    void int4_codes(const DenseTensor &tensor, const std::vector<int8_t> &codes, uint8_t *out) const;
    // bfloat16 scales [rows][groups] into [tiles][groups of the padded columns][8]; padding is 1.
    void int4_scales(uint32_t rows, uint32_t group, const std::vector<uint16_t> &scales, uint16_t *out) const;

  private:
    uint32_t padded_row(uint32_t row) const {
        return row < first_ ? row : row - first_ + round_up_to_tile(first_);
    }
    Role role_;
    uint32_t first_;        // rows of the first part, behind which the next begins on a tile
    uint32_t rows_, cols_;  // padded
};

}  // namespace adder

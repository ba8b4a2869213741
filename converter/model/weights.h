// A checkpoint's weights as the runtime wants them: by role, transformed, padded and packed in tiles of 8.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/import/checkpoint.h"
#include "runtime/blob.h"
#include "runtime/model.h"

namespace adder {

// The runtime's shape of a checkpoint. Throws Error(bad_input) if a dimension is beyond what a blob can hold.
Shape shape_of(const Checkpoint &checkpoint);

// Header flags that follow from the checkpoint alone: tied head, projection bias.
uint32_t flags_of(const ModelConfig &config);

// A tensor without padding, row-major: [rows][cols], floats.
struct DenseTensor {
    uint32_t rows, cols;
    std::vector<float> values;
};

// The name that a role has in the checkpoint: "backbone.layers.3.mixer.in_proj.weight".
std::string tensor_name(const Checkpoint &checkpoint, Role role, uint32_t layer);

// Reads a tensor; A2 is computed from A_log, and an absent bias is zeros. Throws Error(bad_input) naming the tensor if
// a value is not finite.
DenseTensor read_dense(const Checkpoint &checkpoint, Role role, uint32_t layer);

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

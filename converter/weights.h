// A checkpoint's weights as the runtime wants them: by role, transformed, padded and packed in tiles of 8.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/checkpoint.h"
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

// Rows and columns without padding.
void dense_extent(const ModelConfig &config, Role role, uint32_t *rows, uint32_t *cols);

// Reads a tensor; A2 is computed from A_log, and an absent bias is zeros. Throws Error(bad_input) naming the tensor if a
// value is not finite.
DenseTensor read_dense(const Checkpoint &checkpoint, Role role, uint32_t layer);

// Scales of symmetric quantization, w = code * scale, code in [-127, 127]: absmax / 127 of the tensor or of each row;
// 1 where all weights are zero.
std::vector<float> absmax_scales(const DenseTensor &tensor, Granularity granularity);

// Packs into `out`, in the layout of kernels.h, tensor_extent(...).bytes bytes, padding zeroed.
void pack_floats(const DenseTensor &tensor, const ModelConfig &config, const Shape &shape, Role role, float *out);
// The same as int8 codes, round half to even of weight / scale. `scales` as absmax_scales gives them.
void pack_codes(const DenseTensor &tensor, const ModelConfig &config, const Shape &shape, Role role,
                const std::vector<float> &scales, int8_t *out);
// The scales of the padded rows, in the blob's order; scales of padding are 1.
std::vector<float> pack_scales(const std::vector<float> &scales, const ModelConfig &config, const Shape &shape,
                               Role role);

}  // namespace adder

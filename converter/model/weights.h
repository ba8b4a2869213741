// A checkpoint's weights as the runtime wants them: by role, transformed, padded and packed in tiles of 8.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/import/checkpoint.h"
#include "converter/quantize/dense.h"
#include "runtime/blob.h"
#include "runtime/model.h"

namespace adder {

// The runtime's shape of a checkpoint. Throws Error(bad_input) if a dimension is beyond what a blob can hold.
Shape shape_of(const Checkpoint &checkpoint);

// Header flags that follow from the checkpoint alone: tied head, projection bias.
uint32_t flags_of(const ModelConfig &config);

// The name that a role has in the checkpoint: "backbone.layers.3.mixer.in_proj.weight".
std::string tensor_name(const Checkpoint &checkpoint, Role role, uint32_t layer);

// Reads a tensor; A2 is computed from A_log, and an absent bias is zeros. Throws Error(bad_input) naming the tensor if
// a value is not finite.
DenseTensor read_dense(const Checkpoint &checkpoint, Role role, uint32_t layer);

}  // namespace adder

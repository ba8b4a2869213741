// Checkpoints of any shape with random weights: for sizes whose trained weights are not at hand.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/families/family.h"
#include "converter/import/safetensors.h"

namespace adder {

struct RandomCheckpoint {
    std::string directory;  // made; must not exist
    ModelShape shape;
    DType dtype = DType::f32;  // of all tensors: f32, f16 or bf16
    uint64_t seed = 0;
    uint64_t shard_bytes =
        5'000'000'000;  // of a file at most, unless one tensor has more or 8 files do not suffice
};

struct WrittenCheckpoint {
    uint64_t parameters;
    uint64_t tensor_bytes;
    std::vector<std::string> files;  // of the weights
};

// The shape of a published model ("mamba-130m"; published_models()), of "D_MODEL,N_LAYER,VOCAB", the rest as mamba-130m
// has it, or of "FAMILY:D_MODEL,N_LAYER,VOCAB". Throws Error(usage).
ModelShape shape_like(const std::string &like);
std::vector<std::string> published_models();

// Writes config.json and safetensors, in shards with an index where one file would be too large. The same bytes on every
// machine for the same request. Throws Error(failure): not enough space, the directory exists, interrupted; then nothing
// is left behind.
WrittenCheckpoint write_random_checkpoint(const RandomCheckpoint &wanted);

}  // namespace adder

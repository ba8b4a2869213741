// Rotary position embedding (Su and others, arXiv 2104.09864): what of it a configuration says, and the steps that a blob has.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/families/family.h"

namespace adder::rope {

// Pairs of a head's channels that turn, by rope_theta and partial_rotary_factor, which newer files have in rope_parameters; the
// base goes to model->rope_base. What scales angles otherwise is refused.
uint32_t read_pairs(const ConfigReader &config, uint32_t head_dim, double default_factor, ModelShape *model);

// The steps in turns per token, base^(-i / pairs) / (2 pi), in fractions of 2^48: their upper or their lower 24 bits.
DenseTensor turn_steps(double base, uint32_t pairs, bool low);

}  // namespace adder::rope

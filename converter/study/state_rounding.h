// The precision of the state: a float model whose state is rounded after every token.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "converter/eval/scorer.h"

namespace adder {

enum class RoundedType {
    f32,  // as it is
    f16,  // IEEE 754 binary16; beyond its range the largest number
    i16,  // codes up to 32767 and 127, one scale per channel: its largest magnitude after that token
    i8,
};

struct StateRounding {
    std::string part;  // of the blocks' states, as their kinds name it: "scan", "conv"
    RoundedType type;
};

const std::vector<std::pair<const char *, RoundedType>> &state_types();
// The parts of the states of a model's blocks: what a block keeps longest first, each name once.
std::vector<std::string> state_parts(const ModelShape &shape);
// Have the channels of this part of the state one number each, in all blocks?
bool has_one_number(const ModelShape &shape, const std::string &part);

// To nearest even.
float round_to_f16(float value);

// Rounds numbers [tiles][n][8], tiles of 8 channels side by side.
void round_state(RoundedType type, float *values, uint32_t tiles, uint32_t n);

// The model of `base` with its state rounded after every token. They share its memory: not two at a time.
std::unique_ptr<Scorer> rounded_scorer(CheckpointScorer &base, const StateRounding &rounding);

}  // namespace adder

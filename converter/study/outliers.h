// Outlier channels: what the inputs of the linear layers are like on a text, and which channels are far beyond the rest.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "converter/model/float_model.h"
#include "converter/plan/recipe.h"

namespace adder {

// Where a value was: a token of a sequence.
struct TokenPlace {
    uint32_t sequence, position;
};

// The input of one linear layer over all tokens of a text.
struct InputStatistics {
    Role role;                  // the first that takes it
    uint32_t block;             // no_block of the head; the model's layers are its blocks where each has one
    std::vector<float> absmax;  // [channels], the largest magnitude, ...
    std::vector<TokenPlace> owners;  // ... and the first token that had it; none of the head's
    // Of the channels' absmax; the deviation is that of the population, divided by the number of channels.
    double mean = 0, deviation = 0, median = 0, highest = 0;
    // Fourth central moment over the squared variance: 3 for a normal distribution. NaN where the variance is 0.
    double absmax_kurtosis = 0;
    double value_kurtosis = 0;  // of all values of all channels

    double threshold(double sigma) const { return mean + sigma * deviation; }
    double highest_over_median() const { return highest / median; }
};

// Whose inputs these are, in the order of the first of each.
std::vector<Role> roles_of(const std::vector<InputStatistics> &inputs);

// mean .. absmax_kurtosis of `absmax`.
void summarize_channels(InputStatistics *input);

// Runs the sequences through the float model, block by block. The inputs come in the order in which they are computed
// with, the head's last. The result depends neither on threads nor on the instruction set. Throws Error(bad_input)
// naming layer and input if a value is not finite.
std::vector<InputStatistics> measure_inputs(FloatModel &model, const std::vector<Tokens> &sequences);

// Mamba-PTQ's definition (arXiv 2407.12397): the channels whose absmax is above the mean of the layer's channels by more
// than sigma standard deviations. Ascending. Of n channels none can be beyond sqrt(n - 1).
std::vector<uint32_t> outlier_channels(const InputStatistics &input, double sigma);

// In how many layers a channel of one kind of input is an outlier, by channel; those of none are left out.
struct Persistence {
    uint32_t channel, layers;
};
std::vector<Persistence> persistence_of(const std::vector<InputStatistics> &inputs, Role role, double sigma);

}  // namespace adder

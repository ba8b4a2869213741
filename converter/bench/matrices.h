// The matrix products of one token, bare: what generation is held against.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <vector>

#include "converter/bench/steps.h"
#include "runtime/model.h"

namespace adder {

class TokenMatrices {
  public:
    // Products and bytes of the weights and their scales, of all matrices of a role.
    struct Role {
        uint32_t matrices = 0;
        double products = 0;  // multiply-accumulates a token, padding included
        double bytes = 0;     // read for it
    };

    explicit TokenMatrices(const Model &model);

    // By Step; steps that are no matrices are empty.
    const std::array<Role, step_count> &roles() const { return roles_; }
    Role all() const;

    // Multiplies every matrix of the model once with one token's input, in the order of a token: on the team, with one
    // barrier a matrix, reading the blob where it lies. Adds the ticks of each step to `ticks`, if that is not null.
    void run(const KernelTable &kernels, const Team &team, std::array<uint64_t, step_count> *ticks);

  private:
    struct Entry {
        Step step;
        Linear linear;
    };
    void add(Step step, const Linear &linear);
    std::vector<Entry> entries_;
    std::array<Role, step_count> roles_{};
    std::vector<int8_t> codes_;  // as long as the longest row
    std::vector<float> floats_;
    std::vector<float> out_;  // as long as the longest column
};

// From the first to the last byte of the tensors that a generated token reads.
struct WeightRange {
    const uint8_t *data;
    size_t size;
};
WeightRange weight_range(const Model &model);

}  // namespace adder

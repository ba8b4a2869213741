// The plan of a conversion: what is done to each linear layer of each block, and to the embedding.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "converter/plan/model_shape.h"
#include "converter/plan/recipe.h"

namespace adder {

// A recipe, written out for every tensor of one model, so that each may be changed by itself.
class Plan {
  public:
    Plan(const Recipe &recipe, const ModelShape &shape);

    // role: embedding, head (both without a block) or one of the linear layers of a block. With a tied head the
    // embedding and the head are one table, and this gives one plan for both.
    const LinearPlan &of(Role role, uint32_t block) const;
    LinearPlan &of(Role role, uint32_t block);

    uint32_t block_count() const { return static_cast<uint32_t>(blocks_.size()); }
    bool tied() const { return tied_; }
    bool any_codes() const;          // does some linear layer quantize its input?
    bool needs_calibration() const;  // does anything depend on what the inputs are like?

    // The linear layers of a block, in the order of the table.
    const std::vector<Role> &roles(uint32_t block) const { return blocks_[block].roles; }

    // Calls body(role, block) for all linear layers, the head last, with no_block.
    template <typename Body>
    void each_linear(const Body &body) const {
        for (uint32_t block = 0; block < block_count(); ++block)
            for (Role role : roles(block)) body(role, block);
        body(Role::head, uint32_t{no_block});
    }
    // The same for the first of those that share an input.
    template <typename Body>
    void each_input(const Body &body) const {
        for (uint32_t block = 0; block < block_count(); ++block)
            for (Role role : blocks_[block].owners) body(role, block);
        body(Role::head, uint32_t{no_block});
    }

  private:
    struct Block {
        std::vector<Role> roles, owners;
        std::vector<LinearPlan> plans;  // of roles
    };
    std::vector<Block> blocks_;
    LinearPlan embedding_, head_;  // tied: embedding_ alone
    bool tied_;
};

// Do these take their input in the same form?
bool same_input(const LinearPlan &a, const LinearPlan &b);

}  // namespace adder

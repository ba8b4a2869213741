// The plan of a conversion: what is done to each linear layer of each layer, and to the embedding.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "converter/import/config.h"
#include "converter/plan/recipe.h"

namespace adder {

// A recipe, written out for every tensor of one model, so that each may be changed by itself.
class Plan {
  public:
    Plan(const Recipe &recipe, const ModelConfig &config);

    // role: embedding, head (both without a layer) or one of the linear layers of a layer. With a tied head the
    // embedding and the head are one table, and this gives one plan for both.
    const LinearPlan &of(Role role, uint32_t layer) const;
    LinearPlan &of(Role role, uint32_t layer);

    uint32_t n_layer() const { return static_cast<uint32_t>(layers_.size()); }
    bool tied() const { return tied_; }
    bool any_codes() const;          // does some linear layer quantize its input?
    bool needs_calibration() const;  // does anything depend on what the inputs are like?

    // Calls body(role, layer) for all linear layers, the head last.
    template <typename Body>
    void each_linear(const Body &body) const {
        for (uint32_t layer = 0; layer < n_layer(); ++layer)
            for (Role role : layer_linear_roles) body(role, layer);
        body(Role::head, 0u);
    }

  private:
    struct Layer {
        LinearPlan in_proj, x_proj, dt_proj, out_proj;
    };
    std::vector<Layer> layers_;
    LinearPlan embedding_, head_;  // tied: embedding_ alone
    bool tied_;
};

}  // namespace adder

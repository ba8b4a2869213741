// A recipe written out for every tensor.
// SPDX-License-Identifier: MIT
#include "converter/plan/plan.h"

namespace adder {

Plan::Plan(const Recipe &recipe, const ModelConfig &config)
    : layers_(config.n_layer, Layer{recipe.in_proj, recipe.x_proj, recipe.dt_proj, recipe.out_proj}),
      embedding_(config.tie_word_embeddings ? recipe.head : recipe.embedding), head_(recipe.head),
      tied_(config.tie_word_embeddings) {
    // A tied head's weights are the embedding's as well, which must stay as it is.
    if (!tied_) return;
    embedding_.alpha = 0;
    embedding_.search_alpha = false;
}

const LinearPlan &Plan::of(Role role, uint32_t layer) const {
    switch (role) {
    case Role::in_proj: return layers_[layer].in_proj;
    case Role::x_proj: return layers_[layer].x_proj;
    case Role::dt_proj: return layers_[layer].dt_proj;
    case Role::out_proj: return layers_[layer].out_proj;
    case Role::head: return tied_ ? embedding_ : head_;
    default: return embedding_;
    }
}

LinearPlan &Plan::of(Role role, uint32_t layer) {
    return const_cast<LinearPlan &>(static_cast<const Plan *>(this)->of(role, layer));
}

bool Plan::any_codes() const {
    bool any = false;
    each_linear([&](Role role, uint32_t layer) { any = any || of(role, layer).input != Input::floats; });
    return any;
}

bool Plan::needs_calibration() const {
    bool needed = any_codes();
    each_linear([&](Role role, uint32_t layer) { needed = needed || needs_hessian(of(role, layer)); });
    return needed;
}

}  // namespace adder

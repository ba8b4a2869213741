// A recipe written out for every tensor.
// SPDX-License-Identifier: MIT
#include "converter/plan/plan.h"

#include <algorithm>
#include <tuple>

namespace adder {
namespace {

auto input_form(const LinearPlan &plan) {
    return std::tie(plan.input, plan.input_bits, plan.rule, plan.percentile, plan.alpha, plan.search_alpha);
}

void take_input_form(const LinearPlan &from, LinearPlan *plan) {
    plan->input = from.input;
    plan->input_bits = from.input_bits;
    plan->rule = from.rule;
    plan->percentile = from.percentile;
    plan->alpha = from.alpha;
    plan->search_alpha = from.search_alpha;
}

}  // namespace

bool same_input(const LinearPlan &a, const LinearPlan &b) { return input_form(a) == input_form(b); }

Plan::Plan(const Recipe &recipe, const ModelShape &shape)
    : blocks_(shape.block_count()), embedding_(recipe.of(shape.tied ? Role::head : Role::embedding)),
      head_(recipe.of(Role::head)), tied_(shape.tied) {
    for (uint32_t i = 0; i < shape.block_count(); ++i) {
        Block &block = blocks_[i];
        block.roles = linear_roles_of(shape, i);
        for (Role role : block.roles) {
            block.plans.push_back(recipe.of(role));
            LinearPlan &plan = block.plans.back();
            if (plan.input == Input::fixed) plan.input = static_input_of(shape, role, i);
            if (!can_smooth(shape, role, i, plan.input)) {
                plan.alpha = 0;
                plan.search_alpha = false;
            }
            if (is_diagonal(shape, role, i)) plan.gptq = false;
            const Role owner = input_owner(shape, role, i);
            if (owner == role)
                block.owners.push_back(role);
            else
                take_input_form(of(owner, i), &plan);
        }
    }
    // A tied head's weights are the embedding's as well, which must stay as it is.
    if (!tied_) return;
    embedding_.alpha = 0;
    embedding_.search_alpha = false;
}

const LinearPlan &Plan::of(Role role, uint32_t block) const {
    if (role == Role::head) return tied_ ? embedding_ : head_;
    if (role == Role::embedding) return embedding_;
    const Block &at = blocks_[block];
    const auto found = std::find(at.roles.begin(), at.roles.end(), role);
    return at.plans[static_cast<size_t>(found - at.roles.begin())];
}

LinearPlan &Plan::of(Role role, uint32_t block) {
    return const_cast<LinearPlan &>(static_cast<const Plan *>(this)->of(role, block));
}

bool Plan::any_codes() const {
    bool any = false;
    each_linear([&](Role role, uint32_t block) { any = any || of(role, block).input != Input::floats; });
    return any;
}

bool Plan::needs_calibration() const {
    bool needed = any_codes();
    each_linear([&](Role role, uint32_t block) { needed = needed || needs_hessian(of(role, block)); });
    return needed;
}

}  // namespace adder

// The named recipes.
// SPDX-License-Identifier: MIT
#include "converter/plan/recipe.h"

#include "converter/plan/model_shape.h"

namespace adder {

void Recipe::set_weights(Dtype weights) {
    for (Role role : all_linear_roles()) {
        of(role).weights = weights;
        of(role).gptq = weights == Dtype::int4;
    }
    of(Role::embedding).weights = weights;
}

void Recipe::set_granularity(Granularity granularity) {
    for (Role role : all_linear_roles()) of(role).granularity = granularity;
    of(Role::embedding).granularity = granularity;
}

void Recipe::set_input_bits(uint32_t bits) {
    for (Role role : all_linear_roles()) of(role).input_bits = bits;
}

void Recipe::set_smoothing(float alpha) {
    for (Role role : all_linear_roles()) of(role).alpha = alpha;
}

void Recipe::search_smoothing() {
    for (Role role : all_linear_roles()) of(role).search_alpha = true;
}

void Recipe::keep_codes() {
    for (Role role : all_linear_roles()) of(role).keep = true;
    of(Role::embedding).keep = true;
}

void Recipe::set_inputs(bool codes) {
    for (Role role : all_linear_roles()) {
        Input &input = of(role).input;
        if (!codes)
            input = Input::floats;
        else if (input == Input::floats)
            input = Input::fixed;
    }
}

const std::vector<std::string> &recipe_names() {
    static const std::vector<std::string> names = {"naive", "smooth",  "static",   "best",
                                                   "small", "smaller", "smallest", "float"};
    return names;
}

Recipe recipe_named(const std::string &name) {
    Recipe r;
    r.name = name;
    if (name == "naive") {
        r.set_granularity(Granularity::tensor);
        for (Role role : all_linear_roles()) r.of(role).rule = ScaleRule::absmax;
        return r;
    }
    if (name == "float") {
        r.set_weights(Dtype::f32);
        r.set_inputs(false);
        return r;
    }
    // The strengths of smoothing are those that the float simulation found, for models of 1, 13 and 66 million
    // parameters alike; docs/quantization.md shows what they do here.
    r.of(Role::in_proj).alpha = 0.5f;
    r.of(Role::x_proj).alpha = 0.7f;
    r.of(Role::dt_proj).alpha = 0.7f;
    if (name == "smooth") {
        r.of(Role::out_proj).alpha = 0.7f;
    } else if (name == "static") {
        r.of(Role::out_proj).alpha = 0.6f;
        r.of(Role::out_proj).input = Input::hadamard;
    } else {
        r.of(Role::out_proj).input = Input::token;
    }
    const bool smaller = name == "smaller" || name == "smallest";
    if (name == "small" || smaller) {
        r.of(Role::in_proj).alpha = 0;  // smoothing makes its weights harder to round to four bits
        for (Role role : {Role::in_proj, Role::out_proj}) {
            r.of(role).weights = Dtype::int4;
            r.of(role).gptq = true;
        }
    }
    // out_proj has the outliers, and a third of the weights of the two.
    if (smaller) r.of(Role::in_proj).group = 128;
    if (name == "smallest") {
        r.of(Role::head).weights = r.of(Role::embedding).weights = Dtype::int4;
        r.of(Role::head).gptq = true;
    }
    return r;
}

}  // namespace adder

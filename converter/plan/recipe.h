// Recipes: how the linear layers' weights and inputs are quantized, the same in all layers.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/blob.h"

namespace adder {

// All roles are below it.
constexpr size_t role_end = [] {
    size_t end = 0;
#define ADDER_ROLE(name, number) end = end > (number) ? end : (number) + 1;
#include "runtime/blocks/kinds.inc"
    return end;
}();

enum class ScaleRule { absmax, mse, percentile };  // of a static input scale

// One linear layer.
struct LinearPlan {
    Dtype weights = Dtype::int8;
    Granularity granularity = Granularity::row;  // of int8 weights
    uint32_t group = 32;                         // of int4 weights, columns per scale; 0: the whole row
    bool keep = false;           // the codes and scales of the file, where it has Q4_0 (convert/kept_codes.h)
    bool gptq = false;           // round with the input's Hessian (arXiv 2210.17323)
    Input input = Input::fixed;  // fixed stands for channels where an input is static by channels
    uint32_t input_bits = 8;     // 8 or 4, of the codes of the input
    ScaleRule rule = ScaleRule::mse;
    double percentile = 100;    // of the magnitudes, with that rule
    float alpha = 0;            // of smoothing (SmoothQuant, arXiv 2211.10438); 0: none
    bool search_alpha = false;  // smooth, with the alpha that loses least on the calibration text
};

// Are the inputs' second moments needed to round the weights?
inline bool needs_hessian(const LinearPlan &plan) {
    return plan.weights == Dtype::int4 && plan.gptq && !plan.keep;
}

// The first pass over the calibration text gives the statistics of each channel; a second one what they do not tell:
// transformed values, and percentiles.
inline bool needs_second_pass(const LinearPlan &plan) {
    return has_scale(plan.input) && (plan.rule == ScaleRule::percentile || plan.input == Input::hadamard);
}

struct Recipe {
    std::string name = "static";

    // Of a role of linear layers, the head, or the embedding, of which the weights alone count; where the head is tied to
    // the embedding, the head's plan does.
    const LinearPlan &of(Role role) const { return plans_[static_cast<size_t>(role)]; }
    LinearPlan &of(Role role) { return plans_[static_cast<size_t>(role)]; }

    // Of all linear layers; weights and their scales of the embedding too.
    void set_weights(Dtype weights);
    void set_granularity(Granularity granularity);
    void set_input_bits(uint32_t bits);
    void set_smoothing(float alpha);  // of inputs with a static scale; 0: none
    void search_smoothing();          // the same, with the alpha that loses least
    void keep_codes();                // of all that the file has as int4
    void set_inputs(bool codes);      // codes where an input is float now, or floats everywhere

  private:
    std::array<LinearPlan, role_end> plans_{};  // by role
};

// naive   int8, one scale per tensor, static absmax: the baseline of Mamba-PTQ (arXiv 2407.12397)
// smooth  int8 rows, everything static, smoothing alone
// static  int8 rows, everything static, smoothing and a block Hadamard transform before out_proj
// best    int8 rows, static but for out_proj's input: one scale per token
// small   in_proj and out_proj int4 in groups of 32, the rest as best
// smaller in_proj int4 in groups of 128 instead: 4.25 bits per weight of the two
// smallest  as smaller, and embedding and head int4 in groups of 32
// float   nothing is quantized
const std::vector<std::string> &recipe_names();
Recipe recipe_named(const std::string &name);

}  // namespace adder

// Rules that change a plan tensor by tensor: 'layers.0-3.{in,out}_proj=int4,group=64,nearest'.
// SPDX-License-Identifier: MIT
//
//   rule     pattern '=' value {',' value}         the pattern: pattern.h
//   value    int8 | int4 | f32                     the weights
//            tensor | row | group=32 | 64 | 128 | row    their scales: tensor and row of int8, row and group of int4
//            gptq | nearest                        rounding to int4
//            input=static | token | channels | hadamard | float
//            act-bits=8 | 4                        of the input's codes
//            scale=absmax | mse | percentile:P     of a static input
//            alpha=X | auto | off                  smoothing of a static input
//
// Of several rules the first whose pattern matches a tensor is that tensor's. What it does not say stays as the recipe
// has it; but codes of a file are not kept (--keep-codes) where it says something of weights, scales or rounding, and
// weights that it makes int4 are rounded with GPTQ, where there is an input to do it with.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/plan/pattern.h"
#include "converter/plan/plan.h"

namespace adder {

class PlanRule {
  public:
    explicit PlanRule(RuleSource source);  // throws Error(source.code) naming the character

    const RuleSource &source() const { return source_; }
    const TensorPattern &pattern() const { return pattern_; }
    // Changes the plan of one tensor. Throws if it cannot take a value, with what it can.
    void apply(Role role, uint32_t block, const ModelShape &shape, LinearPlan *plan) const;

  private:
    void parse_value(std::string_view value, size_t place);
    void parse_scale(std::string_view value, size_t place);
    void parse_alpha(std::string_view value, size_t place);
    void apply_weights(const std::string &name, LinearPlan *plan, bool has_input) const;
    void apply_input(Role role, uint32_t block, const ModelShape &shape, LinearPlan *plan) const;

    RuleSource source_;
    TensorPattern pattern_;
    std::optional<Dtype> weights_;
    std::optional<Granularity> granularity_;
    std::optional<uint32_t> group_;  // 0: as wide as the row
    std::optional<bool> gptq_;
    std::optional<Input> input_;  // fixed: the static form that the place has
    std::optional<uint32_t> input_bits_;
    std::optional<ScaleRule> scale_;
    double percentile_ = 0;
    std::optional<float> alpha_;
    bool search_alpha_ = false;
};

// The rules of a file, one per line; empty lines and those that begin with # are passed over.
std::vector<PlanRule> read_rules(const std::string &path);

// Applies the rules. Throws if one matches no tensor, or none that earlier ones of its kind (of the command line, or of
// files) have left.
void apply_rules(const std::vector<PlanRule> &rules, const ModelShape &shape, Plan *plan);

}  // namespace adder

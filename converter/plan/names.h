// The names that rules, reports and records use for tensors and for the blob's enumerations.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/plan/model_shape.h"

namespace adder {

const char *role_name(Role role);                       // "in_proj"
const char *weight_type_name(Dtype dtype);              // "int8"
const char *granularity_name(Granularity granularity);  // "row"
const char *input_name(Input input);                    // "static", "one scale per token", ...

const char *kind_name(BlockId kind);   // "mamba1"
const char *kind_title(BlockId kind);  // "Mamba"
const char *slot_name(Slot slot);      // "xz"

std::string kinds_of_half_states();  // titles of the kinds that --state f16 is for

// "a, b and c"
std::string listed(const std::vector<std::string> &words, const char *last = " and ");

// "layers.3.in_proj", "head": the names of a plan's tensors, which patterns match.
std::string plan_name(const ModelShape &shape, Role role, uint32_t block);

}  // namespace adder

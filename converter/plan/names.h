// The names that reports and records use for the blob's enumerations.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/blob.h"

namespace adder {

const char *role_name(Role role);                       // "in_proj"
const char *weight_type_name(Dtype dtype);              // "int8"
const char *granularity_name(Granularity granularity);  // "row"
const char *input_name(Input input);                    // "static", "a scale a token", ...

}  // namespace adder

// Names of the blob's enumerations.
// SPDX-License-Identifier: MIT
#include "converter/plan/names.h"

#include "converter/base/error.h"

namespace adder {

const char *role_name(Role role) {
    switch (role) {
    case Role::embedding: return "embedding";
    case Role::norm: return "norm";
    case Role::in_proj: return "in_proj";
    case Role::in_proj_bias: return "in_proj_bias";
    case Role::conv_weight: return "conv_weight";
    case Role::conv_bias: return "conv_bias";
    case Role::x_proj: return "x_proj";
    case Role::dt_proj: return "dt_proj";
    case Role::dt_bias: return "dt_bias";
    case Role::A2: return "A2";
    case Role::D: return "D";
    case Role::out_proj: return "out_proj";
    case Role::out_proj_bias: return "out_proj_bias";
    case Role::final_norm: return "final_norm";
    case Role::head: return "head";
    }
    return "?";
}

const char *weight_type_name(Dtype dtype) {
    switch (dtype) {
    case Dtype::f32: return "f32";
    case Dtype::int8: return "int8";
    case Dtype::int4: return "int4";
    }
    return "?";
}

const char *granularity_name(Granularity granularity) {
    switch (granularity) {
    case Granularity::none: return "none";
    case Granularity::tensor: return "tensor";
    case Granularity::row: return "row";
    case Granularity::group: return "group";
    }
    return "?";
}

const char *input_name(Input input) {
    switch (input) {
    case Input::none: return "none";
    case Input::floats: return "f32";
    case Input::fixed: return "static";
    case Input::channels: return "static, multipliers a channel";
    case Input::hadamard: return "static, after a Hadamard transform";
    case Input::token: return "a scale a token";
    }
    return "?";
}

std::string plan_name(Role role, uint32_t layer) {
    if (role == Role::embedding || role == Role::head) return role_name(role);
    return format("layers.%u.%s", layer, role_name(role));
}

}  // namespace adder

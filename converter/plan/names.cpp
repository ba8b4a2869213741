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
    case Role::dt_norm: return "dt_norm";
    case Role::B_norm: return "B_norm";
    case Role::C_norm: return "C_norm";
    case Role::bcdt_proj: return "bcdt_proj";
    case Role::bcdt_bias: return "bcdt_bias";
    case Role::gate_norm: return "gate_norm";
    case Role::none: break;
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
    case Input::channels: return "static, one multiplier per channel";
    case Input::hadamard: return "static, after a Hadamard transform";
    case Input::token: return "one scale per token";
    }
    return "?";
}

const char *kind_name(BlockId kind) {
    switch (kind) {
    case BlockId::mamba1: return "mamba1";
    case BlockId::mamba2: return "mamba2";
    }
    return "?";
}

const char *slot_name(Slot slot) {
    switch (slot) {
    case Slot::in_codes: return "in_codes";
    case Slot::in_floats: return "in_floats";
    case Slot::zx: return "xz";
    case Slot::inner_codes: return "inner_codes";
    case Slot::inner_floats: return "inner_floats";
    case Slot::x_proj: return "x_proj";
    case Slot::dt_codes: return "dt_codes";
    case Slot::dt_floats: return "dt_floats";
    case Slot::delta: return "dt";
    case Slot::bcdt: return "bcdt";
    case Slot::none:
    case Slot::count: break;
    }
    return "?";
}

std::string plan_name(const ModelShape &shape, Role role, uint32_t block) {
    if (block == no_block) return role_name(role);
    return format("layers.%u.%s", uint32_t{shape.blocks[block].layer}, role_name(role));
}

}  // namespace adder

// The case of SSD's scan and of the delta rule; a part of cases.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

// Heads of which a call has channels, and their groups.
uint32_t head_count(const KernelShape &shape) { return (shape.rows + shape.head_dim - 1) / shape.head_dim; }
uint32_t bc_width(const KernelShape &shape) {
    return (head_count(shape) + shape.heads_per_group - 1) / shape.heads_per_group * shape.ssd_state;
}

// A2, D, state, dt, x, z, B, C, beta
Operands ssd_operands(const KernelShape &shape) {
    const size_t channels = shape.rows, count = shape.by_tokens(shape.rows);
    const uint32_t heads = round_up_to_tile(head_count(shape));
    const bool gate = !shape.has(form_no_gate), delta = ADDER_DELTA_RULE && shape.has(form_delta_rule);
    return {
        {{Contents::decays, heads, false},
         {Contents::floats, heads, false},
         {shape.has(form_half_state) ? Contents::halves : Contents::floats, channels * shape.ssd_state, true},
         {Contents::floats, shape.by_tokens(heads), false},
         {Contents::floats, count, !gate},
         {Contents::floats, if_in(gate, count), true},
         {Contents::floats, shape.by_tokens(bc_width(shape)), false},
         {Contents::floats, shape.by_tokens(bc_width(shape)), false},
         {Contents::floats, if_in(delta, shape.by_tokens(heads)), false}},
        9};
}

void ssd_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
              uint32_t end) {
    SsdArgs args{};
    args.tile_begin = begin;
    args.tile_end = end;
    args.tokens = shape.tokens;
    args.d_state = shape.ssd_state;
    args.head_dim = shape.head_dim;
    args.heads_per_group = shape.heads_per_group;
    args.A2 = static_cast<const float *>(operands[0]);
    args.D = static_cast<const float *>(operands[1]);
    args.dt_low = shape.has(form_delta_limits) ? 0.5f : 0.0f;
    args.dt_high = shape.has(form_delta_limits) ? 1.0f : __builtin_inff();
    args.state = operands[2];
    args.half_state = shape.has(form_half_state);
    args.dt = static_cast<const float *>(operands[3]);
    args.dt_stride = shape.stride(round_up_to_tile(head_count(shape)));
    args.x = static_cast<float *>(operands[4]);
    args.x_stride = shape.stride(shape.rows);
    args.z = shape.has(form_no_gate) ? nullptr : static_cast<float *>(operands[5]);
    args.z_stride = shape.stride(shape.rows);
    args.B = static_cast<const float *>(operands[6]);
    args.C = static_cast<const float *>(operands[7]);
    args.bc_stride = shape.stride(bc_width(shape));
#if ADDER_DELTA_RULE
    if (shape.has(form_delta_rule)) args.beta = static_cast<const float *>(operands[8]);
#endif
    kernels.ssd_scan(args);
}

uint64_t ssd_work(const KernelShape &shape) { return uint64_t{shape.rows} * shape.tokens * shape.ssd_state; }

constexpr KernelCase case_ssd_scan = {
    nullptr, KernelCase::Parts::tiles, false, 8, true, ssd_operands, ssd_call, ssd_work};

}  // namespace
}  // namespace adder

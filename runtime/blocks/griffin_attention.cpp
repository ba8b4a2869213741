// Griffin's attention: its tables, and its step.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/griffin_attention.h"

#if ADDER_GRIFFIN

#include "runtime/memory_source.h"
#include "runtime/positions.h"

namespace adder {
namespace griffin_attention {  // where files are joined, the names of the other kinds are others
namespace {

enum Place : uint8_t { in, g };

constexpr uint8_t inputs_out = inputs_fixed | input_bit(Input::hadamard);
constexpr Parts kv = parts(Dim::d_kv, Dim::d_kv);

// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
    {Role::q_proj, Form::matrix, false, 0, parts(Dim::d_inner), Dim::d_model, in, inputs_fixed, 0},
    {Role::kv_proj, Form::matrix, false, 0, kv, Dim::d_model, in, inputs_fixed, 0},
    {Role::turns, Form::whole, false, 0, parts(Dim::n_turn), Dim::one, 0, 0, 0},
    {Role::turns_low, Form::whole, true, 0, parts(Dim::n_turn), Dim::one, 0, 0, 0},
    {Role::out_proj, Form::matrix, false, 0, parts(Dim::d_model), Dim::d_inner, g, inputs_out, 0},
    {Role::out_proj_bias, Form::channels, true, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
};
// clang-format on
constexpr InputRow inputs[] = {
    {Slot::in_floats, 0, Slot::in_codes, Slot::in_floats, Dim::d_model, true, {Role::norm}},
    {Slot::heads, 1, Slot::inner_codes, Slot::inner_floats, Dim::d_inner, false, {}},
};
constexpr SlotRow slots[] = {
    {Slot::heads, SlotType::floats, parts(Dim::d_inner, Dim::d_inner)},  // [q, g]
    {Slot::kv, SlotType::floats, kv},
    {Slot::inner_codes, SlotType::codes, parts(Dim::d_inner)},
    {Slot::inner_floats, SlotType::widened, parts(Dim::d_inner)},
};
// A ring each: the token of position p is at place p modulo the window. Keys are [tiles of places][d_kv][8], values
// [tiles of d_kv][places][8].
constexpr StateRow states[] = {
    {"keys", parts(Dim::window), Dim::d_kv, attend_work, false},
    {"values", parts(Dim::d_kv), Dim::window, attend_work, false},
};
constexpr uint32_t max_window = 1u << 16;
constexpr DimRow dims[] = {
    {Dim::d_inner, max_d_inner}, {Dim::n_head, max_d_inner}, {Dim::n_group, max_d_inner},
    {Dim::window, max_window},   {Dim::n_turn, max_d_inner},
};

const char *fault(const BlobShape &, const Dims &d, uint32_t *value) {
    *value = d[Dim::n_head];
    if (d[Dim::d_inner] % d[Dim::n_head] != 0 || d[Dim::head_dim] % tile_size != 0)
        return "number of heads, whose channels are a multiple of 8";
    *value = d[Dim::n_group];
    if (d[Dim::n_head] % d[Dim::n_group] != 0) return "number of groups of heads";
    *value = d[Dim::n_turn];
    if (2 * d[Dim::n_turn] > d[Dim::head_dim]) return "number of pairs that turn, of the channels of a head";
    return nullptr;
}

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)griffin_attention_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::griffin_attention,
                            0,
                            StateType::f32,
                            true,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::attention_scale) + 1,
                            tensors, inputs, slots, states, dims, fault, forward};
// clang-format on

}  // namespace
}  // namespace griffin_attention

const BlockKind griffin_attention_kind = griffin_attention::kind;

void griffin_turn(const Frame &frame, const float *high, const float *low, Range) {
    const Dims &n = frame.dims();
    const uint32_t head_dim = n[Dim::head_dim], pairs = n[Dim::n_turn];
    const float scale = frame.block.param(Param::attention_scale);
    const SlotView &qg = frame.slots[Slot::heads], &kv_floats = frame.slots[Slot::kv];
    for (uint32_t t = 0; t < frame.tokens; ++t) {
        float *const q = qg.floats() + size_t{t} * qg.stride;
        float *const k = kv_floats.floats() + size_t{t} * kv_floats.stride;
        for (uint32_t i = 0; i < pairs; ++i) {
            const Turn turn = turn_f32(angle_at(frame.position + t, high[i], low[i]));
            turn_heads(q + i, n[Dim::n_head], head_dim, pairs, turn);
            turn_heads(k + i, n[Dim::n_group], head_dim, pairs, turn);
        }
        for (uint32_t i = 0; i < n[Dim::d_inner]; ++i) q[i] = q[i] * scale;
    }
}

void griffin_keep(const Frame &frame, uint32_t token) {
    const uint32_t d_kv = frame.dims()[Dim::d_kv], window = frame.dims()[Dim::window];
    const uint32_t place = ring_place(frame.position + token, window);
    const SlotView &kv_floats = frame.slots[Slot::kv];
    const float *const k = kv_floats.floats() + size_t{token} * kv_floats.stride;
    float *const keys = reinterpret_cast<float *>(state_view(frame, 0, 0));
    float *const values = reinterpret_cast<float *>(state_view(frame, 1, 0));
    for (uint32_t i = 0; i < d_kv; ++i) {
        keys[tile_size * (size_t{place / tile_size} * d_kv + i) + place % tile_size] = k[i];
        values[tile_size * (size_t{i / tile_size} * window + place) + i % tile_size] = k[d_kv + i];
    }
}

void griffin_attend(const Frame &frame, uint32_t token, Range heads) {
    const Dims &n = frame.dims();
    const SlotView &qg = frame.slots[Slot::heads];
    const uint64_t position = frame.position + token;
    AttendArgs args;
    args.head_begin = heads.begin;
    args.head_end = heads.end;
    args.head_dim = n[Dim::head_dim];
    args.heads_per_group = n[Dim::n_head] / n[Dim::n_group];
    args.keys = position < n[Dim::window] ? static_cast<uint32_t>(position) + 1 : n[Dim::window];
    args.q = qg.floats() + size_t{token} * qg.stride;
    args.type = KeptType::f32;
    args.k = state_view(frame, 0, 0);
    args.k_tile = size_t{tile_size} * n[Dim::d_kv];
    args.v = state_view(frame, 1, 0);
    args.v_tile = tile_size * tile_size;
    args.v_channels = size_t{tile_size} * n[Dim::window];
    args.k_scale = args.v_scale = nullptr;
    args.scale_tile = 0;
    args.out = qg.floats(n[Dim::d_inner]) + size_t{token} * qg.stride;
    frame.kernels.attend(args);
}

}  // namespace adder

#endif  // ADDER_GRIFFIN

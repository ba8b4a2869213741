// Griffin's attention: its tables, and its step.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/griffin_attention.h"

#if ADDER_GRIFFIN

#include "kernels/scalar/math.h"
#include "runtime/memory_source.h"

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
constexpr uint8_t attend_work = 4;  // a key's or value's number, for one head
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

// position modulo window, at most 2^16: 16 bits at a time, since a division of 64 bits is half a kilobyte on small cores.
uint32_t ring_place(uint64_t position, uint32_t window) {
    uint32_t rest = 0;
    for (int shift = 48; shift >= 0; shift -= 16)
        rest = (rest << 16 | (static_cast<uint32_t>(position >> shift) & 0xffffu)) % window;
    return rest;
}

// A fraction in 24 bits; of what a blob should not have, 0.
uint32_t fraction_bits(float fraction) {
    return fraction >= 0.0f && fraction < 1.0f ? static_cast<uint32_t>(fraction * 0x1p24f) : 0;
}

// The angle at `position` in turns of 2^32, of a step of 48 bits of a turn a token. Exact but for the last cut.
uint32_t angle_at(uint64_t position, float high, float low) {
    const uint64_t step = uint64_t{fraction_bits(high)} << 24 | fraction_bits(low);
    return static_cast<uint32_t>(position * step >> 16);
}

// Turns pair i of some heads, channels i and i + pairs of each.
void turn_heads(float *v, uint32_t heads, uint32_t head_dim, uint32_t pairs, const Turn &turn) {
    for (uint32_t head = 0; head < heads; ++head, v += head_dim) {
        const float a = v[0], b = v[pairs];
        v[0] = a * turn.cosine - b * turn.sine;
        v[pairs] = b * turn.cosine + a * turn.sine;
    }
}

}  // namespace
}  // namespace griffin_attention

const BlockKind griffin_attention_kind = griffin_attention::kind;

void griffin_attend(const Frame &frame, const float *high, const float *low, Range) {
    using namespace griffin_attention;
    const Dims &n = frame.dims();
    const uint32_t d_inner = n[Dim::d_inner], d_kv = n[Dim::d_kv], window = n[Dim::window];
    const uint32_t head_dim = n[Dim::head_dim], pairs = n[Dim::n_turn], heads = n[Dim::n_head];
    const float scale = frame.block.param(Param::attention_scale);
    const SlotView &qg = frame.slots[Slot::heads], &kv_floats = frame.slots[Slot::kv];
    float *const keys = reinterpret_cast<float *>(state_view(frame, 0, 0));
    float *const values = reinterpret_cast<float *>(state_view(frame, 1, 0));
    for (uint32_t t = 0; t < frame.tokens; ++t) {
        const uint64_t position = frame.position + t;
        float *const q = qg.floats() + size_t{t} * qg.stride;
        float *const k = kv_floats.floats() + size_t{t} * kv_floats.stride;
        for (uint32_t i = 0; i < pairs; ++i) {
            const Turn turn = turn_f32(angle_at(position, high[i], low[i]));
            turn_heads(q + i, heads, head_dim, pairs, turn);
            turn_heads(k + i, n[Dim::n_group], head_dim, pairs, turn);
        }
        for (uint32_t i = 0; i < d_inner; ++i) q[i] = q[i] * scale;
        const uint32_t place = ring_place(position, window);
        for (uint32_t i = 0; i < d_kv; ++i) {
            keys[tile_size * (size_t{place / tile_size} * d_kv + i) + place % tile_size] = k[i];
            values[tile_size * (size_t{i / tile_size} * window + place) + i % tile_size] = k[d_kv + i];
        }
        AttendArgs args;
        args.head_dim = head_dim;
        args.heads_per_group = heads / n[Dim::n_group];
        args.keys = position < window ? static_cast<uint32_t>(position) + 1 : window;
        args.window = window;
        args.width = d_kv;
        args.q = q;
        args.k = keys;
        args.v = values;
        args.out = q + d_inner;
        team_run(frame.team, uint64_t{2 * attend_work} * args.keys * d_inner, heads, [&](Range range) {
            AttendArgs some = args;
            some.head_begin = range.begin;
            some.head_end = range.end;
            frame.kernels.attend(some);
        });
    }
}

}  // namespace adder

#endif  // ADDER_GRIFFIN

// Attention to all tokens of a context: its tables, and its step.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/gqa.h"

#if ADDER_GQA

#include <string.h>

#include "runtime/memory_source.h"
#include "runtime/positions.h"

namespace adder {
namespace gqa {  // where files are joined, the names of the other kinds are others
namespace {

enum Place : uint8_t { in, g };

constexpr uint8_t inputs_out = inputs_fixed | input_bit(Input::hadamard);
constexpr Parts kv = parts(Dim::d_kv, Dim::d_kv);

// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
    {Role::q_proj, Form::matrix, false, 0, parts(Dim::d_inner), Dim::d_model, in, inputs_fixed, 0},
    {Role::kv_proj, Form::matrix, false, 0, kv, Dim::d_model, in, inputs_fixed, 0},
    {Role::q_norm, Form::whole, false, shape_head_norms, parts(Dim::head_dim), Dim::one, 0, 0, 0},
    {Role::k_norm, Form::whole, true, shape_head_norms, parts(Dim::head_dim), Dim::one, 0, 0, 0},
    {Role::turns, Form::whole, false, shape_turns, parts(Dim::n_turn), Dim::one, 0, 0, 0},
    {Role::turns_low, Form::whole, true, shape_turns, parts(Dim::n_turn), Dim::one, 0, 0, 0},
#if ADDER_HEAD_GATES
    {Role::g_proj, Form::matrix, false, shape_gate, parts(Dim::d_inner), Dim::d_model, in, inputs_fixed, 0},
#endif
    {Role::out_proj, Form::matrix, false, shape_unless | shape_beside, parts(Dim::d_model), Dim::d_inner, g, inputs_out, 0},
    {Role::o_proj, Form::matrix, false, shape_beside, parts(Dim::d_model), Dim::d_inner, g, inputs_out, 0},
};
// clang-format on
constexpr InputRow inputs[] = {
    {Slot::in_floats, 0, Slot::in_codes, Slot::in_floats, Dim::d_model, true, {Role::norm}},
    {Slot::heads, 1, Slot::inner_codes, Slot::inner_floats, Dim::d_inner, false, {}},
};
constexpr SlotRow slots[] = {
    {Slot::heads, SlotType::floats,
     parts(Dim::d_inner, Dim::d_inner)},  // [q, g]; of gated attention then [gate, g]
    {Slot::kv, SlotType::floats, kv},
    {Slot::inner_codes, SlotType::codes, parts(Dim::d_inner)},
    {Slot::inner_floats, SlotType::widened, parts(Dim::d_inner)},
};
constexpr uint32_t longest = 1u << 24;
constexpr DimRow dims[] = {
    {Dim::d_inner, max_d_inner},   {Dim::n_head, max_d_inner}, {Dim::n_group, max_d_inner},
    {Dim::n_turn, max_d_inner, 0}, {Dim::context, longest},
};

const char *fault(const BlobShape &shape, const Dims &d, uint32_t *value) {
    *value = d[Dim::n_head];
    if (d[Dim::d_inner] % d[Dim::n_head] != 0 || d[Dim::head_dim] % tile_size != 0)
        return "number of heads, whose channels are a multiple of 8";
    *value = d[Dim::n_group];
    if (d[Dim::n_head] % d[Dim::n_group] != 0) return "number of groups of heads";
    *value = d[Dim::n_turn];
    if (2 * d[Dim::n_turn] > d[Dim::head_dim] || (d[Dim::n_turn] > 0) != ((shape.flags & shape_turns) != 0))
        return "number of pairs that turn, of the channels of a head";
    return nullptr;
}

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)gqa_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::gqa,
                            shape_turns | shape_head_norms | shape_beside | (ADDER_HEAD_GATES ? shape_gate : 0),
                            StateType::int8,
                            true,
                            count_of(tensors), count_of(inputs), count_of(slots), 0, count_of(dims),
                            static_cast<uint8_t>(Param::attention_scale) + 1,
                            tensors, inputs, slots, nullptr, dims, fault, forward, shape_beside, false, true};
// clang-format on

// What the block has of a page, from the first number of each on; strides are in numbers.
struct Page {
    uint8_t *keys, *values;
    float *key_scales, *value_scales;
};
Page page_at(const Frame &frame, size_t page) {
    const uint32_t type = frame.block.shape->state_type;
    const size_t width = frame.dims()[Dim::d_kv], bytes = page_tokens * width *
                                                          (type == static_cast<uint8_t>(StateType::int8)  ? 1
                                                           : type == static_cast<uint8_t>(StateType::f16) ? 2
                                                                                                          : 4);
    uint8_t *const begin = frame.state + page * frame.page_bytes;
    float *const scales = reinterpret_cast<float *>(begin + 2 * bytes);
    return {begin, begin + bytes, scales, scales + page_tokens * size_t{frame.dims()[Dim::n_group]}};
}

// Puts numbers into a page: number i at `place(i)` from `out` on.
template <class Place>
void keep(const Frame &frame, const float *v, uint32_t count, uint8_t *out, float *scale, const Place &place) {
    switch (static_cast<StateType>(frame.block.shape->state_type)) {
    case StateType::f32:
        for (uint32_t i = 0; i < count; ++i) reinterpret_cast<float *>(out)[place(i)] = v[i];
        return;
    case StateType::f16:
        for (uint32_t i = 0; i < count; ++i) reinterpret_cast<uint16_t *>(out)[place(i)] = f32_f16(v[i]);
        return;
    case StateType::int8: break;
    }
    float most = 0.0f;
    for (uint32_t i = 0; i < count; ++i) {
        const float magnitude = __builtin_fabsf(v[i]);
        most = magnitude > most ? magnitude : most;
    }
    const DynamicScale codes = dynamic_scale(most, 127.0f);
    *scale = codes.scale;
    for (uint32_t i = 0; i < count; ++i)
        reinterpret_cast<int8_t *>(out)[place(i)] = q8_f32(v[i], codes.multiplier, 127.0f);
}

}  // namespace
}  // namespace gqa

const BlockKind gqa_kind = gqa::kind;

void gqa_normalize(const Frame &frame, const float *of_q, const float *of_k, Range) {
    const Dims &n = frame.dims();
    const uint32_t head_dim = n[Dim::head_dim];
    const float epsilon = frame.block.param(Param::mixer_norm_epsilon);
    const auto normalize = [&](const SlotView &slot, uint32_t width, const float *weight) {
        for (uint32_t t = 0; t < frame.tokens; ++t)
            for (uint32_t first = 0; first < width; first += head_dim) {
                float *const head = slot.floats(first) + size_t{t} * slot.stride;
                frame.kernels.rmsnorm(head, weight, head_dim, head_dim, epsilon, head);
            }
    };
    normalize(frame.slots[Slot::heads], n[Dim::d_inner], of_q);
    normalize(frame.slots[Slot::kv], n[Dim::d_kv], of_k);
}

void gqa_turn(const Frame &frame, const float *high, const float *low, Range) {
    const Dims &n = frame.dims();
    const uint32_t head_dim = n[Dim::head_dim], pairs = n[Dim::n_turn];
    const SlotView &qg = frame.slots[Slot::heads], &kv = frame.slots[Slot::kv];
    for (uint32_t t = 0; t < frame.tokens; ++t)
        for (uint32_t i = 0; i < pairs; ++i) {
            const Turn turn = turn_f32(angle_at(frame.position + t, high[i], low[i]));
            turn_heads(qg.floats(i) + size_t{t} * qg.stride, n[Dim::n_head], head_dim, pairs, turn);
            turn_heads(kv.floats(i) + size_t{t} * kv.stride, n[Dim::n_group], head_dim, pairs, turn);
        }
}

void gqa_keep(const Frame &frame) {
    const Dims &n = frame.dims();
    const uint32_t head_dim = n[Dim::head_dim], width = n[Dim::d_kv];
    const float scale = frame.block.param(Param::attention_scale);
    const size_t block_bytes = static_cast<size_t>(block_page_bytes(*frame.block.kind, *frame.block.shape, n));
    for (uint32_t t = 0; t < frame.tokens; ++t) {
        float *const q = frame.slots[Slot::heads].floats() + size_t{t} * frame.slots[Slot::heads].stride;
        for (uint32_t i = 0; i < n[Dim::d_inner]; ++i) q[i] = q[i] * scale;
        const uint64_t position = frame.position + t;
        const uint32_t lane = static_cast<uint32_t>(position % page_tokens);
        const gqa::Page page = gqa::page_at(frame, static_cast<size_t>(position / page_tokens));
        if (lane == 0) memset(page.keys, 0, block_bytes);  // what another sequence has left
        const float *const k = frame.slots[Slot::kv].floats() + size_t{t} * frame.slots[Slot::kv].stride;
        for (uint32_t first = 0; first < width; first += head_dim) {
            const uint32_t at = tile_size * (first / head_dim) + lane;
            gqa::keep(frame, k + first, head_dim, page.keys, &page.key_scales[at],
                      [=](uint32_t i) { return size_t{tile_size} * (first + i) + lane; });
            gqa::keep(frame, k + width + first, head_dim, page.values, &page.value_scales[at], [=](uint32_t i) {
                return size_t{tile_size} * ((first + i) & ~(tile_size - 1)) + tile_size * lane +
                       (first + i) % tile_size;
            });
        }
    }
}

uint64_t gqa_work(const Frame &frame) {
    return 8 * (frame.position + frame.tokens) * frame.dims()[Dim::d_inner] * frame.tokens;
}

void gqa_attend(const Frame &frame, Range heads) {
    const Dims &n = frame.dims();
    const SlotView &qg = frame.slots[Slot::heads];
    const gqa::Page page = gqa::page_at(frame, 0);
    const StateType type = static_cast<StateType>(frame.block.shape->state_type);
    const size_t stride = frame.page_bytes / (type == StateType::int8 ? 1 : type == StateType::f16 ? 2 : 4);
    AttendArgs args;
    args.head_dim = n[Dim::head_dim];
    args.heads_per_group = n[Dim::n_head] / n[Dim::n_group];
    args.type = static_cast<KeptType>(type);
    args.k = page.keys;
    args.v = page.values;
    args.k_tile = args.v_tile = stride;
    args.v_channels = tile_size * tile_size;
    args.k_scale = page.key_scales;
    args.v_scale = page.value_scales;
    args.scale_tile = frame.page_bytes / sizeof(float);
    for (uint32_t begin = heads.begin, t = begin / n[Dim::n_head]; begin < heads.end; ++t) {
        const uint32_t first = t * n[Dim::n_head], all = first + n[Dim::n_head];
        const uint32_t end = heads.end < all ? heads.end : all;
        args.head_begin = begin - first;
        args.head_end = end - first;
        args.keys = static_cast<uint32_t>(frame.position + t) + 1;
        args.q = qg.floats() + size_t{t} * qg.stride;
        args.out = qg.floats(n[Dim::d_inner]) + size_t{t} * qg.stride;
        frame.kernels.attend(args);
        begin = end;
    }
}

#if ADDER_HEAD_GATES
void gqa_gate_heads(const Frame &frame, Range tiles) {
    const SlotView &gates = frame.slots[Slot::heads];
    const uint32_t first = tile_size * tiles.begin, count = tile_size * (tiles.end - tiles.begin);
    for (uint32_t t = 0; t < frame.tokens; ++t) {
        float *const gate = gates.floats(first) + size_t{t} * gates.stride, *const g = gate + gates.stride / 2;
        frame.kernels.activate(gate, count, Activation::sigmoid);
        for (uint32_t i = 0; i < count; ++i) g[i] = g[i] * gate[i];
    }
}
#endif

static_assert(static_cast<uint8_t>(KeptType::f32) == static_cast<uint8_t>(StateType::f32) &&
                  static_cast<uint8_t>(KeptType::f16) == static_cast<uint8_t>(StateType::f16) &&
                  static_cast<uint8_t>(KeptType::int8) == static_cast<uint8_t>(StateType::int8),
              "a cache's type is the kernel's");

}  // namespace adder

#endif  // ADDER_GQA

// Gated DeltaNet: its tables and its steps.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/gdn.h"

#if ADDER_GDN

#include "runtime/memory_source.h"

namespace adder {
namespace gdn {  // where files are joined, the names of the other kinds are others
namespace {

enum Place : uint8_t { in, y };

constexpr uint8_t inputs_out = inputs_fixed | input_bit(Input::hadamard);
constexpr Parts convolved = parts(Dim::d_inner, Dim::d_bc, Dim::d_bc);  // v, q, k
constexpr Parts ab = parts(Dim::n_head, Dim::n_head);

// ab_bias holds dt_bias where a is. q_norm and k_norm are of every head alike.
// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
    {Role::in_proj, Form::matrix, false, 0, convolved, Dim::d_model, in, inputs_fixed, 0},
    {Role::ab_proj, Form::matrix, false, 0, ab, Dim::d_model, in, inputs_fixed, 0},
    {Role::ab_bias, Form::channels, true, 0, ab, Dim::one, 0, 0, 0},
    {Role::conv_weight, Form::channels, false, 0, convolved, Dim::d_conv, 0, 0, 0},
    {Role::conv_bias, Form::channels, true, 0, convolved, Dim::one, 0, 0, 0},
    {Role::z_proj, Form::matrix, false, 0, parts(Dim::d_inner), Dim::d_model, in, inputs_fixed, 0},
    {Role::q_norm, Form::whole, false, 0, parts(Dim::d_state), Dim::one, 0, 0, 0},
    {Role::k_norm, Form::whole, true, 0, parts(Dim::d_state), Dim::one, 0, 0, 0},
    {Role::A2, Form::whole, false, 0, parts(Dim::n_head), Dim::one, 0, 0, 0},
    {Role::gate_norm, Form::whole, true, 0, parts(Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::out_proj, Form::matrix, false, 0, parts(Dim::d_model), Dim::d_inner, y, inputs_out, 0},
};
// clang-format on
constexpr InputRow inputs[] = {
    {Slot::in_floats, 0, Slot::in_codes, Slot::in_floats, Dim::d_model, true, {Role::norm}},
    {Slot::z, 0, Slot::inner_codes, Slot::inner_floats, Dim::d_inner, false, {Role::gate_norm}},
};
constexpr SlotRow slots[] = {
    {Slot::zx, SlotType::floats, convolved},           // [v, q, k]; v becomes o
    {Slot::z, SlotType::floats, parts(Dim::d_inner)},  // z, then y
    {Slot::ab, SlotType::floats, ab},
    {Slot::inner_codes, SlotType::codes, parts(Dim::d_inner)},
    {Slot::inner_floats, SlotType::widened, parts(Dim::d_inner)},
};
constexpr StateRow states[] = {
    {"conv", convolved, Dim::d_history, 0, false},
    {"scan", parts(Dim::d_inner), Dim::d_state, gdn_work, true},
};
constexpr uint32_t max_groups = 1024;
constexpr DimRow dims[] = {
    {Dim::d_inner, max_d_inner}, {Dim::d_state, max_d_state}, {Dim::d_conv, max_d_conv},
    {Dim::n_head, max_d_inner},  {Dim::n_group, max_groups},
};

const char *fault(const BlobShape &, const Dims &d, uint32_t *value) {
    *value = d[Dim::n_head];
    if (d[Dim::d_inner] % d[Dim::n_head] != 0 || d[Dim::head_dim] % tile_size != 0)
        return "number of heads, whose channels are a multiple of 8";
    *value = d[Dim::n_group];
    if (d[Dim::n_head] % d[Dim::n_group] != 0 || d[Dim::d_bc] > max_d_inner)
        return "number of groups of heads";
    *value = d[Dim::d_state];
    if (d[Dim::d_state] % tile_size != 0) return "width of keys, a multiple of 8";
    return nullptr;
}

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)gdn_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::gdn,
                            0,
                            StateType::f16,
                            true,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::mixer_norm_epsilon) + 1,
                            tensors, inputs, slots, states, dims, fault, forward};
// clang-format on

// Under the root of a length.
constexpr float length_epsilon = 1e-6f;

// z = silu(z) * norm(o). Out of line for the sake of the stack.
[[gnu::noinline]] void gate_heads(const Frame &frame, const float *norm, Range heads) {
    const uint32_t head_dim = frame.dims()[Dim::head_dim];
    const SlotView &vqk = frame.slots[Slot::zx], &z = frame.slots[Slot::z];
    const float epsilon = frame.block.param(Param::mixer_norm_epsilon);
    for (uint32_t t = 0; t < frame.tokens; ++t)
        for (uint32_t first = head_dim * heads.begin; first < head_dim * heads.end; first += head_dim) {
            float *const o = vqk.floats(first) + size_t{t} * vqk.stride;
            frame.kernels.rmsnorm(o, norm + first, head_dim, head_dim, epsilon, o);
            frame.kernels.silu_gate(z.floats(first) + size_t{t} * z.stride, o, head_dim);
        }
}

}  // namespace
}  // namespace gdn

const BlockKind gdn_kind = gdn::kind;

const GdnStep gdn_steps[2] = {{gdn::q_norm, Dim::n_group, Dim::n_group, 4, gdn_normalize},
                              {gdn::A2, Dim::n_head, Dim::d_inner, gdn_work, gdn_scan}};

void gdn_conv(const Frame &frame, const Channels &channels, uint32_t) {
    const SlotView &vqk = frame.slots[Slot::zx];
    conv_channels(frame, channels, vqk.floats(tile_size * channels.first), vqk.stride);
}

void gdn_normalize(const Frame &frame, const float *of_q, const float *of_k, Range groups) {
    const Dims &n = frame.dims();
    const SlotView &vqk = frame.slots[Slot::zx];
    const uint32_t width = n[Dim::d_state];
    const float epsilon = gdn::length_epsilon / static_cast<float>(width);
    for (uint32_t t = 0; t < frame.tokens; ++t)
        for (uint32_t group = groups.begin; group < groups.end; ++group) {
            float *const q = vqk.floats(n[Dim::d_inner] + width * group) + size_t{t} * vqk.stride,
                         *const k = q + n[Dim::d_bc];
            frame.kernels.rmsnorm(q, of_q, width, width, epsilon, q);
            frame.kernels.rmsnorm(k, of_k, width, width, epsilon, k);
        }
}

void gdn_scan(const Frame &frame, const float *a2, const float *norm, Range heads) {
    const Dims &n = frame.dims();
    const SlotView &vqk = frame.slots[Slot::zx], &ab = frame.slots[Slot::ab];
    const uint32_t head_dim = n[Dim::head_dim], d_inner = n[Dim::d_inner];
    SsdArgs ssd;
    ssd.tile_begin = head_dim / tile_size * heads.begin;
    ssd.tile_end = head_dim / tile_size * heads.end;
    ssd.tokens = frame.tokens;
    ssd.d_state = n[Dim::d_state];
    ssd.head_dim = head_dim;
    ssd.heads_per_group = n[Dim::n_head] / n[Dim::n_group];
    ssd.A2 = a2;
    ssd.D = nullptr;
    ssd.dt_low = 0.0f;
    ssd.dt_high = __builtin_huge_valf();
    ssd.state = state_view(frame, 1, 0);
    ssd.half_state = frame.block.shape->state_type == static_cast<uint8_t>(StateType::f16);
    ssd.dt = ab.floats();
    ssd.beta = ab.floats(n.padded(Dim::n_head));
    ssd.dt_stride = ab.stride;
    ssd.x = vqk.floats();
    ssd.x_stride = vqk.stride;
    ssd.z = nullptr;
    ssd.z_stride = 0;
    ssd.B = vqk.floats(d_inner + n[Dim::d_bc]);
    ssd.C = vqk.floats(d_inner);
    ssd.bc_stride = vqk.stride;
    frame.kernels.ssd_scan(ssd);
    gdn::gate_heads(frame, norm, heads);
}

}  // namespace adder

#endif  // ADDER_GDN

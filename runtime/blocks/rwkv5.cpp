// RWKV-5's time mix: its tables and its step.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/rwkv5.h"

#if ADDER_RWKV5

#include "runtime/memory_source.h"

namespace adder {
namespace rwkv5 {
namespace {

// Each projection's input is another mixture, made just before it.
enum Place : uint8_t { in_r, in_k, in_v, in_g, y };

constexpr uint8_t inputs_all = inputs_fixed | input_bit(Input::hadamard);
constexpr Parts d_model = parts(Dim::d_model), d_inner = parts(Dim::d_inner);

// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, d_model, Dim::one, 0, 0, 0},
    {Role::norm_bias, Form::whole, true, 0, d_model, Dim::one, 0, 0, 0},
    {Role::mix_r, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::r_proj, Form::matrix, false, 0, d_inner, Dim::d_model, in_r, inputs_all, 0},
    {Role::mix_k, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::k_proj, Form::matrix, false, 0, d_inner, Dim::d_model, in_k, inputs_all, 0},
    {Role::mix_v, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::v_proj, Form::matrix, false, 0, d_inner, Dim::d_model, in_v, inputs_all, 0},
    {Role::mix_g, Form::channels, false, shape_gate, d_model, Dim::two, 0, 0, 0},
    {Role::g_proj, Form::matrix, false, shape_gate, d_inner, Dim::d_model, in_g, inputs_all, 0},
    {Role::head_vectors, Form::whole, false, 0, parts(Dim::d_inner, Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::head_norm, Form::whole, true, 0, parts(Dim::d_inner, Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::out_proj, Form::matrix, false, 0, d_model, Dim::d_inner, y, inputs_all, 0},
};
// clang-format on
constexpr InputRow inputs[] = {
    mixed_input(Role::mix_r),
    mixed_input(Role::mix_k),
    mixed_input(Role::mix_v),
    mixed_input(Role::mix_g),
    // Normalized, and gated: weights and biases of the norm divide it.
    {Slot::receptance, 0, Slot::in_codes, Slot::receptance, Dim::d_inner, false, {Role::head_norm}}};
constexpr SlotRow slots[] = {
    {Slot::shifted, SlotType::floats, d_model},    {Slot::mixed, SlotType::floats, d_model},
    {Slot::receptance, SlotType::floats, d_inner}, {Slot::key, SlotType::floats, d_inner},
    {Slot::value, SlotType::floats, d_inner},      {Slot::gate, SlotType::floats, d_inner},
};
constexpr StateRow states[] = {
    {"shift", d_model, Dim::one, 0, false},
    {"wkv", d_inner, Dim::head_dim, wkv_heads_work, false},
};
constexpr DimRow dims[] = {{Dim::d_inner, max_d_inner}, {Dim::n_head, max_d_inner}};

const char *fault(const BlobShape &, const Dims &d, uint32_t *value) { return time_mix_fault(d, value); }

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)rwkv5_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::rwkv5,
                            shape_gate,
                            StateType::f32,
                            false,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::mixer_norm_epsilon) + 1,
                            tensors, inputs, slots, states, dims, fault, forward};
// clang-format on

}  // namespace
}  // namespace rwkv5

const BlockKind rwkv5_kind = rwkv5::kind;

const Rwkv5Projection rwkv5_projections[4] = {{rwkv5::mix_r, rwkv5::r_proj, Slot::receptance},
                                              {rwkv5::mix_k, rwkv5::k_proj, Slot::key},
                                              {rwkv5::mix_v, rwkv5::v_proj, Slot::value},
                                              {rwkv5::mix_g, rwkv5::g_proj, Slot::gate}};

void rwkv5_recurrence(const Frame &frame, const float *vectors, const float *norm, Range heads) {
    const Slots &slots = frame.slots;
    WkvHeadsArgs args;
    args.head_begin = heads.begin;
    args.head_end = heads.end;
    args.tokens = frame.tokens;
    args.head_dim = frame.dims()[Dim::head_dim];
    args.epsilon = frame.block.param(Param::mixer_norm_epsilon);
    args.w = vectors;
    args.bonus = vectors + frame.dims()[Dim::d_inner];
    args.norm = norm;
    args.channels = frame.dims()[Dim::d_inner];
    args.state = reinterpret_cast<float *>(state_view(frame, 1, 0));
    args.r = slots[Slot::receptance].floats();
    args.k = slots[Slot::key].floats();
    args.v = slots[Slot::value].floats();
    args.g = (frame.block.shape->flags & shape_gate) != 0 ? slots[Slot::gate].floats() : nullptr;
    args.y = slots[Slot::mixed].floats();
    args.stride = slots[Slot::value].stride;
    frame.kernels.wkv_heads(args);
}

}  // namespace adder

#endif  // ADDER_RWKV5

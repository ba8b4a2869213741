// RWKV-4's time mix: its tables and its step.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/rwkv4.h"

#if ADDER_RWKV4

#include "runtime/memory_source.h"

namespace adder {
namespace rwkv4 {
namespace {

// Each projection's input is another mixture, made just before it.
enum Place : uint8_t { in_r, in_k, in_v, y };

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
    {Role::time_vectors, Form::channels, false, 0, d_inner, Dim::two, 0, 0, 0},
    {Role::out_proj, Form::matrix, false, 0, d_model, Dim::d_inner, y, inputs_all, 0},
};
// clang-format on
constexpr InputRow inputs[] = {
    mixed_input(Role::mix_r),
    mixed_input(Role::mix_k),
    mixed_input(Role::mix_v),
    // The recurrence makes means of values: what divides those divides it.
    {Slot::receptance, 0, Slot::in_codes, Slot::receptance, Dim::d_inner, false, {Role::v_proj}}};
constexpr SlotRow slots[] = {
    {Slot::shifted, SlotType::floats, d_model},    {Slot::mixed, SlotType::floats, d_model},
    {Slot::receptance, SlotType::floats, d_inner}, {Slot::key, SlotType::floats, d_inner},
    {Slot::value, SlotType::floats, d_inner},
};
constexpr StateRow states[] = {
    {"shift", d_model, Dim::one, 0, false},
    {"wkv", parts(Dim::d_inner, Dim::d_inner, Dim::d_inner), Dim::one, wkv4_work, false},
};
constexpr DimRow dims[] = {{Dim::d_inner, max_d_inner}};

const char *fault(const BlobShape &, const Dims &d, uint32_t *value) {
    *value = d[Dim::d_inner];
    if (d[Dim::d_inner] != d[Dim::d_model]) return "d_inner, which is d_model";
    return d[Dim::d_model] % tile_size != 0 ? "d_model, a multiple of 8" : nullptr;
}

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)rwkv4_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::rwkv4,
                            0,
                            StateType::f32,
                            false,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::norm_epsilon) + 1,
                            tensors, inputs, slots, states, dims, fault, forward};
// clang-format on

}  // namespace
}  // namespace rwkv4

const BlockKind rwkv4_kind = rwkv4::kind;

const Rwkv4Projection rwkv4_projections[3] = {{rwkv4::mix_r, rwkv4::r_proj, Slot::receptance},
                                              {rwkv4::mix_k, rwkv4::k_proj, Slot::key},
                                              {rwkv4::mix_v, rwkv4::v_proj, Slot::value}};

void rwkv4_recurrence(const Frame &frame, const float *vectors, const float *, Range tiles) {
    Wkv4Args args;
    args.tile_begin = tiles.begin;
    args.tile_end = tiles.end;
    args.tokens = frame.tokens;
    args.vectors = vectors;
    args.state = reinterpret_cast<float *>(state_view(frame, 1, tiles.begin));
    args.state_stride = frame.dims().padded(Dim::d_inner);
    args.r = frame.slots[Slot::receptance].floats();
    args.k = frame.slots[Slot::key].floats();
    args.v = frame.slots[Slot::value].floats();
    args.stride = frame.slots[Slot::value].stride;
    frame.kernels.wkv4(args);
}

}  // namespace adder

#endif  // ADDER_RWKV4

// The channel mix with a receptance: its tables and its step.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/rwkv_ffn.h"

#if ADDER_RECEPTANCE

#include "runtime/memory_source.h"

namespace adder {
namespace rwkv_ffn {
namespace {

enum Place : uint8_t { in_receptance, in_key, squares };

constexpr uint8_t inputs_all = inputs_fixed | input_bit(Input::hadamard);
constexpr Parts d_model = parts(Dim::d_model), d_ffn = parts(Dim::d_ffn);

// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, d_model, Dim::one, 0, 0, 0},
    {Role::norm_bias, Form::whole, true, 0, d_model, Dim::one, 0, 0, 0},
    {Role::mix_ffn_r, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::ffn_receptance, Form::matrix, false, 0, d_model, Dim::d_model, in_receptance, inputs_all, 0},
    {Role::mix_ffn, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::ffn_key, Form::matrix, false, 0, d_ffn, Dim::d_model, in_key, inputs_all, 0},
    {Role::ffn_value, Form::matrix, false, 0, d_model, Dim::d_ffn, squares, inputs_all, 0},
};
// clang-format on
constexpr InputRow inputs[] = {
    mixed_input(Role::mix_ffn_r),
    mixed_input(Role::mix_ffn),
    // Codes as floats take the place of what they were made of.
    {Slot::hidden, 0, Slot::hidden_codes, Slot::hidden, Dim::d_ffn, false, {}},
};
constexpr SlotRow slots[] = {
    {Slot::shifted, SlotType::floats, d_model},    {Slot::mixed, SlotType::floats, d_model},
    {Slot::receptance, SlotType::floats, d_model}, {Slot::hidden, SlotType::floats, d_ffn},
    {Slot::hidden_codes, SlotType::codes, d_ffn},
};
constexpr StateRow states[] = {{"shift", d_model, Dim::one, 0, false}};
constexpr DimRow dims[] = {{Dim::d_ffn, max_d_inner}};

const char *fault(const BlobShape &, const Dims &d, uint32_t *value) {
    *value = d[Dim::d_model];
    return d[Dim::d_model] % tile_size != 0 ? "d_model, a multiple of 8" : nullptr;
}

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)rwkv_ffn_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::rwkv_ffn,
                            0,
                            StateType::f32,
                            false,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::norm_epsilon) + 1,
                            tensors, inputs, slots, states, dims, fault, forward,
                            0,
                            true};
// clang-format on

}  // namespace
}  // namespace rwkv_ffn

const BlockKind rwkv_ffn_kind = rwkv_ffn::kind;

void rwkv_ffn_add(const Frame &frame, Range tiles) {
    const SlotView &v = frame.slots[Slot::mixed], &gate = frame.slots[Slot::receptance];
    const uint32_t first = tile_size * tiles.begin, count = tile_size * (tiles.end - tiles.begin);
    for (uint32_t t = 0; t < frame.tokens; ++t)
        frame.kernels.sigmoid_gate(frame.buffers.residual + size_t{v.stride} * t + first,
                                   v.floats(first) + size_t{v.stride} * t,
                                   gate.floats(first) + size_t{gate.stride} * t, count);
}

}  // namespace adder

#endif  // ADDER_RECEPTANCE

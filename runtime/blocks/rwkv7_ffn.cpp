// RWKV-7's channel mix: its tables.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/rwkv7_ffn.h"

#if ADDER_RWKV7

#include "runtime/memory_source.h"

namespace adder {
namespace rwkv7_ffn {
namespace {

enum Place : uint8_t { in, squares };

constexpr uint8_t inputs_all = inputs_fixed | input_bit(Input::hadamard);

// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
    {Role::norm_bias, Form::whole, true, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
    {Role::mix_ffn, Form::channels, false, 0, parts(Dim::d_model), Dim::two, 0, 0, 0},
    {Role::ffn_key, Form::matrix, false, 0, parts(Dim::d_ffn), Dim::d_model, in, inputs_all, 0},
    {Role::ffn_value, Form::matrix, false, 0, parts(Dim::d_model), Dim::d_ffn, squares, inputs_all, 0},
};
// clang-format on
constexpr InputRow inputs[] = {
    mixed_input(Role::mix_ffn),
    // Codes as floats take the place of what they were made of.
    {Slot::hidden, 0, Slot::hidden_codes, Slot::hidden, Dim::d_ffn, false, {}},
};
constexpr SlotRow slots[] = {
    {Slot::shifted, SlotType::floats, parts(Dim::d_model)},
    {Slot::mixed, SlotType::floats, parts(Dim::d_model)},
    {Slot::hidden, SlotType::floats, parts(Dim::d_ffn)},
    {Slot::hidden_codes, SlotType::codes, parts(Dim::d_ffn)},
};
constexpr StateRow states[] = {{"shift", parts(Dim::d_model), Dim::one, 0, false}};
constexpr DimRow dims[] = {{Dim::d_ffn, max_d_inner}};

const char *fault(const BlobShape &, const Dims &d, uint32_t *value) {
    *value = d[Dim::d_model];
    return d[Dim::d_model] % tile_size != 0 ? "d_model, a multiple of 8" : nullptr;
}

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)rwkv7_ffn_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::rwkv7_ffn,
                            0,
                            StateType::f32,
                            false,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::norm_epsilon) + 1,
                            tensors, inputs, slots, states, dims, fault, forward};
// clang-format on

}  // namespace
}  // namespace rwkv7_ffn

const BlockKind rwkv7_ffn_kind = rwkv7_ffn::kind;

}  // namespace adder

#endif  // ADDER_RWKV7

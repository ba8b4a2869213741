// A gated MLP: its tables, and its gate.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/gqa_mlp.h"

#if ADDER_GQA

#include "runtime/memory_source.h"

namespace adder {
namespace gqa_mlp {  // where files are joined, the names of the other kinds are others
namespace {

enum Place : uint8_t { in, g };

constexpr uint8_t inputs_out = inputs_fixed | input_bit(Input::hadamard);

// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
    {Role::gate_proj, Form::matrix, false, 0, parts(Dim::d_inner), Dim::d_model, in, inputs_fixed, 0},
    {Role::up_proj, Form::matrix, false, 0, parts(Dim::d_inner), Dim::d_model, in, inputs_fixed, 0},
    {Role::down_proj, Form::matrix, false, 0, parts(Dim::d_model), Dim::d_inner, g, inputs_out, 0},
};
// clang-format on
constexpr InputRow inputs[] = {
    {Slot::in_floats, 0, Slot::in_codes, Slot::in_floats, Dim::d_model, true, {Role::norm}},
    {Slot::zx, 0, Slot::inner_codes, Slot::inner_floats, Dim::d_inner, false, {Role::up_proj}},
};
constexpr SlotRow slots[] = {
    {Slot::zx, SlotType::floats, parts(Dim::d_inner)},  // the gate, then g
    {Slot::up, SlotType::floats, parts(Dim::d_inner)},
    {Slot::inner_codes, SlotType::codes, parts(Dim::d_inner)},
    {Slot::inner_floats, SlotType::widened, parts(Dim::d_inner)},
};
constexpr DimRow dims[] = {{Dim::d_inner, max_d_inner}};

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)gqa_mlp_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::gqa_mlp,
                            0,
                            StateType::f32,
                            true,
                            count_of(tensors), count_of(inputs), count_of(slots), 0, count_of(dims),
                            static_cast<uint8_t>(Param::norm_epsilon) + 1,
                            tensors, inputs, slots, nullptr, dims, nullptr, forward};
// clang-format on

}  // namespace
}  // namespace gqa_mlp

const BlockKind gqa_mlp_kind = gqa_mlp::kind;

void gqa_gate(const Frame &frame, Range tiles) {
    const SlotView &gate = frame.slots[Slot::zx], &up = frame.slots[Slot::up];
    const uint32_t first = tile_size * tiles.begin, count = tile_size * (tiles.end - tiles.begin);
    for (uint32_t t = 0; t < frame.tokens; ++t)
        frame.kernels.silu_gate(gate.floats(first) + size_t{t} * gate.stride,
                                up.floats(first) + size_t{t} * up.stride, count);
}

}  // namespace adder

#endif  // ADDER_GQA

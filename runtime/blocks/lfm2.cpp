// The short convolution of LFM2: its tables, and its step.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/lfm2.h"

#if ADDER_LFM2

#include "runtime/memory_source.h"

namespace adder {
namespace lfm2 {  // where files are joined, the names of the other kinds are others
namespace {

enum Place : uint8_t { in, y };

constexpr uint8_t inputs_out = inputs_fixed | input_bit(Input::hadamard);
constexpr Parts thrice = parts(Dim::d_inner, Dim::d_inner, Dim::d_inner);

// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
    {Role::in_proj, Form::matrix, false, 0, thrice, Dim::d_model, in, inputs_fixed, 0},
    {Role::conv_weight, Form::channels, false, 0, parts(Dim::d_inner), Dim::d_conv, 0, 0, 0},
    {Role::conv_bias, Form::channels, true, 0, parts(Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::out_proj, Form::matrix, false, 0, parts(Dim::d_model), Dim::d_inner, y, inputs_out, 0},
};
// clang-format on
constexpr InputRow inputs[] = {
    {Slot::in_floats, 0, Slot::in_codes, Slot::in_floats, Dim::d_model, true, {Role::norm}},
    {Slot::zx, 0, Slot::inner_codes, Slot::inner_floats, Dim::d_inner, false, {}},
};
constexpr SlotRow slots[] = {
    {Slot::zx, SlotType::floats, thrice},  // [b, c, v]; b becomes y
    {Slot::inner_codes, SlotType::codes, parts(Dim::d_inner)},
    {Slot::inner_floats, SlotType::widened, parts(Dim::d_inner)},
};
constexpr StateRow states[] = {{"conv", parts(Dim::d_inner), Dim::d_history, 0, false}};
constexpr DimRow dims[] = {{Dim::d_inner, max_d_inner}, {Dim::d_conv, max_d_conv}};

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)lfm2_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::lfm2,
                            0,
                            StateType::f32,
                            false,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::norm_epsilon) + 1,
                            tensors, inputs, slots, states, dims, nullptr, forward};
// clang-format on

}  // namespace
}  // namespace lfm2

const BlockKind lfm2_kind = lfm2::kind;

void lfm2_conv(const Frame &frame, const Channels &channels, uint32_t) {
    const SlotView &bcv = frame.slots[Slot::zx];
    const uint32_t width = frame.dims().padded(Dim::d_inner), first = tile_size * channels.first,
                   count = tile_size * channels.count;
    const auto multiply = [&](float *out, const float *a, const float *b) {
        for (uint32_t t = 0; t < frame.tokens; ++t)
            for (size_t i = size_t{t} * bcv.stride, end = i + count; i < end; ++i) out[i] = a[i] * b[i];
    };
    float *const b = bcv.floats(first), *const c = bcv.floats(width + first),
                 *const v = bcv.floats(2 * width + first);
    multiply(v, b, v);
    frame.kernels.conv_linear(conv_of(frame, channels, v, bcv.stride));
    multiply(b, c, v);
}

}  // namespace adder

#endif  // ADDER_LFM2

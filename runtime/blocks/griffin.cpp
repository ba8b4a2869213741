// Griffin's recurrent block: its tables, its convolution and its scan.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/griffin.h"

#if ADDER_GRIFFIN

#include "runtime/memory_source.h"

namespace adder {
namespace griffin {  // where files are joined, the names of the other kinds are others
namespace {

enum Place : uint8_t { in, s, g };

constexpr uint8_t inputs_out = inputs_fixed | input_bit(Input::hadamard);
constexpr Parts twice = parts(Dim::d_inner, Dim::d_inner);

// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
    {Role::in_proj, Form::matrix, false, 0, twice, Dim::d_model, in, inputs_fixed, 0},
    {Role::in_proj_bias, Form::channels, true, 0, twice, Dim::one, 0, 0, 0},
    {Role::conv_weight, Form::channels, false, 0, parts(Dim::d_inner), Dim::d_conv, 0, 0, 0},
    {Role::conv_bias, Form::channels, true, 0, parts(Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::lru_gates, Form::matrix, false, 0, twice, Dim::head_dim, s, inputs_fixed | inputs_diagonal, 0},
    {Role::lru_bias, Form::channels, true, 0, twice, Dim::one, 0, 0, 0},
    {Role::A2, Form::channels, false, 0, parts(Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::out_proj, Form::matrix, false, 0, parts(Dim::d_model), Dim::d_inner, g, inputs_out, 0},
    {Role::out_proj_bias, Form::channels, true, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
};
// clang-format on
// s has been read when g is made: its codes make room.
constexpr InputRow inputs[] = {
    {Slot::in_floats, 0, Slot::in_codes, Slot::in_floats, Dim::d_model, true, {Role::norm}},
    {Slot::zx, 1, Slot::inner_codes, Slot::inner_floats, Dim::d_inner, false, {}},
    {Slot::zx, 0, Slot::inner_codes, Slot::inner_floats, Dim::d_inner, false, {}},
};
constexpr SlotRow slots[] = {
    {Slot::zx, SlotType::floats, twice},                        // [y, x]: s = conv(x), and y becomes g
    {Slot::inner_codes, SlotType::codes, parts(Dim::d_inner)},  // of s, then of g
    {Slot::inner_floats, SlotType::widened, parts(Dim::d_inner)},
    {Slot::gates, SlotType::floats, twice},
};
constexpr StateRow states[] = {
    {"conv", parts(Dim::d_inner), Dim::d_history, 0, false},
    {"scan", parts(Dim::d_inner), Dim::one, lru_work, false},
};
constexpr DimRow dims[] = {
    {Dim::d_inner, max_d_inner},
    {Dim::d_conv, max_d_conv},
    {Dim::n_head, max_d_inner},
};

const char *fault(const BlobShape &, const Dims &d, uint32_t *value) {
    *value = d[Dim::n_head];
    if (d[Dim::d_inner] % d[Dim::n_head] != 0 || d[Dim::head_dim] % tile_size != 0)
        return "number of heads, whose channels are a multiple of 8";
    return nullptr;
}

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)griffin_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::griffin,
                            0,
                            StateType::f32,
                            false,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::norm_epsilon) + 1,
                            tensors, inputs, slots, states, dims, fault, forward};
// clang-format on

}  // namespace
}  // namespace griffin

const BlockKind griffin_kind = griffin::kind;

void griffin_conv(const Frame &frame, const Channels &channels, uint32_t) {
    const SlotView &yx = frame.slots[Slot::zx];
    const ConvArgs conv = conv_of(
        frame, channels, yx.floats(frame.dims()[Dim::d_inner] + tile_size * channels.first), yx.stride);
    frame.kernels.conv_linear(conv);
}

void griffin_scan(const Frame &frame, const Channels &channels, uint32_t) {
    const uint32_t d_inner = frame.dims()[Dim::d_inner], channel = tile_size * channels.first;
    const SlotView &yx = frame.slots[Slot::zx], &gates = frame.slots[Slot::gates];
    RgLruArgs lru;
    lru.tile_begin = 0;
    lru.tile_end = channels.count;
    lru.tokens = frame.tokens;
    lru.first = frame.position == 0;
    lru.decay = channels.tensors[0];
    lru.state = reinterpret_cast<float *>(state_view(frame, 1, channels.first));
    lru.i = gates.floats(channel);
    lru.r = gates.floats(d_inner + channel);
    lru.gate_stride = gates.stride;
    lru.x = yx.floats(d_inner + channel);
    lru.y = yx.floats(channel);
    lru.xy_stride = yx.stride;
    frame.kernels.rg_lru(lru);
}

}  // namespace adder

#endif  // ADDER_GRIFFIN

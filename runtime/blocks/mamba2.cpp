// Mamba-2: its tables, its convolution and its scan.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/mamba2.h"

#if ADDER_MAMBA2

#include "runtime/memory_source.h"

namespace adder {
namespace mamba2 {  // where files are joined, the names of the other kinds are others
namespace {

enum Place : uint8_t { in, g };

constexpr uint8_t inputs_out = inputs_fixed | input_bit(Input::hadamard);
constexpr Parts bcdt = parts(Dim::d_bc, Dim::d_bc, Dim::n_head);
constexpr Parts convolved = parts(Dim::d_inner, Dim::d_bc, Dim::d_bc);  // x, B, C

// bcdt_bias holds dt_bias where dt is.
// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
    {Role::in_proj, Form::matrix, false, 0, parts(Dim::d_inner, Dim::d_inner), Dim::d_model, in, inputs_fixed, 0},
    {Role::in_proj_bias, Form::channels, true, shape_projection_bias, parts(Dim::d_inner, Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::bcdt_proj, Form::matrix, false, 0, bcdt, Dim::d_model, in, inputs_fixed, 0},
    {Role::bcdt_bias, Form::channels, true, 0, bcdt, Dim::one, 0, 0, 0},
    {Role::conv_weight, Form::channels, false, 0, convolved, Dim::d_conv, 0, 0, 0},
    {Role::conv_bias, Form::channels, true, 0, convolved, Dim::one, 0, 0, 0},
    {Role::A2, Form::whole, false, 0, parts(Dim::n_head), Dim::one, 0, 0, 0},
    {Role::D, Form::whole, true, 0, parts(Dim::n_head), Dim::one, 0, 0, 0},
    {Role::gate_norm, Form::whole, false, 0, parts(Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::out_proj, Form::matrix, false, 0, parts(Dim::d_model), Dim::d_inner, g, inputs_out, 0},
    {Role::out_proj_bias, Form::channels, true, shape_projection_bias, parts(Dim::d_model), Dim::one, 0, 0, 0},
};
// clang-format on
constexpr InputRow inputs[] = {
    {Slot::in_floats, 0, Slot::in_codes, Slot::in_floats, Dim::d_model, true, {Role::norm}},
    {Slot::zx, 0, Slot::inner_codes, Slot::inner_floats, Dim::d_inner, true, {Role::gate_norm}},
};
constexpr SlotRow slots[] = {
    {Slot::zx, SlotType::floats, parts(Dim::d_inner, Dim::d_inner)},  // [z, x]: z becomes g
    {Slot::bcdt, SlotType::floats, bcdt},
    {Slot::inner_codes, SlotType::codes, parts(Dim::d_inner)},
    {Slot::inner_floats, SlotType::widened, parts(Dim::d_inner)},
};
constexpr StateRow states[] = {
    {"conv", convolved, Dim::d_history, 0, false},
    {"scan", parts(Dim::d_inner), Dim::d_state, ssd_work, true},
};
constexpr uint32_t max_groups = 1024;
constexpr DimRow dims[] = {
    {Dim::d_inner, max_d_inner}, {Dim::d_state, max_d_state}, {Dim::d_conv, max_d_conv},
    {Dim::n_head, max_d_inner},  {Dim::n_group, max_groups},  {Dim::n_norm_group, max_groups, 0},
};

const char *fault(const BlobShape &, const Dims &d, uint32_t *value) {
    *value = d[Dim::n_head];
    if (d[Dim::d_inner] % d[Dim::n_head] != 0 || d[Dim::head_dim] % tile_size != 0)
        return "number of heads, whose channels are a multiple of 8";
    *value = d[Dim::n_group];
    if (d[Dim::n_head] % d[Dim::n_group] != 0 || d[Dim::d_bc] > max_d_inner)
        return "number of groups of heads";
    *value = d[Dim::n_norm_group];
    if (d[Dim::n_norm_group] > 0 && d[Dim::d_inner] % (tile_size * d[Dim::n_norm_group]) != 0)
        return "number of groups of the norm, whose channels are a multiple of 8";
    return nullptr;
}

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)mamba2_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::mamba2,
                            shape_projection_bias | (is_built(block_beside) ? shape_keeps_input : 0),
                            StateType::f16,
                            true,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::dt_high) + 1,
                            tensors, inputs, slots, states, dims, fault, forward};
// clang-format on

}  // namespace
}  // namespace mamba2

const BlockKind mamba2_kind = mamba2::kind;

void mamba2_conv(const Frame &frame, const Channels &channels, uint32_t part) {
    const uint32_t channel = tile_size * channels.first;
    const uint32_t d_inner = frame.dims()[Dim::d_inner];
    if (part == 0) {
        const SlotView &zx = frame.slots[Slot::zx];
        conv_channels(frame, channels, zx.floats(d_inner + channel), zx.stride);
    } else {
        const SlotView &bc = frame.slots[Slot::bcdt];
        conv_channels(frame, channels, bc.floats(channel - d_inner), bc.stride);
    }
}

void mamba2_scan(const Frame &frame, const float *a2, const float *d, Range tiles) {
    const Dims &n = frame.dims();
    const SlotView &zx = frame.slots[Slot::zx], &bc = frame.slots[Slot::bcdt];
    SsdArgs ssd;
    ssd.tile_begin = tiles.begin;
    ssd.tile_end = tiles.end;
    ssd.tokens = frame.tokens;
    ssd.d_state = n[Dim::d_state];
    ssd.head_dim = n[Dim::head_dim];
    ssd.heads_per_group = n[Dim::n_head] / n[Dim::n_group];
    ssd.A2 = a2;
    ssd.D = d;
    ssd.dt_low = frame.block.param(Param::dt_low);
    ssd.dt_high = frame.block.param(Param::dt_high);
    ssd.state = state_view(frame, 1, 0);
    ssd.half_state = frame.block.shape->state_type == static_cast<uint8_t>(StateType::f16);
    ssd.dt = bc.floats(2 * n.padded(Dim::d_bc));
    ssd.dt_stride = bc.stride;
    ssd.x = zx.floats(n[Dim::d_inner]);
    ssd.x_stride = zx.stride;
    ssd.z = zx.floats();
    ssd.z_stride = zx.stride;
    ssd.B = bc.floats();
    ssd.C = bc.floats(n.padded(Dim::d_bc));
    ssd.bc_stride = bc.stride;
    frame.kernels.ssd_scan(ssd);
}

}  // namespace adder

#endif  // ADDER_MAMBA2

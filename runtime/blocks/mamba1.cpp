// Mamba-1: its tables, its convolution and its scan.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/mamba1.h"

#if ADDER_MAMBA1

#include "runtime/memory_source.h"

namespace adder {
namespace mamba1 {  // where files are joined, the names of the other kinds are others
namespace {

enum Place : uint8_t { in, u, dt, g };

constexpr uint8_t inputs_out = inputs_channels | input_bit(Input::hadamard);

// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, parts(Dim::d_model), Dim::one, 0, 0, 0},
    {Role::in_proj, Form::matrix, false, 0, parts(Dim::d_inner, Dim::d_inner), Dim::d_model, in, inputs_fixed, 0},
    {Role::in_proj_bias, Form::channels, true, shape_projection_bias, parts(Dim::d_inner, Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::conv_weight, Form::channels, false, 0, parts(Dim::d_inner), Dim::d_conv, 0, 0, x_proj - conv_weight},
    {Role::conv_bias, Form::channels, true, 0, parts(Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::x_proj, Form::matrix, false, 0, parts(Dim::dt_rank, Dim::d_state, Dim::d_state), Dim::d_inner, u, inputs_channels, 0},
    {Role::dt_norm, Form::whole, false, shape_mixer_norms, parts(Dim::dt_rank), Dim::one, 0, 0, 0},
    {Role::B_norm, Form::whole, true, shape_mixer_norms, parts(Dim::d_state), Dim::one, 0, 0, 0},
    {Role::C_norm, Form::whole, true, shape_mixer_norms, parts(Dim::d_state), Dim::one, 0, 0, 0},
    {Role::dt_proj, Form::matrix, false, 0, parts(Dim::d_inner), Dim::dt_rank, dt, inputs_fixed, 0},
    {Role::dt_bias, Form::channels, true, 0, parts(Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::A2, Form::channels, false, 0, parts(Dim::d_inner), Dim::d_state, 0, 0, out_proj - A2},
    {Role::D, Form::channels, true, 0, parts(Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::out_proj, Form::matrix, false, 0, parts(Dim::d_model), Dim::d_inner, g, inputs_out, 0},
    {Role::out_proj_bias, Form::channels, true, shape_projection_bias, parts(Dim::d_model), Dim::one, 0, 0, 0},
};
// clang-format on
// u has been read when g is made: its codes make room.
constexpr InputRow inputs[] = {
    {Slot::in_floats, 0, Slot::in_codes, Slot::in_floats, Dim::d_model, true, {Role::norm}},
    {Slot::zx, 0, Slot::inner_codes, Slot::inner_floats, Dim::d_inner, false, {}},
    {Slot::x_proj, 0, Slot::dt_codes, Slot::dt_floats, Dim::dt_rank, false, {Role::dt_norm, Role::x_proj}},
    {Slot::zx, 1, Slot::inner_codes, Slot::inner_floats, Dim::d_inner, false, {}},
};
constexpr SlotRow slots[] = {
    {Slot::zx, SlotType::floats, parts(Dim::d_inner, Dim::d_inner)},  // [x, z]: u = silu(conv(x)), then g
    {Slot::inner_codes, SlotType::codes, parts(Dim::d_inner)},        // of u, then of g
    {Slot::inner_floats, SlotType::widened, parts(Dim::d_inner)},
    {Slot::x_proj, SlotType::floats, parts(Dim::dt_rank, Dim::d_state, Dim::d_state)},  // [dt, B, C]
    {Slot::dt_codes, SlotType::codes, parts(Dim::dt_rank)},
    {Slot::dt_floats, SlotType::widened, parts(Dim::dt_rank)},
    {Slot::delta, SlotType::floats, parts(Dim::d_inner)},  // before softplus
};
constexpr StateRow states[] = {
    {"conv", parts(Dim::d_inner), Dim::d_history, 0, false},
    {"scan", parts(Dim::d_inner), Dim::d_state, scan_work, false},
};
constexpr DimRow dims[] = {
    {Dim::d_inner, max_d_inner},
    {Dim::d_state, max_d_state},
    {Dim::d_conv, max_d_conv},
    {Dim::dt_rank, max_dt_rank},
};

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)mamba1_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::mamba1,
                            shape_projection_bias | shape_mixer_norms,
                            StateType::f32,
                            false,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::mixer_norm_epsilon) + 1,
                            tensors, inputs, slots, states, dims, nullptr, forward};
// clang-format on

}  // namespace
}  // namespace mamba1

const BlockKind mamba1_kind = mamba1::kind;

void mamba1_conv(const Frame &frame, const Channels &channels, uint32_t) {
    const SlotView &x = frame.slots[Slot::zx];
    conv_channels(frame, channels, x.floats(tile_size * channels.first), x.stride);
}

void mamba1_scan(const Frame &frame, const Channels &channels, uint32_t) {
    const Dims &dims = frame.dims();
    const uint32_t channel = tile_size * channels.first;
    const SlotView &xz = frame.slots[Slot::zx], &bc = frame.slots[Slot::x_proj];
    const SlotView &delta = frame.slots[Slot::delta];
    ScanArgs scan;
    scan.tile_begin = 0;
    scan.tile_end = channels.count;
    scan.tokens = frame.tokens;
    scan.d_state = dims[Dim::d_state];
    scan.A2 = channels.tensors[0];
    scan.D = channels.tensors[1];
    scan.state = reinterpret_cast<float *>(state_view(frame, 1, channels.first));
    scan.dt = delta.floats(channel);
    scan.dt_stride = delta.stride;
    scan.u = xz.floats(channel);
    scan.z = xz.floats(dims.padded(Dim::d_inner) + channel);
    scan.uz_stride = xz.stride;
    scan.B = bc.floats(dims.padded(Dim::dt_rank));
    scan.C = scan.B + dims.padded(Dim::d_state);
    scan.bc_stride = bc.stride;
    scan.codes = channels.codes;
    scan.codes_stride = channels.codes_stride;
    scan.multipliers = channels.multipliers;
    scan.limit = channels.limit;
    frame.kernels.scan(scan);
}

}  // namespace adder

#endif  // ADDER_MAMBA1

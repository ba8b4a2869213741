// RWKV-7's time mix: its tables and its steps.
// SPDX-License-Identifier: MIT
#include "runtime/blocks/rwkv7.h"

#if ADDER_RWKV7

#include <string.h>

#include "runtime/memory_source.h"

namespace adder {
namespace rwkv7 {
namespace {

// Each projection's input is another mixture, made just before it.
enum Place : uint8_t { in_r, in_w, low_w, in_k, in_v, in_v1, low_v, in_a, low_a, in_g, low_g, y };

constexpr uint8_t inputs_all = inputs_fixed | input_bit(Input::hadamard);
constexpr Parts d_model = parts(Dim::d_model), d_inner = parts(Dim::d_inner);

// clang-format off
constexpr TensorRow tensors[] = {
    {Role::norm, Form::whole, false, 0, d_model, Dim::one, 0, 0, 0},
    {Role::norm_bias, Form::whole, true, 0, d_model, Dim::one, 0, 0, 0},
    {Role::mix_r, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::r_proj, Form::matrix, false, 0, d_inner, Dim::d_model, in_r, inputs_all, 0},
    {Role::mix_w, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::w1_proj, Form::matrix, false, 0, parts(Dim::w_rank), Dim::d_model, in_w, inputs_all, 0},
    {Role::w2_proj, Form::matrix, false, 0, d_inner, Dim::w_rank, low_w, inputs_fixed, 0},
    {Role::w2_bias, Form::channels, true, 0, d_inner, Dim::one, 0, 0, 0},
    {Role::mix_k, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::k_proj, Form::matrix, false, 0, d_inner, Dim::d_model, in_k, inputs_all, 0},
    {Role::mix_v, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::v_proj, Form::matrix, false, 0, d_inner, Dim::d_model, in_v, inputs_all, 0},
    {Role::mix_v1, Form::channels, false, shape_value_residual, d_model, Dim::two, 0, 0, 0},
    {Role::v1_proj, Form::matrix, false, shape_value_residual, parts(Dim::v_rank), Dim::d_model, in_v1, inputs_all, 0},
    {Role::v2_proj, Form::matrix, false, shape_value_residual, d_inner, Dim::v_rank, low_v, inputs_fixed, 0},
    {Role::v2_bias, Form::channels, true, shape_value_residual, d_inner, Dim::one, 0, 0, 0},
    {Role::mix_a, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::a1_proj, Form::matrix, false, 0, parts(Dim::a_rank), Dim::d_model, in_a, inputs_all, 0},
    {Role::a2_proj, Form::matrix, false, 0, d_inner, Dim::a_rank, low_a, inputs_fixed, 0},
    {Role::a2_bias, Form::channels, true, 0, d_inner, Dim::one, 0, 0, 0},
    {Role::mix_g, Form::channels, false, 0, d_model, Dim::two, 0, 0, 0},
    {Role::g1_proj, Form::matrix, false, 0, parts(Dim::g_rank), Dim::d_model, in_g, inputs_all, 0},
    {Role::g2_proj, Form::matrix, false, 0, d_inner, Dim::g_rank, low_g, inputs_fixed, 0},
    {Role::key_vectors, Form::whole, false, 0, parts(Dim::d_inner, Dim::d_inner, Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::head_norm, Form::whole, true, 0, parts(Dim::d_inner, Dim::d_inner), Dim::one, 0, 0, 0},
    {Role::out_proj, Form::matrix, false, 0, d_model, Dim::d_inner, y, inputs_all, 0},
};
// clang-format on
constexpr InputRow of_low(Dim rank, Role maker) {
    return {Slot::low, 0, Slot::low_codes, Slot::low, rank, false, {maker}};
}
constexpr InputRow inputs[] = {
    mixed_input(Role::mix_r),
    mixed_input(Role::mix_w),
    of_low(Dim::w_rank, Role::none),  // behind a tanh, as g's behind a sigmoid
    mixed_input(Role::mix_k),
    mixed_input(Role::mix_v),
    mixed_input(Role::mix_v1),
    of_low(Dim::v_rank, Role::v1_proj),
    mixed_input(Role::mix_a),
    of_low(Dim::a_rank, Role::a1_proj),
    mixed_input(Role::mix_g),
    of_low(Dim::g_rank, Role::none),
    {Slot::gate, 0, Slot::in_codes, Slot::gate, Dim::d_inner, false, {Role::g2_proj}},
};
constexpr SlotRow slots[] = {
    {Slot::shifted, SlotType::floats, d_model},
    {Slot::mixed, SlotType::floats, d_model},
    {Slot::low, SlotType::floats, parts(Dim::max_rank)},
    {Slot::low_codes, SlotType::codes, parts(Dim::max_rank)},
    {Slot::receptance, SlotType::floats, d_inner},
    {Slot::decay, SlotType::floats, d_inner},
    {Slot::key, SlotType::floats, d_inner},
    {Slot::value, SlotType::floats, d_inner},
    {Slot::value_gate, SlotType::floats, d_inner},
    {Slot::rate, SlotType::floats, d_inner},
    {Slot::gate, SlotType::floats, d_inner},
};
constexpr StateRow states[] = {
    {"shift", d_model, Dim::one, 0, false},
    {"wkv", d_inner, Dim::head_dim, wkv7_work, false},
};
constexpr DimRow dims[] = {
    {Dim::d_inner, max_d_inner}, {Dim::n_head, max_d_inner}, {Dim::w_rank, max_dt_rank},
    {Dim::a_rank, max_dt_rank},  {Dim::v_rank, max_dt_rank}, {Dim::g_rank, max_dt_rank},
};

const char *fault(const BlobShape &shape, const Dims &d, uint32_t *value) {
    *value = d[Dim::v_rank];  // of what is not there
    if ((shape.flags & shape_value_residual) == 0 && d[Dim::v_rank] != 1)
        return "v_rank without values of before: 1";
    return time_mix_fault(d, value);
}

void forward(const Frame &frame, const Model &model, uint32_t block) {
    const BlobWeights weights{model_block(model, frame.block, block)};
    MemorySource<BlobWeights> source(frame, weights);
    (void)rwkv7_forward(source, frame);
}

// clang-format off
constexpr BlockKind kind = {BlockId::rwkv7,
                            shape_value_residual,
                            StateType::f32,
                            false,
                            count_of(tensors), count_of(inputs), count_of(slots), count_of(states), count_of(dims),
                            static_cast<uint8_t>(Param::mixer_norm_epsilon) + 1,
                            tensors, inputs, slots, states, dims, fault, forward,
                            shape_value_residual};
// clang-format on

// A sigmoid of the padding is not 0, as what the next matrix takes is to be.
void clear_padding(const Frame &frame, Dim rank) {
    const SlotView &low = frame.slots[Slot::low];
    const uint32_t width = frame.dims()[rank], padding = round_up_to_tile(width) - width;
    for (uint32_t t = 0; t < frame.tokens; ++t)
        memset(low.floats() + size_t{low.stride} * t + width, 0, sizeof(float) * padding);
}

void activate_low(const Frame &frame, Range tiles, Activation activation) {
    const SlotView &low = frame.slots[Slot::low];
    for (uint32_t t = 0; t < frame.tokens; ++t)
        frame.kernels.activate(low.floats() + size_t{low.stride} * t + tile_size * tiles.begin,
                               tile_size * (tiles.end - tiles.begin), activation);
}

}  // namespace
}  // namespace rwkv7

const BlockKind rwkv7_kind = rwkv7::kind;

const Rwkv7Projection rwkv7_projections[7] = {
    {rwkv7::mix_r, rwkv7::r_proj, false, nullptr, Slot::receptance},
    {rwkv7::mix_w, rwkv7::w1_proj, true, rwkv7_tanh, Slot::decay},
    {rwkv7::mix_k, rwkv7::k_proj, false, nullptr, Slot::key},
    {rwkv7::mix_v, rwkv7::v_proj, false, nullptr, Slot::value},
    {rwkv7::mix_v1, rwkv7::v1_proj, true, nullptr, Slot::value_gate},
    {rwkv7::mix_a, rwkv7::a1_proj, true, nullptr, Slot::rate},
    {rwkv7::mix_g, rwkv7::g1_proj, true, rwkv7_sigmoid, Slot::gate},
};

void rwkv7_tanh(const Frame &frame, Range tiles) { rwkv7::activate_low(frame, tiles, Activation::tanh); }

void rwkv7_sigmoid(const Frame &frame, Range tiles) {
    rwkv7::activate_low(frame, tiles, Activation::sigmoid);
    if (tile_size * tiles.end == frame.dims().padded(Dim::g_rank)) rwkv7::clear_padding(frame, Dim::g_rank);
}

void rwkv7_recurrence(const Frame &frame, const float *key_vectors, const float *norm, Range heads) {
    const Slots &slots = frame.slots;
    Wkv7Args args;
    args.head_begin = heads.begin;
    args.head_end = heads.end;
    args.tokens = frame.tokens;
    args.head_dim = frame.dims()[Dim::head_dim];
    args.epsilon = frame.block.param(Param::mixer_norm_epsilon);
    args.key_vectors = key_vectors;
    args.norm = norm;
    args.channels = frame.dims()[Dim::d_inner];
    args.state = reinterpret_cast<float *>(state_view(frame, 1, 0));
    args.r = slots[Slot::receptance].floats();
    args.w = slots[Slot::decay].floats();
    args.k = slots[Slot::key].floats();
    args.v = slots[Slot::value].floats();
    args.a = slots[Slot::rate].floats();
    args.g = slots[Slot::gate].floats();
    args.kk = slots[Slot::mixed].floats();
    args.y = slots[Slot::value_gate].floats();
    args.v_first = frame.buffers.carried;
    args.takes_first = (frame.block.shape->flags & shape_value_residual) != 0;
    args.stride = slots[Slot::value].stride;
    frame.kernels.wkv7(args);
}

}  // namespace adder

#endif  // ADDER_RWKV7

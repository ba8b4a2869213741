// One Mamba layer over a chunk, in five stages with a barrier after each (Gu and Dao, arXiv 2312.00752, section 3.4).
// SPDX-License-Identifier: MIT
#include "runtime/layer.h"

namespace adder {

LinearInput model_input(const Shape &shape, const ChunkBuffers &buffers) {
    const uint32_t width = shape.d_model_padded;
    return {buffers.in_codes, width, buffers.in_floats, width, buffers.in_floats, width, buffers.scales};
}

LayerInputs layer_inputs(const Shape &shape, const ChunkBuffers &buffers) {
    const uint32_t d_inner = shape.d_inner_padded, dt_rank = shape.dt_rank_padded;
    LayerInputs inputs{};
    inputs.in = model_input(shape, buffers);
    inputs.u = {buffers.inner_codes,  d_inner, buffers.xz,    2 * d_inner,
                buffers.inner_floats, d_inner, buffers.scales};
    inputs.dt = {buffers.dt_codes,  dt_rank, buffers.x_proj, shape.x_proj_padded,
                 buffers.dt_floats, dt_rank, buffers.scales};
    // u has been read when g is made: its codes make room.
    inputs.g = inputs.u;
    inputs.g.floats = buffers.xz + d_inner;
    return inputs;
}

ConvArgs conv_args(const Shape &shape, const LayerWeights &weights, const LayerState &state,
                   const LinearInput &u, uint32_t tokens) {
    ConvArgs conv{};
    conv.tile_end = shape.d_inner_padded / tile_size;
    conv.tokens = tokens;
    conv.d_conv = shape.d_conv;
    conv.weight = weights.conv_weight;
    conv.bias = weights.conv_bias;
    conv.state = state.conv;
    conv.x = u.floats;
    conv.x_stride = u.floats_stride;
    conv.codes = weights.x_proj.input == Input::channels ? u.codes : nullptr;
    conv.codes_stride = u.codes_stride;
    conv.multipliers = weights.x_proj.multipliers;
    conv.limit = weights.x_proj.largest_code;
    return conv;
}

ScanArgs scan_args(const Shape &shape, const LayerWeights &weights, const LayerState &state,
                   const ChunkBuffers &buffers, const LayerInputs &inputs, uint32_t tokens) {
    ScanArgs scan{};
    scan.tile_end = shape.d_inner_padded / tile_size;
    scan.tokens = tokens;
    scan.d_state = shape.d_state;
    scan.A2 = weights.A2;
    scan.D = weights.D;
    scan.state = state.scan;
    scan.dt = buffers.dt;
    scan.dt_stride = shape.d_inner_padded;
    scan.u = inputs.u.floats;
    scan.z = inputs.g.floats;
    scan.uz_stride = inputs.u.floats_stride;
    scan.B = buffers.x_proj + shape.dt_rank_padded;
    scan.C = scan.B + shape.d_state;
    scan.bc_stride = shape.x_proj_padded;
    scan.codes = weights.out_proj.input == Input::channels ? inputs.g.codes : nullptr;
    scan.codes_stride = inputs.g.codes_stride;
    scan.multipliers = weights.out_proj.multipliers;
    scan.limit = weights.out_proj.largest_code;
    return scan;
}

uint64_t layer_work(const Shape &shape, const LayerWeights &weights) {
    uint64_t work = scan_work * shape.d_inner_padded * shape.d_state;
    const Linear *const linears[] = {&weights.in_proj, &weights.x_proj, &weights.dt_proj, &weights.out_proj};
    for (const Linear *linear : linears) work += linear_work(*linear, linear->matrix.tiles, 1);
    return work;
}

void layer_forward(const KernelTable &kernels, const Team &team, const Shape &shape, float norm_epsilon,
                   const LayerWeights &weights, const LayerState &state, const ChunkBuffers &buffers,
                   uint32_t tokens) {
    const uint32_t d_inner = shape.d_inner_padded;
    const uint32_t inner_tiles = d_inner / tile_size;
    const LayerInputs inputs = layer_inputs(shape, buffers);
    normalize(kernels, team, shape, norm_epsilon, weights.norm, weights.in_proj, inputs.in, buffers.residual,
              tokens);

    // in_proj and the convolution: the channels of a tile need only their own rows of in_proj.
    team_run(team, linear_work(weights.in_proj, 2 * inner_tiles, tokens), inner_tiles, [&](Range range) {
        const Range z_range{range.begin + inner_tiles, range.end + inner_tiles};
        run_linear(kernels, weights.in_proj, inputs.in, range, tokens, buffers.xz, 2 * d_inner, false);
        run_linear(kernels, weights.in_proj, inputs.in, z_range, tokens, buffers.xz, 2 * d_inner, false);
        ConvArgs conv = conv_args(shape, weights, state, inputs.u, tokens);
        conv.tile_begin = range.begin;
        conv.tile_end = range.end;
        kernels.conv_silu(conv);
        widen_channels(weights.x_proj, inputs.u, range, tokens);
    });

    if (weights.x_proj.input == Input::token) encode(kernels, team, weights.x_proj, inputs.u, tokens);
    run_linear_on(team, kernels, weights.x_proj, inputs.u, all_tiles(weights.x_proj), tokens, buffers.x_proj,
                  shape.x_proj_padded, false);

    // dt_rank numbers a token: not worth a barrier of its own.
    encode_rows(kernels, weights.dt_proj, inputs.dt, Range{0, tokens});

    // dt_proj and the scan, again channel by channel.
    const uint64_t states = uint64_t{d_inner} * shape.d_state * tokens;
    const uint64_t dt_work = linear_work(weights.dt_proj, inner_tiles, tokens) + scan_work * states;
    team_run(team, dt_work, inner_tiles, [&](Range range) {
        run_linear(kernels, weights.dt_proj, inputs.dt, range, tokens, buffers.dt, d_inner, false);
        ScanArgs scan = scan_args(shape, weights, state, buffers, inputs, tokens);
        scan.tile_begin = range.begin;
        scan.tile_end = range.end;
        kernels.scan(scan);
        widen_channels(weights.out_proj, inputs.g, range, tokens);
    });

    if (weights.out_proj.input == Input::token || weights.out_proj.input == Input::hadamard)
        encode(kernels, team, weights.out_proj, inputs.g, tokens);
    run_linear_on(team, kernels, weights.out_proj, inputs.g, all_tiles(weights.out_proj), tokens,
                  buffers.residual, shape.d_model_padded, true);
}

void head_normalize(const KernelTable &kernels, const Team &team, const Shape &shape, float norm_epsilon,
                    const float *norm, const Linear &head, const ChunkBuffers &buffers, const float *residual,
                    uint32_t tokens) {
    normalize(kernels, team, shape, norm_epsilon, norm, head, model_input(shape, buffers), residual, tokens);
}

void head_logits(const KernelTable &kernels, const Team &team, const Shape &shape, const Linear &head,
                 const ChunkBuffers &buffers, Range tiles, uint32_t tokens, float *logits) {
    run_linear_on(team, kernels, head, model_input(shape, buffers), tiles, tokens, logits, shape.vocab_padded,
                  false);
}

}  // namespace adder

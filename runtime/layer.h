// One Mamba layer over a chunk of tokens: the arithmetic that the session and the converter's float model share.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/linear.h"

namespace adder {

// Working memory for a chunk; where in the arena, says arena.h. Strides are the padded dimensions. Codes, their
// floats and scales may be null where no linear layer wants them.
struct ChunkBuffers {
    float *residual;   // [tokens][d_model]
    int8_t *in_codes;  // [tokens][d_model], the normalized input
    float *in_floats;  // the same before quantization; then its codes as floats, if the weights are floats
    float *xz;  // [tokens][x, z]; x becomes u = silu(conv(x)), z the gated output if the scan makes no codes
    int8_t *inner_codes;  // [tokens][d_inner], u, later the gated output
    float *inner_floats;  // the same codes, as floats
    float *x_proj;        // [tokens][dt, B, C]
    int8_t *dt_codes;     // [tokens][dt_rank]
    float *dt_floats;     // the same codes, as floats
    float *scales;        // [tokens], of the linear layer at hand, if its input has one scale a token
    float *dt;            // [tokens][d_inner], before softplus
};

// The recurrent state of one layer.
struct LayerState {
    float *conv;  // [tiles][d_conv-1][8]
    float *scan;  // [tiles][d_state][8]
};

// What a whole layer costs for one token, its linear layers and the scan, as linear_work counts.
uint64_t layer_work(const Shape &shape, const LayerWeights &weights);

// Where the inputs of linear layers stand in the buffers: of the head; and of a layer's four.
LinearInput model_input(const Shape &shape, const ChunkBuffers &buffers);
struct LayerInputs {
    LinearInput in;  // of in_proj, as of the head
    LinearInput u;   // of x_proj
    LinearInput dt;  // of dt_proj
    LinearInput g;   // of out_proj, the gated output
};
LayerInputs layer_inputs(const Shape &shape, const ChunkBuffers &buffers);

// The convolution and the scan of all channels.
ConvArgs conv_args(const Shape &shape, const LayerWeights &weights, const LayerState &state,
                   const LinearInput &u, uint32_t tokens);
ScanArgs scan_args(const Shape &shape, const LayerWeights &weights, const LayerState &state,
                   const ChunkBuffers &buffers, const LayerInputs &inputs, uint32_t tokens);

// residual += layer(residual) for `tokens` tokens in order, continuing from and updating the state. Float mode is the
// caller's business (float_mode.h).
//
// With float activations the inputs of the four linear layers stand in the buffers afterwards: in_floats, xz (x part),
// x_proj (dt part) and xz (z part). The converter's calibration reads them there.
void layer_forward(const KernelTable &kernels, const Team &team, const Shape &shape, float norm_epsilon,
                   const LayerWeights &weights, const LayerState &state, const ChunkBuffers &buffers,
                   uint32_t tokens);

// The head in two steps: the normalized input of `tokens` tokens, in the form that the head takes (in_floats, if that is
// floats); then of that the logits of some tiles of the vocabulary, logits = W_head rmsnorm(residual), [tokens][vocab_padded].
void head_normalize(const KernelTable &kernels, const Team &team, const Shape &shape, float norm_epsilon,
                    const float *norm, const Linear &head, const ChunkBuffers &buffers, const float *residual,
                    uint32_t tokens);
void head_logits(const KernelTable &kernels, const Team &team, const Shape &shape, const Linear &head,
                 const ChunkBuffers &buffers, Range tiles, uint32_t tokens, float *logits);

}  // namespace adder

// The arena: what lies where in it, computed before anything is touched.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/model.h"

namespace adder {

constexpr uint32_t arena_alignment = 64;
constexpr uint32_t default_chunk = 16;
constexpr uint32_t max_chunk = 4096;
constexpr uint32_t max_threads = 256;

// Offsets in bytes from the start of the arena, each a multiple of arena_alignment. docs/memory.md states the formulas;
// dimensions are padded to tiles. Codes and scales have room only where some linear layer takes codes; inner_floats and
// dt_floats only where, besides, some linear layer has float weights.
struct ArenaPlan {
    uint64_t session;         // the adder_session itself
    uint64_t state;           // per layer: convolution state, then scan state
    uint64_t residual;        // float [chunk][d_model]
    uint64_t in_codes;        // int8  [chunk][d_model], input of in_proj and of the head
    uint64_t in_floats;       // float [chunk][d_model], before quantization; on float weights then the codes
    uint64_t xz;              // float [chunk][x: d_inner, z: d_inner], output of in_proj
    uint64_t inner_codes;     // int8  [chunk][d_inner], input of x_proj, later of out_proj
    uint64_t inner_floats;    // float [chunk][d_inner], the same codes as floats
    uint64_t x_proj;          // float [chunk][dt, B, C]
    uint64_t dt_codes;        // int8  [chunk][dt_rank]
    uint64_t dt_floats;       // float [chunk][dt_rank], the same codes as floats
    uint64_t scales;          // float [chunk], of an input with one scale a token
    uint64_t dt;              // float [chunk][d_inner], output of dt_proj
    uint64_t logits;          // float [logit_rows][vocab_size], what adder_step and adder_score give
    uint64_t reader;          // of a streamed blob: its StreamReader
    uint64_t stream_buffers;  // one, or two where the source reads ahead
    uint64_t total;
};

// Options with every default filled in; what of them depends on the model, for that model.
adder_status options_resolve(const Model &model, const adder_options *given, adder_options *resolved,
                             adder_error *error);

ArenaPlan arena_plan(const Model &model, const adder_options &resolved);

// Floats of the state of one layer, and of its two parts.
uint64_t conv_state_floats(const Shape &shape);
uint64_t scan_state_floats(const Shape &shape);
// Bytes of the state of all layers.
uint64_t state_bytes(const Shape &shape);

}  // namespace adder

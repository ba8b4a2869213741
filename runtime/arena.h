// The arena: what lies where in it, computed before anything is touched.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/model.h"

namespace adder {

constexpr uint32_t arena_alignment = 64;
constexpr uint32_t default_chunk = 16;
constexpr uint32_t max_chunk = 4096;
constexpr uint32_t max_threads = 256;
constexpr uint32_t default_context = 2048;
constexpr uint32_t max_context = 1u << 24;

// Offsets in bytes from the start of the arena, each a multiple of arena_alignment. docs/memory.md states the formulas;
// dimensions are padded to tiles. Codes and scales have room only where some linear layer takes codes.
struct ArenaPlan {
    uint64_t session;         // the adder_session itself
    uint64_t state;           // block by block
    uint64_t cache;           // pages of 8 tokens, as many as the context has; where the model has none 0
    uint64_t residual;        // float [chunk][d_model]
    uint64_t in_codes;        // int8  [chunk][d_model], input of a block and of the head
    uint64_t in_floats;       // float [chunk][d_model], before quantization; on float weights then the codes
    uint64_t scales;          // float [chunk], of an input with one scale per token
    uint64_t carried;         // float [chunk][d_model], if a block leaves it for others; else 0
    uint64_t work;            // the buffers of the block at hand, as its kind's table lists them
    uint64_t logits;          // float [logit_rows][vocab_size], what adder_step and adder_score give
    uint64_t reader;          // of a streamed blob: its StreamReader
    uint64_t stream_buffers;  // one, or two where the source reads ahead
    uint64_t total;
};

// Options with every default filled in; what of them depends on the model, for that model.
adder_status options_resolve(const Model &model, const adder_options *given, adder_options *resolved,
                             adder_error *error);

ArenaPlan arena_plan(const Model &model, const adder_options &resolved);

// Which buffers of a chunk have room for what, and the bytes of the largest set of a block's.
BufferForm buffer_form(bool code_inputs, bool float_weights, uint32_t chunk);
uint64_t work_bytes(const Architecture &architecture, const BufferForm &form);

}  // namespace adder

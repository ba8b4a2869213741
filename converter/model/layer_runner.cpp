// Chunks of sequences through one layer, sequences spread over the threads.
// SPDX-License-Identifier: MIT
#include "converter/model/layer_runner.h"

#include <algorithm>

#include "converter/base/error.h"
#include "runtime/arena.h"

namespace adder {

Sequence plain_sequence(const Tokens &tokens) {
    return {tokens, {}, {{0, static_cast<uint32_t>(tokens.size())}}};
}

std::vector<Sequence> plain_sequences(const std::vector<Tokens> &tokens) {
    std::vector<Sequence> sequences;
    for (const Tokens &one : tokens) sequences.push_back(plain_sequence(one));
    return sequences;
}

std::vector<Sequence::Range> segments_of(const Sequence &sequence) {
    std::vector<Sequence::Range> segments;
    uint32_t begin = 0;
    for (uint32_t branch : sequence.branches) {
        segments.push_back({begin, branch});
        begin = branch;
    }
    segments.push_back({begin, static_cast<uint32_t>(sequence.tokens.size())});
    return segments;
}

ResidualStreams::ResidualStreams(const std::vector<Sequence> &sequences, uint32_t stride) {
    size_t total = 0;
    for (const Sequence &sequence : sequences) {
        first_.push_back(total);
        total += sequence.tokens.size() * stride;
    }
    values_.resize(total);
}

ChunkMemory::ChunkMemory(const Shape &shape, uint32_t chunk)
    : state_floats_(conv_state_floats(shape) + scan_state_floats(shape)),
      logits_size_(size_t{chunk} * shape.vocab_padded) {
    // Room for what layers with codes want as well.
    std::pair<float **, size_t> floats[] = {{&buffers_.in_floats, size_t{chunk} * shape.d_model_padded},
                                            {&buffers_.xz, size_t{chunk} * 2 * shape.d_inner_padded},
                                            {&buffers_.inner_floats, size_t{chunk} * shape.d_inner_padded},
                                            {&buffers_.x_proj, size_t{chunk} * shape.x_proj_padded},
                                            {&buffers_.dt_floats, size_t{chunk} * shape.dt_rank_padded},
                                            {&buffers_.scales, chunk},
                                            {&buffers_.dt, size_t{chunk} * shape.d_inner_padded},
                                            {&state_.conv, state_floats_}};
    std::pair<int8_t **, size_t> codes[] = {{&buffers_.in_codes, size_t{chunk} * shape.d_model_padded},
                                            {&buffers_.inner_codes, size_t{chunk} * shape.d_inner_padded},
                                            {&buffers_.dt_codes, size_t{chunk} * shape.dt_rank_padded}};
    const auto allot = [](auto &memory, const auto &parts) {
        size_t total = 0;
        for (const auto &part : parts) total += part.second;
        memory.resize(total);
        auto *next = memory.data();
        for (const auto &part : parts) {
            *part.first = next;
            next += part.second;
        }
    };
    allot(floats_, floats);
    allot(codes_, codes);
    state_.scan = state_.conv + conv_state_floats(shape);
}

void ChunkMemory::reset_state() { std::fill_n(state_.conv, state_floats_, 0.0f); }

void ChunkMemory::save_state() { saved_state_.assign(state_.conv, state_.conv + state_floats_); }

void ChunkMemory::restore_state() { std::copy(saved_state_.begin(), saved_state_.end(), state_.conv); }

void ChunkMemory::need_logits() {
    logit_floats_.resize(logits_size_);
    logits_ = logit_floats_.data();
}

namespace {

const KernelTable &choose_kernels() {
    const KernelTable *kernels = kernels_choose(nullptr);
    if (!kernels)
        fail(ExitCode::usage, "ADDER_ISA is '%s', which is not built in or not usable on this CPU",
             kernels_environment());
    return *kernels;
}

constexpr Team alone{1, 0, nullptr, nullptr};

// Calls body(first token, tokens) for chunks of a range, in the kernels' float mode.
template <typename Body>
void each_chunk(const Sequence::Range &range, uint32_t chunk, const Body &body) {
    const FloatModeScope mode;
    for (uint32_t first = range.begin; first < range.end; first += chunk)
        body(first, std::min(chunk, range.end - first));
}

}  // namespace

LayerRunner::LayerRunner(const Shape &shape, float norm_epsilon, ThreadPool &pool)
    : shape_(shape), norm_epsilon_(norm_epsilon), pool_(pool), kernels_(choose_kernels()) {
    for (uint32_t member = 0; member < pool.size(); ++member) memory_.emplace_back(shape_, chunk);
}

void LayerRunner::run(const LayerWeights &weights, const std::vector<Sequence> &sequences, size_t begin,
                      size_t end, ResidualStreams *streams, const Visit &visit, uint32_t step) {
    pool_.run(static_cast<uint32_t>(end - begin), [&](uint32_t index, uint32_t member) {
        const size_t i = begin + index;
        ChunkMemory &memory = memory_[member];
        memory.reset_state();
        const std::vector<Sequence::Range> segments = segments_of(sequences[i]);
        for (size_t s = 0; s < segments.size(); ++s) {
            if (s == 1) memory.save_state();
            if (s > 1) memory.restore_state();
            each_chunk(segments[s], step, [&](uint32_t first, uint32_t tokens) {
                ChunkBuffers buffers = memory.buffers();
                buffers.residual = streams->of(i) + size_t{first} * shape_.d_model_padded;
                layer_forward(kernels_, alone, shape_, norm_epsilon_, weights, memory.state(), buffers,
                              tokens);
                if (visit) visit(i, first, buffers, tokens, member);
            });
        }
    });
}

void LayerRunner::normalize(const float *norm, const std::vector<Sequence> &sequences, size_t begin,
                            size_t end, const ResidualStreams &streams, const Visit &visit) {
    Linear no_rows{};
    no_rows.dtype = Dtype::f32;
    no_rows.input = Input::floats;
    run_head(norm, no_rows, sequences, begin, end, streams, visit);
}

void LayerRunner::run_head(const float *norm, const Linear &head, const std::vector<Sequence> &sequences,
                           size_t begin, size_t end, const ResidualStreams &streams, const Visit &visit) {
    if (head.matrix.tiles > 0)
        for (ChunkMemory &memory : memory_) memory.need_logits();
    pool_.run(static_cast<uint32_t>(end - begin), [&](uint32_t index, uint32_t member) {
        const size_t i = begin + index;
        ChunkMemory &memory = memory_[member];
        for (const Sequence::Range &range : sequences[i].rows)
            each_chunk(range, chunk, [&](uint32_t first, uint32_t tokens) {
                head_normalize(kernels_, alone, shape_, norm_epsilon_, norm, head, memory.buffers(),
                               streams.of(i) + size_t{first} * shape_.d_model_padded, tokens);
                if (head.matrix.tiles > 0)
                    head_logits(kernels_, alone, shape_, head, memory.buffers(), Range{0, head.matrix.tiles},
                                tokens, memory.logits());
                visit(i, first, memory.buffers(), tokens, member);
            });
    });
}

}  // namespace adder

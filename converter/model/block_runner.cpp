// Chunks of sequences through one block, sequences spread over the threads.
// SPDX-License-Identifier: MIT
#include "converter/model/block_runner.h"

#include <algorithm>

#include "converter/base/error.h"
#include "kernels/float_mode.h"
#include "kernels/scalar/hadamard.h"
#include "runtime/arena.h"
#include "runtime/blocks/forward.h"
#include "runtime/memory_source.h"
#include "runtime/walk.h"

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

ResidualStreams::ResidualStreams(const std::vector<Sequence> &sequences, const ModelShape &shape) {
    const uint32_t stride = shape.d_model_padded();
    size_t total = 0;
    for (const Sequence &sequence : sequences) {
        first_.push_back(total);
        total += sequence.tokens.size() * stride;
    }
    values_.resize(total);
    if (has_carried(shape.architecture())) carried_.resize(total);
}

ChunkMemory::ChunkMemory(const ModelShape &shape, uint32_t chunk)
    : residual_(size_t{chunk} * shape.d_model_padded()), carried_(residual_.size()),
      logits_size_(size_t{chunk} * shape.vocab_padded()) {
    // Room for what blocks with codes want as well.
    buffers_.form = buffer_form(true, true, chunk);
    const size_t floats = buffer_bytes(SlotType::floats, shape.d_model_padded(), buffers_.form);
    const size_t scales = (4 * size_t{chunk} + (buffer_alignment - 1)) / buffer_alignment * buffer_alignment;
    const size_t codes = buffer_bytes(SlotType::codes, shape.d_model_padded(), buffers_.form);
    bytes_.resize(floats + scales + codes + work_bytes(shape.architecture(), buffers_.form) + buffer_alignment);
    uint8_t *next =
        bytes_.data() + (buffer_alignment - reinterpret_cast<uintptr_t>(bytes_.data()) % buffer_alignment);
    buffers_.in_floats = reinterpret_cast<float *>(next);
    buffers_.scales = reinterpret_cast<float *>(next + floats);
    buffers_.in_codes = reinterpret_cast<int8_t *>(next + floats + scales);
    buffers_.work = next + floats + scales + codes;
}

void ChunkMemory::reset_state(const BlockView &view, uint64_t tokens) {
    const BlockKind &kind = *view.kind;
    state_.assign(kind.has_cache ? block_page_bytes(kind, *view.shape, view.dims) * pages_of(tokens)
                                 : block_state_bytes(kind, *view.shape, view.dims),
                  uint8_t{0});
}

void ChunkMemory::save_state() { saved_state_ = state_; }

void ChunkMemory::restore_state() { state_ = saved_state_; }

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

// Weights that are looked at, and may be left, where a linear layer is about to compute.
struct BlockRunner::Tapped {
    static constexpr bool has_taps = true;
    const BlockWeights &weights;
    const TensorRow *until;  // the block ends before this one, whose input is to be floats; null: it does not end
    const std::function<void(const TensorRow &row, const LinearInputs &inputs)> &see;

    // What is made for one of those that share an input is made for all.
    Linear linear(const TensorRow &row) const {
        Linear linear = weights.linear(row);
        if (until != nullptr && row.input == until->input) linear.input = Input::floats;
        return linear;
    }
    const float *vector(const TensorRow &row) const { return weights.vector(row); }
    bool tap(const Frame &frame, const TensorRow &row, const LinearInput &input) const {
        if (see && linear(row).input == Input::floats)
            see(row, {input.floats, frame.dims()[frame.block.kind->inputs[row.input].width],
                      input.floats_stride, frame.tokens});
        return &row != until;
    }
};

BlockRunner::BlockRunner(const ModelShape &shape, ThreadPool &pool)
    : shape_(shape), pool_(pool), kernels_(choose_kernels()) {
    for (uint32_t member = 0; member < pool.size(); ++member) memory_.emplace_back(shape_, chunk);
}

void BlockRunner::run(uint32_t block, const BlockWeights &weights, const std::vector<Sequence> &sequences,
                      size_t begin, size_t end, ResidualStreams *streams, const Visitor &visitor,
                      uint32_t step) {
    const BlockView view = shape_.view(block);
    pool_.run(static_cast<uint32_t>(end - begin), [&](uint32_t index, uint32_t member) {
        const size_t i = begin + index;
        ChunkMemory &memory = memory_[member];
        memory.reset_state(view, sequences[i].tokens.size());
        const std::vector<Sequence::Range> segments = segments_of(sequences[i]);
        for (size_t s = 0; s < segments.size(); ++s) {
            if (s == 1) memory.save_state();
            if (s > 1) memory.restore_state();
            each_chunk(segments[s], step, [&](uint32_t first, uint32_t tokens) {
                Buffers buffers = memory.buffers();
                const size_t offset = size_t{first} * shape_.d_model_padded();
                buffers.residual = streams->of(i) + offset;
                if (float *const carried = streams->carried(i)) buffers.carried = carried + offset;
                const Slots slots(view, buffers);
                // A branch goes on where the stem ends.
                const uint64_t position = s == 0 ? first : segments[0].end + (first - segments[s].begin);
                const Frame frame{
                    kernels_, alone,
                    view,     buffers,
                    slots,    memory.state(),
                    tokens,   static_cast<uint32_t>(block_page_bytes(*view.kind, *view.shape, view.dims)),
                    position};
                std::function<void(const TensorRow &, const LinearInputs &)> see;
                if (visitor.input)
                    see = [&](const TensorRow &row, const LinearInputs &inputs) {
                        visitor.input(row.role, i, first, inputs, member);
                    };
                const Tapped tapped{weights, nullptr, see};
                MemorySource<Tapped> source(frame, tapped);
                (void)block_forward(source, frame);
                if (visitor.done) visitor.done(i, first, buffers.residual, tokens, member);
            });
        }
    });
}

void BlockRunner::run_to(Role role, uint32_t block, const BlockWeights &weights,
                         const std::vector<Sequence> &sequences, size_t begin, size_t end,
                         const ResidualStreams &streams, const InputVisit &visit) {
    const BlockView view = shape_.view(block);
    pool_.run(static_cast<uint32_t>(end - begin), [&](uint32_t index, uint32_t member) {
        const size_t i = begin + index;
        ChunkMemory &memory = memory_[member];
        memory.reset_state(view, sequences[i].tokens.size());
        each_chunk(
            Sequence::Range{0, static_cast<uint32_t>(sequences[i].tokens.size())}, chunk,
            [&](uint32_t first, uint32_t tokens) {
                // The block stops before it adds to the stream, and gets a copy all the same.
                Buffers buffers = memory.buffers();
                const size_t offset = size_t{first} * shape_.d_model_padded(),
                             count = size_t{tokens} * shape_.d_model_padded();
                std::copy_n(streams.of(i) + offset, count, memory.residual().data());
                buffers.residual = memory.residual().data();
                if (const float *const carried = streams.carried(i)) {
                    std::copy_n(carried + offset, count, memory.carried().data());
                    buffers.carried = memory.carried().data();
                }
                const Slots slots(view, buffers);
                const Frame frame{
                    kernels_, alone,
                    view,     buffers,
                    slots,    memory.state(),
                    tokens,   static_cast<uint32_t>(block_page_bytes(*view.kind, *view.shape, view.dims)),
                    first};
                const std::function<void(const TensorRow &, const LinearInputs &)> see =
                    [&](const TensorRow &row, const LinearInputs &inputs) {
                        if (row.role == role) visit(role, i, first, inputs, member);
                    };
                const Tapped tapped{weights, find_row(*view.kind, role), see};
                MemorySource<Tapped> source(frame, tapped);
                (void)block_forward(source, frame);
            });
    });
}

void BlockRunner::run_head(const float *norm, const float *norm_bias, const Linear &head,
                           const std::vector<Sequence> &sequences, size_t begin, size_t end,
                           const ResidualStreams &streams, const HeadVisit &visit) {
    if (head.matrix.tiles > 0)
        for (ChunkMemory &memory : memory_) memory.need_logits();
    const uint32_t stride = shape_.d_model_padded();
    pool_.run(static_cast<uint32_t>(end - begin), [&](uint32_t index, uint32_t member) {
        const size_t i = begin + index;
        ChunkMemory &memory = memory_[member];
        for (const Sequence::Range &range : sequences[i].rows)
            each_chunk(range, chunk, [&](uint32_t first, uint32_t tokens) {
                const LinearInput input = head_input(memory.buffers(), stride);
                normalize(kernels_, alone, {norm, shape_.d_model, 1, shape_.norm_epsilon, norm_bias}, head,
                          input, streams.of(i) + size_t{first} * stride, stride, tokens);
                if (head.matrix.tiles > 0) {
                    run_linear_on(alone, kernels_, head, input, all_tiles(head), tokens, memory.logits(),
                                  shape_.vocab_padded(), false);
                    if (shape_.logit_softcap > 0)
                        softcap_on(alone, kernels_, all_tiles(head), tokens, memory.logits(),
                                   shape_.vocab_padded(), shape_.logit_softcap);
                }
                visit(i, first, memory.buffers().in_floats, tokens, member);
            });
    });
}

void fold_input(Input input, const std::vector<float> &factors, float *v, uint32_t width) {
    if (!factors.empty())
        for (uint32_t i = 0; i < width; ++i) v[i] /= factors[i];
    if (input != Input::hadamard) return;
    for (uint32_t block = 0; block + hadamard_size <= width; block += hadamard_size) {
        hadamard64(v + block);
        for (uint32_t i = 0; i < hadamard_size; ++i) v[block + i] *= 0.125f;
    }
}

}  // namespace adder

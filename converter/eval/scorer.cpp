// Running checkpoints and blobs over many sequences at once.
// SPDX-License-Identifier: MIT
#include "converter/eval/scorer.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/blob/file.h"
#include "converter/blob/session.h"
#include "converter/blob/text.h"
#include "converter/import/tokens.h"
#include "runtime/arena.h"
#include "runtime/session.h"

namespace adder {

CheckpointScorer::CheckpointScorer(const std::string &path, ThreadPool &pool, const std::string &tokenizer)
    : checkpoint_(path, false, tokenizer),
      tokenizer_(checkpoint_.tokenizer_path(), checkpoint_.shape().vocab_size), model_(checkpoint_, pool) {
    facts_.path = path;
    facts_.kind = "checkpoint";
    facts_.isa = model_.isa();
    for (const TensorSpec &spec : checkpoint_.shape().family->tensors(checkpoint_.shape())) {
        const TensorView &tensor = checkpoint_.files().tensor(spec.name);
        facts_.parameters += tensor.elements;
        facts_.bytes += tensor.size;
    }
    facts_.fingerprint = format("%08x", checkpoint_.weights_crc());
    facts_.bits_per_weight = 8 * static_cast<double>(facts_.bytes) / static_cast<double>(facts_.parameters);
}

Tokens CheckpointScorer::tokenize(std::string_view text, const std::string &name) const {
    if (tokenizer_.empty()) bad_input("%s: the checkpoint has no tokenizer.json", path().c_str());
    return tokenize_text(tokenizer_.tokenizer(), text, tokenize_special | tokenize_begin, name);
}

void CheckpointScorer::score(const std::vector<Sequence> &sequences, const Callback &callback,
                             const Advance &advance) {
    uint64_t total = 0;
    for (const Sequence &sequence : sequences) total += sequence.tokens.size();
    // All sequences go through a block together: each block is so much of the tokens' work.
    const uint64_t steps = model_.shape().block_count();
    uint64_t step = 0;
    FloatModel::Visitor visitor;
    visitor.block_done = [&](uint32_t) {
        ++step;
        if (advance) advance(total * step / steps - total * (step - 1) / steps);
    };
    visitor.logits = [&](size_t sequence, uint32_t position, const float *logits, uint32_t) {
        callback(sequence, position, logits);
    };
    model_.run(sequences, visitor);
}

namespace {

// The state of a session as it lies in its arena: kept for the time of one sequence, so that adder_state_save's header
// and checksum have nothing to protect. What is in a cache stays there.
class Snapshot {
  public:
    void take(const adder_session &session) {
        const auto *bytes = reinterpret_cast<const uint8_t *>(session.state);
        state_.assign(bytes, bytes + state_bytes(session.model().architecture));
        position_ = session.position;
    }
    void restore(adder_session &session) const {
        std::memcpy(session.state, state_.data(), state_.size());
        session.position = position_;
    }

  private:
    std::vector<uint8_t> state_;
    uint64_t position_ = 0;
};

class BlobScorer : public Scorer {
  public:
    BlobScorer(const std::string &path, ThreadPool &pool, Pages pages)
        : blob_(path, BlobFile::Checksum::compare, pages), pool_(pool), snapshots_(pool.size()) {
        for (uint32_t member = 0; member < pool.size(); ++member)
            sessions_.push_back(std::make_unique<Session>(blob_, options_for(0)));
        facts_.path = path;
        facts_.kind = "blob";
        facts_.isa = adder_session_isa(sessions_[0]->get());
        facts_.fingerprint = format("%016llx", static_cast<unsigned long long>(blob_.info().fingerprint));
        facts_.parameters = blob_.info().parameters;
        facts_.bytes = blob_.info().blob_bytes;
        facts_.bits_per_weight = blob_.bits_per_weight();
    }

    const ModelFacts &facts() const override { return facts_; }
    uint32_t vocab_size() const override { return blob_.info().vocab_size; }
    Tokens tokenize(std::string_view text, const std::string &name) const override {
        try {
            return adder::tokenize(blob_, text, ADDER_TOKENIZE_SPECIAL | ADDER_TOKENIZE_BEGIN);
        } catch (const Error &error) {
            fail(error.code(), "%s: %s", name.c_str(), error.what());
        }
    }
    void score(const std::vector<Sequence> &sequences, const Callback &callback,
               const Advance &advance) override {
        pool_.run(static_cast<uint32_t>(sequences.size()), [&](uint32_t i, uint32_t member) {
            throw_if_interrupted();
            const Sequence &sequence = sequences[i];
            adder_session *session = session_for(sequence, member);
            adder_state_reset(session);
            const std::vector<Sequence::Range> segments = segments_of(sequence);
            for (size_t s = 0; s < segments.size(); ++s) {
                if (s == 1 && segments.size() > 2) snapshots_[member].take(*session);
                if (s > 1) snapshots_[member].restore(*session);
                run_segment(session, sequence, segments[s], callback, i);
            }
            if (advance) advance(sequence.tokens.size());
        });
    }

  private:
    static adder_options options_for(uint32_t context) {
        adder_options options{};
        options.chunk = 64;
        options.logit_rows = 16;
        options.context = context;
        return options;
    }

    // A sequence's stem and longest branch have to fit into the context, where there is one.
    adder_session *session_for(const Sequence &sequence, uint32_t member) {
        uint32_t longest = 0;
        const std::vector<Sequence::Range> segments = segments_of(sequence);
        for (const Sequence::Range &segment : segments)
            longest =
                std::max(longest, segments[0].end * (&segment != &segments[0]) + segment.end - segment.begin);
        const adder_session *session = sessions_[member]->get();
        if (session->context != 0 && session->context < longest)
            sessions_[member] = std::make_unique<Session>(blob_, options_for(longest));
        return sessions_[member]->get();
    }

    void run_segment(adder_session *session, const Sequence &sequence, const Sequence::Range &segment,
                     const Callback &callback, size_t index) const {
        struct Call {
            const Callback &callback;
            size_t sequence;
            uint32_t first;
        };
        const auto forward = [](void *context, size_t row, const float *logits) {
            const Call &c = *static_cast<const Call *>(context);
            c.callback(c.sequence, c.first + static_cast<uint32_t>(row), logits);
        };
        uint32_t next = segment.begin;
        for (const Sequence::Range &rows : sequence.rows) {
            if (rows.begin < segment.begin || rows.begin >= segment.end) continue;
            Call call{callback, index, next};
            check(session_score(session, &sequence.tokens[next], rows.end - next, rows.begin - next, forward,
                                &call),
                  path());
            next = rows.end;
        }
        if (next < segment.end)
            check(adder_feed(session, &sequence.tokens[next], segment.end - next), path());
    }

    ModelFacts facts_;
    BlobFile blob_;
    ThreadPool &pool_;
    std::vector<std::unique_ptr<Session>> sessions_;  // one per member of the pool
    std::vector<Snapshot> snapshots_;
};

}  // namespace

void Scorer::score(const std::vector<Tokens> &windows, const Callback &callback) {
    std::vector<Sequence> sequences;
    for (const Tokens &window : windows) sequences.push_back(plain_sequence(window));
    score(sequences, callback, nullptr);
}

std::unique_ptr<Scorer> open_scorer(const std::string &path, ThreadPool &pool, Pages pages) {
    if (is_checkpoint(path) && !is_blob(path)) return std::make_unique<CheckpointScorer>(path, pool);
    return std::make_unique<BlobScorer>(path, pool, pages);
}

}  // namespace adder

// Recording logits, and giving them back.
// SPDX-License-Identifier: MIT
#include "converter/eval/recorded_scorer.h"

#include <algorithm>

#include "converter/base/progress.h"

namespace adder {

RecordedScorer::RecordedScorer(Scorer &model, const std::string &path, uint64_t rows, ThreadPool &pool)
    : model_(model), pool_(pool), file_(path),
      logits_(rows > 0 ? reinterpret_cast<float *>(file_.map(bytes_of(model, rows))) : nullptr), rows_(rows) {
}

RecordedScorer::Key RecordedScorer::key_of(const Sequence &sequence) {
    return {sequence.tokens, {sequence.rows[0].begin, sequence.rows[0].end}};
}

void RecordedScorer::score(const std::vector<Sequence> &sequences, const Callback &callback,
                           const Advance &advance) {
    std::vector<size_t> known, fresh;
    std::vector<Sequence> to_run;
    for (size_t i = 0; i < sequences.size(); ++i) {
        const bool window = sequences[i].branches.empty() && sequences[i].rows.size() == 1;
        if (window && recorded_.count(key_of(sequences[i])) > 0) {
            known.push_back(i);
            continue;
        }
        fresh.push_back(i);
        to_run.push_back(sequences[i]);
    }
    replay(sequences, known, callback, advance);
    if (fresh.empty()) return;

    constexpr uint64_t nowhere = UINT64_MAX;
    std::vector<uint64_t> places(fresh.size(), nowhere);
    uint64_t used = used_;
    for (size_t f = 0; f < fresh.size(); ++f) {
        const Sequence &sequence = to_run[f];
        if (!sequence.branches.empty() || sequence.rows.size() != 1) continue;
        const uint64_t rows = sequence.rows[0].end - sequence.rows[0].begin;
        if (rows > rows_ - used) continue;
        places[f] = used;
        used += rows;
    }
    model_.score(
        to_run,
        [&](size_t f, uint32_t position, const float *logits) {
            if (places[f] != nowhere)
                std::copy_n(logits, vocab_size(), row(places[f] + position - to_run[f].rows[0].begin));
            callback(fresh[f], position, logits);
        },
        advance);
    // Only what is whole is known: an interrupted run throws before it comes here.
    for (size_t f = 0; f < fresh.size(); ++f)
        if (places[f] != nowhere) recorded_[key_of(to_run[f])] = places[f];
    if (used > used_) file_.release(bytes_of(model_, used_), bytes_of(model_, used - used_));
    used_ = used;
}

void RecordedScorer::replay(const std::vector<Sequence> &sequences, const std::vector<size_t> &which,
                            const Callback &callback, const Advance &advance) {
    pool_.run(static_cast<uint32_t>(which.size()), [&](uint32_t k, uint32_t) {
        throw_if_interrupted();
        const Sequence &sequence = sequences[which[k]];
        const Sequence::Range &rows = sequence.rows[0];
        const uint64_t first = recorded_.at(key_of(sequence));
        for (uint32_t position = rows.begin; position < rows.end; ++position)
            callback(which[k], position, row(first + position - rows.begin));
        file_.release(bytes_of(model_, first), bytes_of(model_, rows.end - rows.begin));
        if (advance) advance(sequence.tokens.size());
    });
}

}  // namespace adder

// A model whose logits are kept in a file once they were computed, for comparisons of many models with one.
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "converter/base/file.h"
#include "converter/eval/scorer.h"

namespace adder {

class RecordedScorer : public Scorer {
  public:
    // Keeps the logits of at most `rows` tokens in a file beside `path`, which is gone with this object. Its pages are
    // given back after each use. What finds no room is computed again each time.
    RecordedScorer(Scorer &model, const std::string &path, uint64_t rows, ThreadPool &pool);

    static uint64_t bytes_of(const Scorer &model, uint64_t rows) {
        return rows * model.vocab_size() * sizeof(float);
    }

    const ModelFacts &facts() const override { return model_.facts(); }
    uint32_t vocab_size() const override { return model_.vocab_size(); }
    Tokens tokenize(std::string_view text, const std::string &name) const override {
        return model_.tokenize(text, name);
    }
    void score(const std::vector<Sequence> &sequences, const Callback &callback,
               const Advance &advance) override;

  private:
    // Windows of a text: tokens, and the one range of rows.
    using Key = std::pair<Tokens, std::pair<uint32_t, uint32_t>>;
    static Key key_of(const Sequence &sequence);
    float *row(uint64_t index) const { return logits_ + index * model_.vocab_size(); }
    void replay(const std::vector<Sequence> &sequences, const std::vector<size_t> &which,
                const Callback &callback, const Advance &advance);

    Scorer &model_;
    ThreadPool &pool_;
    AtomicFile file_;
    float *logits_;  // [rows][vocab]
    uint64_t rows_, used_ = 0;
    std::map<Key, uint64_t> recorded_;  // the first row of each
};

}  // namespace adder

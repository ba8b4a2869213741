// The models of a study: the checkpoint in float, what is made of it for each row, and what they all share.
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "converter/calibrate/file.h"
#include "converter/convert/convert.h"
#include "converter/eval/recorded_scorer.h"
#include "converter/eval/score.h"
#include "converter/study/study.h"
#include "converter/study/zeroing.h"

namespace adder {

class StudyModels {
  public:
    StudyModels(const StudyOptions &options, ThreadPool &pool);

    StudySettings settings() const;
    const ModelShape &shape() const { return model_.checkpoint().shape(); }

    // What the float model's logits take that rows of states, and of others, are compared with.
    uint64_t logit_bytes(bool windows, bool states) const;
    // Keeps so many bytes of them in the output directory, as long as this object lives.
    void keep_logits(uint64_t bytes);

    // Keeps the float model's streams on the calibration text there, too, if it takes no more than this.
    void keep_streams(uint64_t most_bytes) { most_stream_bytes_ = most_bytes; }

    // Rows of the same conversion, or one row. In their order.
    std::vector<StudyFinding> compute(const std::vector<const StudyRow *> &rows);

  private:
    Scorer &base();
    Evaluation compare(Scorer &model, const EvalOptions &eval);
    void take_texts(const Evaluation &evaluation, StudyFinding *finding) const;
    std::vector<StudyFinding> compute_conversions(const std::vector<const StudyRow *> &rows);
    void convert_row(const StudyRow &row, ConvertOptions *options, StudyFinding *finding);
    void score_tasks(Scorer &blob, StudyFinding *finding);
    StudyFinding compute_zeroing(const StudyRow &row);
    StudyFinding compute_state(const StudyRow &row);
    StudyFinding compute_input(const StudyRow &row);
    const std::vector<InputStatistics> &inputs();
    std::string token_text(int32_t token) const;
    const std::string &calibration_file();
    StreamFile *streams();

    const StudyOptions &options_;
    ThreadPool &pool_;
    CheckpointScorer model_;
    const std::vector<CalibrationText> texts_;
    const CalibrationSource source_;
    EvalOptions windows_, state_, tasks_;  // of most rows, of those of states, of those of tasks
    std::unique_ptr<RecordedScorer> recorded_;
    std::optional<ModelResult> task_base_;       // of the float model, once it is needed
    std::string calibration_path_;               // empty: not made yet
    std::optional<CalibrationFile> statistics_;  // of that file, once they are needed besides the text
    uint64_t most_stream_bytes_ = 0;
    std::unique_ptr<StreamFile> streams_;   // null: not made yet, or not kept
    std::map<std::string, Tokens> tokens_;  // of the texts
    std::vector<InputStatistics> inputs_;   // empty: not measured yet; ...
    std::vector<ZeroingCase> cases_;        // ... not made yet
};

}  // namespace adder

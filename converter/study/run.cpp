// The rows of a study, one after the other, and the file that they go to.
// SPDX-License-Identifier: MIT
#include "converter/study/run.h"

#include <algorithm>
#include <cstdio>

#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/convert/quality.h"
#include "converter/study/models.h"

namespace adder {
namespace {

class Run {
  public:
    Run(const StudyOptions &options, ThreadPool &pool)
        : options_(options), models_(options, pool),
          rows_(study_rows(models_.shape(), !options.tasks.empty())),
          path_(join_path(options.output, "study.json")) {
        study_.settings = models_.settings();
    }

    uint64_t computed() const { return computed_; }

    Study run() {
        take_finished();
        std::vector<const StudyRow *> missing;
        for (const StudyRow &row : rows_)
            if (selected(row.experiment) && find(row) == nullptr) missing.push_back(&row);
        announce(missing);
        if (options_.most_rows && missing.size() > *options_.most_rows) missing.resize(*options_.most_rows);
        computed_ = missing.size();
        try {
            compute(missing);
        } catch (const Error &) {
            if (!interrupted()) throw;
            fail(ExitCode::failure, "interrupted; %s has %zu rows, and the same command goes on from there",
                 path_.c_str(), study_.findings.size());
        }
        write();
        return study_;
    }

  private:
    void take_finished() {
        if (options_.fresh || !file_exists(path_)) return;
        const MappedFile file(path_);
        Study before = read_study(file.text(), path_);
        const std::string differs = difference(before.settings, study_.settings);
        if (!differs.empty())
            fail(ExitCode::usage, "%s is a study with other settings: %s. Name another --out, or give --fresh",
                 path_.c_str(), differs.c_str());
        study_.findings = std::move(before.findings);
    }

    void compute(const std::vector<const StudyRow *> &missing) {
        Progress progress("studying " + study_.settings.checkpoint, missing.size());
        for (const StudyRow *row : missing) {
            if (find(*row) != nullptr) continue;  // with one before
            throw_if_interrupted();
            std::vector<StudyFinding> findings;
            if (const StudyFinding *const other = with_the_same_options(*row)) {
                findings = {*other};
                findings[0].row = *row;
            } else {
                findings = models_.compute(with_one_of_tasks(*row, missing));
            }
            for (StudyFinding &finding : findings) study_.findings.push_back(std::move(finding));
            write();
            progress.advance(findings.size());
        }
    }

    // A conversion is scored on the texts and on the tasks, where there are rows for both.
    static std::vector<const StudyRow *> with_one_of_tasks(const StudyRow &row,
                                                           const std::vector<const StudyRow *> &missing) {
        std::vector<const StudyRow *> rows = {&row};
        for (const StudyRow *other : missing)
            if (!row.convert.empty() && other->convert == row.convert && other->tasks && !row.tasks) {
                rows.push_back(other);
                break;
            }
        return rows;
    }

    bool selected(const std::string &experiment) const {
        const std::vector<std::string> &only = options_.only;
        return only.empty() || std::find(only.begin(), only.end(), experiment) != only.end();
    }

    const StudyFinding *find(const StudyRow &row) const {
        for (const StudyFinding &finding : study_.findings)
            if (same_row(finding.row, row)) return &finding;
        return nullptr;
    }

    // Experiments share conversions.
    const StudyFinding *with_the_same_options(const StudyRow &row) const {
        for (const StudyFinding &finding : study_.findings)
            if (!row.convert.empty() && finding.row.convert == row.convert && finding.row.tasks == row.tasks)
                return &finding;
        return nullptr;
    }

    // Sorted by row, not by time of computation; findings that match no row are dropped.
    void write() {
        std::vector<StudyFinding> ordered;
        for (const StudyRow &row : rows_)
            if (const StudyFinding *const finding = find(row)) ordered.push_back(*finding);
        study_.findings = std::move(ordered);
        write_file(path_, study_json(study_));
    }

    // Says what is to be done and what room it takes on disk, and makes that room.
    void announce(const std::vector<const StudyRow *> &missing) {
        std::fprintf(stderr, "adder study: %zu rows are there, %zu are to be computed\n",
                     study_.findings.size(), missing.size());
        if (missing.empty()) return;
        const auto is_state = [](const StudyRow *row) { return row->state.has_value(); };
        const auto of_windows = [](const StudyRow *row) { return !row->state && !row->input && !row->tasks; };
        const uint64_t bytes = models_.logit_bytes(std::any_of(missing.begin(), missing.end(), of_windows),
                                                   std::any_of(missing.begin(), missing.end(), is_state));
        const bool keep = bytes <= options_.most_logit_bytes;
        std::fprintf(stderr, "adder study: the float model's logits take %.1f MB: %s\n",
                     static_cast<double>(bytes) / 1e6,
                     keep ? "kept on disk until the end" : "too much to be kept, computed again for each row");
        if (keep) models_.keep_logits(bytes);
        models_.keep_streams(options_.most_logit_bytes - (keep ? bytes : 0));
    }

    const StudyOptions &options_;
    StudyModels models_;
    const std::vector<StudyRow> rows_;
    const std::string path_;
    Study study_;
    uint64_t computed_ = 0;
};

}  // namespace

Study run_study(const StudyOptions &options, ThreadPool &pool, uint64_t *computed) {
    const OutputDirectory directory(options.output);
    for (const char *name : {"study.json", "study.html", "calibration.json"})
        check_can_create(join_path(options.output, name));
    check_held_out("--valid", options.valid, options.calibration_files, {});
    Run run(options, pool);
    Study study = run.run();
    if (computed != nullptr) *computed = run.computed();
    return study;
}

}  // namespace adder

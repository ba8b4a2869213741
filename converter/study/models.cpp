// Computing one row of a study: converting, zeroing or rounding, and comparing with the float model.
// SPDX-License-Identifier: MIT
#include "converter/study/models.h"
#include "converter/base/paths.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "adder/adder.h"
#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/calibrate/calibrate.h"
#include "converter/convert/options.h"
#include "runtime/crc32.h"

namespace adder {
namespace {

constexpr uint32_t calibration_window = 512;  // as convert has it
constexpr uint32_t position_ranges = 8;

// Removes a file at the end, and when the process is ended in between.
class TemporaryBlob {
  public:
    explicit TemporaryBlob(const std::string &path) : path_(path), unfinished_(path) {
        unfinished_.remember(path);
    }
    ~TemporaryBlob() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    const std::string &path() const { return path_; }

  private:
    std::string path_;
    UnfinishedPath unfinished_;
};

TextFinding finding_of(const TextFigures &f, double float_perplexity) {
    return {f.token.value, float_perplexity, f.change_percent, f.kl_mean, f.same_top1};
}

StudyFinding start(const StudyRow &row) { return {row, {}, {}, std::nan(""), 0, {}, {}}; }

// "alpha-in_proj-0.5.adder"
std::string blob_name(const StudyRow &row) {
    std::string name = row.experiment + "-" + row.series + "-" + row.at;
    std::replace(name.begin(), name.end(), ' ', '_');
    name.erase(std::remove(name.begin(), name.end(), ','), name.end());
    return name + ".adder";
}

}  // namespace

StudyModels::StudyModels(const StudyOptions &options, ThreadPool &pool)
    : options_(options), pool_(pool), model_(options.checkpoint, pool),
      texts_(read_calibration(options.calibration_files, model_.checkpoint(), model_.tokenizer(),
                              options.calibration_tokens, calibration_window)),
      source_(calibration_source(model_.checkpoint(), texts_, calibration_window)) {
    windows_.texts = state_.texts = options.valid;
    windows_.window = windows_.stride = options.window;
    state_.window = state_.stride = options.state_window;
    windows_.windows = std::max<uint64_t>(1, options.tokens / options.window);
    state_.windows = std::max<uint64_t>(1, options.tokens / options.state_window);
}

StudySettings StudyModels::settings() const {
    StudySettings s;
    s.version = adder_version();
    s.checkpoint = source_.checkpoint;
    s.weights_crc = source_.weights_crc;
    s.tokenizer_crc = source_.tokenizer_crc;
    for (const CalibrationSource::Text &text : source_.texts)
        s.calibration.push_back({text.name, text.bytes, text.crc});
    s.calibration_tokens = source_.tokens();
    s.calibration_window = calibration_window;
    for (const std::string &path : options_.valid) {
        const MappedFile file(path);
        s.valid.push_back({file_name(path), file.size(), crc32(0, file.data(), file.size())});
    }
    s.window = options_.window;
    s.state_window = options_.state_window;
    s.tokens = options_.tokens;
    s.seed = options_.seed;
    return s;
}

uint64_t StudyModels::logit_bytes(bool windows, bool states) const {
    uint64_t rows = 0;
    for (const std::string &path : options_.valid) {
        const MappedFile file(path);
        const Tokens tokens = model_.tokenize(file.text(), path);
        const auto scored = [&](const EvalOptions &eval) {
            const uint64_t all = cut_text(tokens, eval.window, eval.stride).size();
            return std::min(all, eval.windows) * (eval.window - 1);
        };
        rows += (windows ? scored(windows_) : 0) + (states ? scored(state_) : 0);
    }
    return RecordedScorer::bytes_of(model_, rows);
}

void StudyModels::keep_logits(uint64_t bytes) {
    recorded_ = std::make_unique<RecordedScorer>(model_, join_path(options_.output, "float-logits"),
                                                 bytes / RecordedScorer::bytes_of(model_, 1), pool_);
}

Scorer &StudyModels::base() { return recorded_ ? static_cast<Scorer &>(*recorded_) : model_; }

StudyFinding StudyModels::compute(const StudyRow &row) {
    return row.zeroing ? compute_zeroing(row) : row.state ? compute_state(row) : compute_conversion(row);
}

Evaluation StudyModels::compare(Scorer &model, const EvalOptions &eval) {
    Evaluation evaluation = evaluate({&base(), &model}, 0, eval, pool_);
    if (evaluation.interrupted) throw_if_interrupted();
    return evaluation;
}

void StudyModels::take_texts(const Evaluation &evaluation, StudyFinding *finding) const {
    for (size_t t = 0; t < options_.valid.size(); ++t)
        finding->texts.push_back(
            finding_of(text_figures(evaluation, 1, t), text_figures(evaluation, 0, t).token.value));
}

StudyFinding StudyModels::compute_conversion(const StudyRow &row) {
    StudyFinding finding = start(row);
    ConvertOptions convert_options;
    convert_options.checkpoint = options_.checkpoint;
    set_recipe(row.convert, &convert_options);
    bool from_file = true;
    try {
        const Plan plan = make_plan(convert_options, model_.checkpoint());
        from_file = plan.needs_calibration() && why_text_is_needed(plan, shape()).empty();
    } catch (const Error &error) {
        // Where the checkpoint lies is no part of the answer.
        const std::string why = error.what(), place = options_.checkpoint + ": ";
        finding.impossible = why.compare(0, place.size(), place) == 0 ? why.substr(place.size()) : why;
        return finding;
    }
    if (from_file) {
        convert_options.calibration = calibration_file();
    } else {
        convert_options.calibration_files = options_.calibration_files;
        convert_options.calibration_tokens = options_.calibration_tokens;
    }
    std::unique_ptr<TemporaryBlob> temporary;
    if (options_.keep_blobs) {
        const std::string directory = join_path(options_.output, "blobs");
        std::error_code ignored;  // the blob's own error says it
        std::filesystem::create_directories(directory, ignored);
        convert_options.output = join_path(directory, blob_name(row));
    } else {
        temporary = std::make_unique<TemporaryBlob>(join_path(options_.output, "row.adder"));
        convert_options.output = temporary->path();
    }
    finding.notes = convert(convert_options, pool_).warnings;
    const std::unique_ptr<Scorer> blob = open_scorer(convert_options.output, pool_);
    finding.bits_per_weight = blob->facts().bits_per_weight;
    take_texts(compare(*blob, windows_), &finding);
    return finding;
}

// The statistics of the calibration text, made once and kept.
const std::string &StudyModels::calibration_file() {
    if (!calibration_path_.empty()) return calibration_path_;
    const std::string path = join_path(options_.output, "calibration.json");
    if (!file_exists(path) || !(read_calibration_file(path).source() == source_))
        write_file(
            path, calibration_json(model_.model(), source_, calibration_windows(texts_, model_.tokenizer())));
    return calibration_path_ = path;
}

StudyFinding StudyModels::compute_zeroing(const StudyRow &row) {
    if (cases_.empty())
        cases_ = zeroing_cases(measure_inputs(model_.model(), calibration_windows(texts_, model_.tokenizer())),
                               {std::begin(study_sigmas), std::end(study_sigmas)}, options_.seed);
    const auto found = std::find_if(cases_.begin(), cases_.end(), [&](const ZeroingCase &c) {
        return c.role == row.zeroing->role && c.sigma == row.zeroing->sigma && c.random == row.zeroing->random;
    });
    const ZeroingTest test = run_zeroing(model_, {*found}, windows_, pool_, &base());
    StudyFinding finding = start(row);
    finding.channels = found->columns.count();
    for (size_t t = 0; t < options_.valid.size(); ++t)
        finding.texts.push_back(
            finding_of(test.results[0].texts[t], text_figures(test.evaluation, 0, t).token.value));
    return finding;
}

StudyFinding StudyModels::compute_state(const StudyRow &row) {
    StudyFinding finding = start(row);
    const std::unique_ptr<Scorer> rounded = rounded_scorer(model_, *row.state);
    const Evaluation evaluation = compare(*rounded, state_);
    take_texts(evaluation, &finding);
    const uint32_t blocks = (state_.window + block_tokens - 1) / block_tokens;
    const uint32_t range = (blocks + position_ranges - 1) / position_ranges * block_tokens;
    for (size_t t = 0; t < options_.valid.size(); ++t) {
        finding.positions.emplace_back();
        for (uint32_t begin = 0; begin + 1 < state_.window; begin += range) {
            const uint32_t end = std::min(begin + range, state_.window);
            const auto part = [&](size_t m) {
                return position_figures(evaluation, m, t, begin, begin + range);
            };
            finding.positions.back().push_back({begin, end, finding_of(part(1), part(0).token.value)});
        }
    }
    return finding;
}

}  // namespace adder

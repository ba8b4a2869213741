// Computing one row of a study: converting, zeroing or rounding, and comparing with the float model.
// SPDX-License-Identifier: MIT
#include "converter/study/models.h"
#include "converter/base/paths.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "adder/adder.h"
#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/calibrate/calibrate.h"
#include "converter/convert/options.h"
#include "converter/plan/names.h"
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

StudyFinding start(const StudyRow &row) {
    StudyFinding finding;
    finding.row = row;
    return finding;
}

double median_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const size_t n = values.size();
    return n == 0 ? std::nan("") : n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

constexpr size_t most_owners = 5;  // that a finding names

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
    for (const std::string &path : options.valid) {
        const MappedFile file(path);
        tokens_[path] = model_.tokenize(file.text(), path);
    }
    windows_.tokens = state_.tokens = &tokens_;
    tasks_.limit = options.task_limit;
    for (const std::string &task : options.tasks)
        tasks_.tasks.push_back(read_task(task, options.task_limit, false));
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
    for (const Task &task : tasks_.tasks)
        s.tasks.push_back({task.name, MappedFile(task.file).size(), task.crc});
    s.task_limit = options_.task_limit;
    s.window = options_.window;
    s.state_window = options_.state_window;
    s.tokens = options_.tokens;
    s.seed = options_.seed;
    return s;
}

uint64_t StudyModels::logit_bytes(bool windows, bool states) const {
    uint64_t rows = 0;
    for (const std::string &path : options_.valid) {
        const Tokens &tokens = tokens_.at(path);
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

std::vector<StudyFinding> StudyModels::compute(const std::vector<const StudyRow *> &rows) {
    const StudyRow &row = *rows[0];
    if (row.is_conversion()) return compute_conversions(rows);
    return {row.input ? compute_input(row) : row.zeroing ? compute_zeroing(row) : compute_state(row)};
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

// Sets the options and converts, or says in the finding why it cannot be done.
void StudyModels::convert_row(const StudyRow &row, ConvertOptions *options, StudyFinding *finding) {
    options->checkpoint = options_.checkpoint;
    set_recipe(row.convert, options);
    bool from_file = true;
    try {
        const Plan plan = make_plan(*options, model_.checkpoint());
        from_file = plan.needs_calibration() && why_text_is_needed(plan, shape()).empty();
    } catch (const Error &error) {
        // Where the checkpoint lies is no part of the answer.
        const std::string why = error.what(), place = options_.checkpoint + ": ";
        finding->impossible = why.compare(0, place.size(), place) == 0 ? why.substr(place.size()) : why;
        return;
    }
    if (from_file) {
        options->calibration = calibration_file();
    } else {
        options->calibration_files = options_.calibration_files;
        options->calibration_tokens = options_.calibration_tokens;
        if (!statistics_) statistics_.emplace(read_calibration_file(calibration_file()));
        options->statistics = &*statistics_;
        options->streams = streams();
    }
    finding->notes = convert(*options, pool_).warnings;
}

std::vector<StudyFinding> StudyModels::compute_conversions(const std::vector<const StudyRow *> &rows) {
    StudyFinding first = start(*rows[0]);
    std::unique_ptr<TemporaryBlob> temporary;
    ConvertOptions convert_options;
    if (options_.keep_blobs) {
        const std::string directory = join_path(options_.output, "blobs");
        std::error_code ignored;  // the blob's own error says it
        std::filesystem::create_directories(directory, ignored);
        convert_options.output = join_path(directory, blob_name(*rows[0]));
    } else {
        temporary = std::make_unique<TemporaryBlob>(join_path(options_.output, "row.adder"));
        convert_options.output = temporary->path();
    }
    convert_row(*rows[0], &convert_options, &first);
    std::unique_ptr<Scorer> blob;
    if (first.impossible.empty()) {
        blob = open_scorer(convert_options.output, pool_);
        first.bits_per_weight = blob->facts().bits_per_weight;
    }
    std::vector<StudyFinding> findings;
    for (const StudyRow *row : rows) {
        findings.push_back(first);
        findings.back().row = *row;
        if (blob == nullptr) continue;
        if (row->tasks)
            score_tasks(*blob, &findings.back());
        else
            take_texts(compare(*blob, windows_), &findings.back());
    }
    return findings;
}

void StudyModels::score_tasks(Scorer &blob, StudyFinding *finding) {
    // The float model's log-likelihoods are computed once.
    Evaluation evaluation = evaluate({&blob}, -1, tasks_, pool_);
    if (!evaluation.interrupted && !task_base_) {
        Evaluation base = evaluate({&model_}, -1, tasks_, pool_);
        evaluation.interrupted = base.interrupted;
        if (!base.interrupted) task_base_ = std::move(base.models[0]);
    }
    if (evaluation.interrupted) throw_if_interrupted();
    evaluation.models.insert(evaluation.models.begin(), *task_base_);
    evaluation.base = 0;
    for (size_t t = 0; t < tasks_.tasks.size(); ++t) {
        const TaskFigures base = task_figures(evaluation, 0, t), one = task_figures(evaluation, 1, t);
        if (prints_acc_norm(tasks_.tasks[t].name) && one.acc_norm)
            finding->tasks.push_back({*one.acc_norm, *base.acc_norm, *one.acc_norm_change});
        else
            finding->tasks.push_back({one.acc, base.acc, one.acc_change});
    }
}

StreamFile *StudyModels::streams() {
    uint64_t tokens = 0;
    for (const Tokens &window : calibration_windows(texts_, model_.tokenizer())) tokens += window.size();
    if (streams_ == nullptr && StreamFile::bytes_of(shape(), tokens) <= most_stream_bytes_)
        streams_ = std::make_unique<StreamFile>(join_path(options_.output, "float-streams"), shape(), tokens);
    return streams_.get();
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

const std::vector<InputStatistics> &StudyModels::inputs() {
    if (inputs_.empty())
        inputs_ = measure_inputs(model_.model(), calibration_windows(texts_, model_.tokenizer()));
    return inputs_;
}

StudyFinding StudyModels::compute_input(const StudyRow &row) {
    StudyFinding finding = start(row);
    InputFinding found;
    found.outliers.assign(std::size(study_sigmas), 0);
    std::vector<double> kurtoses;
    std::map<std::string, uint64_t> owners;
    const std::vector<Tokens> windows = calibration_windows(texts_, model_.tokenizer());
    for (const InputStatistics &input : inputs()) {
        if (input.role != *row.input) continue;
        ++found.layers;
        found.channels += input.absmax.size();
        for (size_t s = 0; s < std::size(study_sigmas); ++s)
            found.outliers[s] += outlier_channels(input, study_sigmas[s]).size();
        kurtoses.push_back(input.absmax_kurtosis);
        if (!(input.highest_over_median() <= found.highest_over_median)) {
            found.highest_over_median = input.highest_over_median();
            found.at = input.block == no_block ? "head" : plan_name(shape(), input.role, input.block);
        }
        if (input.owners.empty()) continue;
        for (const uint32_t channel : outlier_channels(input, study_sigmas[0])) {
            const TokenPlace &place = input.owners[channel];
            found.first_positions += place.position == 0;
            ++owners[token_text(windows[place.sequence][place.position])];
        }
    }
    found.absmax_kurtosis = median_of(kurtoses);
    const std::vector<Persistence> persistence = persistence_of(inputs(), *row.input, study_sigmas[0]);
    if (!persistence.empty()) {
        found.persistent_channel = persistence[0].channel;
        found.persistent_layers = persistence[0].layers;
    }
    for (const auto &[token, channels] : owners) found.owners.push_back({token, channels});
    std::stable_sort(
        found.owners.begin(), found.owners.end(),
        [](const InputFinding::Owner &a, const InputFinding::Owner &b) { return a.channels > b.channels; });
    if (found.owners.size() > most_owners) found.owners.resize(most_owners);
    finding.input = std::move(found);
    return finding;
}

// As a report can print it.
std::string StudyModels::token_text(int32_t token) const {
    const uint8_t *bytes = nullptr;
    uint32_t size = 0;
    if (!token_bytes(&model_.tokenizer().tokenizer(), token, &bytes, &size, nullptr))
        return std::to_string(token);
    std::string text;
    for (uint32_t i = 0; i < size; ++i)
        text += bytes[i] >= 0x20 && bytes[i] < 0x7f ? std::string(1, static_cast<char>(bytes[i]))
                                                    : format("\\x%02x", bytes[i]);
    return text;
}

StudyFinding StudyModels::compute_zeroing(const StudyRow &row) {
    if (cases_.empty())
        cases_ = zeroing_cases(inputs(), {std::begin(study_sigmas), std::end(study_sigmas)}, options_.seed);
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

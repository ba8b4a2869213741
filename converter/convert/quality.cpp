// Measuring a blob against its checkpoint.
// SPDX-License-Identifier: MIT
#include "converter/convert/quality.h"
#include "converter/base/paths.h"

#include <algorithm>
#include <set>

#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/base/progress.h"
#include "converter/eval/figures.h"
#include "converter/eval/score.h"
#include "runtime/crc32.h"

namespace adder {
namespace {

uint32_t crc_of(const std::string &path) {
    const MappedFile file(path);
    return crc32(0, file.data(), file.size());
}

}  // namespace

void check_held_out(const char *option, const std::vector<std::string> &texts,
                    const std::vector<std::string> &calibration_files,
                    const std::vector<CalibrationText> &recorded) {
    std::set<std::string> names;
    for (const std::string &text : texts) {
        if (!names.insert(file_name(text)).second)
            fail(ExitCode::usage, "%s: two files have the name %s", option, file_name(text).c_str());
        const uint32_t crc = crc_of(text);
        const auto refuse = [&](const std::string &calibration) {
            fail(ExitCode::usage, "%s %s is the calibration text %s: what was seen there tells nothing",
                 option, text.c_str(), calibration.c_str());
        };
        for (const std::string &calibration : calibration_files)
            if (crc == crc_of(calibration)) refuse(calibration);
        for (const CalibrationText &calibration : recorded)
            if (crc == calibration.crc) refuse(calibration.name);
    }
}

Quality measure_quality(const std::string &blob, const std::string &checkpoint, const std::string &tokenizer,
                        const QualityOptions &options, ThreadPool &pool) {
    CheckpointScorer base(checkpoint, pool, tokenizer);
    const std::unique_ptr<Scorer> converted = open_scorer(blob, pool);
    EvalOptions eval;
    eval.texts = options.texts;
    eval.window = eval.stride = quality_window;
    eval.windows = std::max<uint64_t>(1, options.tokens / quality_window / options.texts.size());
    const Evaluation evaluation = evaluate({&base, converted.get()}, 0, eval, pool);
    if (evaluation.interrupted) throw_if_interrupted();
    Quality quality;
    for (size_t t = 0; t < evaluation.texts.size(); ++t) {
        const TextFacts &facts = evaluation.texts[t];
        const TextFigures f = text_figures(evaluation, 1, t);
        quality.push_back({file_name(facts.file), facts.bytes, facts.crc, f.scored, f.token.value,
                           text_figures(evaluation, 0, t).token.value, f.change_percent, f.kl_mean,
                           f.same_top1, f.kl_99, f.kl_max});
    }
    return quality;
}

std::string missed_gate(const Quality &quality, const QualityOptions &options) {
    std::string missed;
    for (const TextQuality &text : quality) {
        std::string why;
        // Written so that a figure that is no number passes nothing.
        if (options.most_percent && !(text.change_percent.value <= *options.most_percent))
            why = format("perplexity grew by %.2f %%, and at most %g %% is asked for",
                         text.change_percent.value, *options.most_percent);
        if (options.least_top1 && !(text.same_top1.value >= *options.least_top1))
            why += (why.empty() ? "" : "; ") +
                   format("%.4f of the most likely tokens are the same, and at least %g is asked for",
                          text.same_top1.value, *options.least_top1);
        if (!why.empty()) missed += (missed.empty() ? "on " : "; on ") + text.name + " " + why;
    }
    return missed;
}

void write_quality(JsonWriter &json, const Quality &quality) {
    json.begin_object().key("window").value(quality_window).key("texts").begin_object();
    for (const TextQuality &text : quality) {
        json.key(text.name).begin_object();
        json.key("bytes").value(text.bytes).key("crc32").value(format("%08x", text.crc));
        json.key("scored").value(text.scored);
        json.key("perplexity").value(text.perplexity).key("float_perplexity").value(text.float_perplexity);
        json.key("change_percent").value(text.change_percent.value);
        json.key("change_percent_se").value(text.change_percent.error);
        json.key("kl_mean").value(text.kl_mean.value).key("kl_mean_se").value(text.kl_mean.error);
        json.key("kl_99").value(text.kl_99).key("kl_max").value(text.kl_max);
        json.key("same_top1").value(text.same_top1.value).key("same_top1_se").value(text.same_top1.error);
        json.end_object();
    }
    json.end_object().end_object();
}

size_t quality_room(const QualityOptions &options) {
    // A number takes 25 bytes at most, a byte of a name 6 where it is escaped.
    size_t room = 160;
    for (const std::string &text : options.texts) room += 13 * (25 + 40) + 6 * file_name(text).size() + 64;
    return room;
}

std::string quality_lines(const Quality &quality) {
    std::string lines;
    for (const TextQuality &t : quality)
        lines += format("  %s: %llu tokens\n    perplexity     %.3f, float %.3f: %+.2f %% ±%.2f\n"
                        "    KL divergence  %.5f ±%.5f, 99 %% %.4f, max %.3f; same top-1 %.2f %% ±%.2f\n",
                        t.name.c_str(), static_cast<unsigned long long>(t.scored), t.perplexity,
                        t.float_perplexity, t.change_percent.value, t.change_percent.error, t.kl_mean.value,
                        t.kl_mean.error, t.kl_99, t.kl_max, 100 * t.same_top1.value, 100 * t.same_top1.error);
    return lines;
}

}  // namespace adder

// What the figures of a study say, in sentences that are made of them.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <map>

#include "converter/base/error.h"
#include "converter/plan/names.h"
#include "converter/study/tables.h"

namespace adder {
namespace {

// Over the texts of a finding, of equal weight.
double mean_of_texts(const StudyFinding &finding, const Estimate TextFinding::*figure) {
    double sum = 0;
    for (const TextFinding &text : finding.texts) sum += (text.*figure).value;
    return finding.texts.empty() ? std::nan("") : sum / static_cast<double>(finding.texts.size());
}
double change_of(const StudyFinding *finding) {
    return finding == nullptr ? std::nan("") : mean_of_texts(*finding, &TextFinding::change_percent);
}
// The standard error of that.
double error_of(const StudyFinding *finding) {
    if (finding == nullptr || finding->texts.empty()) return std::nan("");
    double variance = 0;
    for (const TextFinding &text : finding->texts)
        if (std::isfinite(text.change_percent.error))
            variance += text.change_percent.error * text.change_percent.error;
    return std::sqrt(variance) / static_cast<double>(finding->texts.size());
}
// Is it more than chance? Two standard errors are asked for.
bool is_loss(const StudyFinding *finding) { return change_of(finding) > 2 * error_of(finding); }
bool loses_more(const StudyFinding *one, const StudyFinding *other) {
    return change_of(one) - change_of(other) > 2 * std::hypot(error_of(one), error_of(other));
}
double kl_of(const StudyFinding *finding) {
    return finding == nullptr ? std::nan("") : mean_of_texts(*finding, &TextFinding::kl_mean);
}

std::string change_text(double change) {
    return std::fabs(change) >= 1e4 ? format("%+.1g %%", change) : format("%+.2f %%", change);
}
std::string times_text(double ratio) { return ratio >= 100 ? format("%.0f", ratio) : format("%.1f", ratio); }

using Findings = std::vector<const StudyFinding *>;

const StudyFinding *find(const Findings &findings, const std::string &series, const std::string &at) {
    for (const StudyFinding *finding : findings)
        if (finding->row.series == series && finding->row.at == at && finding->impossible.empty())
            return finding;
    return nullptr;
}

std::string of_inputs(const Findings &findings) {
    uint64_t channels = 0, beyond = 0;
    const StudyFinding *largest = nullptr, *most = nullptr;
    const auto share = [](const StudyFinding *f) {
        return static_cast<double>(f->input->outliers[0]) / static_cast<double>(f->input->channels);
    };
    std::map<std::string, uint64_t> owners;
    uint64_t first = 0;
    for (const StudyFinding *finding : findings) {
        const InputFinding &f = *finding->input;
        channels += f.channels;
        beyond += f.outliers[0];
        first += f.first_positions;
        for (const InputFinding::Owner &owner : f.owners) owners[owner.token] += owner.channels;
        if (largest == nullptr || f.highest_over_median > largest->input->highest_over_median)
            largest = finding;
        if (most == nullptr || share(finding) > share(most)) most = finding;
    }
    if (largest == nullptr) return {};
    std::string text = format(
        "%.2f %% of the channels are beyond %g sigma, most of all at the input of %s (%.2f %%); the largest stands %s "
        "times above the median, at %s",
        100 * static_cast<double>(beyond) / static_cast<double>(channels), study_sigmas[0],
        most->row.series.c_str(), 100 * share(most), times_text(largest->input->highest_over_median).c_str(),
        largest->input->at.c_str());
    const auto owner = std::max_element(owners.begin(), owners.end(),
                                        [](const auto &a, const auto &b) { return a.second < b.second; });
    if (owner != owners.end())
        text += format(
            "; in %llu of those channels the largest magnitude is that of the token '%s', in %llu that of the first "
            "token of a sequence",
            static_cast<unsigned long long>(owner->second), owner->first.c_str(),
            static_cast<unsigned long long>(first));
    return text + ".";
}

// What a cure leaves of a loss.
std::string cure_text(const StudyFinding *naive, const StudyFinding *cured) {
    if (!is_loss(naive)) return ": the former is no more than chance, and there is nothing to cure";
    const std::string error = format("%.2f points", error_of(cured));
    if (std::fabs(change_of(cured)) <= 2 * error_of(cured))
        return ", which is no more than chance, with a standard error of " + error;
    if (!loses_more(naive, cured)) return ", which does not cure it";
    return format(", which mends %.0f %% of it", 100 * (1 - change_of(cured) / change_of(naive)));
}

std::string of_table(const Findings &findings) {
    const StudyFinding *const naive_finding = find(findings, "naive", "W8A8"), *const cured_finding = find(
                                                                                   findings, "cured", "W8A8");
    const double naive = change_of(naive_finding), cured = change_of(cured_finding),
                 weights = change_of(find(findings, "naive", "W8")),
                 small = change_of(find(findings, "cured", "W4A8")),
                 naive4 = change_of(find(findings, "naive", "W4A8"));
    if (!std::isfinite(naive) || !std::isfinite(cured)) return {};
    std::string text = format("Naive W8A8 costs %s perplexity and cured %s%s", change_text(naive).c_str(),
                              change_text(cured).c_str(), cure_text(naive_finding, cured_finding).c_str());
    if (std::isfinite(weights) && is_loss(naive_finding))
        text += format("; of the weights alone naive 8 bits cost %s, so that %s carry the loss",
                       change_text(weights).c_str(), weights > naive / 2 ? "the weights" : "the inputs");
    if (std::isfinite(small) && std::isfinite(naive4))
        text += format("; W4A8 costs %s naive and %s cured", change_text(naive4).c_str(),
                       change_text(small).c_str());
    return text + ".";
}

std::string of_tasks(const Findings &findings) {
    const auto mean = [](const StudyFinding *finding, Estimate TaskFinding::*figure) {
        double sum = 0;
        for (const TaskFinding &task : finding->tasks) sum += 100 * (task.*figure).value;
        return sum / static_cast<double>(finding->tasks.size());
    };
    const StudyFinding *const naive = find(findings, "naive", "W8A8"), *const cured =
                                                                           find(findings, "cured", "W8A8");
    if (naive == nullptr || cured == nullptr || naive->tasks.empty()) return {};
    double variance = 0;
    for (const TaskFinding &task : cured->tasks) variance += 1e4 * task.change.error * task.change.error;
    const double error = std::sqrt(variance) / static_cast<double>(cured->tasks.size());
    return format(
        "The mean is %.1f %% in float, %.1f %% naive W8A8 and %.1f %% cured; the change of the last, %+.2f "
        "points with a standard error of %.2f, is %s.",
        mean(naive, &TaskFinding::float_score), mean(naive, &TaskFinding::score),
        mean(cured, &TaskFinding::score), mean(cured, &TaskFinding::change), error,
        std::fabs(mean(cured, &TaskFinding::change)) > 2 * error ? "more than chance" : "within chance");
}

std::string of_alpha(const Findings &findings) {
    // The input with the largest loss, and what smoothing leaves of it at best.
    std::map<std::string, const StudyFinding *> none, best;
    for (const StudyFinding *finding : findings) {
        if (!finding->impossible.empty()) continue;
        if (finding->row.at == "0") {
            none[finding->row.series] = finding;
            continue;
        }
        const StudyFinding *&known = best[finding->row.series];
        if (known == nullptr || kl_of(finding) < kl_of(known)) known = finding;
    }
    const StudyFinding *worst = nullptr;
    for (const auto &[series, finding] : none)
        if (series != "all" && best.count(series) > 0 && (worst == nullptr || kl_of(finding) > kl_of(worst)))
            worst = finding;
    if (worst == nullptr) return {};
    const StudyFinding *const mended = best[worst->row.series];
    std::string text = format("The input of %s loses most without smoothing, KL %.4f; ",
                              worst->row.series.c_str(), kl_of(worst));
    text += kl_of(mended) < kl_of(worst)
                ? format("alpha %s leaves %.4f of it", mended->row.at.c_str(), kl_of(mended))
                : "no alpha makes it less";
    if (none.count("all") > 0 && best.count("all") > 0)
        text += format("; of all inputs together smoothing leaves %.4f of %.4f, with alpha %s",
                       kl_of(best["all"]), kl_of(none["all"]), best["all"]->row.at.c_str());
    return text + ".";
}

std::string of_granularity(const Findings &findings) {
    const double tensor = kl_of(find(findings, "int8", "tensor")), row = kl_of(find(findings, "int8", "row")),
                 row4 = kl_of(find(findings, "int4", "row")), group = kl_of(find(findings, "int4", "32")),
                 gptq = kl_of(find(findings, "int4, GPTQ", "32"));
    if (!std::isfinite(tensor) || !std::isfinite(row4)) return {};
    std::string text = format(
        "int8 weights cost KL %.5f with a scale per tensor and %.5f with one per row; int4 weights %.4f with one "
        "per row",
        tensor, row, row4);
    if (std::isfinite(group)) text += format(", %.4f with one for 32 columns", group);
    if (std::isfinite(gptq)) text += format(", and %.4f by GPTQ besides", gptq);
    return text + ".";
}

std::string of_outliers(const Findings &findings) {
    const std::string sigma = format("%g", study_sigmas[0]);
    const StudyFinding *const all = find(findings, "all", sigma), *const random =
                                                                      find(findings, "all, random", sigma);
    if (all == nullptr || random == nullptr) return {};
    if (all->channels == 0) return "No channel is beyond " + sigma + " sigma.";
    return format(
        "Without the %llu channels beyond %s sigma perplexity changes by %s, without as many random ones by %s: "
        "%s.",
        static_cast<unsigned long long>(all->channels), sigma.c_str(), change_text(change_of(all)).c_str(),
        change_text(change_of(random)).c_str(),
        loses_more(all, random)   ? "they are worth more than others"
        : loses_more(random, all) ? "they are worth less than others"
                                  : "the difference is no more than chance");
}

std::string of_state(const Findings &findings) {
    std::string text;
    for (const StudyFinding *finding : findings) {
        if (finding->row.state->type != RoundedType::i8) continue;
        const StudyFinding *const half = find(findings, finding->row.series, "float16");
        double early = 0, late = 0;
        for (const std::vector<PositionFinding> &positions : finding->positions) {
            if (positions.size() < 2) continue;
            early += positions[positions.size() / 2 - 1].finding.kl_mean.value;
            late += positions.back().finding.kl_mean.value;
        }
        text +=
            format("%s'%s' costs KL %.2g in int8 codes", text.empty() ? "Rounded after every token, " : "; ",
                   finding->row.series.c_str(), kl_of(finding));
        if (half != nullptr) text += format(" and %.2g in float16", kl_of(half));
        if (early > 0)
            text += format(", int8 at the end of a window %s times what it costs at its middle",
                           times_text(late / early).c_str());
    }
    return text.empty() ? text : text + ".";
}

std::string of_layers(const Findings &findings) {
    std::string text;
    for (const char *series : {"W8A8", "W4"}) {
        const StudyFinding *worst = nullptr;
        double sum = 0;
        for (const StudyFinding *finding : findings) {
            if (finding->row.series != series || !finding->impossible.empty()) continue;
            sum += kl_of(finding);
            if (worst == nullptr || kl_of(finding) > kl_of(worst)) worst = finding;
        }
        if (worst == nullptr || !(sum > 0)) continue;
        text += format("%s%s loses most in layer %s, %.0f %% of the sum of all", text.empty() ? "" : "; ",
                       series, worst->row.at.c_str(), 100 * kl_of(worst) / sum);
    }
    return text.empty() ? text : text + ".";
}

std::string of_tensors(const Findings &findings) {
    std::string text;
    for (const char *series : {"int8 weights", "int4 weights", "int8 input"}) {
        const StudyFinding *worst = nullptr, *next = nullptr;
        for (const StudyFinding *finding : findings) {
            if (finding->row.series != series || !finding->impossible.empty()) continue;
            if (worst == nullptr || kl_of(finding) > kl_of(worst)) {
                next = worst;
                worst = finding;
            } else if (next == nullptr || kl_of(finding) > kl_of(next)) {
                next = finding;
            }
        }
        if (worst == nullptr || next == nullptr) continue;
        text += format("%s%s: most of all %s, KL %.4f, then %s, %.4f", text.empty() ? "" : "; ", series,
                       worst->row.at.c_str(), kl_of(worst), next->row.at.c_str(), kl_of(next));
    }
    return text.empty() ? text : text + ".";
}

std::string conclusion(const Study &study, const std::string &experiment) {
    const Findings findings = findings_of(study, experiment);
    if (findings.empty()) return {};
    static const std::map<std::string, std::string (*)(const Findings &)> by_name = {
        {"inputs", of_inputs},
        {"table", of_table},
        {"tasks", of_tasks},
        {"alpha", of_alpha},
        {"granularity", of_granularity},
        {"outliers", of_outliers},
        {"state", of_state},
        {"layers", of_layers},
        {"tensors", of_tensors}};
    return by_name.at(experiment)(findings);
}

// The range of a figure over the studies: "from +2.15 % (a) to +19.01 % (b)".
std::string range_of(const std::vector<Study> &studies, const char *experiment, const char *series,
                     const char *at) {
    const Study *least = nullptr, *most = nullptr;
    const auto value = [&](const Study *study) {
        return change_of(find(findings_of(*study, experiment), series, at));
    };
    for (const Study &study : studies) {
        if (!std::isfinite(value(&study))) continue;
        if (least == nullptr || value(&study) < value(least)) least = &study;
        if (most == nullptr || value(&study) > value(most)) most = &study;
    }
    if (least == nullptr || least == most) return {};
    return format("from %s (%s) to %s (%s)", change_text(value(least)).c_str(),
                  least->settings.checkpoint.c_str(), change_text(value(most)).c_str(),
                  most->settings.checkpoint.c_str());
}

// Does one model lose far more than all others?
std::string apart(const std::vector<Study> &studies, const char *experiment, const char *series,
                  const char *at) {
    constexpr double far = 3;  // times
    std::vector<std::pair<const StudyFinding *, std::string>> losses;
    for (const Study &study : studies)
        if (const StudyFinding *const f = find(findings_of(study, experiment), series, at))
            losses.emplace_back(f, study.settings.checkpoint);
    if (losses.size() < 2) return {};
    std::stable_sort(losses.begin(), losses.end(),
                     [](const auto &a, const auto &b) { return change_of(a.first) > change_of(b.first); });
    const auto &[most, who] = losses[0];
    const auto &[next, next_one] = losses[1];
    if (!loses_more(most, next) || change_of(most) < far * change_of(next))
        return "no model stands apart in that";
    return who + " stands apart in that, as the next, " + next_one + ", loses " + change_text(change_of(next));
}

std::string together(const std::vector<Study> &studies, const std::string &experiment) {
    if (experiment == "table") {
        const std::string naive = range_of(studies, "table", "naive", "W8A8"),
                          cured = range_of(studies, "table", "cured", "W8A8"),
                          small = range_of(studies, "table", "cured", "W4A8");
        if (naive.empty() || cured.empty()) return {};
        return "All: naive W8A8 costs " + naive + "; " + apart(studies, "table", "naive", "W8A8") +
               ". Cured it costs " + cured + (small.empty() ? std::string() : "; W4A8 cured costs " + small) +
               ".";
    }
    if (experiment == "outliers") {
        const std::string all = range_of(studies, "outliers", "all", format("%g", study_sigmas[0]).c_str());
        return all.empty() ? all
                           : "All: the channels beyond " + format("%g", study_sigmas[0]) +
                                 " sigma are worth " + all + ".";
    }
    return {};
}

}  // namespace

std::vector<std::string> study_conclusions(const std::vector<Study> &studies, const Experiment &experiment) {
    std::vector<std::string> sentences;
    for (const Study &study : studies) {
        const std::string text = conclusion(study, experiment.name);
        if (!text.empty())
            sentences.push_back((studies.size() > 1 ? study.settings.checkpoint + ": " : "") + text);
    }
    if (studies.size() > 1) {
        const std::string all = together(studies, experiment.name);
        if (!all.empty()) sentences.push_back(all);
    }
    return sentences;
}

}  // namespace adder

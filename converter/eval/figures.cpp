// Figures and standard errors from sums over blocks and log-likelihoods of examples.
// SPDX-License-Identifier: MIT
#include "converter/eval/figures.h"

#include <algorithm>
#include <cmath>

namespace adder {
namespace {

// The windows of a text that a model has done, with the base's beside them.
struct DoneWindow {
    const WindowResult *window, *base;
};

std::vector<DoneWindow> done_windows(const Evaluation &evaluation, size_t model, size_t text) {
    const TextResult &result = evaluation.models[model].texts[text];
    const bool compared = evaluation.base >= 0;
    std::vector<DoneWindow> done;
    for (size_t w = 0; w < result.windows.size(); ++w)
        if (!result.windows[w].blocks.empty())
            done.push_back(
                {&result.windows[w],
                 compared ? &evaluation.models[static_cast<size_t>(evaluation.base)].texts[text].windows[w]
                          : nullptr});
    return done;
}

// exp of an estimate, with the error to first order.
Estimate exponential(const Estimate &log, double scale) {
    const double value = std::exp(log.value * scale);
    return {value, value * scale * log.error};
}

void compare(const std::vector<DoneWindow> &done, TextFigures *figures) {
    std::vector<Cluster> change, kl, top1;
    std::vector<float> each;
    for (const DoneWindow &d : done) {
        for (size_t b = 0; b < d.window->blocks.size(); ++b) {
            const TextBlock &block = d.window->blocks[b];
            const double n = block.scored;
            change.push_back({n, block.nll - d.base->blocks[b].nll});
            kl.push_back({n, block.kl});
            top1.push_back({n, static_cast<double>(block.same_top1)});
        }
        each.insert(each.end(), d.window->kl.begin(), d.window->kl.end());
    }
    const Estimate ratio = exponential(ratio_of(change), 1.0);
    figures->compared = true;
    figures->change_percent = {100 * (ratio.value - 1), 100 * ratio.error};
    figures->kl_mean = ratio_of(kl);
    figures->same_top1 = ratio_of(top1);
    if (each.empty()) return;
    figures->kl_max = static_cast<double>(*std::max_element(each.begin(), each.end()));
    // The smallest value that 99 % of the positions do not exceed.
    const size_t rank = (each.size() * 99 + 99) / 100 - 1;
    std::nth_element(each.begin(), each.begin() + static_cast<ptrdiff_t>(rank), each.end());
    figures->kl_99 = static_cast<double>(each[rank]);
}

// The choice with the highest score, the first of equals.
size_t best_choice(const std::vector<double> &log_likelihood, const std::vector<uint32_t> *lengths) {
    const auto score = [&](size_t c) {
        return lengths ? log_likelihood[c] / static_cast<double>((*lengths)[c]) : log_likelihood[c];
    };
    size_t best = 0;
    for (size_t c = 1; c < log_likelihood.size(); ++c)
        if (score(c) > score(best)) best = c;
    return best;
}

// What a model got right, 1 or 0 an example done.
struct Marks {
    std::vector<double> acc, acc_norm, log_likelihood;
};

Marks marks_of(const TaskFacts &task, const std::vector<ExampleResult> &examples) {
    Marks marks;
    for (size_t i = 0; i < examples.size(); ++i) {
        const ExampleResult &example = examples[i];
        if (example.log_likelihood.empty()) continue;
        if (task.completion()) {
            marks.acc.push_back(example.greedy ? 1 : 0);
            marks.log_likelihood.push_back(example.log_likelihood[0]);
            continue;
        }
        const auto label = static_cast<size_t>(task.labels[i]);
        marks.acc.push_back(best_choice(example.log_likelihood, nullptr) == label ? 1 : 0);
        marks.acc_norm.push_back(best_choice(example.log_likelihood, &task.lengths[i]) == label ? 1 : 0);
    }
    return marks;
}

Estimate paired_change(const std::vector<double> &model, const std::vector<double> &base) {
    std::vector<double> differences;
    for (size_t i = 0; i < std::min(model.size(), base.size()); ++i)
        differences.push_back(model[i] - base[i]);
    return mean_of(differences);
}

}  // namespace

TextFigures text_figures(const Evaluation &evaluation, size_t model, size_t text) {
    const TextResult &result = evaluation.models[model].texts[text];
    const TextFacts &facts = evaluation.texts[text];
    const std::vector<DoneWindow> done = done_windows(evaluation, model, text);
    TextFigures figures;
    figures.tokens = result.tokens;
    figures.windows = result.windows.size();
    figures.windows_done = done.size();
    std::vector<Cluster> nll;
    for (const DoneWindow &d : done)
        for (const TextBlock &block : d.window->blocks) {
            nll.push_back({static_cast<double>(block.scored), block.nll});
            figures.scored += block.scored;
        }
    const Estimate mean = ratio_of(nll);
    // Of a text that was scored in part, as many words and bytes are counted as fall to its scored tokens.
    const double scored = static_cast<double>(figures.scored);
    const bool whole =
        figures.windows_done == figures.windows && figures.scored + figures.windows + 1 >= figures.tokens;
    const double part = whole ? 1.0 : scored / static_cast<double>(figures.tokens);
    const double words = part * static_cast<double>(facts.words),
                 bytes = part * static_cast<double>(facts.bytes);
    figures.token = exponential(mean, 1.0);
    figures.word = exponential(mean, scored / words);
    figures.bits_per_byte = {mean.value * scored / bytes / std::log(2.0),
                             mean.error * scored / bytes / std::log(2.0)};
    if (evaluation.base >= 0 && static_cast<size_t>(evaluation.base) != model) compare(done, &figures);
    return figures;
}

TextFigures position_figures(const Evaluation &evaluation, size_t model, size_t text, uint32_t begin,
                             uint32_t end) {
    // An evaluation of those blocks alone; what a window has none of counts as not done.
    const auto cut = [](auto &list, size_t first, size_t last) {
        list.erase(list.begin() + static_cast<ptrdiff_t>(std::min(last, list.size())), list.end());
        list.erase(list.begin(), list.begin() + static_cast<ptrdiff_t>(std::min(first, list.size())));
    };
    const auto part_of = [&](size_t m) {
        TextResult part = evaluation.models[m].texts[text];
        for (WindowResult &window : part.windows) {
            cut(window.blocks, begin / block_tokens, end / block_tokens);
            cut(window.kl, begin, end);
        }
        ModelResult result;
        result.texts.push_back(std::move(part));
        return result;
    };
    Evaluation part;
    part.window = evaluation.window;
    part.texts = {evaluation.texts[text]};
    part.models.push_back(part_of(model));
    if (evaluation.base >= 0) {
        part.base = 1;
        part.models.push_back(part_of(static_cast<size_t>(evaluation.base)));
    }
    return text_figures(part, 0, 0);
}

TaskFigures task_figures(const Evaluation &evaluation, size_t model, size_t task) {
    const TaskFacts &facts = evaluation.tasks[task];
    const Marks marks = marks_of(facts, evaluation.models[model].tasks[task]);
    TaskFigures figures;
    figures.n = marks.acc.size();
    figures.acc = mean_of(marks.acc);
    if (facts.completion()) {
        figures.perplexity = exponential(mean_of(marks.log_likelihood), -1.0);
        figures.perplexity->error = std::fabs(figures.perplexity->error);
    } else {
        figures.acc_norm = mean_of(marks.acc_norm);
    }
    if (evaluation.base < 0 || static_cast<size_t>(evaluation.base) == model) return figures;
    const Marks base = marks_of(facts, evaluation.models[static_cast<size_t>(evaluation.base)].tasks[task]);
    figures.compared = true;
    figures.acc_change = paired_change(marks.acc, base.acc);
    if (figures.acc_norm) figures.acc_norm_change = paired_change(marks.acc_norm, base.acc_norm);
    return figures;
}

bool prints_acc_norm(const std::string &task) { return task == "hellaswag" || task == "arc_challenge"; }

std::optional<Estimate> literature_average(const Evaluation &evaluation, size_t model) {
    double sum = 0, variance = 0;
    for (const char *name :
         {"lambada_openai", "hellaswag", "piqa", "arc_easy", "arc_challenge", "winogrande"}) {
        const auto found = std::find_if(evaluation.tasks.begin(), evaluation.tasks.end(),
                                        [&](const TaskFacts &task) { return task.name == name; });
        if (found == evaluation.tasks.end()) return std::nullopt;
        const TaskFigures figures =
            task_figures(evaluation, model, static_cast<size_t>(found - evaluation.tasks.begin()));
        const Estimate printed = prints_acc_norm(name) && figures.acc_norm ? *figures.acc_norm : figures.acc;
        sum += printed.value;
        variance += printed.error * printed.error;
    }
    return Estimate{sum / 6, std::sqrt(variance) / 6};
}

}  // namespace adder

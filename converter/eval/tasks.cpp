// Reading task files, and making sequences of their examples and of texts.
// SPDX-License-Identifier: MIT
#include "converter/eval/tasks.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/text/lines.h"
#include "runtime/crc32.h"

namespace adder {
namespace {

constexpr size_t max_named = 20;  // bad rows that an error lists

// "valid.jsonl" -> "valid-labels.lst"
std::string labels_path(const std::string &file) {
    const std::string ending = ".jsonl";
    const bool ends =
        file.size() > ending.size() && file.compare(file.size() - ending.size(), ending.size(), ending) == 0;
    return (ends ? file.substr(0, file.size() - ending.size()) : file) + "-labels.lst";
}

}  // namespace

Task read_task(const std::string &specification, uint64_t limit, bool skip_bad) {
    const size_t equals = specification.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == specification.size())
        fail(ExitCode::usage, "--task is %s; NAME=FILE.jsonl is needed", specification.c_str());
    Task task;
    task.name = specification.substr(0, equals);
    task.file = specification.substr(equals + 1);
    const MappedFile mapped(task.file);
    task.crc = crc32(0, mapped.data(), mapped.size());
    std::string label_text;
    if (file_exists(labels_path(task.file))) {
        const MappedFile labels(labels_path(task.file));
        label_text = labels.text();
        task.crc = crc32(task.crc, labels.data(), labels.size());
    }
    const std::vector<std::string_view> lines = split_lines(mapped.text()), labels = split_lines(label_text);
    for (size_t i = 0; i < lines.size() && (limit == 0 || task.examples.size() < limit); ++i) {
        if (lines[i].find_first_not_of(" \t") == std::string_view::npos) continue;
        const std::string where = task.file + ":" + std::to_string(i + 1);
        try {
            Example example = read_row(lines[i], where, i < labels.size() ? labels[i] : std::string_view());
            if (!task.examples.empty() && (example.label < 0) != (task.examples[0].label < 0))
                bad_input("%s: a row with choices and one without them in the same file", where.c_str());
            task.examples.push_back(std::move(example));
            task.lines.push_back(static_cast<uint32_t>(i + 1));
        } catch (const Error &error) {
            task.skipped.push_back(error.what());
        }
    }
    if (!task.skipped.empty() && !skip_bad) {
        std::string list = task.skipped[0];
        for (size_t i = 1; i < std::min(task.skipped.size(), max_named); ++i) list += "\n" + task.skipped[i];
        if (task.skipped.size() > max_named)
            list += format("\nand %zu more", task.skipped.size() - max_named);
        bad_input("%s\n%zu of the rows of %s cannot be scored; --skip-bad leaves them out", list.c_str(),
                  task.skipped.size(), task.file.c_str());
    }
    if (task.examples.empty()) bad_input("%s: there is no row to score", task.file.c_str());
    return task;
}

ExampleTokens tokenize_example(const Scorer &scorer, const Example &example, const std::string &where) {
    std::vector<Tokens> whole;
    std::vector<size_t> context;  // tokens of each context alone
    for (const Request &request : example.requests) {
        const bool same = !whole.empty() && request.context == example.requests[0].context;
        context.push_back(same                      ? context[0]
                          : request.context.empty() ? 0
                                                    : scorer.tokenize(request.context, where).size());
        whole.push_back(scorer.tokenize(request.context + request.continuation, where));
        context.back() = std::min(context.back(), whole.back().size());
    }
    // The stem: what all have in common, no more than any context.
    size_t stem = context[0];
    for (size_t c = 1; c < whole.size(); ++c) {
        stem = std::min(stem, context[c]);
        const auto end = whole[0].begin() + static_cast<ptrdiff_t>(std::min(stem, whole[c].size()));
        stem = static_cast<size_t>(std::mismatch(whole[0].begin(), end, whole[c].begin()).first -
                                   whole[0].begin());
    }

    ExampleTokens result;
    Sequence &sequence = result.sequence;
    sequence.tokens.assign(whole[0].begin(), whole[0].begin() + static_cast<ptrdiff_t>(stem));
    const auto stem_end = static_cast<uint32_t>(stem);
    bool stem_row = false;
    std::vector<Sequence::Range> rows;
    for (size_t c = 0; c < whole.size(); ++c) {
        // Nothing follows the last token, so that it need not go through the model.
        const uint32_t begin = static_cast<uint32_t>(sequence.tokens.size());
        const auto size = static_cast<uint32_t>(whole[c].size());
        std::vector<ExampleTokens::Target> targets;
        for (uint32_t t = std::max(static_cast<uint32_t>(context[c]), 1u); t < size; ++t) {
            const uint32_t row = t <= stem_end ? t - 1 : begin + (t - 1 - stem_end);
            if (t <= stem_end) stem_row = true;  // the stem's last token predicts
            targets.push_back({whole[c][t], row});
        }
        if (size > stem_end + 1) {
            if (whole.size() > 1) sequence.branches.push_back(begin);
            sequence.tokens.insert(sequence.tokens.end(), whole[c].begin() + static_cast<ptrdiff_t>(stem),
                                   whole[c].end() - 1);
            const uint32_t first = std::max(static_cast<uint32_t>(context[c]), stem_end + 1) - 1;
            const uint32_t from = begin + (first - stem_end);
            if (from < sequence.tokens.size())
                rows.push_back({from, static_cast<uint32_t>(sequence.tokens.size())});
        }
        result.targets.push_back(std::move(targets));
    }
    if (stem_row) sequence.rows.push_back({stem_end - 1, stem_end});
    // One alone: stem and continuation are one run of rows.
    if (stem_row && whole.size() == 1 && !rows.empty() && rows[0].begin == stem_end) {
        sequence.rows[0].end = rows[0].end;
        rows.clear();
    }
    sequence.rows.insert(sequence.rows.end(), rows.begin(), rows.end());
    return result;
}

std::vector<Window> cut_text(const Tokens &tokens, uint32_t window, uint32_t stride) {
    std::vector<Window> windows;
    size_t scored = 1;  // tokens before it are scored, or are the first of a window
    for (size_t begin = 0; begin < tokens.size(); begin += stride) {
        const size_t end = std::min(begin + window, tokens.size());
        const size_t from = std::max(scored, begin + 1);
        if (from >= end) break;
        Window w;
        w.last_token = tokens[end - 1];
        w.sequence.tokens.assign(tokens.begin() + static_cast<ptrdiff_t>(begin),
                                 tokens.begin() + static_cast<ptrdiff_t>(end - 1));
        w.sequence.rows.push_back(
            {static_cast<uint32_t>(from - 1 - begin), static_cast<uint32_t>(end - 1 - begin)});
        windows.push_back(std::move(w));
        scored = end;
        if (end == tokens.size()) break;
    }
    return windows;
}

}  // namespace adder

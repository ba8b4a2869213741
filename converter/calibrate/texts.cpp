// Sampling of texts.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/texts.h"
#include "converter/base/paths.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/base/random.h"
#include "converter/calibrate/default_text.h"
#include "runtime/crc32.h"

namespace adder {
namespace {

// Token ids for a checkpoint without a tokenizer: every id is as likely as any other.
Tokens random_tokens(uint32_t count, uint32_t vocab_size) {
    Tokens tokens(count);
    RandomNumbers random(1);
    for (int32_t &token : tokens) token = static_cast<int32_t>(random.below(vocab_size));
    return tokens;
}

constexpr size_t bytes_a_token =
    16;  // a generous upper bound, so that an excerpt almost always fills a window

// Where a line begins, at or after `place`; `place` itself, or the character behind it, if none does before `end`.
size_t line_start(std::string_view text, size_t place, size_t end) {
    if (place == 0) return 0;
    const size_t newline = text.find('\n', place - 1);
    if (newline < end) return newline + 1;
    while (place < end && (static_cast<uint8_t>(text[place]) & 0xC0) == 0x80) ++place;
    return place;
}

}  // namespace

// Each excerpt is a text that begins as texts do.
static constexpr uint32_t whole_text = tokenize_special | tokenize_begin;

std::vector<Tokens> sample_windows(const Tokenizer &tokenizer, std::string_view text, const std::string &name,
                                   uint32_t window, size_t limit) {
    if (text.size() <= whole_text_bytes)
        return cut_windows(tokenize_text(tokenizer, text, whole_text, name), window, limit);
    const size_t excerpt = window * bytes_a_token;
    const size_t count = std::min(limit == 0 ? SIZE_MAX : limit, text.size() / excerpt);
    std::vector<Tokens> windows;
    for (size_t i = 0; i < count; ++i) {
        const size_t place = text.size() / count * i, end = place + text.size() / count;
        const size_t begin = line_start(text, place, end);
        Tokens tokens =
            tokenize_text(tokenizer, text.substr(begin, std::min(excerpt, end - begin)), whole_text, name);
        tokens.resize(std::min<size_t>(tokens.size(), window));
        if (!tokens.empty()) windows.push_back(std::move(tokens));
    }
    return windows;
}

std::vector<CalibrationText> read_calibration(const std::vector<std::string> &files,
                                              const Checkpoint &checkpoint,
                                              const CheckpointTokenizer &tokenizer, uint64_t tokens,
                                              uint32_t window) {
    std::vector<CalibrationText> texts;
    if (tokenizer.empty()) {
        if (!files.empty())
            bad_input("%s: the checkpoint has no tokenizer.json, so that --calib %s cannot be read",
                      checkpoint.path().c_str(), files[0].c_str());
        const size_t limit = std::max<uint64_t>(1, tokens / window);
        texts.push_back({"random tokens", 0, 0,
                         cut_windows(random_tokens(8192, checkpoint.shape().vocab_size), window, limit)});
        return texts;
    }
    const size_t limit = std::max<uint64_t>(1, tokens / window / std::max<size_t>(1, files.size()));
    const auto add = [&](const std::string &name, std::string_view text, const std::string &shown) {
        texts.push_back({name, text.size(), crc32(0, text.data(), text.size()),
                         sample_windows(tokenizer.tokenizer(), text, shown, window, limit)});
        if (texts.back().windows.empty()) bad_input("%s: the calibration text is empty", shown.c_str());
    };
    for (const std::string &path : files) {
        const MappedFile file(path);
        add(file_name(path), file.text(), path);
    }
    if (files.empty()) add("built-in", default_calibration_text(), "the built-in calibration text");
    return texts;
}

std::vector<Tokens> calibration_windows(const std::vector<CalibrationText> &texts,
                                        const CheckpointTokenizer &tokenizer) {
    std::vector<Tokens> windows;
    for (const CalibrationText &text : texts)
        windows.insert(windows.end(), text.windows.begin(), text.windows.end());
    size_t tokens = 0;
    for (const Tokens &window : windows) tokens += window.size();
    if (tokens < 128 && !tokenizer.empty())
        bad_input("%s: %zu calibration tokens; at least 128 are needed", texts[0].name.c_str(), tokens);
    return windows;
}

}  // namespace adder

// What calibration runs: windows of tokens from the texts that were given, or from the one that comes with the tool.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "converter/import/tokens.h"
#include "converter/model/checkpoint.h"

namespace adder {

struct CalibrationText {
    std::string name;  // of the file, without directories
    uint64_t bytes;
    uint32_t crc;
    std::vector<Tokens> windows;
};

// At most `limit` windows of a text, evenly spread. A text beyond whole_text_bytes is not tokenized as a whole: windows
// begin at evenly spread places, each after the next line's end, so that memory and time depend on what is used only.
constexpr size_t whole_text_bytes = size_t{16} << 20;
std::vector<Tokens> sample_windows(const Tokenizer &tokenizer, std::string_view text, const std::string &name,
                                   uint32_t window, size_t limit);

// The texts, each with an equal share of `tokens`. Special tokens are recognised. Without files it is the text that
// comes with the tool; without a tokenizer, random tokens. Throws Error(bad_input) if a text is empty or cannot be
// tokenized.
std::vector<CalibrationText> read_calibration(const std::vector<std::string> &files,
                                              const Checkpoint &checkpoint,
                                              const CheckpointTokenizer &tokenizer, uint64_t tokens,
                                              uint32_t window);

// The windows of all texts, one text after the other. Throws Error(bad_input) if they have fewer than 128 tokens, which
// tell too little.
std::vector<Tokens> calibration_windows(const std::vector<CalibrationText> &texts,
                                        const CheckpointTokenizer &tokenizer);

}  // namespace adder

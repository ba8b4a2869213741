// Windows sampled from texts: evenly spread, from whole lines, and no more of a large text is read than they need.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/texts.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/checkpoint_builder.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {

std::string toy_tokenizer();  // eval_toy_tokenizer.cpp

namespace {

constexpr uint32_t window = 32;

class SampleWindows : public testing::Test {
  protected:
    SampleWindows() {
        CheckpointSpec spec;
        spec.config.vocab_size = 300;
        spec.files["tokenizer.json"] = toy_tokenizer();
        write_checkpoint(directory_.path(), spec);
        const Checkpoint checkpoint(directory_.path());
        tokenizer_.emplace(checkpoint.tokenizer_path(), checkpoint.shape().vocab_size);
    }
    Tokens tokens(std::string_view text) const {
        return tokenize_text(tokenizer_->tokenizer(), text, true, "text");
    }
    std::vector<Tokens> sample(std::string_view text, size_t limit) const {
        return sample_windows(tokenizer_->tokenizer(), text, "text", window, limit);
    }

    TemporaryDirectory directory_;
    std::optional<CheckpointTokenizer> tokenizer_;
};

// At least so many bytes: some thousand lines that are all different, over and over.
std::string numbered_lines(size_t bytes) {
    std::string text;
    for (size_t i = 0; i < 3000 && text.size() < bytes; ++i)
        text += "line " + std::to_string(i * i) + " of many\n";
    while (text.size() < bytes) text += text;
    return text;
}

TEST_F(SampleWindows, OfASmallTextAreThoseOfItsTokens) {
    const std::string text = numbered_lines(4000);
    const Tokens all = tokens(text);
    const std::vector<Tokens> every = sample(text, 0), three = sample(text, 3);
    ASSERT_EQ(every.size(), (all.size() + window - 1) / window);
    Tokens joined;
    for (const Tokens &one : every) joined.insert(joined.end(), one.begin(), one.end());
    EXPECT_EQ(joined, all);
    ASSERT_EQ(three.size(), 3u);
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(three[i], every[i * every.size() / 3]);
    EXPECT_TRUE(sample("", 3).empty());
}

TEST_F(SampleWindows, OfALargeTextBeginWithLinesEvenlySpread) {
    const std::string text = numbered_lines(whole_text_bytes + 1);
    constexpr size_t limit = 5;
    const std::vector<Tokens> windows = sample(text, limit);
    ASSERT_EQ(windows.size(), limit);
    for (size_t i = 0; i < limit; ++i) {
        const size_t place = text.size() / limit * i;
        const size_t line = i == 0 ? 0 : text.find('\n', place - 1) + 1;
        ASSERT_EQ(windows[i].size(), window);
        Tokens expected = tokens(std::string_view(text).substr(line, 4 * window));
        expected.resize(window);
        EXPECT_EQ(windows[i], expected) << "window " << i;
    }
}

TEST_F(SampleWindows, OfALargeTextWithoutLinesBeginWithWholeCharacters) {
    std::string text = "\xC3\xA9";  // é
    while (text.size() <= whole_text_bytes) text += text;
    text += "a";
    const std::vector<Tokens> windows = sample(text, 3);
    ASSERT_EQ(windows.size(), 3u);
    Tokens expected = tokens(std::string_view(text).substr(0, 4 * window));
    expected.resize(window);
    for (const Tokens &one : windows) EXPECT_EQ(one, expected);
}

}  // namespace
}  // namespace adder::test

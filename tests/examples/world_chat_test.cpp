// adder-chat with a model that speaks as RWKV's World models do: turns in plain text, ended by empty lines.
// SPDX-License-Identifier: MIT
#include "examples/chat/turn_text.h"
#include "process.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <map>

namespace adder_test {
namespace {

using adder::test::CheckpointSpec;
using adder::test::TemporaryDirectory;

enum : uint32_t {
    end_token,
    user = 257,
    empty_line,
    one,
    assistant,
    then,
    hi,
    first_byte = 1,
    vocab_size = 272
};

// A model whose next token is told by the last one alone: embeddings are a bit each, and the blocks add nothing.
class WorldChat : public testing::Test {
  protected:
    void make(const std::map<uint32_t, uint32_t> &next) {
        CheckpointSpec spec;
        spec.config.d_model = spec.config.vocab_size = vocab_size;
        spec.config.n_layer = 1;
        spec.config.d_inner = 16;
        spec.config.tie_word_embeddings = false;
        spec.edit = [&](const std::string &name, std::vector<float> &values) {
            const auto ends = [&](const std::string &end) {
                return name.size() >= end.size() &&
                       name.compare(name.size() - end.size(), end.size(), end) == 0;
            };
            const bool head = ends("lm_head.weight"), embedding = ends("embeddings.weight");
            if (!head && !embedding && !ends("out_proj.weight")) return;
            for (float &value : values) value = 0;
            for (uint32_t token = 0; token < vocab_size; ++token) {
                const auto found = next.find(token);
                if (embedding) values[size_t{token} * vocab_size + token] = 1;
                if (head && found != next.end()) values[size_t{found->second} * vocab_size + token] = 1;
            }
        };
        std::string &vocabulary = spec.files["rwkv_vocab_v20230424.txt"];
        for (unsigned byte = 0; byte < 256; ++byte) {
            char line[40];
            std::snprintf(line, sizeof line, "%u b'\\x%02x' 1\n", byte + first_byte, byte);
            vocabulary += line;
        }
        vocabulary +=
            "257 'User' 4\n258 '\\n\\n' 2\n259 ' one' 4\n260 'Assistant' 9\n261 '\\n\\nthen' 6\n262 ' hi' 3\n";
        adder::test::write_checkpoint(directory_.path(), spec);
        blob_ = directory_.file("m.adder");
        const Result made =
            run({ADDER_TOOL, "convert", directory_.path(), "-o", blob_, "--recipe", "float", "-q"}, {});
        ASSERT_EQ(made.code, 0) << made.err;
    }
    Result talk(const std::string &input, std::vector<std::string> options = {}) const {
        options.insert(options.begin(), {ADDER_CHAT, blob_, "--temp", "0", "--max-tokens", "40"});
        return run(options, input);
    }
    // Tokens that the state has seen.
    static std::string context(const Result &result) {
        const size_t at = result.err.find("context    ");
        return at == std::string::npos ? result.err
                                       : result.err.substr(at + 11, result.err.find(" tokens", at) - at - 11);
    }
    TemporaryDirectory directory_;
    std::string blob_;
};

constexpr uint32_t colon = ':' + first_byte;

}  // namespace

TEST_F(WorldChat, AnAnswerEndsWhereTheUsersNextTurnBegins) {
    make({{colon, one}, {one, then}, {then, empty_line}, {empty_line, user}, {user, colon}});
    // An empty line within the answer does not end it.
    const Result result = talk("hi\n/stats\nhi\n");
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out, " one\n\nthen\n one\n\nthen\n");
    // "User" ":" " hi" "\n\n" "Assistant" ":", the answer's two, and "\n\n": what the model said of the next turn is taken back.
    EXPECT_EQ(context(result), "9");
    EXPECT_EQ(context(talk("hi\nhi\n/stats\n")), "18");
}

TEST_F(WorldChat, AnEndTokenEndsItToo) {
    make({{colon, one}, {one, then}, {then, empty_line}, {empty_line, end_token}});
    const Result result = talk("hi\n/stats\n");
    EXPECT_EQ(result.out, " one\n\nthen\n");
    EXPECT_EQ(context(result), "9");
    make({{colon, one}, {one, then}, {then, end_token}});  // without an empty line, which is put there
    EXPECT_EQ(context(talk("hi\n/stats\n")), "9");
}

TEST_F(WorldChat, AnAnswerThatIsCutIsClosed) {
    make({{colon, one}, {one, then}, {then, empty_line}, {empty_line, user}, {user, colon}});
    for (const auto &[limit, tokens] : std::map<std::string, std::string>{{"1", "8"}, {"2", "9"}, {"3", "9"}})
        EXPECT_EQ(context(talk("hi\n/stats\n", {"--max-tokens", limit})), tokens) << limit;
}

TEST_F(WorldChat, AUsersTextIsCleaned) {
    make({{colon, one}, {one, end_token}});
    // "User" ":" " hi" "\n\n" "Assistant" ":", " one" and "\n\n", whatever stands around the text.
    for (const std::string text : {"hi", "  hi\t "})
        EXPECT_EQ(context(talk(text + "\n/stats\n")), "8") << text;
}

TEST(TurnText, WithoutEmptyLines) {
    using chat::without_empty_lines;
    EXPECT_EQ(without_empty_lines("a"), "a");
    EXPECT_EQ(without_empty_lines("a\nb"), "a\nb");
    EXPECT_EQ(without_empty_lines("a\n\nb\n\n\n\nc"), "a\nb\nc");
    EXPECT_EQ(without_empty_lines("a\r\n\r\nb\rc"), "a\nb\rc");
    EXPECT_EQ(without_empty_lines(" \n\t a b \r\n "), "a b");
    EXPECT_EQ(without_empty_lines(" \n\r\n "), "");
    EXPECT_EQ(without_empty_lines(""), "");
    EXPECT_TRUE(chat::ends_with_empty_lines("\n\n"));
    EXPECT_FALSE(chat::ends_with_empty_lines("\n"));
    EXPECT_FALSE(chat::ends_with_empty_lines("x\n\n"));
    EXPECT_FALSE(chat::ends_with_empty_lines(""));
}

}  // namespace adder_test

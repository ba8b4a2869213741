// adder-chat with a chat template that has a system text of its own, which stands where the user gives none.
// SPDX-License-Identifier: MIT
#include "converter/blob/file.h"
#include "process.h"
#include "tests/runtime/tokenizer_fixture.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

namespace adder_test {
namespace {

using adder::test::CheckpointSpec;
using adder::test::quote;
using adder::test::TemporaryDirectory;

const std::string turns = "{% for m in rest %}{% if m.role == 'user' %}<|user|>{% else %}<|bot|>{% endif %}"
                          "{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|bot|>{% endif %}";
// "Be kind." where there is no system text, and always one.
const std::string own =
    "{{ bos_token }}{% if messages[0].role == 'system' %}{% set s = messages[0].content %}"
    "{% set rest = messages[1:] %}{% else %}{% set s = 'Be kind.' %}{% set rest = messages %}"
    "{% endif %}<|sys|>{{ s }}<|end|>" +
    turns;
// One that takes a system text and has none, and one that takes none.
const std::string plain =
    "{{ bos_token }}{% if messages[0].role == 'system' %}<|sys|>{{ messages[0].content }}"
    "<|end|>{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}" +
    turns;
const std::string none = "{{ bos_token }}{% set rest = messages %}{% if messages[0].role == 'system' %}"
                         "{{ raise_exception('no system') }}{% endif %}" +
                         turns;

class SystemChat : public testing::Test {
  protected:
    // A blob whose tokens are bytes and the marks of turns. What the model says is of no account.
    void make(const std::string &chat_template) {
        adder::test::Toy toy;
        size_t id = toy.tokens.size();
        for (const char *mark : {"<|begin|>", "<|sys|>", "<|user|>", "<|bot|>", "<|end|>"})
            toy.add(id++, mark, ",\"special\":true");
        CheckpointSpec spec;
        spec.config.vocab_size = static_cast<uint32_t>(id);
        spec.files["tokenizer.json"] = toy.json();
        spec.files["tokenizer_config.json"] =
            "{\"bos_token\":\"<|begin|>\"" +
            (chat_template.empty() ? "" : ",\"chat_template\":" + quote(chat_template)) + "}";
        adder::test::write_checkpoint(directory_.path(), spec);
        const Result made =
            run({ADDER_TOOL, "convert", directory_.path(), "-o", blob_, "--recipe", "float", "-q"}, {});
        ASSERT_EQ(made.code, 0) << made.err;
        EXPECT_EQ(made.err, "");
    }
    Result talk(const std::string &input, std::vector<std::string> options) const {
        options.insert(options.begin(),
                       {ADDER_CHAT, blob_, "--temp", "0", "--seed", "1", "--max-tokens", "1"});
        return run(options, input);
    }
    // The state after a turn and its answer.
    std::string state(const std::vector<std::string> &options) {
        const std::string path = directory_.file("state");
        const Result result = talk("hi\n/save " + path + "\n", options);
        EXPECT_EQ(result.code, 0) << result.err;
        return read_file(path);
    }
    std::string text(adder_text which) const {
        const adder::BlobFile blob(blob_);
        size_t size = 0;
        const char *const bytes = adder_model_text(blob.model(), which, &size);
        return bytes == nullptr ? "(none)" : std::string(bytes, size);
    }

    TemporaryDirectory directory_;
    const std::string blob_ = directory_.file("m.adder");
};

TEST_F(SystemChat, TheTemplatesOwnTextStandsWhereNoneIsGiven) {
    make(own);
    EXPECT_EQ(text(ADDER_TEXT_CHAT_BEGIN), "<|begin|>");
    EXPECT_EQ(text(ADDER_TEXT_OWN_SYSTEM), "<|sys|>Be kind.<|end|>");
    EXPECT_EQ(text(ADDER_TEXT_SYSTEM_PREFIX), "<|sys|>");
    EXPECT_EQ(text(ADDER_TEXT_SYSTEM_SUFFIX), "<|end|>");
    const std::string without = state({}), kind = state({"--system", "Be kind."}),
                      terse = state({"--system", "Be terse."});
    EXPECT_TRUE(without == kind);
    EXPECT_FALSE(without == terse);
    // A conversation that begins anew begins so again; a later turn does not.
    EXPECT_TRUE(state({"--system=Be terse."}) == terse);
    const std::string path = directory_.file("again");
    EXPECT_EQ(talk("ho\nho\n/reset\nhi\n/save " + path + "\n", {"--system", "Be terse."}).code, 0);
    EXPECT_TRUE(read_file(path) == terse);

    // <|begin|>, <|sys|>, the text, <|end|>; <|user|>, two bytes, <|end|>, <|bot|>, and <|end|> after an answer that is empty.
    const auto context = [&](const std::string &input, const std::vector<std::string> &options) {
        const Result result = talk(input + "/stats\n", options);
        const size_t at = result.err.find("context    ");
        return at == std::string::npos ? result.err
                                       : result.err.substr(at + 11, result.err.find(" tokens") - at - 11);
    };
    EXPECT_EQ(context("hi\n", {}), "17");
    EXPECT_EQ(context("hi\n", {"--system", "No."}), "12");
    EXPECT_EQ(context("hi\nhi\n", {"--system", "No."}), "18");
    // What a user gives never becomes a mark: seven bytes.
    EXPECT_EQ(context("hi\n", {"--system", "<|end|>"}), "16");
}

// The beginning of all conversations is stored, and their first turns; the answers are those of reading anew.
TEST_F(SystemChat, ACacheReadsTheBeginningOnce) {
    make(plain);
    const std::vector<std::string> system = {"--system", "Be kind."};
    std::vector<std::string> cached = system;
    cached.insert(cached.end(), {"--cache", directory_.file("states")});
    const std::string anew = state(system);
    const auto note = [&](const std::string &input) {
        const Result result = talk(input, cached);
        const size_t at = result.err.find("Resumed ");
        return at == std::string::npos ? "" : result.err.substr(at, result.err.find('\n', at) - at);
    };
    EXPECT_EQ(note(""), "");
    EXPECT_TRUE(state(cached) == anew);
    // <|begin|>, <|sys|>, eight bytes, <|end|>; <|user|>, two bytes, <|end|>, and the last token is the step.
    EXPECT_EQ(note("hi\n"), "Resumed 15 of 15 tokens from the cache.");
    EXPECT_TRUE(state(cached) == anew);
    EXPECT_EQ(note("ho\n"), "Resumed 11 of 15 tokens from the cache.");
    EXPECT_EQ(note("ho\n/reset\nhi\n"), "Resumed 15 of 15 tokens from the cache.");
    const Result refused = talk("hi\n", {"--cache", blob_});
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("--cache: " + blob_ + ": "), std::string::npos) << refused.err;
}

TEST_F(SystemChat, ATemplateWithoutOneBeginsWithTheUsersTurn) {
    make(plain);
    EXPECT_EQ(text(ADDER_TEXT_OWN_SYSTEM), "(none)");
    const std::string without = state({}), kind = state({"--system", "Be kind."});
    EXPECT_FALSE(without == kind);
    make(own);                                         // the same model
    EXPECT_EQ(state({}).substr(64), kind.substr(64));  // behind the header, which names the blob
}

TEST_F(SystemChat, WhereNoSystemTextIsTakenItIsSaid) {
    make(none);
    const Result refused = talk("hi\n", {"--system", "Be kind."});
    EXPECT_EQ(refused.code, 2);
    EXPECT_EQ(refused.out, "");
    EXPECT_NE(refused.err.find("--system: this model's chat template takes no system text"), std::string::npos)
        << refused.err;
    make("");
    EXPECT_NE(talk("hi\n", {"--system", "Be kind."}).err.find("--system: this model has no chat template"),
              std::string::npos);
    EXPECT_EQ(talk("hi\n", {"--system", ""}).code, 2);
    EXPECT_EQ(talk("hi\n", {"--system"}).code, 2);
}

}  // namespace
}  // namespace adder_test

// Tokenizers inside of GGUF files: the same sections as from the files that they came from, and what is refused.
// SPDX-License-Identifier: MIT
#include "converter/import/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include "converter/base/error.h"
#include "converter/import/chat_template.h"
#include "converter/import/gguf.h"
#include "converter/import/sentencepiece_model.h"
#include "converter/import/tokens.h"
#include "converter/import/world_vocabulary.h"
#include "tests/runtime/tokenizer_fixture.h"
#include "tests/support/error_of.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/sentencepiece_model.h"
#include "tests/support/split_kinds.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

constexpr uint32_t vocab_size = 1000;

std::vector<uint8_t> section(const GgufBuilder &file, uint32_t size = vocab_size) {
    const std::string bytes = file.bytes();
    return import_gguf_tokenizer(
        parse_gguf(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), "m.gguf").metadata, size);
}
std::string section_error(const GgufBuilder &file) {
    return error_of([&] { section(file); });
}
GgufChatTemplate chat_of(const GgufBuilder &file) {
    const std::string bytes = file.bytes();
    return gguf_chat_template(
        parse_gguf(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), "m.gguf").metadata);
}

const std::string tokens_key = "tokenizer.ggml.tokens", types_key = "tokenizer.ggml.token_type";

GgufBuilder tokenizer(const std::string &model, const std::vector<std::string> &tokens,
                      const std::vector<int32_t> &types) {
    GgufBuilder file;
    file.string("tokenizer.ggml.model", model).strings(tokens_key, tokens).integers(types_key, types);
    return file;
}

// A tokenizer.json, and the same in GGUF: 256 bytes, merges, a special token, one of a user.
struct Bpe {
    Toy toy;
    std::vector<std::string> tokens, merges;
    std::vector<int32_t> types;
    Bpe() {
        toy.merge("a", "b");
        toy.merge("ab", "c");
        toy.merge(" ", "a");
        toy.add(toy.tokens.size(), "<|end|>", ",\"special\":true");
        toy.add(toy.tokens.size() + 1, "  ");
        for (const std::string &token : toy.tokens) tokens.push_back(byte_letters(token));
        types.assign(tokens.size(), 1);
        tokens.insert(tokens.end(), {"<|end|>", "  ", "[PAD261]", "[PAD262]"});
        types.insert(types.end(), {3, 4, 5, 5});
        for (const auto &[left, right] : toy.merges)
            merges.push_back(byte_letters(left) + " " + byte_letters(right));
    }
    GgufBuilder file() const {
        GgufBuilder built = tokenizer("gpt2", tokens, types);
        return built.string("tokenizer.ggml.pre", "gpt-2").strings("tokenizer.ggml.merges", merges);
    }
};

std::vector<uint8_t> json_section(const std::string &text) {
    return import_tokenizer(Json::parse(text, "t"), "t", vocab_size);
}

// Ids 1 to 256 are bytes, as Python writes them.
std::vector<std::string> world_tokens() {
    std::vector<std::string> tokens = {"<s>"};
    for (unsigned byte = 0; byte < 256; ++byte)
        tokens.push_back(byte == '\t'                  ? "\\t"
                         : byte == '\n'                ? "\\n"
                         : byte == '\r'                ? "\\r"
                         : byte == '\\'                ? "\\\\"
                         : byte >= 0x20 && byte < 0x7F ? std::string(1, static_cast<char>(byte))
                                                       : format("\\x%02x", byte));
    return tokens;
}
std::string world_lines() {
    std::string lines;
    for (unsigned byte = 0; byte < 256; ++byte) lines += format("%u b'\\x%02x' 1\n", byte + 1, byte);
    return lines;
}
GgufBuilder world(std::vector<std::string> more, std::vector<int32_t> more_types) {
    std::vector<std::string> tokens = world_tokens();
    std::vector<int32_t> types(tokens.size(), 1);
    types[0] = 3;
    tokens.insert(tokens.end(), more.begin(), more.end());
    types.insert(types.end(), more_types.begin(), more_types.end());
    return tokenizer("rwkv", tokens, types);
}

// A vocabulary of SentencePiece's, and the same in GGUF.
struct Pieces {
    ModelFile model{true};
    std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
    std::vector<int32_t> types = {2, 3, 3};
    std::vector<float> scores = {0, 0, 0};
    Pieces() {
        for (unsigned byte = 0; byte < 256; ++byte) {
            tokens.push_back(format("<0x%02X>", byte));
            types.push_back(6);
            scores.push_back(0);
        }
        float score = -1;
        for (const char *text : {"\xE2\x96\x81", "a", "b", "ab",
                                 "\xE2\x96\x81"
                                 "ab"}) {
            model.piece(text, score);
            tokens.push_back(text);
            types.push_back(1);
            scores.push_back(score--);
        }
        model.piece("\xE2\x96\x81\xE2\x96\x81", 0, piece_user);
        tokens.push_back("  ");
        types.push_back(4);
        scores.push_back(0);
    }
    GgufBuilder file() const {
        GgufBuilder built = tokenizer("llama", tokens, types);
        return built.numbers("tokenizer.ggml.scores", scores).u32("tokenizer.ggml.bos_token_id", 1);
    }
};

}  // namespace

TEST(GgufTokenizer, BytePairsAreThoseOfTheTokenizerJson) {
    const Bpe bpe;
    EXPECT_EQ(section(bpe.file()), json_section(bpe.toy.json()));
    for (const char *split : {"phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling"}) {
        GgufBuilder file = bpe.file();
        file.drop("tokenizer.ggml.pre");
        EXPECT_EQ(section(file.string("tokenizer.ggml.pre", split)), json_section(bpe.toy.json())) << split;
    }
    Toy prefixed = bpe.toy;
    prefixed.pre_tokenizer = R"({"type":"ByteLevel","add_prefix_space":true})";
    GgufBuilder file = bpe.file();
    EXPECT_EQ(section(file.boolean("tokenizer.ggml.add_space_prefix", true)), json_section(prefixed.json()));
    // Without types all are text, and there are no added tokens.
    file = bpe.file();
    file.drop(types_key);
    EXPECT_HAS(section_error(file),
               "m.gguf, as a tokenizer.json: model.vocab.\"  \": has a character outside");
}

TEST(GgufTokenizer, SplitsAreThoseOfTheTokenizerJson) {
    const std::vector<SplitKind> kinds = split_kinds();
    struct Case {
        const char *pre;
        size_t kind;
        bool ignores_merges, begins;
    };
    for (const Case &one :
         {Case{"llama-bpe", 0, true, true}, Case{"lfm2", 0, true, true}, Case{"falcon-h1", 0, true, true},
          Case{"dbrx", 0, false, false}, Case{"qwen2", 2, false, false}, Case{"qwen35", 3, false, false},
          Case{"tekken", 4, true, true}, Case{"gpt-4o", 5, false, false}, Case{"deepseek-v3", 6, false, false},
          Case{"falcon", 7, false, false}, Case{"refact", 8, false, false}}) {
        Bpe bpe;
        bpe.toy.pre_tokenizer = kinds[one.kind].json();
        bpe.toy.model_extra = one.ignores_merges ? R"(,"ignore_merges":true)" : "";
        const auto begin = [](bool begins) {
            return begins
                       ? R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"b"}},{"Sequence":{}}],)"
                         R"("special_tokens":{"b":{"ids":[98]}}})"
                       : "null";
        };
        bpe.toy.post_processor = begin(one.begins);
        GgufBuilder file = bpe.file();
        file.drop("tokenizer.ggml.pre");
        file.string("tokenizer.ggml.pre", one.pre).u32("tokenizer.ggml.bos_token_id", 98);
        EXPECT_EQ(section(file), json_section(bpe.toy.json())) << one.pre;
        bpe.toy.post_processor = begin(!one.begins);
        file.boolean("tokenizer.ggml.add_bos_token", !one.begins);
        EXPECT_EQ(section(file), json_section(bpe.toy.json())) << one.pre;
    }
}

TEST(GgufTokenizer, BytePairsThatCannotBeAreNamed) {
    const Bpe bpe;
    const auto error = [&](const std::string &key, const auto &set) {
        GgufBuilder file = bpe.file();
        file.drop(key);
        set(file);
        return section_error(file);
    };
    for (const char *split : {"default", "kimi-k2", "superbpe", ""})
        EXPECT_HAS(
            error("tokenizer.ggml.pre", [&](GgufBuilder &file) { file.string("tokenizer.ggml.pre", split); }),
            "m.gguf: tokenizer.ggml.pre is \"" + std::string(split) +
                "\": splitting texts so is not supported");
    EXPECT_HAS(error("tokenizer.ggml.pre", [](GgufBuilder &) {}),
               "m.gguf: tokenizer.ggml.pre is missing: splitting");
    EXPECT_HAS(error("tokenizer.ggml.pre", [](GgufBuilder &) {}),
               "another tokenizer can be given with --tokenizer");
    EXPECT_HAS(error("", [](GgufBuilder &file) { file.boolean("tokenizer.ggml.add_eos_token", true); }),
               "m.gguf: tokenizer.ggml.add_eos_token is true: a token added to every text is not supported");
    EXPECT_HAS(error("", [](GgufBuilder &file) { file.boolean("tokenizer.ggml.add_bos_token", true); }),
               "m.gguf: tokenizer.ggml.bos_token_id is missing; every text begins with it");
    EXPECT_HAS(
        error("",
              [](GgufBuilder &file) {
                  file.boolean("tokenizer.ggml.add_bos_token", true).u32("tokenizer.ggml.bos_token_id", 999);
              }),
        "m.gguf: tokenizer.ggml.bos_token_id is 999; there are 261 tokens");
    EXPECT_HAS(error(tokens_key, [](GgufBuilder &) {}),
               "m.gguf: tokenizer.ggml.tokens is missing, or has no tokens");
    EXPECT_HAS(error(types_key,
                     [&](GgufBuilder &file) {
                         file.integers(types_key, {1, 2});
                     }),
               "m.gguf: tokenizer.ggml.token_type has 2 types; there are 263 tokens");
    const auto with_token = [&](size_t id, const std::string &text, int32_t type) {
        Bpe changed;
        changed.tokens[id] = text;
        changed.types[id] = type;
        return section_error(changed.file());
    };
    EXPECT_HAS(with_token(5, "\xFF", 1), "m.gguf: tokenizer.ggml.tokens is no UTF-8, at element 5");
    EXPECT_HAS(with_token(5, "x", 1), "has token 120, \"x\", which is token 5 as well");
    EXPECT_HAS(with_token(257, "xyz", 6),
               "has token 257, \"xyz\", of type 6, which byte-level BPE does not have");
    EXPECT_HAS(with_token(257, "xyz", 1), "model.merges[1]: names \"abc\", which is not in model.vocab");
    EXPECT_HAS(with_token(259, "", 3), "the token has no text");
    Bpe merges;
    merges.merges[0] = "ab";
    EXPECT_HAS(section_error(merges.file()), "model.merges[0]: \"ab\" is not two tokens with a space between");
    merges.merges[0] = "\xFF";
    EXPECT_HAS(section_error(merges.file()), "m.gguf: tokenizer.ggml.merges is no UTF-8, at element 0");
    EXPECT_HAS(error_of([&] { section(bpe.file(), 260); }),
               "id 260 does not fit the model, whose vocab_size is 260");
    EXPECT_HAS(section_error(tokenizer("plamo2", {"a"}, {1})),
               "m.gguf: tokenizer.ggml.model is \"plamo2\"; \"gpt2\", \"rwkv\" and \"llama\" are supported");
    for (const char *none : {"none", "no_vocab"})
        EXPECT_HAS(section_error(tokenizer(none, {}, {})), "has no tokenizer");
}

TEST(GgufTokenizer, WorldVocabulariesAreThoseOfTheTextFile) {
    const GgufBuilder file =
        world({"User", "\\n\\n", "it\\'s \"", "caf\xC3\xA9", "\\xe4\\xbd", "[PAD262]", "[PAD263]"},
              {1, 1, 1, 1, 1, 5, 5});
    const std::string lines = world_lines() +
                              "257 'User' 4\n258 '\\n\\n' 2\n259 'it\\'s \"' 6\n260 'caf\xC3\xA9' 5\n"
                              "261 b'\\xe4\\xbd' 2\n";
    EXPECT_EQ(section(file), import_world_vocabulary(lines, "v", vocab_size));
    const auto token_error = [](const std::string &text, int32_t type) {
        return section_error(world({text}, {type}));
    };
    EXPECT_HAS(token_error("ab\\", 1),
               "m.gguf: tokenizer.ggml.tokens has token 257, \"ab\\\\\", which ends with a backslash");
    EXPECT_HAS(token_error("\\x4", 1), "has \\x without two hexadecimal digits");
    EXPECT_HAS(token_error("\\x4G", 1), "has \\x without two hexadecimal digits");
    EXPECT_HAS(token_error("", 1), "tokenizer.ggml.tokens:257: \"b''\" has 0 bytes; 1 to 255 are supported");
    EXPECT_HAS(token_error("a", 1), "is the text of ids 98 and 257");
    EXPECT_HAS(token_error("ab", 4), "has token 257, \"ab\", of type 4; 1 is needed in a World vocabulary");
    EXPECT_HAS(section_error(tokenizer("rwkv", {"a"}, {1})), "has token 0, \"a\", of type 1; 3 is needed");
    GgufBuilder added = world({}, {});
    EXPECT_HAS(section_error(added.boolean("tokenizer.ggml.add_bos_token", true)),
               "a token added to every text");
}

TEST(GgufTokenizer, PiecesAreThoseOfTheTokenizerModel) {
    for (const bool prefix : {false, true})
        for (const bool squeeze : {false, true}) {
            Pieces pieces;
            pieces.model.spaces(prefix, squeeze);
            GgufBuilder file = pieces.file();
            file.boolean("tokenizer.ggml.add_space_prefix", prefix);
            file.boolean("tokenizer.ggml.remove_extra_whitespaces", squeeze);
            EXPECT_EQ(section(file), import_sentencepiece_model(pieces.model.bytes(), "t.model", vocab_size));
        }
    // What llama.cpp takes where nothing is said: a space in front, none taken out, bos.
    Pieces pieces;
    pieces.model.spaces(true, false);
    EXPECT_EQ(section(pieces.file()), import_sentencepiece_model(pieces.model.bytes(), "t.model", vocab_size));
    pieces.model.trainer += wire_field(46, "");
    GgufBuilder file = pieces.file();
    EXPECT_EQ(section(file.boolean("tokenizer.ggml.add_bos_token", false)),
              import_sentencepiece_model(pieces.model.bytes(), "t.model", vocab_size));
    file = pieces.file();
    file.drop("tokenizer.ggml.bos_token_id");
    file.u32("tokenizer.ggml.bos_token_id", 0);
    EXPECT_HAS(section_error(file), "m.gguf: tokenizer.ggml.bos_token_id is 0, which is no control token");
    file = pieces.file();
    file.drop("tokenizer.ggml.scores");
    EXPECT_HAS(section_error(file), "m.gguf: tokenizer.ggml.scores has 0 scores; there are 265 tokens");
    Pieces negative;
    negative.types[5] = -1;
    EXPECT_HAS(section_error(negative.file()), "has token 5, \"<0x02>\", of type -1");
    Pieces hole;
    hole.types[260] = 5;
    EXPECT_HAS(section_error(hole.file()), "m.gguf, as a tokenizer.model: piece 260");
}

TEST(GgufTokenizer, TheChatTemplateHasItsTokens) {
    GgufBuilder file = Bpe().file();
    EXPECT_EQ(chat_of(file).source, "");
    EXPECT_FALSE(chat_of(file).is_world);
    file.string("tokenizer.chat_template", "{{ bos_token }}").u32("tokenizer.ggml.bos_token_id", 259);
    file.u32("tokenizer.ggml.eos_token_id", 97);
    EXPECT_EQ(chat_of(file).source, "{{ bos_token }}");
    EXPECT_EQ(chat_of(file).bos_token, "<|end|>");
    EXPECT_EQ(chat_of(file).eos_token, "a");
    file.drop("tokenizer.chat_template");
    EXPECT_TRUE(chat_of(file.string("tokenizer.chat_template", "rwkv-world")).is_world);
    EXPECT_TRUE(chat_of(world({}, {})).is_world);
    GgufBuilder bad = Bpe().file();
    EXPECT_HAS(error_of([&] { chat_of(bad.string("tokenizer.chat_template", "\xFF")); }), "is no UTF-8");
}

// By the path of the file, as commands take it.
TEST(GgufTokenizer, AFileIsATokenizer) {
    TemporaryDirectory directory;
    const std::string path = directory.file("t.gguf");
    GgufBuilder file = Bpe().file();
    file.string("tokenizer.chat_template",
                "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}");
    write_text(path, file.bytes());
    const CheckpointTokenizer tokenizer(path, vocab_size);
    EXPECT_EQ(tokenizer.section(), section(file));
    std::string warning;
    const auto chat = find_chat_template("", path, &warning);
    ASSERT_TRUE(chat.has_value()) << warning;
    EXPECT_EQ(chat->user_prefix, "<|user|>");
    file.drop("tokenizer.chat_template");
    write_text(path, file.string("tokenizer.chat_template", "{% if %}").bytes());
    EXPECT_FALSE(find_chat_template("", path, &warning).has_value());
    EXPECT_HAS(warning, "t.gguf: chat template not used: ");
    write_text(path, world({}, {}).bytes());
    EXPECT_EQ(find_chat_template("", path, &warning)->user_prefix, "User: ");
}

}  // namespace adder::test

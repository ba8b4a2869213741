// The tokenizer importer: what it takes, what it refuses and how it says so, and the bytes it writes.
// SPDX-License-Identifier: MIT
#include "converter/import/tokenizer.h"

#include <functional>

#include "converter/base/error.h"
#include "tests/runtime/tokenizer_fixture.h"

namespace adder::test {
namespace {

Toy small_toy() {
    Toy toy;
    toy.merge("a", "b");
    toy.merge("ab", "c");
    return toy;
}

std::string error_of(const std::string &json, uint32_t vocab_size = 1000) {
    try {
        import_tokenizer(Json::parse(json, "t.json"), "t.json", vocab_size);
    } catch (const Error &error) {
        EXPECT_EQ(error.code(), ExitCode::bad_input);
        return error.what();
    }
    return "no error";
}

// That the error names the file and every part of `expected`.
void refuses(const std::string &json, std::initializer_list<const char *> expected,
             uint32_t vocab_size = 1000) {
    const std::string error = error_of(json, vocab_size);
    EXPECT_NE(error.find("t.json"), std::string::npos) << error;
    for (const char *part : expected)
        EXPECT_NE(error.find(part), std::string::npos) << error << " lacks " << part;
}

std::string replaced(std::string text, const std::string &from, const std::string &to) {
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(TokenizerImport, TakesBothKindsOfMerges) {
    Toy toy = small_toy();
    const Loaded strings(toy.json());
    toy.pairs_as_arrays = true;
    const Loaded arrays(toy.json());
    EXPECT_EQ(strings.section, arrays.section);
    EXPECT_EQ(strings.words("abcab"), (std::vector<std::string>{"abc", "ab"}));
}

TEST(TokenizerImport, IsDeterministic) {
    const std::string json = small_toy().json();
    EXPECT_EQ(Loaded(json).section, Loaded(json).section);
}

TEST(TokenizerImport, OfEqualMergesTheLastCounts) {
    Toy toy;
    toy.merge("a", "b");
    toy.merge("b", "c");
    EXPECT_EQ(Loaded(toy.json()).words("abc"), (std::vector<std::string>{"ab", "c"}));
    toy.merge("a", "b");
    EXPECT_EQ(Loaded(toy.json()).words("abc"), (std::vector<std::string>{"a", "bc"}));
}

TEST(TokenizerImport, TakesSequences) {
    Toy toy = small_toy();
    const std::vector<uint8_t> plain = Loaded(toy.json()).section;
    const std::string byte_level = R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":true})";
    toy.pre_tokenizer = R"({"type":"Sequence","pretokenizers":[)" + byte_level + "]}";
    toy.decoder = R"({"type":"Sequence","decoders":[{"type":"ByteLevel"}]})";
    toy.post_processor = R"({"type":"Sequence","processors":[{"type":"ByteLevel"},)"
                         R"({"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}}]}]})";
    EXPECT_EQ(Loaded(toy.json()).section, plain);
    toy.pre_tokenizer =
        R"({"type":"Sequence","pretokenizers":[{"type":"Split","behavior":"Isolated","invert":false,"pattern":{"Regex":)" +
        quote(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)") +
        R"(}},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]})";
    EXPECT_EQ(Loaded(toy.json()).section, plain);
    toy.normalizer = R"({"type":"Sequence","normalizers":[{"type":"NFC"}]})";
    EXPECT_EQ(Loaded(toy.json()).tokenizer.flags, tokenizer_nfc);
    toy.normalizer = R"({"type":"Sequence","normalizers":[]})";
    EXPECT_EQ(Loaded(toy.json()).section, plain);
}

TEST(TokenizerImport, RefusesOtherTokenizers) {
    const auto with = [](const std::function<void(Toy &)> &change) {
        Toy toy = small_toy();
        change(toy);
        return toy.json();
    };
    const char *splits =
        R"({"type":"Sequence","pretokenizers":[{"type":"Split","behavior":"Isolated","invert":false,)"
        R"("pattern":{"Regex":"\\d++"}},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]})";
    refuses(with([&](Toy &t) { t.pre_tokenizer = splits; }), {"pretokenizers[0]", R"("\\d++")", "possessive"});
    refuses(with([](Toy &t) { t.pre_tokenizer = R"({"type":"Metaspace"})"; }), {"pre_tokenizer", "Metaspace"});
    refuses(with([](Toy &t) { t.pre_tokenizer = "null"; }), {"pre_tokenizer", "ByteLevel"});
    refuses(with([](Toy &t) { t.pre_tokenizer = R"({"type":"ByteLevel","use_regex":false})"; }),
            {"use_regex"});
    refuses(with([](Toy &t) { t.normalizer = R"({"type":"NFKC"})"; }), {"normalizer", "NFKC"});
    refuses(with([](Toy &t) { t.normalizer = R"({"type":"Sequence"})"; }), {"normalizers", "missing"});
    refuses(with([](Toy &t) { t.decoder = "null"; }), {"decoder"});
    refuses(with([](Toy &t) { t.decoder = R"({"type":"WordPiece"})"; }), {"decoder", "WordPiece"});
    refuses(with([](Toy &t) {
                t.post_processor = R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},)"
                                   R"({"Sequence":{"id":"A"}}],"special_tokens":{}})";
            }),
            {"post_processor", "<s>", "missing"});
    refuses(with([](Toy &t) {
                t.post_processor = R"({"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},)"
                                   R"({"SpecialToken":{"id":"</s>"}}]})";
            }),
            {"post_processor.single", "at most one token in front of it"});
    refuses(with([](Toy &t) { t.post_processor = R"({"type":"BertProcessing"})"; }), {"BertProcessing"});
    for (const char *extra :
         {R"(,"dropout":0.1)", R"(,"unk_token":"a")", R"(,"continuing_subword_prefix":"##")",
          R"(,"end_of_word_suffix":"</w>")", R"(,"byte_fallback":true)", R"(,"fuse_unk":true)"}) {
        const std::string key(extra + 2, std::string(extra).find('"', 2) - 2);
        refuses(with([&](Toy &t) { t.model_extra = extra; }), {("model." + key).c_str()});
    }
    EXPECT_EQ(error_of(with([](Toy &t) {
                  t.model_extra =
                      R"(,"dropout":null,"unk_token":null,"end_of_word_suffix":"","byte_fallback":false)";
              })),
              "no error");
    refuses(replaced(small_toy().json(), R"("type":"BPE")", R"("type":"Unigram")"), {"model.type", "Unigram"});
}

TEST(TokenizerImport, RefusesOtherSplits) {
    const auto with = [](const std::string &parts) {
        Toy toy = small_toy();
        toy.pre_tokenizer = R"({"type":"Sequence","pretokenizers":[)" + parts + "]}";
        return toy.json();
    };
    const std::string byte_level = R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":false})";
    const auto split = [](const std::string &behavior, bool invert, const std::string &pattern) {
        return R"({"type":"Split","behavior":")" + behavior + R"(","invert":)" + (invert ? "true" : "false") +
               R"(,"pattern":)" + pattern + "}";
    };
    const std::string all = R"({"Regex":"\\s+|\\S+"})", some = R"({"Regex":"\\s+"})";
    EXPECT_EQ(error_of(with(split("Isolated", false, some) + "," + byte_level)), "no error");
    EXPECT_EQ(error_of(with(split("Removed", true, all) + "," + byte_level)), "no error");
    refuses(with(split("Removed", true, some) + "," + byte_level), {"pretokenizers[0]", "leaves text out"});
    refuses(with(split("Removed", false, all) + "," + byte_level), {"pretokenizers[0]", "behavior"});
    refuses(with(split("Isolated", true, all) + "," + byte_level), {"pretokenizers[0]", "behavior"});
    refuses(with(split("MergedWithNext", false, all) + "," + byte_level), {"pretokenizers[0]", "behavior"});
    refuses(with(split("Isolated", false, R"({"String":" "})") + "," + byte_level), {"regular expression"});
    refuses(with(split("Isolated", false, all)), {"pre_tokenizer", "ByteLevel"});
    refuses(with(byte_level + "," + split("Isolated", false, all)), {"use_regex"});
    const std::string whole_byte_level = R"({"type":"ByteLevel","add_prefix_space":false})";
    refuses(with(whole_byte_level + "," + whole_byte_level), {"pretokenizers[1]", "second ByteLevel"});
    refuses(with(R"({"type":"Punctuation","behavior":"Removed"},)" + byte_level),
            {"pretokenizers[0]", "behavior"});
    std::string many;
    for (int i = 0; i < 9; ++i) many += split("Isolated", false, all) + ",";
    refuses(with(many + byte_level), {"pretokenizers[8]", "more than 8 times"});
    Toy toy = small_toy();
    toy.pre_tokenizer =
        R"({"type":"Sequence","pretokenizers":[)" + split("Isolated", false, all) + "," + byte_level + "]}";
    toy.add(258, "<l>", R"(,"lstrip":true,"normalized":true)");
    refuses(toy.json(), {"added_tokens", "<l>", "lstrip"});
}

TEST(TokenizerImport, IgnoredMergesThatMakeAllTokensChangeNothing) {
    Toy toy = small_toy();
    const std::vector<uint8_t> plain = Loaded(toy.json()).section;
    toy.model_extra = R"(,"ignore_merges":true)";
    EXPECT_EQ(Loaded(toy.json()).section, plain);
    toy.token("xyz");
    const Loaded loaded(toy.json());
    EXPECT_EQ(loaded.words("xyz xyz"), (std::vector<std::string>{"xyz", " ", "x", "y", "z"}));
}

TEST(TokenizerImport, RefusesDamage) {
    const std::string good = small_toy().json();
    EXPECT_EQ(error_of(good, 258), "no error");
    refuses(replaced(good, "\"abc\":257", "\"abc\":258"), {"id 258", "vocab_size is 258"}, 258);
    refuses(good, {"model.vocab has 258 tokens", "vocab_size is 10"}, 10);
    refuses("[]", {"t.json"});
    refuses("{}", {"pre_tokenizer"});
    refuses(replaced(good, "\"vocab\"", "\"words\""), {"model.vocab", "missing"});
    refuses(replaced(good, "\"merges\"", "\"mergers\""), {"model.merges", "missing"});
    refuses(replaced(good, "\"model\"", "\"modal\""), {"model", "missing"});
    refuses(replaced(good, "\"abc\":257", "\"abc\":256"), {"id 256", "\"ab\"", "\"abc\""});
    refuses(replaced(good, "\"abc\":257", "\"abc\":-1"), {"model.vocab"});
    refuses(replaced(good, "\"abc\":257", "\"abc\":1.5"), {"model.vocab"});
    refuses(replaced(good, "\"abc\":257", "\"abc\":\"x\""), {"model.vocab"});
    refuses(replaced(good, "\"abc\":257", "\"abd\":257"), {"model.merges[1]", "\"abc\""});
    refuses(replaced(good, "\"abc\":257", "\"a b\":257"), {"alphabet"});
    refuses(replaced(good, "\"abc\":257", "\"\u65e5\":257"), {"alphabet"});
    refuses(replaced(good, "\"ab c\"", "\"abc\""), {"model.merges[1]"});
    refuses(replaced(good, "\"ab c\"", "\"a b c\""), {"model.merges[1]"});
    refuses(replaced(good, "\"ab c\"", "[\"ab\"]"), {"model.merges[1]"});
    refuses(replaced(good, "\"ab c\"", "7"), {"model.merges[1]"});
    refuses(replaced(good, "\"ab c\"", "\"ab zz\""), {"model.merges[1]", "\"zz\""});
}

TEST(TokenizerImport, RefusesAddedTokens) {
    const auto with = [](size_t id, const std::string &content, const std::string &more = "") {
        Toy toy = small_toy();
        toy.normalizer = R"({"type":"NFC"})";
        toy.add(258, "<one>");
        toy.add(id, content, more);
        return toy.json();
    };
    EXPECT_EQ(error_of(with(259, "<two>")), "no error");
    EXPECT_EQ(error_of(with(257, "abc")), "no error");  // also in model.vocab
    refuses(with(258, "<two>"), {"258", "<one>", "<two>"});
    refuses(with(257, "<two>"), {"257", "abc", "<two>"});
    refuses(with(259, "abc"), {"abc", "257", "259"});
    refuses(with(259, "<one>"), {"added_tokens[1]", "<one>", "twice"});
    refuses(with(259, ""), {"added_tokens[1]"});
    refuses(with(259, std::string(256, 'x')), {"added_tokens[1]", "256", "255"});
    refuses(with(259, "<two>", R"(,"single_word":true)"), {"<two>", "single_word"});
    refuses(with(259, "e\u0301!", R"(,"normalized":true)"), {"NFC"});
    refuses(with(1000, "<two>"), {"1000"});
}

TEST(TokenizerImport, AnUnusedIdIsEmpty) {
    Toy toy = small_toy();
    toy.add(300, "<far>");
    const Loaded loaded(toy.json());
    EXPECT_EQ(loaded.tokenizer.tokens, 301u);
    EXPECT_EQ(loaded.text_of(299), "");
    EXPECT_EQ(loaded.text_of(300), "<far>");
}

TEST(TokenizerImport, AByteMayLackAToken) {
    const std::string json = replaced(small_toy().json(), "\"!\":33,", "");
    const Loaded loaded(json);
    EXPECT_EQ(loaded.encode("ab").status, TokenizeStatus::ok);
    EXPECT_EQ(loaded.encode("ab!").status, TokenizeStatus::no_token);
}

// The hexdump of a tokenizer section in docs/format.md is this one's.
TEST(TokenizerImport, WritesTheDocumentedBytes) {
    const Loaded loaded(
        R"({"added_tokens":[{"id":3,"content":"<e>","special":true}],"normalizer":null,)"
        R"("pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},)"
        R"("model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}})");
    ASSERT_EQ(loaded.status, TokenizeStatus::ok);
    std::string dump;
    for (size_t i = 0; i < loaded.section.size(); ++i) dump += format("%02x", loaded.section[i]);
    std::string none(2 * 512, 'f');  // byte ids
    none.replace(4 * 'a', 4, "0000");
    none.replace(4 * 'b', 4, "0100");
    const std::string zeros(64, '0');
    EXPECT_EQ(dump, "0100000000000000040000000100000007000000010000000000000098020000"  // header
                    "00000000"                                                          // block_start
                    "00000100020004000700"
                    "0000" +    // start
                        none +  // byte_id
                        "00000100010001000100"
                        "0000"  // first_merge
                        "01000000"
                        "00000000"
                        "02000000"  // right, rank, merged
                        "0000000000000010" +
                        zeros.substr(16) + "0300000001000000" +  // added, raw
                        zeros +                                  // added, normalized
                        "6162"
                        "6162"
                        "3c653e"
                        "00");  // text
}

}  // namespace
}  // namespace adder::test

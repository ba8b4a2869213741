// Byte-level BPE with splits of its own: ids of Hugging Face tokenizers, words that are tokens, linear time, hostile tables.
// SPDX-License-Identifier: MIT
#include "runtime/pretokenizer.h"

#include <cstring>
#include <map>

#include "converter/import/tokenizer_section.h"
#include "tests/support/sample.h"
#include "tests/support/split_kinds.h"

namespace adder::test {
namespace {

using Ids = std::vector<int32_t>;
using Words = std::vector<std::string>;

// What the library tokenizers makes of split_texts(), one text after the other, with split_toy() of each kind.
std::map<std::string, Ids> reference_ids() {
    return {
        {"llama-3",
         {105, 116, 358, 32,   73,  84,  359, 39,  82,  101, 363, 108, 276, 116, 105, 115, 279, 369, 116,
          282, 495, 358, 10,   32,  282, 493, 32,  281, 301, 32,  32,  49,  328, 275, 10,  32,  286, 10,
          652, 582, 49,  608,  32,  50,  32,  265, 582, 50,  32,  49,  46,  50,  47,  32,  593, 551, 414,
          283, 90,  508, 779,  510, 90,  295, 565, 101, 281, 742, 258, 290, 101, 286, 745, 264, 49,  264,
          945, 298, 50,  1001, 257, 727, 286, 551, 286, 47,  90,  276, 46,  115, 289, 32}},
        {"cl100k",
         {105, 116, 358, 32,   73,  84,  359, 39,  82,  101, 363, 108, 276, 116, 105, 115, 279, 369, 116,
          282, 495, 358, 10,   32,  282, 493, 32,  281, 301, 32,  32,  49,  328, 275, 10,  32,  286, 10,
          652, 582, 49,  608,  32,  50,  32,  265, 582, 50,  32,  49,  46,  50,  47,  32,  593, 551, 414,
          283, 90,  508, 779,  510, 90,  295, 565, 101, 281, 742, 258, 290, 101, 286, 745, 264, 49,  264,
          945, 298, 50,  1001, 257, 727, 286, 551, 286, 47,  90,  276, 46,  115, 289, 32}},
        {"qwen2",
         {105, 116, 358, 32,   73,  84,  359, 39,  82,  101, 363, 108, 276, 116, 105, 115, 279, 369, 116, 282,
          495, 358, 10,  32,   282, 493, 32,  281, 301, 32,  32,  49,  328, 275, 10,  32,  286, 10,  652, 49,
          50,  49,  50,  49,   32,  50,  32,  265, 49,  50,  50,  32,  49,  46,  50,  47,  32,  49,  265, 551,
          414, 283, 90,  508,  779, 510, 90,  295, 565, 101, 281, 742, 258, 290, 101, 286, 745, 264, 49,  264,
          945, 298, 50,  1001, 257, 727, 286, 551, 286, 47,  90,  276, 46,  115, 289, 32}},
        {"qwen3.5",
         {105, 116, 358, 32,  73,   84,  359, 39,  82,  101, 363, 108, 276, 116, 105, 115, 279, 369, 116, 282,
          495, 358, 10,  32,  282,  493, 32,  281, 301, 32,  32,  49,  328, 275, 10,  32,  286, 10,  652, 49,
          50,  49,  50,  49,  32,   50,  32,  265, 49,  50,  50,  32,  49,  46,  50,  47,  32,  49,  265, 551,
          414, 283, 90,  508, 779,  510, 90,  295, 565, 101, 281, 258, 560, 290, 101, 286, 258, 46,  264, 49,
          264, 945, 298, 50,  1001, 257, 727, 286, 551, 286, 47,  90,  276, 46,  115, 289, 32}},
        {"tekken",
         {105, 116, 358, 32,   73,  84,  359, 39,  82,  101, 363, 108, 276, 116, 105, 115, 279, 369, 116, 282,
          495, 358, 10,  32,   282, 493, 32,  281, 301, 32,  32,  49,  328, 275, 10,  32,  286, 314, 10,  49,
          50,  49,  50,  49,   32,  50,  32,  265, 49,  50,  50,  32,  49,  46,  50,  47,  32,  49,  265, 551,
          414, 283, 551, 804,  261, 510, 90,  295, 565, 101, 281, 258, 560, 290, 101, 286, 745, 264, 49,  264,
          945, 298, 50,  1001, 257, 727, 286, 551, 286, 47,  90,  276, 46,  115, 289, 32}},
        {"o200k",
         {105, 116, 358, 32,   73,  84,  359, 39,  82,  101, 363, 108, 276, 116, 105, 115, 279, 369, 116,
          282, 495, 358, 10,   32,  282, 493, 32,  281, 301, 32,  32,  49,  328, 275, 10,  32,  286, 314,
          10,  582, 49,  608,  32,  50,  32,  265, 582, 50,  32,  49,  46,  50,  47,  32,  593, 551, 414,
          283, 551, 804, 261,  510, 90,  295, 565, 101, 281, 258, 560, 290, 101, 286, 745, 264, 49,  264,
          945, 298, 50,  1001, 257, 727, 286, 551, 286, 47,  90,  276, 46,  115, 289, 32}},
        {"deepseek-3",
         {105, 116, 358, 32,  73, 84,   359, 39,  82,  101, 363, 108, 276, 116, 105, 115, 279, 39,  684,
          282, 495, 358, 10,  32, 282,  493, 32,  281, 301, 273, 49,  328, 275, 10,  32,  286, 10,  652,
          582, 49,  608, 32,  50, 32,   265, 582, 50,  32,  49,  46,  50,  47,  32,  593, 551, 414, 283,
          90,  508, 779, 510, 90, 32,   264, 90,  264, 101, 281, 258, 560, 290, 101, 286, 258, 46,  264,
          49,  264, 945, 298, 50, 1001, 721, 264, 286, 551, 286, 47,  90,  276, 46,  115, 289, 32}},
        {"falcon", {105,  116, 39,  115, 32,  73,  84,  39,  83,  39,  82,  101, 39,  525, 32,  39,  116, 105,
                    115,  279, 39,  684, 282, 495, 39,  115, 10,  32,  282, 493, 32,  281, 10,  300, 32,  49,
                    328,  275, 10,  273, 46,  10,  47,  10,  582, 49,  608, 32,  50,  32,  194, 178, 582, 50,
                    32,   49,  46,  50,  47,  32,  49,  194, 178, 551, 414, 283, 90,  508, 779, 510, 90,  295,
                    565,  101, 281, 258, 90,  258, 290, 101, 32,  46,  258, 46,  264, 49,  264, 945, 298, 50,
                    1001, 257, 257, 264, 32,  46,  551, 32,  638, 90,  32,  367, 115, 289, 32}},
        {"starcoder",
         {105, 116, 358, 32,  73,   84,  39,  83,  39,  82,  101, 363, 108, 276, 116, 105, 115, 279, 39,  684,
          282, 495, 358, 10,  32,   282, 493, 32,  281, 301, 273, 49,  328, 275, 300, 286, 10,  47,  10,  49,
          50,  49,  50,  49,  32,   50,  32,  265, 49,  50,  50,  32,  49,  46,  50,  47,  32,  49,  265, 551,
          414, 283, 90,  508, 779,  510, 90,  295, 565, 101, 281, 258, 90,  258, 290, 101, 286, 745, 264, 49,
          264, 945, 298, 50,  1001, 257, 257, 264, 286, 551, 286, 47,  90,  276, 46,  115, 289, 32}},
        {"punctuation", {105, 116, 39,  115, 32,  73,  84,  39,  83,  39,  82,  101, 39,  525, 32,  39,  116,
                         105, 115, 279, 39,  684, 282, 495, 39,  115, 10,  32,  282, 493, 32,  281, 10,  300,
                         284, 328, 275, 10,  273, 46,  10,  47,  10,  582, 582, 49,  285, 296, 582, 50,  284,
                         46,  50,  47,  284, 265, 551, 414, 283, 90,  508, 779, 510, 90,  295, 565, 101, 281,
                         258, 90,  258, 290, 101, 32,  46,  258, 46,  264, 49,  264, 267, 267, 298, 50,  1001,
                         257, 257, 264, 32,  46,  551, 32,  46,  47,  90,  32,  39,  46,  115, 289, 32}},

    };
}

TEST(Pretokenizer, AgreesWithTheReference) {
    const std::map<std::string, Ids> expected = reference_ids();
    for (const SplitKind &kind : split_kinds()) {
        const Loaded loaded(split_toy(kind).json());
        ASSERT_EQ(loaded.status, TokenizeStatus::ok) << kind.name;
        EXPECT_TRUE(takes_split(loaded.tokenizer));
        Ids ids;
        for (const std::string &text : split_texts()) {
            const Encoded encoded = loaded.encode(text);
            EXPECT_EQ(encoded.status, TokenizeStatus::ok);
            EXPECT_EQ(loaded.decode(encoded.ids), text);
            ids.insert(ids.end(), encoded.ids.begin(), encoded.ids.end());
        }
        EXPECT_EQ(ids, expected.at(kind.name)) << kind.name;
    }
}

Toy llama3_toy() {
    Toy toy;
    toy.pre_tokenizer = split_kinds()[0].json();
    return toy;
}

TEST(Pretokenizer, KeepsBytesThatAreNoText) {
    const Loaded loaded(split_toy(split_kinds()[0]).json());
    for (const char *text : {"e\xff\xc3", "\xe6\x97", "1\x80 s\xf5", "\xc3'S\xa9"})
        EXPECT_EQ(loaded.decode(loaded.encode(text).ids), text);
}

TEST(Pretokenizer, AWordThatIsATokenNeedsNoMerges) {
    Toy toy = llama3_toy();
    toy.merge("a", "b");
    toy.token(" abc");  // no merge makes these
    toy.token("abc");
    toy.token("cab");
    toy.add(toy.tokens.size(), "<s>", R"(,"special":true)");
    const Loaded merged(toy.json());
    toy.model_extra = R"(,"ignore_merges":true)";
    const Loaded loaded(toy.json());
    ASSERT_EQ(loaded.status, TokenizeStatus::ok);
    EXPECT_EQ(loaded.tokenizer.split->whole, 3u);  // not of the bytes and "ab", which merges make
    const std::string text = "abc abc<s>cab abcd ab";
    EXPECT_EQ(merged.words(text, tokenize_special),
              (Words{"ab", "c", " ", "ab", "c", "<s>", "c", "ab", " ", "ab", "c", "d", " ", "ab"}));
    EXPECT_EQ(loaded.words(text, tokenize_special),
              (Words{"abc", " abc", "<s>", "cab", " ", "ab", "c", "d", " ", "ab"}));
}

TEST(Pretokenizer, PutsTheFirstTokenInFront) {
    Toy toy;  // GPT-2's split
    toy.add(256, "<s>", R"(,"special":true,"normalized":false)");
    toy.post_processor =
        R"({"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"TemplateProcessing",)"
        R"("single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A"}}],)"
        R"("special_tokens":{"<s>":{"id":"<s>","ids":[256],"tokens":["<s>"]}}}]})";
    const Loaded gpt2(toy.json());
    toy.pre_tokenizer = split_kinds()[0].json();
    const Loaded llama3(toy.json());
    for (const Loaded *loaded : {&gpt2, &llama3}) {
        ASSERT_EQ(loaded->status, TokenizeStatus::ok);
        EXPECT_EQ(loaded->encode("a").ids, (Ids{'a'}));
        EXPECT_EQ(loaded->encode("a", tokenize_begin).ids, (Ids{256, 'a'}));
        EXPECT_EQ(loaded->encode("", tokenize_begin).ids, (Ids{256}));
        EXPECT_EQ(begin_token(loaded->tokenizer), 256u);
    }
}

TEST(Pretokenizer, FindsAddedTokensAndNormalizes) {
    Toy toy = llama3_toy();
    toy.normalizer = R"({"type":"NFC"})";
    toy.merge("\xc3", "\xa9");
    const size_t next = toy.tokens.size();
    toy.add(next, "<|a|>", R"(,"special":true,"normalized":false)");
    toy.add(next + 1, "<r>", R"(,"rstrip":true,"normalized":true)");
    toy.add(next + 2, "<l>", R"(,"lstrip":true,"normalized":false)");
    const Loaded loaded(toy.json());
    ASSERT_EQ(loaded.status, TokenizeStatus::ok);
    EXPECT_EQ(loaded.words("e\u0301<|a|>1 \n<l>\n\n<r>  \n1", tokenize_special),
              (Words{"\u00e9", "<|a|>", "1", "<l>", "\n", "\n", "<r>", "1"}));
}

// With less room the ids are the same as far as they go, and words of up to 32 bytes need no other.
TEST(Pretokenizer, NeedsTheRoomOfTheIds) {
    const Loaded loaded(split_toy(split_kinds()[7]).json());
    const std::string text = "12121. e'Sl \n\n s\u65e5\u65e5 1\u00b2.";
    const Ids all = loaded.encode(text).ids;
    for (size_t room = 0; room <= all.size(); ++room) {
        Ids ids(room);
        size_t count = 99;
        const TokenizeStatus status =
            tokenize(&loaded.tokenizer, text.data(), text.size(), 0, ids.data(), room, &count);
        EXPECT_EQ(status, room < all.size() ? TokenizeStatus::capacity : TokenizeStatus::ok) << room;
        EXPECT_LE(count, room);
        EXPECT_TRUE(std::equal(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(count), all.begin()));
    }
}

// Texts that make a match reach far, and fail: each byte is read a bounded number of times.
TEST(Pretokenizer, TakesLinearTime) {
    const size_t size = all_combinations() ? 1000000 : 50000;
    const auto repeated = [&](const std::string &part) {
        std::string text;
        while (text.size() < size) text += part;
        return text;
    };
    std::vector<std::string> texts = {repeated(" ") + "x", repeated("\n \t"),  "\n" + repeated(" ") + "x",
                                      repeated("\r\n   "), repeated("Z"),      repeated("Ze"),
                                      repeated("\u0301"),  repeated("\u65e5"), repeated("1"),
                                      repeated("'"),       repeated("'l"),     repeated(". "),
                                      repeated("./\n")};
    for (const SplitKind &kind : split_kinds()) {
        Toy toy;
        toy.pre_tokenizer = kind.json();
        const Loaded loaded(toy.json());
        for (const std::string &text : texts) {
            const Encoded encoded = loaded.encode(text);
            EXPECT_EQ(encoded.status, TokenizeStatus::ok) << kind.name;
            EXPECT_EQ(encoded.ids.size(), text.size());  // no merges
        }
    }
}

// A split whose section is put together by hand: one pass over two classes, 'a' and all else.
struct Tables {
    std::vector<uint16_t> next;
    std::vector<uint8_t> section;
    Tokenizer tokenizer{};
    TokenizeStatus status = TokenizeStatus::ok;

    explicit Tables(std::vector<uint16_t> entries) : next(std::move(entries)) {
        std::vector<uint8_t> pass;
        const auto number = [&](size_t value, unsigned bytes) {
            for (unsigned i = 0; i < bytes; ++i) pass.push_back(static_cast<uint8_t>(value >> 8 * i));
        };
        for (const size_t value : {next.size() / 3, size_t{2}, size_t{1}, size_t{1}}) number(value, 2);
        for (int c = 0; c < 128; ++c) number(c != 'a', 1);
        for (int i = 0; i < 16; ++i) number(1, 1);
        number(0, 8);
        for (const uint16_t entry : next) number(entry, 2);
        while (pass.size() % 4 != 0) number(0, 1);
        SectionSource source;
        for (uint32_t id = 0; id < 256; ++id) {
            source.texts.emplace_back(1, static_cast<char>(id));
            source.byte_ids[id] = id;
        }
        source.splits = {pass};
        section = write_split_section(source, "tables");
        open();
    }
    void open() { status = tokenizer_open(&tokenizer, section.data(), section.size()); }
    TokenizeStatus encode(const std::string &text) const {
        Ids ids(tokenize_capacity(text.size()));
        size_t count = 0;
        return tokenize(&tokenizer, text.data(), text.size(), 0, ids.data(), ids.size(), &count);
    }
};

TEST(Pretokenizer, HostileTablesDoNotTakeLong) {
    // a|a*b: to see that no b comes, each a would read all that follow.
    const Tables again(
        {1, 0, 0, split_match | 2, split_match, split_match, 2, 3, 0, split_match, split_match, split_match});
    ASSERT_EQ(again.status, TokenizeStatus::ok);
    EXPECT_EQ(again.encode("aab"), TokenizeStatus::ok);
    EXPECT_EQ(again.encode(std::string(100000, 'a')), TokenizeStatus::damaged);
    // aa*b without anything else: nothing begins at any a.
    const Tables never({1, 0, 0, 1, 2, 0, split_match, split_match, split_match});
    ASSERT_EQ(never.status, TokenizeStatus::ok);
    EXPECT_EQ(never.encode(std::string(100000, 'a')), TokenizeStatus::damaged);
    // A match of nothing is none.
    const Tables empty({split_match, split_match, split_match});
    ASSERT_EQ(empty.status, TokenizeStatus::ok);
    EXPECT_EQ(empty.encode("aabaa"), TokenizeStatus::ok);
}

TEST(Pretokenizer, HostileTablesAreRefused) {
    const auto with = [](size_t at, std::initializer_list<uint8_t> bytes) {
        Tables tables({1, 1, 0, split_match, split_match, split_match});
        EXPECT_EQ(tables.status, TokenizeStatus::ok);
        std::copy(bytes.begin(), bytes.end(), tables.section.begin() + static_cast<ptrdiff_t>(at));
        tables.open();
        return tables.status;
    };
    const size_t more = 32, pass = 64, units = pass + 8, row = units + 128, interval = row + 16,
                 next = interval + 8;
    EXPECT_EQ(with(next, {1, 0}), TokenizeStatus::ok);
    EXPECT_EQ(with(0, {5}), TokenizeStatus::unsupported);
    EXPECT_EQ(with(4, {tokenizer_squeeze}), TokenizeStatus::unsupported);
    EXPECT_EQ(with(more, {0}), TokenizeStatus::damaged);  // passes
    EXPECT_EQ(with(more, {2}), TokenizeStatus::damaged);
    EXPECT_EQ(with(more, {9}), TokenizeStatus::damaged);
    EXPECT_EQ(with(more + 4, {0xFF, 0xFF, 0xFF, 0xFF}), TokenizeStatus::damaged);  // bytes
    EXPECT_EQ(with(more + 4, {168}), TokenizeStatus::damaged);
    EXPECT_EQ(with(more + 8, {0xFF, 0xFF, 0xFF, 0xFF}), TokenizeStatus::damaged);  // whole
    EXPECT_EQ(with(more + 8, {1}), TokenizeStatus::damaged);
    EXPECT_EQ(with(more + 12, {0, 1, 0, 0}), TokenizeStatus::damaged);  // begin
    EXPECT_EQ(with(more + 16, {1}), TokenizeStatus::damaged);           // reserved
    EXPECT_EQ(with(more + 28, {1}), TokenizeStatus::damaged);
    EXPECT_EQ(with(pass, {0, 0}), TokenizeStatus::damaged);  // states
    EXPECT_EQ(with(pass, {0xFF, 0xFF}), TokenizeStatus::damaged);
    EXPECT_EQ(with(pass + 2, {0, 0}), TokenizeStatus::damaged);  // classes
    EXPECT_EQ(with(pass + 2, {1, 0}), TokenizeStatus::damaged);
    EXPECT_EQ(with(pass + 2, {0xFF, 0xFF}), TokenizeStatus::damaged);
    EXPECT_EQ(with(pass + 4, {0, 0}), TokenizeStatus::damaged);  // rows
    EXPECT_EQ(with(pass + 4, {0xFF, 0xFF}), TokenizeStatus::damaged);
    EXPECT_EQ(with(pass + 6, {0, 0}), TokenizeStatus::damaged);  // intervals
    EXPECT_EQ(with(pass + 6, {0xFF, 0xFF}), TokenizeStatus::damaged);
    EXPECT_EQ(with(units + 127, {2}), TokenizeStatus::damaged);
    EXPECT_EQ(with(row + 15, {2}), TokenizeStatus::damaged);
    EXPECT_EQ(with(interval + 4, {1}), TokenizeStatus::damaged);
    EXPECT_EQ(with(next, {2, 0}), TokenizeStatus::damaged);
    EXPECT_EQ(with(next + 4, {1, 0}), TokenizeStatus::damaged);  // something after the end
    EXPECT_EQ(with(next + 10, {1, 0x80}), TokenizeStatus::damaged);
}

TEST(Pretokenizer, WholeTokensAreChecked) {
    Toy toy = llama3_toy();
    toy.model_extra = R"(,"ignore_merges":true)";
    toy.token("abc");
    toy.token("abd");
    Loaded loaded(toy.json());
    ASSERT_EQ(loaded.status, TokenizeStatus::ok);
    const auto opened = [&](std::initializer_list<uint8_t> ids) {
        std::copy(ids.begin(), ids.end(), loaded.section.begin() + 64);
        return tokenizer_open(&loaded.tokenizer, loaded.section.data(), loaded.section.size());
    };
    EXPECT_EQ(opened({0, 1, 0, 0, 1, 1, 0, 0}), TokenizeStatus::ok);
    EXPECT_EQ(opened({1, 1, 0, 0, 0, 1, 0, 0}), TokenizeStatus::damaged);  // not in order
    EXPECT_EQ(opened({0, 1, 0, 0, 0, 1, 0, 0}), TokenizeStatus::damaged);  // twice
    EXPECT_EQ(opened({0, 1, 0, 0, 2, 1, 0, 0}), TokenizeStatus::damaged);  // no token
    EXPECT_EQ(opened({0, 1, 0, 0, 1, 1, 0, 0x80}), TokenizeStatus::damaged);
}

// Cut short anywhere, or with any one byte changed, a section is refused or works.
TEST(Pretokenizer, DamageDoesNoHarm) {
    const Loaded good(split_toy(split_kinds()[7]).json());
    const size_t tables = 64 + good.tokenizer.split->bytes;
    std::string text;
    for (const std::string &part : split_texts()) text += part;
    for (size_t at = 0; at < tables; ++at) {
        for (const int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
            std::vector<uint8_t> section = good.section;
            section[at] = static_cast<uint8_t>(value);
            Tokenizer tokenizer;
            if (tokenizer_open(&tokenizer, section.data(), section.size()) != TokenizeStatus::ok) continue;
            Ids ids(tokenize_capacity(text.size()));
            size_t count = 0;
            const TokenizeStatus status =
                tokenize(&tokenizer, text.data(), text.size(), 0, ids.data(), ids.size(), &count);
            EXPECT_TRUE(status == TokenizeStatus::ok || status == TokenizeStatus::damaged);
            EXPECT_LE(count, ids.size());
        }
        std::vector<uint8_t> section = good.section;
        section.resize(at);
        Tokenizer tokenizer;
        EXPECT_NE(tokenizer_open(&tokenizer, section.data(), section.size()), TokenizeStatus::ok);
    }
}

}  // namespace
}  // namespace adder::test

// The tokenizer against known ids, expected splits, and itself.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <random>

#include "runtime/bpe.h"
#include "tests/runtime/tokenizer_fixture.h"
#include "tests/support/shared.h"

namespace adder::test {
namespace {

using Words = std::vector<std::string>;

TEST(Tokenizer, AgreesWithTheReferenceOfTheModels) {
    for (const char *model : {"adder-13m", "adder-1m-int4"}) {
        const Loaded loaded(read_text(model_directory(model) + "/tokenizer.json"));
        ASSERT_EQ(loaded.status, TokenizeStatus::ok);
        const Json reference = Json::parse(read_text(model_reference(model)), model);
        const std::vector<Json> &cases = reference.find("cases")->array("cases");
        ASSERT_FALSE(cases.empty());
        for (const Json &item : cases) {
            const std::string &text = item.find("text")->string("text");
            std::vector<int32_t> expected;
            for (const Json &id : item.find("ids")->array("ids"))
                expected.push_back(static_cast<int32_t>(id.integer("id", 0, 1 << 20)));
            const Encoded encoded = loaded.encode(text, tokenize_special);
            EXPECT_EQ(encoded.status, TokenizeStatus::ok);
            EXPECT_EQ(encoded.ids, expected) << model << ": " << text;
            EXPECT_EQ(loaded.decode(encoded.ids), text);
        }
    }
}

TEST(Tokenizer, GptNeox) {
    if (shared_directory().empty()) GTEST_SKIP() << shared_missing;
    const Loaded neox(read_text(shared_directory() + "/tokenizers/gpt-neox-20b/tokenizer.json"));
    ASSERT_EQ(neox.status, TokenizeStatus::ok);
    using Ids = std::vector<int32_t>;
    EXPECT_EQ(neox.encode("Hello world").ids, (Ids{12092, 1533}));
    EXPECT_EQ(neox.encode("Hello, world!").ids, (Ids{12092, 13, 1533, 2}));
    EXPECT_EQ(neox.encode("<|endoftext|>", tokenize_special).ids, (Ids{0}));
    EXPECT_GT(neox.encode("<|endoftext|>").ids.size(), 1u);
    EXPECT_EQ(find_token(&neox.tokenizer, "<|padding|>", 11), 1);
    // Runs of 2 to 24 spaces are added tokens; of more, the longest is taken first.
    EXPECT_EQ(neox.encode("  ").ids, (Ids{50276}));
    EXPECT_EQ(neox.encode("a  b").ids, (Ids{66, 50276, 67}));
    EXPECT_EQ(neox.encode(std::string(26, ' ')).ids, (Ids{50254, 50276}));
    // The same text in NFC and in NFD.
    EXPECT_EQ(neox.encode("caf\u00e9 na\u00efve \u00c5ngstr\u00f6m \u1ed9 \uac01"),
              neox.encode("cafe\u0301 nai\u0308ve A\u030angstro\u0308m o\u0302\u0323 \u1100\u1161\u11a8"));
    EXPECT_EQ(neox.decode(neox.encode("o\u0302\u0323  \u212b").ids), "\u1ed9  \u00c5");
    // No valid text has these bytes, and the vocabulary has no token for them.
    EXPECT_EQ(neox.encode("a\xff").status, TokenizeStatus::no_token);
}

// A tokenizer that has each of `words` as one token, and each two neighbours as one more: text is cut into
// exactly these only if it was split between all of them and nowhere else.
Loaded splitter_for(const Words &words) {
    Toy toy;
    std::set<std::pair<std::string, std::string>> merged;
    const auto merge = [&](const std::string &left, const std::string &right) {
        if (merged.emplace(left, right).second) toy.merge(left, right);
    };
    for (const std::string &word : words)
        for (size_t i = 1; i < word.size(); ++i) merge(word.substr(0, i), word.substr(i, 1));
    for (size_t i = 1; i < words.size(); ++i) merge(words[i - 1], words[i]);
    return Loaded(toy.json());
}

TEST(Tokenizer, SplitsAsGpt2Does) {
    const Words cases[] = {
        {"Hello", " world", "!"},
        {"I", "'m", " we", "'ll", " they", "'ve", " you", "'re", " he", "'d", " it", "'s", " don", "'t"},
        {"'s", "x"},
        {"x", "'", "S"},
        {"x", "'", "r"},
        {"x", "'", "rx"},
        {"x", "'", "v", "1"},
        {"x", "'", "l", " l"},
        {"x", "''", "s"},
        {"x", "!'", "s"},
        {"x", " '", "s"},
        {"x", "'"},
        {"abc", "123", "def"},
        {"a", " 123", " .,;", "b"},
        {"a", " ", " b"},
        {"a", "  ", " b"},
        {"a", "\n", "b"},
        {"a", " ", "\n", "b"},
        {"a", "\n", " b"},
        {"a", " \n\t "},
        {"  "},
        {"\t", "\t", "x"},
        {"x", "\u00a0", "y"},
        {"x", "\u3000", " y"},
        {"x", "\u2003\u3000", " \u00e9t\u00e9"},
        {"\u65e5\u672c", " \u8a9e", "\u3002"},
        {"\u0391\u03b2", "\u0663\u00bd\u2167", "\u00df"},  // Nd, No and Nl are all numbers
        {"a", "\u0301", "b"},                              // a combining mark is not a letter
        {"\U0001f600\u200d", " \u2764"},
        {"a", "\xff\xc3", "b"},
        {"a", " \x80\xf5", " "},
    };
    for (const Words &words : cases) {
        std::string text;
        for (const std::string &word : words) text += word;
        EXPECT_EQ(splitter_for(words).words(text), words) << '"' << text << '"';
    }
}

TEST(Tokenizer, PutsASpaceInFront) {
    Toy toy;
    toy.pre_tokenizer = R"({"type":"ByteLevel","add_prefix_space":true})";
    toy.add(256, "<x>", R"(,"special":true)");
    const Loaded loaded(toy.json());
    EXPECT_EQ(loaded.words("a"), (Words{" ", "a"}));
    EXPECT_EQ(loaded.words(" a"), (Words{" ", "a"}));
    EXPECT_EQ(loaded.words("\na"), (Words{" ", "\n", "a"}));
    EXPECT_EQ(loaded.words(""), Words{});
    EXPECT_EQ(loaded.words("a<x>b<x>", tokenize_special), (Words{" ", "a", "<x>", " ", "b", "<x>"}));
}

TEST(Tokenizer, FindsAddedTokens) {
    Toy toy;
    toy.normalizer = R"({"type":"NFC"})";
    toy.add(256, "<s>", R"(,"special":true)");
    toy.add(257, "<s>>", R"(,"special":true)");
    toy.add(258, "ab");
    toy.add(259, "<l>", R"(,"lstrip":true,"normalized":false)");
    toy.add(260, "<r>", R"(,"rstrip":true)");
    toy.add(261, "<b>", R"(,"lstrip":true,"rstrip":true)");
    toy.add(262, "\u00e9x", R"(,"normalized":true)");
    toy.add(263, "  ", R"(,"normalized":true)");
    const Loaded loaded(toy.json());
    EXPECT_EQ(loaded.words("x<s>>>", tokenize_special), (Words{"x", "<s>>", ">"}));
    EXPECT_EQ(loaded.words("<s", tokenize_special), (Words{"<", "s"}));
    // Without the flag a special token is text, and hides what it covers, but others are found.
    EXPECT_EQ(loaded.words("<s>ab<s>"), (Words{"<", "s", ">", "ab", "<", "s", ">"}));
    EXPECT_EQ(loaded.words("x \n<l> y"), (Words{"x", "<l>", " ", "y"}));
    EXPECT_EQ(loaded.words("x  <l>"), (Words{"x", "<l>"}));
    EXPECT_EQ(loaded.words("x <r> \n\u3000y"), (Words{"x", " ", "<r>", "y"}));
    EXPECT_EQ(loaded.words(" <b> <b> "), (Words{"<b>", "<b>"}));
    EXPECT_EQ(loaded.words("e\u0301xe"), (Words{"\u00e9x", "e"}));
    EXPECT_EQ(loaded.words("a   b"), (Words{"a", "  ", " ", "b"}));
    EXPECT_EQ(find_token(&loaded.tokenizer, "<s>", 3), 256);
    EXPECT_EQ(find_token(&loaded.tokenizer, "  ", 2), 263);
    EXPECT_EQ(find_token(&loaded.tokenizer, "a", 1), -1);
    const uint8_t *bytes;
    uint32_t size;
    bool special;
    EXPECT_TRUE(token_bytes(&loaded.tokenizer, 256, &bytes, &size, &special) && special && size == 3);
    EXPECT_TRUE(token_bytes(&loaded.tokenizer, 258, &bytes, &size, &special) && !special && size == 2);
    EXPECT_FALSE(token_bytes(&loaded.tokenizer, -1, &bytes, &size, &special));
    EXPECT_FALSE(token_bytes(&loaded.tokenizer, 264, &bytes, &size, &special));
}

// What both are meant to do, in the plainest way.
std::vector<int32_t> plain_bpe(const Toy &toy, const std::string &word) {
    Words symbols;
    for (const char c : word) symbols.emplace_back(1, c);
    for (;;) {
        size_t best = toy.merges.size(), at = 0;
        for (size_t i = 0; i + 1 < symbols.size(); ++i)
            for (size_t rank = 0; rank < best; ++rank)
                if (toy.merges[rank].first == symbols[i] && toy.merges[rank].second == symbols[i + 1])
                    best = rank, at = i;
        if (best == toy.merges.size()) break;
        symbols[at] += symbols[at + 1];
        symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(at) + 1);
    }
    std::vector<int32_t> ids;
    for (const std::string &symbol : symbols)
        ids.push_back(static_cast<int32_t>(std::find(toy.tokens.begin(), toy.tokens.end(), symbol) -
                                           toy.tokens.begin()));
    return ids;
}

TEST(Bpe, ShortAndLongDoTheSame) {
    std::mt19937 random(7);
    for (unsigned seed = 0; seed < 8; ++seed) {
        const Toy toy = dense_toy(seed, 60);
        const Loaded loaded(toy.json());
        for (int round = 0; round < 150; ++round) {
            const size_t size = round < 70 ? static_cast<size_t>(round) : random() % 700;
            std::string word;
            for (size_t i = 0; i < size; ++i)
                word += static_cast<char>('a' + random() % (1 + static_cast<unsigned>(round) % 3));
            std::vector<int32_t> a(word.begin(), word.end()), b = a;
            std::vector<int32_t> scratch(bpe_long_scratch(size) + 1, -7);
            a.resize(bpe_short(loaded.tokenizer, a.data(), size, scratch.data()));
            b.resize(bpe_long(loaded.tokenizer, b.data(), size, scratch.data()));
            EXPECT_EQ(scratch.back(), -7);
            ASSERT_EQ(a, b) << word;
            if (size < 100) {
                ASSERT_EQ(a, plain_bpe(toy, word)) << word;
            }
            ASSERT_EQ(loaded.encode(word).ids, a);
        }
    }
}

TEST(Tokenizer, WideAndNarrowTablesDoTheSame) {
    Toy toy = dense_toy(3, 60);
    const Loaded narrow(toy.json());
    toy.add(70000, "<far>");
    const Loaded wide(toy.json());
    EXPECT_EQ(narrow.tokenizer.flags & tokenizer_wide, 0u);
    EXPECT_EQ(wide.tokenizer.flags & tokenizer_wide, tokenizer_wide);
    const std::string text = "abcabcbabcbacbbaabcabcbabcabcbacbabcbabcbacbabcabcb abc, aab 12 \u00e9\xff";
    EXPECT_EQ(narrow.encode(text), wide.encode(text));
    EXPECT_EQ(wide.encode("a<far>").ids, (std::vector<int32_t>{'a', 70000}));
}

TEST(Tokenizer, AnyBytesComeBack) {
    const Loaded loaded(dense_toy(5, 60).json());
    std::mt19937 random(11);
    for (int round = 0; round < 2000; ++round) {
        std::string text(random() % 200, 0);
        for (char &c : text)
            c = static_cast<char>(round % 2 ? random() : "abc \n'\xc3\xa9\xe2"[random() % 9]);
        const Encoded encoded = loaded.encode(text, tokenize_special);
        ASSERT_EQ(encoded.status, TokenizeStatus::ok);
        ASSERT_EQ(loaded.decode(encoded.ids), text);
    }
}

TEST(Tokenizer, KeepsToItsCapacity) {
    Toy toy = dense_toy(5, 60);
    toy.normalizer = R"({"type":"NFC"})";
    const Loaded loaded(toy.json());
    const auto run = [&](const std::string &text, size_t capacity, std::vector<int32_t> *ids, size_t *count) {
        ids->assign(capacity + 8, -9);
        const TokenizeStatus status =
            tokenize(&loaded.tokenizer, text.data(), text.size(), 0, ids->data(), capacity, count);
        EXPECT_LE(*count, capacity);
        EXPECT_TRUE(std::all_of(ids->end() - 8, ids->end(), [](int32_t id) { return id == -9; }));
        return status;
    };
    const std::string words = "abcab cabba, abc 123 'll bcb abcabcabcabcabcabcabcabcabcabcb";
    const std::string word = std::string(300, 'a') + " ab";
    for (const std::string &text : {words, word}) {
        const Encoded whole = loaded.encode(text);
        size_t enough = 0;
        for (size_t capacity = 0; capacity <= tokenize_capacity(text.size()); ++capacity) {
            std::vector<int32_t> ids;
            size_t count = 0;
            const TokenizeStatus status = run(text, capacity, &ids, &count);
            ids.resize(count);
            EXPECT_TRUE(std::equal(ids.begin(), ids.end(), whole.ids.begin()));
            if (status == TokenizeStatus::ok) {
                enough = enough ? enough : capacity;
                EXPECT_EQ(ids, whole.ids);
            } else {
                EXPECT_EQ(status, TokenizeStatus::capacity);
                EXPECT_EQ(enough, 0u);
            }
        }
        // Short words need no more than their ids.
        EXPECT_TRUE(text == word ? enough > 300 : enough == whole.ids.size());
    }
    // The most that a byte can become: U+1D160 has three times its size in NFC.
    for (size_t n : {1, 2, 7, 15, 16, 17, 100, 1000}) {
        std::string text;
        for (size_t i = 0; i < n; ++i) text += "\U0001D160";
        const Encoded encoded = loaded.encode(text);
        EXPECT_EQ(encoded.status, TokenizeStatus::ok);
        EXPECT_EQ(encoded.ids.size(), 12 * n);
    }
}

TEST(Tokenizer, EmptyTextHasNoTokens) {
    const Loaded loaded(Toy().json());
    size_t count = 7;
    EXPECT_EQ(tokenize(&loaded.tokenizer, nullptr, 0, 0, nullptr, 0, &count), TokenizeStatus::ok);
    EXPECT_EQ(count, 0u);
}

}  // namespace
}  // namespace adder::test

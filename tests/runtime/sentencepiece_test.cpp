// BPE over characters: the ids of the sentencepiece library and of a plain search, texts from tokens, and sections that lie.
// SPDX-License-Identifier: MIT
#include <cstring>
#include <map>
#include <random>

#include "converter/base/error.h"
#include "runtime/bpe_long.h"
#include "runtime/unicode.h"
#include "tests/runtime/sentencepiece_fixture.h"

namespace adder::test {
namespace {

struct Expected {
    const char *text;
    std::vector<int32_t> ids;
};

void expect_ids(const Pieces &pieces, const std::vector<Expected> &all) {
    for (const Expected &expected : all) EXPECT_EQ(pieces.ids(expected.text), expected.ids) << expected.text;
}

}  // namespace

// What sentencepiece 0.1.97 gives for toy_file().
TEST(SentencePiece, AsLlamaBytesAndASpaceInFront) {
    expect_ids(Pieces(toy_file(true).spaces(true, false).bytes()),
               {
                   {"", {}},
                   {"the", {264}},
                   {"the  the", {264, 297, 264}},
                   {" the ", {297, 264, 297}},
                   {"in the end", {275, 264, 297, 302, 268}},
                   {"an other thing", {263, 307, 297, 308, 310, 260, 309, 269, 274}},
                   {"don't", {297, 301, 265, 287}},
                   {"don't 't", {297, 301, 265, 315, 285, 287}},
                   {"aaaaaaa", {263, 277, 276}},
                   {"aaa aaaaa", {263, 276, 263, 277}},
                   {"ababab", {263, 299, 281}},
                   {"abba baab", {263, 299, 280, 297, 299, 276, 299}},
                   {"xyz", {297, 291, 314}},
                   {"xyzxyzx", {297, 291, 293, 292, 312}},
                   {"zxy", {297, 293, 313}},
                   {"\303\251t\303\251 \303\251t", {297, 283, 297, 282}},
                   {"\344\275\240\345\245\275\344\275\240", {297, 284, 320}},
                   {"\345\245\275\344\275\240\345\245\275", {297, 321, 284}},
                   {"====== =", {297, 289, 288, 297, 316}},
                   {"\360\237\230\200\360\237\230\200\360\237\230\200", {297, 290, 322}},
                   {"\360\237\230\201", {297, 243, 162, 155, 132}},
                   {"a\320\226b", {263, 211, 153, 299}},
                   {"\320\226\320\226 \320\226", {297, 211, 153, 211, 153, 297, 211, 153}},
                   {"<u>a<u>", {297, 294, 298, 294}},
                   {"<s>a</s>", {297, 63, 118, 65, 298, 63, 50, 118, 65}},
                   {"\012\012\012", {297, 295, 318}},
                   {"a\012 \012\012b", {263, 318, 297, 295, 299}},
                   {"  +a + +", {267, 296, 298, 296, 296}},
                   {" \342\226\201 a\342\226\201", {267, 297, 263, 297}},
                   {"t t  t", {259, 259, 297, 259}},
                   {"\011", {297, 12}},
                   {"q", {297, 116}},
                   {"the\302\240end", {264, 197, 163, 302, 268}},
                   {"<0x41>", {297, 63, 51, 312, 55, 52, 65}},
                   {"<unk>", {297, 63, 311, 307, 110, 65}},
                   {"    a    ", {272, 263, 272}},
               });
}

TEST(SentencePiece, AsGemmaBytesAndNoSpaceInFront) {
    expect_ids(Pieces(toy_file(true).spaces(false, false).bytes()),
               {
                   {"", {}},
                   {"the", {310, 260}},
                   {"the  the", {310, 260, 297, 264}},
                   {" the ", {264, 297}},
                   {"in the end", {261, 264, 297, 302, 268}},
                   {"an other thing", {298, 307, 297, 308, 310, 260, 309, 269, 274}},
                   {"don't", {301, 265, 287}},
                   {"don't 't", {301, 265, 315, 285, 287}},
                   {"aaaaaaa", {277, 278}},
                   {"aaa aaaaa", {278, 263, 277}},
                   {"ababab", {281, 279}},
                   {"abba baab", {279, 280, 297, 299, 276, 299}},
                   {"xyz", {291, 314}},
                   {"xyzxyzx", {291, 293, 292, 312}},
                   {"zxy", {293, 313}},
                   {"\303\251t\303\251 \303\251t", {283, 297, 282}},
                   {"\344\275\240\345\245\275\344\275\240", {284, 320}},
                   {"\345\245\275\344\275\240\345\245\275", {321, 284}},
                   {"====== =", {289, 288, 297, 316}},
                   {"\360\237\230\200\360\237\230\200\360\237\230\200", {290, 322}},
                   {"\360\237\230\201", {243, 162, 155, 132}},
                   {"a\320\226b", {298, 211, 153, 299}},
                   {"\320\226\320\226 \320\226", {211, 153, 211, 153, 297, 211, 153}},
                   {"<u>a<u>", {294, 298, 294}},
                   {"<s>a</s>", {63, 118, 65, 298, 63, 50, 118, 65}},
                   {"\012\012\012", {295, 318}},
                   {"a\012 \012\012b", {298, 318, 297, 295, 299}},
                   {"  +a + +", {297, 296, 298, 296, 296}},
                   {" \342\226\201 a\342\226\201", {267, 263, 297}},
                   {"t t  t", {310, 259, 297, 259}},
                   {"\011", {12}},
                   {"q", {116}},
                   {"the\302\240end", {310, 260, 197, 163, 302, 268}},
                   {"<0x41>", {63, 51, 312, 55, 52, 65}},
                   {"<unk>", {63, 311, 307, 110, 65}},
                   {"    a    ", {267, 297, 263, 272}},
               });
}

TEST(SentencePiece, UnknownCharactersAndSpacesSqueezed) {
    expect_ids(Pieces(toy_file(false).spaces(true, true).bytes()),
               {
                   {"", {}},
                   {"the", {8}},
                   {"the  the", {8, 8}},
                   {" the ", {8}},
                   {"in the end", {19, 8, 41, 46, 12}},
                   {"an other thing", {7, 51, 41, 52, 54, 4, 53, 13, 18}},
                   {"don't", {41, 45, 9, 31}},
                   {"don't 't", {41, 45, 9, 59, 29, 31}},
                   {"aaaaaaa", {7, 21, 20}},
                   {"aaa aaaaa", {7, 20, 7, 21}},
                   {"ababab", {7, 43, 25}},
                   {"abba baab", {7, 43, 24, 41, 43, 20, 43}},
                   {"xyz", {41, 35, 58}},
                   {"xyzxyzx", {41, 35, 37, 36, 56}},
                   {"zxy", {41, 37, 57}},
                   {"\303\251t\303\251 \303\251t", {41, 27, 41, 26}},
                   {"\344\275\240\345\245\275\344\275\240", {41, 28, 64}},
                   {"\345\245\275\344\275\240\345\245\275", {41, 65, 28}},
                   {"====== =", {41, 33, 32, 41, 60}},
                   {"\360\237\230\200\360\237\230\200\360\237\230\200", {41, 34, 66}},
                   {"\360\237\230\201", {41, 0}},
                   {"a\320\226b", {7, 0, 43}},
                   {"\320\226\320\226 \320\226", {41, 0, 41, 0}},
                   {"<u>a<u>", {41, 38, 42, 38}},
                   {"<s>a</s>", {41, 0, 42, 0}},
                   {"\012\012\012", {41, 39, 62}},
                   {"a\012 \012\012b", {7, 62, 41, 39, 43}},
                   {"  +a + +", {40, 42, 40, 40}},
                   {" \342\226\201 a\342\226\201", {11, 7}},
                   {"t t  t", {3, 3, 3}},
                   {"\011", {41, 0}},
                   {"q", {41, 0}},
                   {"the\302\240end", {8, 0, 46, 12}},
                   {"<0x41>", {41, 0, 56, 0}},
                   {"<unk>", {41, 0, 55, 51, 0}},
                   {"    a    ", {7}},
               });
}

namespace {

// The same by looking at all neighbours again and again, over a map of pieces.
struct Plain {
    std::map<std::string, std::pair<float, int32_t>> pieces;
    std::vector<std::string> alone;  // a user's own: never merged
    std::map<std::string, int32_t> own;
    bool bytes;

    std::vector<int32_t> ids(const std::string &text, bool prefix) const {
        std::string spaced = prefix && !text.empty() ? SPACE : "";
        for (const char c : text) spaced += c == ' ' ? std::string(SPACE) : std::string(1, c);
        struct Symbol {
            std::string text;
            bool frozen;
        };
        std::vector<Symbol> symbols;
        for (size_t at = 0; at < spaced.size();) {
            size_t size = 0;
            for (const auto &[piece, id] : own)
                if (spaced.compare(at, piece.size(), piece) == 0) size = std::max(size, piece.size());
            const bool frozen = size > 0;
            if (!frozen)
                for (size = 1; at + size < spaced.size() && (spaced[at + size] & 0xC0) == 0x80;) ++size;
            symbols.push_back({spaced.substr(at, size), frozen});
            at += size;
        }
        for (;;) {
            size_t best = symbols.size();
            float score = 0;
            for (size_t i = 0; i + 1 < symbols.size(); ++i) {
                if (symbols[i].frozen || symbols[i + 1].frozen) continue;
                const auto found = pieces.find(symbols[i].text + symbols[i + 1].text);
                if (found == pieces.end() || (best < symbols.size() && found->second.first <= score))
                    continue;
                best = i;
                score = found->second.first;
            }
            if (best == symbols.size()) break;
            symbols[best].text += symbols[best + 1].text;
            symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
        }
        std::vector<int32_t> result;
        bool after_unknown = false;
        for (const Symbol &symbol : symbols) {
            const auto mine = own.find(symbol.text);
            const auto found = pieces.find(symbol.text);
            if (symbol.frozen) {
                result.push_back(mine->second);
            } else if (found != pieces.end()) {
                result.push_back(found->second.second);
            } else if (bytes) {
                for (const char c : symbol.text) result.push_back(3 + static_cast<uint8_t>(c));
            } else if (!after_unknown) {
                result.push_back(0);
            }
            after_unknown = !bytes && !symbol.frozen && found == pieces.end();
        }
        return result;
    }
};

std::string random_text(std::mt19937 &random, size_t most, const std::vector<std::string> &letters) {
    std::string text;
    for (size_t left = random() % (most + 1); left > 0; --left) text += letters[random() % letters.size()];
    return text;
}

}  // namespace

TEST(SentencePiece, AgreesWithAPlainSearch) {
    const std::vector<std::string> letters = {"a", "b", "c", SPACE, "\xC3\xA9", "\xF0\x9F\x98\x80"};
    std::vector<std::string> texts = letters;
    texts[3] = " ";
    texts.insert(texts.end(), {"q", "\xD0\x96", SPACE, "aaaa", "ab"});  // two without a piece
    std::mt19937 random(11);
    for (int round = 0; round < 60; ++round) {
        const bool bytes = round % 2 == 0, prefix = round % 3 == 0;
        ModelFile file(bytes);
        Plain plain;
        plain.bytes = bytes;
        const auto add = [&](const std::string &text, float score, uint32_t type) {
            if (text.empty() || plain.pieces.count(text) || plain.own.count(text)) return;
            const auto id = static_cast<int32_t>(file.piece(text, score, type));
            if (type == piece_user)
                plain.own[text] = id;
            else
                plain.pieces[text] = {score, id};
        };
        if (round % 4 == 1) {
            add("bab", 0, piece_user);
            add("c" SPACE, 0, piece_user);
            add("bb", 0, piece_user);
        }
        for (const std::string &letter : letters) add(letter, -1000, piece_normal);
        for (int i = 0; i < 1 + round * 3; ++i)  // scores tie often
            add(random_text(random, 4, letters) + random_text(random, 4, letters),
                -static_cast<float>(random() % 40), piece_normal);
        const Pieces pieces(file.spaces(prefix, false).bytes());
        for (int i = 0; i < 60; ++i) {
            const std::string text = random_text(random, i < 50 ? 40 : 300, texts);
            ASSERT_EQ(pieces.ids(text), plain.ids(text, prefix)) << text << " in round " << round;
        }
        for (const char *one : {"a", "ab", " "}) {
            std::string run;
            while (run.size() < 500) run += one;
            ASSERT_EQ(pieces.ids(run), plain.ids(run, prefix)) << run << " in round " << round;
        }
    }
}

// A word of one million letters that all merge: the ranks that are asked for grow with the letters, whatever the merges.
TEST(SentencePiece, WorkOfOneLongWordIsBounded) {
    struct Counting {
        size_t *asked;
        uint32_t kind;
        int32_t rank(int32_t left, int32_t right) const {
            ++*asked;
            if (kind == 0) return left == right && left < 20 ? left : no_rank;    // doubles
            if (kind == 1) return right == 0 && left < 100000 ? 5 : no_rank;      // grows at its left
            if (kind == 2) return left == 0 && right < 100000 ? right : no_rank;  // grows at its right
            return (left * 7 + right * 13) % 5 != 4 && left < 64 ? (left ^ right) % 17 : no_rank;
        }
        int32_t merged(int32_t left, int32_t right) const {
            return kind == 0 ? left + 1 : kind == 3 ? (left * 31 + right) % 128 : left + right + 1;
        }
    };
    for (const size_t count : {1000, 30000, 1000000}) {
        for (uint32_t kind = 0; kind < 4; ++kind) {
            std::vector<int32_t> symbols(count, 0), scratch(3 * count + 1000);
            size_t asked = 0;
            const size_t left = merge_long(Counting{&asked, kind}, symbols.data(), count, scratch.data());
            EXPECT_LT(left, count) << kind;
            EXPECT_LE(asked, count + 2 * (count - left)) << kind;  // at first, and two a merge
        }
    }
}

TEST(SentencePiece, OneLongWordNeedsTheCapacityThatSuffices) {
    const Pieces pieces(toy_file(true).spaces(false, false).bytes());
    const std::string run(100000, 'a');
    const std::vector<int32_t> all = pieces.ids(run);
    EXPECT_EQ(all, std::vector<int32_t>(25000, pieces.ids("aaaa")[0]));
    std::vector<int32_t> ids;
    EXPECT_EQ(pieces.encode(run, &ids, run.size() / 2), TokenizeStatus::capacity);
    EXPECT_TRUE(ids.empty());
    // A text of words of at most 32 characters needs the room of its ids alone, wherever it has no spaces.
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "in the end==\n\xE4\xBD\xA0\xE5\xA5\xBDthe\xD0\x96xyz.";
    const std::vector<int32_t> wanted = pieces.ids(text);
    EXPECT_EQ(pieces.encode(text, &ids, wanted.size() + 32), TokenizeStatus::ok);
    EXPECT_EQ(ids, wanted);
    for (size_t capacity = 0; capacity < 40; ++capacity) {
        EXPECT_EQ(pieces.encode(text, &ids, capacity), TokenizeStatus::capacity);
        EXPECT_TRUE(std::equal(ids.begin(), ids.end(), wanted.begin())) << capacity;
    }
}

TEST(SentencePiece, InvalidBytesAreKept) {
    const Pieces pieces(toy_file(true).spaces(false, false).bytes());
    EXPECT_EQ(pieces.ids("\xFF"
                         "a\xC3"),
              (std::vector<int32_t>{3 + 0xFF, pieces.ids("a")[0], 3 + 0xC3}));
    EXPECT_EQ(pieces.decode(pieces.ids("\x80 the\xF0\x9F\x98 \xED\xA0\x80")),
              "\x80 the\xF0\x9F\x98 \xED\xA0\x80");
    const Pieces unknown(toy_file(false).spaces(false, false).bytes());
    EXPECT_EQ(unknown.ids("\xFF\xFE"), std::vector<int32_t>{0});
}

TEST(SentencePiece, SpecialTokensAndTheOneThatBegins) {
    const Pieces pieces(toy_file(true).spaces(true, false).bytes());
    const std::vector<int32_t> the = pieces.ids("the");
    EXPECT_EQ(pieces.ids("the", tokenize_begin), (std::vector<int32_t>{1, the[0]}));
    EXPECT_EQ(pieces.ids("", tokenize_begin), std::vector<int32_t>{1});
    // Each piece of text between them gets its space.
    EXPECT_EQ(pieces.ids("<s>the</s>the", tokenize_special), (std::vector<int32_t>{1, the[0], 2, the[0]}));
    EXPECT_EQ(pieces.ids("<s>").size(), 4u);
    EXPECT_EQ(find_token(&pieces.tokenizer, "</s>", 4), 2);
    const uint8_t *bytes = nullptr;
    uint32_t size = 0;
    for (const int32_t id : {0, 1, 2}) {
        bool special = false;
        EXPECT_TRUE(token_bytes(&pieces.tokenizer, id, &bytes, &size, &special) && special);
    }
    bool special = true;
    EXPECT_TRUE(token_bytes(&pieces.tokenizer, 3 + 'a', &bytes, &size, &special) && !special);
    EXPECT_EQ(std::string(reinterpret_cast<const char *>(bytes), size), "a");
    EXPECT_EQ(pieces.text_of(the[0]), " the");

    ModelFile none = toy_file(true);
    none.trainer += wire_field(46, "<begin>");  // no such piece
    EXPECT_EQ(Pieces(none.bytes()).ids("the", tokenize_begin), the);
}

namespace {

void use(const std::vector<uint8_t> &section) {
    Tokenizer tokenizer;
    if (tokenizer_open(&tokenizer, section.data(), section.size()) != TokenizeStatus::ok) return;
    const std::string text =
        "<s>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  the<u> \xF0\x9F\x98\x80\xFF" SPACE "xyzq\n\n ";
    std::vector<int32_t> ids(tokenize_capacity(text.size()));
    size_t count = 0;
    const TokenizeStatus status = tokenize(&tokenizer, text.data(), text.size(),
                                           tokenize_special | tokenize_begin, ids.data(), ids.size(), &count);
    ASSERT_NE(status, TokenizeStatus::capacity);
    for (size_t i = 0; i < count; ++i) {
        const uint8_t *bytes = nullptr;
        uint32_t size = 0;
        ASSERT_TRUE(token_bytes(&tokenizer, ids[i], &bytes, &size, nullptr));
    }
}

}  // namespace

TEST(SentencePiece, RefusesASectionThatIsCut) {
    const Pieces toy(toy_file(false).bytes());
    for (size_t size = 0; size < toy.section.size(); ++size) {
        std::vector<uint8_t> part(toy.section.begin(), toy.section.begin() + static_cast<ptrdiff_t>(size));
        Tokenizer tokenizer;
        ASSERT_NE(tokenizer_open(&tokenizer, part.data(), part.size()), TokenizeStatus::ok) << size;
        if (size < sizeof(TokenizerHeader)) continue;
        const uint32_t claim = static_cast<uint32_t>(size);
        std::memcpy(part.data() + sizeof(TokenizerHeader) - 4, &claim, 4);
        ASSERT_NE(tokenizer_open(&tokenizer, part.data(), part.size()), TokenizeStatus::ok) << size;
    }
}

TEST(SentencePiece, RefusesASectionThatContradictsItself) {
    const Pieces toy(toy_file(false).bytes());
    const auto changed = [&](size_t at, uint32_t value) {
        std::vector<uint8_t> section = toy.section;
        std::memcpy(section.data() + at, &value, 4);
        Tokenizer tokenizer;
        return tokenizer_open(&tokenizer, section.data(), section.size());
    };
    const TokenizeStatus damaged = TokenizeStatus::damaged, unsupported = TokenizeStatus::unsupported;
    const uint32_t tokens = toy.tokenizer.tokens, characters = toy.tokenizer.characters->characters;
    EXPECT_EQ(changed(0, 3), TokenizeStatus::ok);
    EXPECT_NE(changed(0, 1), TokenizeStatus::ok);  // as if it were of bytes
    EXPECT_EQ(changed(4, tokenizer_nfc), unsupported);
    EXPECT_EQ(changed(4, 256), unsupported);
    EXPECT_EQ(changed(32, tokens + 1), damaged);      // more characters than tokens
    EXPECT_EQ(changed(32, characters - 1), damaged);  // the parts do not end where they should
    EXPECT_EQ(changed(36, 1), damaged);               // a spelling
    EXPECT_EQ(changed(36, 0xFFFFFFFF), damaged);
    EXPECT_EQ(changed(40, tokenizer_none), TokenizeStatus::ok);
    EXPECT_EQ(changed(48, 4), damaged);  // log2 of bits
    EXPECT_EQ(changed(48, 28), damaged);
    EXPECT_EQ(changed(48, 31), damaged);
    for (size_t reserved = 52; reserved < 64; reserved += 4) EXPECT_EQ(changed(reserved, 1), damaged);
}

TEST(SentencePiece, SurvivesDamage) {
    for (const bool spaces : {false, true}) {
        const Pieces toy(toy_file(false).spaces(spaces, spaces).bytes());
        for (size_t bit = 0; bit < toy.section.size() * 8; ++bit) {
            std::vector<uint8_t> section = toy.section;
            section[bit / 8] = static_cast<uint8_t>(section[bit / 8] ^ 1u << bit % 8);
            use(section);
        }
        std::mt19937 random(3);
        for (int round = 0; round < 10000; ++round) {
            std::vector<uint8_t> section = toy.section;
            for (unsigned i = 0; i < 1 + random() % 8; ++i) {
                const size_t at = random() % (round % 2 ? 128 : section.size());
                section[at] = static_cast<uint8_t>(round % 3 ? random() : 0xFF * (random() % 2));
            }
            use(section);
        }
    }
}

}  // namespace adder::test

// Tokenizers of longest match: the ids of a naive search, texts that nothing is lost of, and sections that lie.
// SPDX-License-Identifier: MIT
#include <cstring>
#include <map>
#include <random>

#include "converter/import/tokenizer_section.h"
#include "tests/runtime/tokenizer_fixture.h"

namespace adder::test {
namespace {

// Id 0 is special, the bytes follow, then these.
SectionSource source_of(const std::vector<std::string> &tokens) {
    SectionSource source;
    source.texts.emplace_back("<end>");
    source.added.push_back({0, added_special, false});
    for (int byte = 0; byte < 256; ++byte) source.texts.emplace_back(1, static_cast<char>(byte));
    source.texts.insert(source.texts.end(), tokens.begin(), tokens.end());
    return source;
}

struct Longest {
    SectionSource source;
    std::vector<uint8_t> section;
    Tokenizer tokenizer;
    TokenizeStatus status;

    explicit Longest(const SectionSource &given)
        : source(given), section(write_longest_section(source, "toy")) {
        status = tokenizer_open(&tokenizer, section.data(), section.size());
    }
    std::vector<int32_t> encode(const std::string &text, uint32_t flags = 0) const {
        std::vector<int32_t> ids(tokenize_capacity(text.size()));
        size_t count = 0;
        EXPECT_EQ(tokenize(&tokenizer, text.data(), text.size(), flags, ids.data(), ids.size(), &count),
                  TokenizeStatus::ok);
        ids.resize(count);
        return ids;
    }
    // At each place each length from the longest on.
    std::vector<int32_t> naive(const std::string &text) const {
        std::map<std::string, int32_t> tokens;
        for (size_t id = 1; id < source.texts.size(); ++id)
            if (!source.texts[id].empty()) tokens[source.texts[id]] = static_cast<int32_t>(id);
        std::vector<int32_t> ids;
        for (size_t at = 0; at < text.size();) {
            size_t size = std::min<size_t>(text.size() - at, 255);
            while (tokens.count(text.substr(at, size)) == 0) --size;
            ids.push_back(tokens[text.substr(at, size)]);
            at += size;
        }
        return ids;
    }
};

std::string random_text(std::mt19937 &random, size_t most, const std::string &letters) {
    std::string text(random() % (most + 1), ' ');
    for (char &c : text) c = letters[random() % letters.size()];
    return text;
}

// Words over few letters: many are the beginnings of others, and many searches end at what is none.
SectionSource random_source(unsigned seed, size_t count, const std::string &letters) {
    std::mt19937 random(seed);
    std::set<std::string> known;
    std::vector<std::string> tokens;
    while (tokens.size() < count) {
        const std::string token = random_text(random, 12, letters) + random_text(random, 3, letters);
        if (token.size() >= 2 && known.insert(token).second) tokens.push_back(token);
    }
    return source_of(tokens);
}

}  // namespace

TEST(LongestMatch, TakesTheLongestTokenAtEachPlace) {
    const Longest toy(source_of({"ab", "abcde", "bcd", "a\xFF", "\xC3\xA9"}));
    ASSERT_EQ(toy.status, TokenizeStatus::ok);
    const auto byte = [](unsigned char b) { return b + 1; };
    EXPECT_EQ(toy.encode("abcd"), (std::vector<int32_t>{257, byte('c'), byte('d')}));  // greedy, not fewest
    EXPECT_EQ(toy.encode("abcdef"), (std::vector<int32_t>{258, byte('f')}));
    EXPECT_EQ(toy.encode("bcda\xFF\xC3\xA9\xC3"), (std::vector<int32_t>{259, 260, 261, byte(0xC3)}));
    EXPECT_EQ(toy.encode(std::string("\0\xFE", 2)), (std::vector<int32_t>{byte(0), byte(0xFE)}));
    EXPECT_TRUE(toy.encode("").empty());
}

TEST(LongestMatch, AgreesWithANaiveSearch) {
    const std::string letters[] = {"ab", "abc", std::string("\x00\xFF\x80", 3), "abcdefghij"};
    std::mt19937 random(5);
    for (unsigned seed = 0; seed < 24; ++seed) {
        SectionSource source = random_source(seed, 1 + seed * seed, letters[seed % 4]);
        source.wide = seed % 3 == 0;
        if (seed % 2 == 1) {  // unused ids, and the longest texts that there may be
            source.texts.insert(source.texts.end(), {"", std::string(255, 'a'), "", std::string(254, 'a')});
        }
        const Longest toy(source);
        ASSERT_EQ(toy.status, TokenizeStatus::ok);
        EXPECT_EQ((toy.tokenizer.flags & tokenizer_wide) != 0, source.wide);
        for (int round = 0; round < 60; ++round) {
            const std::string text = random_text(random, 400, letters[seed % 4]);
            EXPECT_EQ(toy.encode(text), toy.naive(text)) << seed;
        }
        EXPECT_EQ(toy.encode(std::string(1000, 'a')), toy.naive(std::string(1000, 'a')));
    }
}

TEST(LongestMatch, EveryTokenIsItself) {
    const Longest toy(random_source(77, 3000, "abcd"));
    for (size_t id = 1; id < toy.source.texts.size(); ++id)
        ASSERT_EQ(toy.encode(toy.source.texts[id]), std::vector<int32_t>{static_cast<int32_t>(id)});
}

TEST(LongestMatch, SpecialTokensAreRecognisedIfAskedFor) {
    const Longest toy(source_of({"<e", "nd"}));
    EXPECT_EQ(toy.encode("nd<end>nd", tokenize_special), (std::vector<int32_t>{258, 0, 258}));
    EXPECT_EQ(toy.encode("<end>"), (std::vector<int32_t>{257, 258, '>' + 1}));
    EXPECT_EQ(toy.encode("<end", tokenize_special), (std::vector<int32_t>{257, 258}));
    EXPECT_EQ(find_token(&toy.tokenizer, "<end>", 5), 0);
    EXPECT_EQ(find_token(&toy.tokenizer, "nd", 2), -1);
    const uint8_t *bytes = nullptr;
    uint32_t size = 0;
    bool special = false;
    EXPECT_TRUE(token_bytes(&toy.tokenizer, 0, &bytes, &size, &special) && special);
    EXPECT_TRUE(token_bytes(&toy.tokenizer, 258, &bytes, &size, &special) && !special);
    EXPECT_EQ(std::string(reinterpret_cast<const char *>(bytes), size), "nd");
    EXPECT_FALSE(token_bytes(&toy.tokenizer, 259, &bytes, &size, nullptr));
}

TEST(LongestMatch, KeepsToTheCapacity) {
    const Longest toy(source_of({"ab"}));
    const std::string text = "ababcab";
    const std::vector<int32_t> all = toy.encode(text);
    for (size_t capacity = 0; capacity <= all.size(); ++capacity) {
        std::vector<int32_t> ids(capacity + 1, -7);
        size_t count = 0;
        EXPECT_EQ(tokenize(&toy.tokenizer, text.data(), text.size(), 0, ids.data(), capacity, &count),
                  capacity < all.size() ? TokenizeStatus::capacity : TokenizeStatus::ok);
        EXPECT_EQ(count, capacity);
        EXPECT_TRUE(std::equal(all.begin(), all.begin() + static_cast<ptrdiff_t>(count), ids.begin()));
        EXPECT_EQ(ids[capacity], -7);
    }
}

namespace {

void use(const std::vector<uint8_t> &section) {
    Tokenizer tokenizer;
    if (tokenizer_open(&tokenizer, section.data(), section.size()) != TokenizeStatus::ok) return;
    const std::string text = "abcabaabbaccab<end>abababcbbbabacbbacbabcabcab\xFF\x80";
    std::vector<int32_t> ids(tokenize_capacity(text.size()));
    size_t count = 0;
    ASSERT_EQ(tokenize(&tokenizer, text.data(), text.size(), 0, ids.data(), ids.size(), &count),
              TokenizeStatus::ok);
    std::string back;
    for (size_t i = 0; i < count; ++i) {
        const uint8_t *bytes = nullptr;
        uint32_t size = 0;
        ASSERT_TRUE(token_bytes(&tokenizer, ids[i], &bytes, &size, nullptr));
        back.append(reinterpret_cast<const char *>(bytes), size);
    }
    ASSERT_EQ(back, text);  // whatever opens, every text comes back
}

}  // namespace

TEST(LongestMatch, RefusesASectionThatIsCut) {
    const Longest toy(random_source(1, 60, "abc"));
    for (size_t size = 0; size < toy.section.size(); ++size) {
        std::vector<uint8_t> part(toy.section.begin(), toy.section.begin() + static_cast<ptrdiff_t>(size));
        Tokenizer tokenizer;
        ASSERT_NE(tokenizer_open(&tokenizer, part.data(), part.size()), TokenizeStatus::ok) << size;
        if (size < sizeof(TokenizerHeader)) continue;
        const uint32_t claim = static_cast<uint32_t>(size);
        memcpy(part.data() + sizeof(TokenizerHeader) - 4, &claim, 4);
        ASSERT_NE(tokenizer_open(&tokenizer, part.data(), part.size()), TokenizeStatus::ok) << size;
    }
}

TEST(LongestMatch, RefusesASectionThatContradictsItself) {
    const Longest toy(random_source(2, 60, "abc"));
    const auto offset = [&](const void *part) {
        return static_cast<size_t>(static_cast<const uint8_t *>(part) - toy.section.data());
    };
    const size_t first = offset(toy.tokenizer.first_match.data), order = offset(toy.tokenizer.order.data);
    const auto changed = [&](size_t at, uint32_t value, size_t size = 2) {
        std::vector<uint8_t> section = toy.section;
        memcpy(section.data() + at, &value, size);
        Tokenizer tokenizer;
        return tokenizer_open(&tokenizer, section.data(), section.size());
    };
    const auto entry = [&](size_t part, size_t i) {
        return uint32_t{toy.section[part + 2 * i]} | uint32_t{toy.section[part + 2 * i + 1]} << 8;
    };
    const TokenizeStatus damaged = TokenizeStatus::damaged, unsupported = TokenizeStatus::unsupported;
    EXPECT_EQ(changed(0, 2, 4), TokenizeStatus::ok);
    EXPECT_EQ(changed(0, 1, 4), damaged);  // as if it were BPE
    EXPECT_EQ(changed(4, tokenizer_nfc, 4), unsupported);
    EXPECT_EQ(changed(4, tokenizer_prefix_space, 4), unsupported);
    EXPECT_EQ(changed(4, tokenizer_wide, 4), damaged);
    EXPECT_EQ(changed(12, toy.tokenizer.merges - 2, 4), damaged);
    EXPECT_EQ(changed(24, 1, 4), damaged);                                   // a normalized token
    EXPECT_EQ(changed(first, 1), damaged);                                   // the byte 0 begins at 0
    EXPECT_EQ(changed(first + 2 * 'b', entry(first, 'b') + 1), damaged);     // not at the byte alone
    EXPECT_EQ(changed(first + 2 * 'b', entry(first, 'a')), damaged);         // the same as another
    EXPECT_EQ(changed(first + 2 * 'b', 0xFFFF), damaged);                    // nowhere
    EXPECT_EQ(changed(first + 2 * 256, toy.tokenizer.merges - 1), damaged);  // not at the end
    EXPECT_EQ(changed(order, toy.tokenizer.tokens), damaged);                // no such token
    EXPECT_EQ(changed(order + 2, entry(order, 0)), damaged);                 // twice
    EXPECT_EQ(changed(order + 2 * 5, entry(order, 4)), damaged);
    EXPECT_EQ(changed(order + 2 * 'a', 0), damaged);  // the special token is not the byte
    SectionSource longer = source_of({std::string(256, 'x')});
    EXPECT_EQ(Longest(longer).status, damaged);
    SectionSource fewer = source_of({});
    fewer.texts[1 + 'q'].clear();
    EXPECT_EQ(Longest(fewer).status, damaged);
}

TEST(LongestMatch, SurvivesDamage) {
    const Longest toy(random_source(3, 60, "abc"));
    for (size_t bit = 0; bit < toy.section.size() * 8; ++bit) {
        std::vector<uint8_t> section = toy.section;
        section[bit / 8] = static_cast<uint8_t>(section[bit / 8] ^ 1u << bit % 8);
        use(section);
    }
    std::mt19937 random(3);
    for (int round = 0; round < 20000; ++round) {
        std::vector<uint8_t> section = toy.section;
        for (unsigned i = 0; i < 1 + random() % 8; ++i) {
            const size_t at = random() % (round % 2 ? 64 : section.size());
            section[at] = static_cast<uint8_t>(round % 3 ? random() : 0xFF * (random() % 2));
        }
        use(section);
    }
}

}  // namespace adder::test

// Tokenizer sections that are truncated, damaged or made to do harm. Worth running with sanitizers.
// SPDX-License-Identifier: MIT
#include <cstring>
#include <random>

#include "tests/runtime/tokenizer_fixture.h"

namespace adder::test {
namespace {

// Opens bytes that may be anything and, where that works, uses them.
void use(const std::vector<uint8_t> &section, const std::string &text) {
    Tokenizer tokenizer;
    if (tokenizer_open(&tokenizer, section.data(), section.size()) != TokenizeStatus::ok) return;
    std::vector<int32_t> ids(tokenize_capacity(text.size()));
    size_t count = 0;
    tokenize(&tokenizer, text.data(), text.size(), tokenize_special, ids.data(), ids.size(), &count);
    uint32_t sum = 0;
    for (size_t i = 0; i < count; ++i) {
        const uint8_t *bytes;
        uint32_t size;
        ASSERT_TRUE(token_bytes(&tokenizer, ids[i], &bytes, &size, nullptr));
        for (uint32_t k = 0; k < size; ++k) sum += bytes[k];
    }
    find_token(&tokenizer, "<x>", 3);
    ASSERT_LT(sum, 0xFFFFFFFFu);
}

Toy hostile_toy() {
    Toy toy = dense_toy(9, 40);
    toy.normalizer = R"({"type":"NFC"})";
    const size_t next = toy.tokens.size();
    toy.add(next, "<x>", R"(,"special":true,"lstrip":true)");
    toy.add(next + 1, "  ", R"(,"normalized":true)");
    toy.add(next + 2, "<xy>", R"(,"rstrip":true,"normalized":false)");
    return toy;
}

const char *const hostile_text =
    "abcab  cab <x> <xy>  e\u0301 \xff 's bcabcabcabacbabcacbabcabcabacbabcabcbabcab";

TEST(TokenizerSection, RefusesATruncatedSection) {
    const Loaded loaded(hostile_toy().json());
    for (size_t size = 0; size < loaded.section.size(); ++size) {
        const std::vector<uint8_t> part(loaded.section.begin(),
                                        loaded.section.begin() + static_cast<ptrdiff_t>(size));
        Tokenizer tokenizer;
        ASSERT_NE(tokenizer_open(&tokenizer, part.data(), part.size()), TokenizeStatus::ok) << size;
        // The same with a header that claims no more than there is.
        std::vector<uint8_t> claimed = part;
        if (size >= sizeof(TokenizerHeader)) {
            const uint32_t claim = static_cast<uint32_t>(size);
            memcpy(claimed.data() + sizeof(TokenizerHeader) - 4, &claim, 4);
            ASSERT_NE(tokenizer_open(&tokenizer, claimed.data(), claimed.size()), TokenizeStatus::ok) << size;
        }
    }
}

// Where the parts of a narrow section lie; see docs/format.md.
struct Layout {
    size_t start, byte_id, first_merge, right, rank, merged, raw, normalized, text;
    explicit Layout(const Tokenizer &t, const std::vector<uint8_t> &section) {
        const auto offset = [&](const void *part) {
            return static_cast<size_t>(static_cast<const uint8_t *>(part) - section.data());
        };
        start = offset(t.start);
        byte_id = offset(t.byte_id.data);
        first_merge = offset(t.first_merge.data);
        right = offset(t.right.data);
        rank = offset(t.rank.data);
        merged = offset(t.merged.data);
        raw = offset(t.raw.tokens);
        normalized = offset(t.normalized.tokens);
        text = offset(t.text);
    }
};

TEST(TokenizerSection, RefusesASectionThatContradictsItself) {
    const Loaded loaded(hostile_toy().json());
    const Layout at(loaded.tokenizer, loaded.section);
    const uint32_t tokens = loaded.tokenizer.tokens;
    const auto changed = [&](std::initializer_list<std::pair<size_t, uint32_t>> changes) {
        std::vector<uint8_t> section = loaded.section;
        for (const auto &[where, value] : changes) {
            section[where] = static_cast<uint8_t>(value);
            section[where + 1] = static_cast<uint8_t>(value >> 8);
        }
        Tokenizer tokenizer;
        return tokenizer_open(&tokenizer, section.data(), section.size());
    };
    const auto damaged = TokenizeStatus::damaged;
    const auto entry = [&](size_t part, size_t i) {
        return static_cast<uint32_t>(loaded.section[part + 2 * i] | loaded.section[part + 2 * i + 1] << 8);
    };
    EXPECT_EQ(changed({}), TokenizeStatus::ok);
    EXPECT_EQ(changed({{at.start, 1}}), damaged);
    EXPECT_EQ(changed({{at.start + 2 * 10, 8}}), damaged);       // falls
    EXPECT_EQ(changed({{at.start + 2 * 10, 0x8000}}), damaged);  // beyond the text
    EXPECT_EQ(changed({{at.start + 2 * tokens, entry(at.start, tokens) - 1}}), damaged);
    EXPECT_EQ(changed({{at.byte_id, tokens}}), damaged);
    EXPECT_EQ(changed({{at.byte_id, 0xFFFF}}), TokenizeStatus::ok);
    EXPECT_EQ(changed({{at.first_merge, 1}}), damaged);
    EXPECT_EQ(changed({{at.first_merge + 2 * 'b', 0}}), damaged);
    EXPECT_EQ(changed({{at.first_merge + 2 * 'b', 0xFFFF}}), damaged);
    EXPECT_EQ(changed({{at.first_merge + 2 * tokens, loaded.tokenizer.merges - 1}}), damaged);
    ASSERT_GE(entry(at.first_merge, 'b'), 2u);  // 'a' has two merges at least
    EXPECT_EQ(changed({{at.right, entry(at.right, 1)}}), damaged);
    EXPECT_EQ(changed({{at.right, tokens}}), damaged);
    EXPECT_EQ(changed({{at.merged, tokens}}), damaged);
    EXPECT_EQ(changed({{at.raw, tokens}}), damaged);
    EXPECT_EQ(changed({{at.raw + 4, 8}}), damaged);                                 // a flag
    EXPECT_EQ(changed({{at.raw, tokens - 1}, {at.raw + 8, tokens - 3}}), damaged);  // not sorted
    EXPECT_EQ(changed({{at.raw, tokens - 1}, {at.raw + 8, tokens - 1}}), damaged);  // twice
    std::vector<uint8_t> fewer = loaded.section;  // the last merge belongs to no token
    for (size_t i = tokens; entry(at.first_merge, i) == loaded.tokenizer.merges; --i)
        --fewer[at.first_merge + 2 * i];
    Tokenizer tokenizer;
    EXPECT_EQ(tokenizer_open(&tokenizer, fewer.data(), fewer.size()), damaged);
    std::vector<uint8_t> longer = loaded.section;  // a part too many
    longer.resize(longer.size() + 4);
    longer[28] = static_cast<uint8_t>(longer.size());
    longer[29] = static_cast<uint8_t>(longer.size() >> 8);
    EXPECT_EQ(tokenizer_open(&tokenizer, longer.data(), longer.size()), damaged);
    Toy toy = hostile_toy();
    toy.add(tokens + 5, "<far>");  // an added token may not be empty
    const Loaded holes(toy.json());
    std::vector<uint8_t> section = holes.section;
    const size_t raw = Layout(holes.tokenizer, holes.section).raw;
    section[raw] = static_cast<uint8_t>(tokens + 1);
    section[raw + 1] = static_cast<uint8_t>((tokens + 1) >> 8);
    EXPECT_EQ(tokenizer_open(&tokenizer, section.data(), section.size()), damaged);
}

TEST(TokenizerSection, SurvivesDamage) {
    const Loaded loaded(hostile_toy().json());
    const Encoded whole = loaded.encode(hostile_text, tokenize_special);
    ASSERT_EQ(whole.status, TokenizeStatus::ok);
    for (size_t bit = 0; bit < loaded.section.size() * 8; ++bit) {
        std::vector<uint8_t> section = loaded.section;
        section[bit / 8] = static_cast<uint8_t>(section[bit / 8] ^ 1u << bit % 8);
        use(section, hostile_text);
    }
    std::mt19937 random(3);
    for (int round = 0; round < 20000; ++round) {
        std::vector<uint8_t> section = loaded.section;
        for (unsigned i = 0; i < 1 + random() % 8; ++i) {
            const size_t at = random() % (round % 2 ? 64 : section.size());
            section[at] = static_cast<uint8_t>(round % 3 ? random() : 0xFF * (random() % 2));
        }
        use(section, hostile_text);
    }
}

TEST(TokenizerSection, RefusesWhatItDoesNotKnow) {
    Loaded loaded(Toy().json());
    Tokenizer tokenizer;
    std::vector<uint8_t> section = loaded.section;
    section[0] = 5;  // version
    EXPECT_EQ(tokenizer_open(&tokenizer, section.data(), section.size()), TokenizeStatus::unsupported);
    section = loaded.section;
    section[4] |= 8;  // flags
    EXPECT_EQ(tokenizer_open(&tokenizer, section.data(), section.size()), TokenizeStatus::unsupported);
    section = loaded.section;
    section.insert(section.begin(), 0);
    EXPECT_EQ(tokenizer_open(&tokenizer, section.data() + 1, section.size() - 1), TokenizeStatus::unsupported);
    section = loaded.section;
    section.resize(section.size() + 100);  // a section may be padded
    EXPECT_EQ(tokenizer_open(&tokenizer, section.data(), section.size()), TokenizeStatus::ok);
}

}  // namespace
}  // namespace adder::test

// Constraints in the library: what is masked, what is accepted, how a text ends in time, and damaged files.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/crc32.h"
#include "runtime/tokenizer.h"
#include "tests/support/blob_builder.h"
#include "tests/support/constraint.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

constexpr float ruled_out = -std::numeric_limits<float>::infinity();
constexpr uint32_t no_limit = ADDER_CONSTRAINT_NO_LIMIT;

// toy_tokenizer: bytes, "ab", "abc", the special 258 "<|end|>", "é"; 260 has no text.
class Constrained : public testing::Test {
  protected:
    static AlignedBytes make_blob(bool characters, int32_t eos) {
        BlobSpec spec;
        spec.checkpoint.config.vocab_size = 261;
        spec.tokenizer = true;
        spec.characters = characters;
        AlignedBytes blob = build_blob(spec);
        for (int32_t &token : header_of(blob).eos_tokens) token = -1;
        header_of(blob).eos_tokens[1] = eos;
        fix_checksums(blob);
        return blob;
    }
    void SetUp() override { open(258); }
    void open(int32_t eos, bool characters = false) {
        blob_ = make_blob(characters, eos);
        ASSERT_EQ(adder_model_open(&model_, blob_.data(), blob_.size(), nullptr), ADDER_OK);
    }
    void constrain(const std::string &pattern, uint32_t max_bytes = 64) {
        file_ = regex_constraint(pattern, max_bytes);
        ASSERT_EQ(adder_constraint_open(&constraint_, file_.data(), file_.size(), nullptr), ADDER_OK);
    }
    // The ids that stay.
    std::vector<int32_t> mask(uint32_t left = no_limit, adder_status expected = ADDER_OK) {
        std::vector<float> logits(261, 1.0f);
        logits[7] = -2.5f;
        EXPECT_EQ(adder_constraint_mask(&constraint_, &model_, logits.data(), left), expected);
        std::vector<int32_t> ids;
        for (size_t id = 0; id < logits.size(); ++id) {
            if (logits[id] == ruled_out) continue;
            EXPECT_EQ(logits[id], id == 7 ? -2.5f : 1.0f);
            ids.push_back(static_cast<int32_t>(id));
        }
        return ids;
    }
    void accept(std::initializer_list<int32_t> tokens) {
        for (const int32_t token : tokens)
            ASSERT_EQ(adder_constraint_accept(&constraint_, &model_, token), ADDER_OK) << token;
    }
    std::string text_of(int32_t token) const {
        const char *bytes;
        size_t size;
        EXPECT_EQ(adder_token_bytes(&model_, token, &bytes, &size), ADDER_OK);
        return std::string(bytes, size);
    }

    AlignedBytes blob_;
    adder_model model_;
    std::vector<uint8_t> file_;
    adder_constraint constraint_;
};

using Ids = std::vector<int32_t>;

TEST_F(Constrained, OnlyTokensThatContinueTheTextStay) {
    constrain("abc?|x\xC3\xA9|<\\|end\\|>");
    EXPECT_EQ(mask(), (Ids{'<', 'a', 'x', 256, 257}));
    EXPECT_EQ(adder_constraint_lacks(&constraint_), 2u);
    EXPECT_EQ(adder_constraint_longest(&constraint_), 7u);
    adder_constraint fork = constraint_;
    accept({'x'});
    EXPECT_EQ(mask(), (Ids{0xC3, 259}));
    constraint_ = fork;
    accept({256});
    EXPECT_TRUE(adder_constraint_is_accepting(&constraint_));
    EXPECT_FALSE(adder_constraint_is_complete(&constraint_));
    EXPECT_EQ(mask(), (Ids{'c', 258}));  // which ends the text
    accept({258, 'c'});
    EXPECT_TRUE(adder_constraint_is_complete(&constraint_));
    EXPECT_EQ(mask(), Ids{258});
    adder_constraint_init(&constraint_);
    EXPECT_EQ(mask(), (Ids{'<', 'a', 'x', 256, 257}));
}

TEST_F(Constrained, WhatDoesNotFitIsRefusedAndChangesNothing) {
    constrain("ab+");
    const adder_constraint before = constraint_;
    for (const int32_t token : {int32_t{'b'}, 257, 258, 260})
        EXPECT_EQ(adder_constraint_accept(&constraint_, &model_, token), ADDER_ERROR_NO_TOKEN_FITS) << token;
    for (const int32_t token : {-1, 261, std::numeric_limits<int32_t>::min()})
        EXPECT_EQ(adder_constraint_accept(&constraint_, &model_, token), ADDER_ERROR_TOKEN) << token;
    EXPECT_EQ(std::memcmp(&before, &constraint_, sizeof before), 0);
    EXPECT_EQ(adder_constraint_accept(nullptr, &model_, 'a'), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_constraint_mask(&constraint_, &model_, nullptr, 1), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_constraint_mask(&constraint_, nullptr, nullptr, 1), ADDER_ERROR_ARGUMENT);
}

// Special tokens have texts, which a text of the form might hold: they never stand for them.
TEST_F(Constrained, SpecialTokensNeverStay) {
    open(3);
    constrain("<\\|end\\|>|\\x03");
    EXPECT_EQ(mask(), Ids{'<'});  // not 258, and not 3: it ends a text
    for (const int32_t token : {258, 3})
        EXPECT_EQ(adder_constraint_accept(&constraint_, &model_, token), ADDER_ERROR_NO_TOKEN_FITS);
    accept({'<', '|', 'e', 'n', 'd', '|', '>'});
    EXPECT_EQ(mask(), Ids{3});
}

// One would change nothing, and could come for ever.
TEST_F(Constrained, TokensWithoutATextNeverStay) {
    for (uint32_t i = 0; i < header_of(blob_).section_count; ++i) {
        const BlobSection &section = sections_of(blob_)[i];
        if (section.kind != section_tokenizer) continue;
        uint8_t *const tokenizer = blob_.data() + section.offset;
        const uint32_t tokens = reinterpret_cast<const TokenizerHeader *>(tokenizer)->tokens;
        auto *const start = reinterpret_cast<uint16_t *>(tokenizer + sizeof(TokenizerHeader) +
                                                         (tokens / tokenizer_block + 1) * 4);
        start[257] = start[258];
    }
    fix_checksums(blob_);
    ASSERT_EQ(adder_model_open(&model_, blob_.data(), blob_.size(), nullptr), ADDER_OK);
    ASSERT_EQ(text_of(257), "");
    constrain("ab");
    EXPECT_EQ(mask(), Ids{'a'});
    EXPECT_EQ(adder_constraint_accept(&constraint_, &model_, 257), ADDER_ERROR_NO_TOKEN_FITS);
}

TEST_F(Constrained, BytesOfATokenizerOfCharactersAreBytes) {
    open(0, true);  // 0 is "<s>", 1 to 256 the bytes, 257 a space, 258 "a"
    constrain("(\xC3\xA9| a)+<s>");
    EXPECT_EQ(mask(), (Ids{1 + ' ', 1 + 0xC3, 257}));
    accept({1 + 0xC3});
    EXPECT_EQ(mask(), Ids{1 + 0xA9});
    accept({1 + 0xA9, 257});
    EXPECT_EQ(mask(), (Ids{1 + 'a', 258}));
    accept({258});
    EXPECT_EQ(mask(), (Ids{1 + ' ', 1 + '<', 1 + 0xC3, 257}));
}

TEST_F(Constrained, WithoutAnEndTokenACompleteTextLetsNothingFollow) {
    open(-1);
    constrain("a");
    EXPECT_EQ(mask(), Ids{'a'});
    accept({'a'});
    mask(no_limit, ADDER_ERROR_NO_TOKEN_FITS);
    EXPECT_TRUE(adder_constraint_is_accepting(&constraint_));
}

TEST_F(Constrained, RuledOutLogitsCountAsNone) {
    constrain("[ab]");
    std::vector<float> logits(261, ruled_out);
    EXPECT_EQ(adder_constraint_mask(&constraint_, &model_, logits.data(), no_limit),
              ADDER_ERROR_NO_TOKEN_FITS);
    logits['a'] = std::nanf("");
    logits['z'] = 1;
    EXPECT_EQ(adder_constraint_mask(&constraint_, &model_, logits.data(), no_limit),
              ADDER_ERROR_NO_TOKEN_FITS);
    logits['b'] = -3e38f;
    logits['a'] = std::nanf("");
    ASSERT_EQ(adder_constraint_mask(&constraint_, &model_, logits.data(), no_limit), ADDER_OK);
    EXPECT_EQ(logits['b'], -3e38f);
    EXPECT_EQ(logits['a'], ruled_out);
}

// With few tokens left only those stay after which the text can be completed.
TEST_F(Constrained, TheEndComesInTime) {
    constrain("(ab|q)*x|yyyy");
    EXPECT_EQ(mask(2), (Ids{'q', 'x', 256}));  // and one for x
    EXPECT_EQ(mask(3), (Ids{'a', 'q', 'x', 256}));
    EXPECT_EQ(mask(4), (Ids{'a', 'q', 'x', 'y', 256}));
    EXPECT_EQ(mask(1), Ids{'x'});
    mask(0, ADDER_ERROR_LENGTH);
    accept({256, 'x'});
    EXPECT_EQ(mask(0), Ids{258});  // an end token is not counted
    EXPECT_EQ(mask(1), Ids{258});
}

// Bytes that are missing are counted as a token each; with fewer tokens left the longest way is taken, which may do.
TEST_F(Constrained, TooFewTokensForBytesMayDo) {
    constrain("abcabcab|q{9}");
    EXPECT_EQ(mask(3), Ids{257});
    accept({257});
    EXPECT_EQ(mask(2), Ids{257});
    accept({257});
    EXPECT_EQ(mask(1), Ids{256});
    accept({256});
    EXPECT_TRUE(adder_constraint_is_complete(&constraint_));
    adder_constraint_init(&constraint_);
    EXPECT_EQ(mask(2), Ids{257});
    accept({257});
    mask(1, ADDER_ERROR_LENGTH);  // at the latest here
}

TEST_F(Constrained, NoTextIsLongerThanTheLongest) {
    constrain("(ab)*c", 4);
    EXPECT_EQ(mask(), (Ids{'a', 'c', 256, 257}));
    accept({256});
    EXPECT_EQ(mask(), Ids{'c'});
    EXPECT_EQ(adder_constraint_accept(&constraint_, &model_, 256), ADDER_ERROR_NO_TOKEN_FITS);
    accept({'c'});
    constrain("a*", 3);
    accept({'a', 'a', 'a'});
    EXPECT_TRUE(adder_constraint_is_complete(&constraint_));
    EXPECT_EQ(mask(), Ids{258});
}

TEST_F(Constrained, ABlobWithoutATokenizerIsRefused) {
    const AlignedBytes blob = build_blob(BlobSpec());
    ASSERT_EQ(adder_model_open(&model_, blob.data(), blob.size(), nullptr), ADDER_OK);
    constrain("a");
    std::vector<float> logits(adder_model_vocab_size(&model_));
    EXPECT_EQ(adder_constraint_mask(&constraint_, &model_, logits.data(), 9), ADDER_ERROR_NO_TOKENIZER);
    EXPECT_EQ(adder_constraint_accept(&constraint_, &model_, 9), ADDER_ERROR_NO_TOKENIZER);
}

// Random logits, random numbers of tokens: what is generated is valid, or it is said that it is not.
TEST_F(Constrained, WhateverIsGeneratedIsValid) {
    SplitMix random(3);
    int valid = 0, too_short = 0;
    for (const char *pattern : {"(ab|abc|\xC3\xA9)*x?", "[a-z]{3,9}(abc)+\\.", "(yes|no|abcabcabcabc)"}) {
        constrain(pattern, 40);
        for (int i = 0; i < 1000; ++i) {
            adder_constraint_init(&constraint_);
            const auto tokens = static_cast<uint32_t>(1 + random.below(20));
            std::string text;
            adder_status status = ADDER_OK;
            for (uint32_t left = tokens; left > 0 && !adder_constraint_is_complete(&constraint_); --left) {
                std::vector<float> logits(261);
                for (float &logit : logits) logit = static_cast<float>(random.uniform());
                status = adder_constraint_mask(&constraint_, &model_, logits.data(), left);
                if (status != ADDER_OK) break;
                const auto token =
                    static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
                ASSERT_EQ(adder_constraint_accept(&constraint_, &model_, token), ADDER_OK);
                if (token == 258) break;
                text += text_of(token);
            }
            if (status == ADDER_OK) {
                ++valid;
                ASSERT_TRUE(accepts(file_, text)) << text;
            } else {
                ++too_short;
                ASSERT_EQ(status, ADDER_ERROR_LENGTH);
                ASSERT_LT(tokens, constraint_header(file_).state()->lacks);
            }
        }
    }
    EXPECT_GT(valid, 2000);
    EXPECT_GT(too_short, 100);
}

// ---- Files -------------------------------------------------------------------------------------------------------------

void fix_crc(std::vector<uint8_t> *file) {
    ConstraintHeader &header = *reinterpret_cast<ConstraintHeader *>(file->data());
    header.crc = 0;
    header.crc = crc32(0, file->data(), std::min<size_t>(header.size, file->size()));
}

// Refused, or it keeps within the file's bytes and can be completed from every state.
void expect_harmless(const std::vector<uint8_t> &damaged) {
    std::vector<uint8_t> exact(damaged);  // of its own, so that a sanitizer sees its end
    adder_constraint constraint;
    adder_error error{};
    if (adder_constraint_open(&constraint, exact.data(), exact.size(), &error) != ADDER_OK) {
        ASSERT_EQ(error.status, ADDER_ERROR_CONSTRAINT);
        ASSERT_NE(error.item, nullptr);
        return;
    }
    const ConstraintHeader &header = constraint_header(exact);
    for (uint32_t state = 0; state < header.states; ++state) {
        uint32_t at = state;
        for (uint32_t lacks = header.state()[state].lacks; lacks > 0; --lacks) {
            uint32_t next = constraint_no_state;
            for (int byte = 0;
                 byte < 256 && (next == constraint_no_state || header.state()[next].lacks != lacks - 1);
                 ++byte) {
                const auto one = static_cast<uint8_t>(byte);
                next = constraint_walk(header, at, &one, 1);
            }
            ASSERT_NE(next, constraint_no_state);
            at = next;
        }
        ASSERT_EQ(header.state()[at].lacks, 0u);
    }
}

TEST(ConstraintFiles, EveryBitThatFlipsIsRefused) {
    const std::vector<uint8_t> sound = regex_constraint("(ab|\xC3\xA9)*x?[0-9]{2}");
    adder_constraint constraint;
    for (size_t bit = 0; bit < sound.size() * 8; ++bit) {
        std::vector<uint8_t> damaged = sound;
        damaged[bit / 8] = static_cast<uint8_t>(damaged[bit / 8] ^ 1 << bit % 8);
        EXPECT_EQ(adder_constraint_open(&constraint, damaged.data(), damaged.size(), nullptr),
                  ADDER_ERROR_CONSTRAINT)
            << bit;
        fix_crc(&damaged);
        expect_harmless(damaged);
    }
    for (size_t size = 0; size < sound.size(); ++size) {
        const std::vector<uint8_t> cut(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_NE(adder_constraint_open(&constraint, cut.data(), size, nullptr), ADDER_OK);
    }
    std::vector<uint8_t> longer = sound;
    longer.resize(sound.size() + 7, 0xEE);  // a partition of flash
    EXPECT_EQ(adder_constraint_open(&constraint, longer.data(), longer.size(), nullptr), ADDER_OK);
}

TEST(ConstraintFiles, RandomDamageIsHarmless) {
    SplitMix random(11);
    const std::vector<uint8_t> sound = regex_constraint("(ab|\xC3\xA9)*x?[0-9]{2}");
    for (int i = 0; i < 3000; ++i) {
        std::vector<uint8_t> damaged = sound;
        for (size_t n = 1 + random.below(3); n > 0; --n) {
            const size_t place = 16 + random.below(sound.size() - 16);
            damaged[place] = static_cast<uint8_t>(
                random.below(3) == 0 ? random.next() : damaged[place] + random.below(3) - 1);
        }
        fix_crc(&damaged);
        expect_harmless(damaged);
        if (HasFatalFailure()) return;
    }
}

void expect_refused(const std::function<void(ConstraintHeader &, ConstraintState *, ConstraintEdge *)> &change,
                    const std::string &sentence) {
    std::vector<uint8_t> file = regex_constraint("ab|c");  // states: start, a, end
    ConstraintHeader &header = *reinterpret_cast<ConstraintHeader *>(file.data());
    change(header, const_cast<ConstraintState *>(header.state()), const_cast<ConstraintEdge *>(header.edge()));
    const uint32_t size = header.size;
    fix_crc(&file);
    ASSERT_EQ(size, header.size);
    adder_constraint constraint;
    adder_error error{};
    EXPECT_EQ(adder_constraint_open(&constraint, file.data(), file.size(), &error), ADDER_ERROR_CONSTRAINT);
    char text[200];
    adder_error_text(&error, text, sizeof text);
    EXPECT_EQ(text, "this is no constraint that this library reads, or a damaged one: " + sentence);
}

TEST(ConstraintFiles, FieldsAreChecked) {
    using H = ConstraintHeader &;
    using S = ConstraintState *;
    using E = ConstraintEdge *;
    expect_refused([](H h, S, E) { h.magic[0] = 'B'; }, "magic number: found 66, needed 65");
    expect_refused([](H h, S, E) { h.version = 2; }, "version: found 2, needed 1");
    expect_refused([](H h, S, E) { h.size = 1000; }, "bytes: found 92, needed 1000");
    expect_refused([](H h, S, E) { h.size -= 4; }, "bytes of the tables: found 88, needed 92");
    expect_refused([](H h, S, E) { h.states = 0; }, "states: found 0, needed 65536");
    expect_refused([](H h, S, E) { h.states = 65537; }, "states: found 65537, needed 65536");
    expect_refused([](H h, S, E) { h.edges = 0x80000000u; }, "states: found 3, needed 65536");
    expect_refused([](H h, S, E) { h.reserved[3] = 1; }, "reserved field: found 1, needed 0");
    expect_refused([](H h, S, E) { h.longest = 0; }, "longest text: found 0, needed 1");
    expect_refused([](H h, S, E) { h.longest = 0xFFFFFFFF; }, "longest text: found 4294967295, needed 1");
    expect_refused([](H, S s, E) { s[0].first_edge = 1; }, "first edge: found 1, needed 0");
    expect_refused([](H, S s, E) { s[1].first_edge = 4; }, "edges end, of state 0: found 4, needed 3");
    expect_refused([](H, S s, E) { s[2].first_edge = 1; }, "edges end, of state 1: found 1, needed 3");
    expect_refused([](H, S, E e) { e[1].first = 'a'; }, "bytes out of order, of state 0: found 97, needed 98");
    expect_refused([](H, S, E e) { e[0].last = '_'; }, "bytes out of order, of state 0: found 97, needed 0");
    expect_refused([](H, S, E e) { e[2].next = 3; }, "next state, of state 1: found 3, needed 2");
    expect_refused([](H, S s, E) { s[0].lacks = 2; }, "bytes to an end, of state 0: found 2, needed 1");
    expect_refused([](H, S s, E) { s[2].lacks = 1; }, "bytes to an end, of state 0: found 1, needed 2");
    expect_refused([](H, S s, E) { s[3].lacks = 1; }, "bytes to an end, behind the states: found 1, needed 0");
    expect_refused([](H, S s, E) { s[3].first_edge = 2; }, "edges: found 2, needed 3");
}

TEST(ConstraintFiles, TheHexdumpIsThatOfYesOrNo) {
    const std::vector<uint8_t> file = regex_constraint("yes|no");
    const std::string page = read_text(std::string(ADDER_SOURCE_DIR) + "/docs/constrain.md");
    std::string dump = "```\n";
    for (size_t i = 0; i < file.size(); ++i) {
        char text[32];
        std::snprintf(text, sizeof text, "%02zx ", i);
        if (i % 16 == 0) dump += text;
        std::snprintf(text, sizeof text, i % 4 == 0 ? " %02x" : "%02x", file[i]);
        dump += text;
        if (i % 16 == 15 || i + 1 == file.size()) dump += '\n';
    }
    EXPECT_NE(page.find(dump + "```"), std::string::npos) << dump;
}

TEST(ConstraintFiles, MemoryIsChecked) {
    std::vector<uint8_t> file = regex_constraint("ab|c");
    file.insert(file.begin(), 0);
    adder_constraint constraint;
    EXPECT_EQ(adder_constraint_open(&constraint, file.data() + 1, file.size() - 1, nullptr),
              ADDER_ERROR_ALIGNMENT);
    EXPECT_EQ(adder_constraint_open(&constraint, nullptr, 100, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_constraint_open(nullptr, file.data(), 100, nullptr), ADDER_ERROR_ARGUMENT);
}

}  // namespace
}  // namespace adder::test

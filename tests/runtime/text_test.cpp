// The tokenizer's C API on a blob.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/blob_builder.h"

namespace adder::test {
namespace {

class Text : public testing::Test {
  protected:
    static const AlignedBytes &blob() {
        static const AlignedBytes built = [] {
            BlobSpec spec;
            spec.checkpoint.config.vocab_size = 264;  // four more than the tokenizer has
            spec.tokenizer = true;
            return build_blob(spec);
        }();
        return built;
    }
    void SetUp() override {
        ASSERT_EQ(adder_model_open(&model_, blob().data(), blob().size(), nullptr), ADDER_OK);
    }

    std::vector<int32_t> tokenize(const std::string &text, uint32_t flags = 0) {
        std::vector<int32_t> ids(adder_tokenize_capacity(text.size()));
        size_t count = 0;
        EXPECT_EQ(adder_tokenize(&model_, text.data(), text.size(), flags, ids.data(), ids.size(), &count),
                  ADDER_OK);
        ids.resize(count);
        return ids;
    }

    std::string detokenize(const std::vector<int32_t> &ids) {
        adder_detokenizer detokenizer{};
        std::string text;
        std::vector<char> buffer(adder_detokenize_capacity(&model_));
        for (size_t i = 0; i <= ids.size(); ++i) {
            const int32_t id = i < ids.size() ? ids[i] : -1;
            const size_t n = adder_detokenize(&model_, &detokenizer, id, buffer.data(), buffer.size());
            text.append(buffer.data(), n);
        }
        EXPECT_EQ(detokenizer.count, 0u);
        return text;
    }

    adder_model model_;
};

using Ids = std::vector<int32_t>;

TEST_F(Text, BecomesIdsAndText) {
    EXPECT_EQ(tokenize("abcab x"), (Ids{257, 256, ' ', 'x'}));
    EXPECT_EQ(tokenize("\xC3\xA9"), Ids{259});
    EXPECT_EQ(tokenize(""), Ids{});
    EXPECT_EQ(detokenize(tokenize("abcab \xC3\xA9 \xE2\x82\xAC!")), "abcab \xC3\xA9 \xE2\x82\xAC!");
}

TEST_F(Text, ControlTokensComeFromTextOnlyWhereAskedFor) {
    EXPECT_EQ(tokenize("a<|end|>", ADDER_TOKENIZE_SPECIAL), (Ids{'a', 258}));
    const Ids plain = tokenize("a<|end|>");
    EXPECT_EQ(plain.size(), 8u);
    for (const int32_t id : plain) EXPECT_EQ(adder_token_is_special(&model_, id), 0);
    EXPECT_EQ(adder_token_is_special(&model_, 258), 1);
    for (const int32_t id : {-1, 260, 264, INT32_MIN, INT32_MAX})
        EXPECT_EQ(adder_token_is_special(&model_, id), 0);
    EXPECT_EQ(adder_token_find(&model_, "<|end|>", 7), 258);
    EXPECT_EQ(adder_token_find(&model_, "<|end|", 6), -1);
    EXPECT_EQ(adder_token_find(&model_, "abc", 3), -1);  // neither special nor added
    EXPECT_EQ(adder_token_find(&model_, nullptr, 0), -1);
}

TEST_F(Text, BytesOfTokens) {
    const char *bytes = "x";
    size_t size = 1;
    ASSERT_EQ(adder_token_bytes(&model_, 257, &bytes, &size), ADDER_OK);
    EXPECT_EQ(std::string(bytes, size), "abc");
    EXPECT_GE(reinterpret_cast<const uint8_t *>(bytes), blob().data());
    EXPECT_LT(reinterpret_cast<const uint8_t *>(bytes), blob().data() + blob().size());
    ASSERT_EQ(adder_token_bytes(&model_, 263, &bytes, &size), ADDER_OK);  // the model's, not the tokenizer's
    EXPECT_EQ(bytes, nullptr);
    EXPECT_EQ(size, 0u);
    for (const int32_t id : {-1, 264, INT32_MIN, INT32_MAX})
        EXPECT_EQ(adder_token_bytes(&model_, id, &bytes, &size), ADDER_ERROR_TOKEN);
    EXPECT_EQ(adder_token_bytes(nullptr, 1, &bytes, &size), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_token_bytes(&model_, 1, nullptr, &size), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_token_bytes(&model_, 1, &bytes, nullptr), ADDER_ERROR_ARGUMENT);
}

TEST_F(Text, EveryCapacityIsKept) {
    const std::string text = "ab abc abcabcabcabcabcabcabcabcabcabcabcabcabcabcabc <|end|> \xC3\xA9";
    const Ids whole = tokenize(text, ADDER_TOKENIZE_SPECIAL);
    bool fits = false;
    for (size_t capacity = 0; capacity <= adder_tokenize_capacity(text.size()); ++capacity) {
        Ids ids(capacity + 4, -77);
        size_t count = 99;
        const adder_status status = adder_tokenize(&model_, text.data(), text.size(), ADDER_TOKENIZE_SPECIAL,
                                                   ids.data(), capacity, &count);
        for (size_t i = capacity; i < ids.size(); ++i) ASSERT_EQ(ids[i], -77);
        ASSERT_LE(count, capacity);
        if (status == ADDER_OK)
            EXPECT_EQ(Ids(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count)), whole);
        else
            EXPECT_EQ(status, ADDER_ERROR_BUFFER);
        EXPECT_GE(status == ADDER_OK, fits) << "a larger buffer does not do: " << capacity;
        fits = status == ADDER_OK;
    }
    EXPECT_TRUE(fits);
    EXPECT_EQ(adder_tokenize_capacity(SIZE_MAX), SIZE_MAX);
    size_t count = 0;
    EXPECT_EQ(adder_tokenize(&model_, nullptr, 0, 0, nullptr, 0, &count), ADDER_OK);
    EXPECT_EQ(adder_tokenize(&model_, nullptr, 1, 0, nullptr, 0, &count), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_tokenize(&model_, "a", 1, 0, nullptr, 1, &count), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_tokenize(&model_, "a", 1, 0, nullptr, 0, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_tokenize(nullptr, "a", 1, 0, nullptr, 0, &count), ADDER_ERROR_ARGUMENT);
}

TEST_F(Text, StreamsWholeSequencesOnly) {
    adder_detokenizer detokenizer{};
    char text[64];
    const auto put = [&](int32_t id) {
        return std::string(text, adder_detokenize(&model_, &detokenizer, id, text, sizeof text));
    };
    EXPECT_EQ(put(0xE2), "");
    EXPECT_EQ(put(0x82), "");
    EXPECT_EQ(put(0xAC), "\xE2\x82\xAC");
    EXPECT_EQ(put(0xF0), "");
    EXPECT_EQ(put(258), "");  // a special token gives no text, and does not cut a sequence
    EXPECT_EQ(put('x'), "\xEF\xBF\xBDx");
    EXPECT_EQ(put(0xFF), "\xEF\xBF\xBD");
    EXPECT_EQ(put(262), "");
    EXPECT_EQ(put(INT32_MAX), "");
    EXPECT_EQ(put(0xC3), "");
    EXPECT_EQ(put(-1), "\xEF\xBF\xBD");
    EXPECT_EQ(put(-1), "");
}

TEST_F(Text, TooSmallADetokenizerBufferKeepsWhatIsPending) {
    adder_detokenizer detokenizer{};
    char text[64];
    EXPECT_EQ(adder_detokenize(&model_, &detokenizer, 0xE2, text, sizeof text), 0u);
    EXPECT_EQ(adder_detokenize(&model_, &detokenizer, 0x82, text, sizeof text), 0u);
    const adder_detokenizer before = detokenizer;
    for (size_t capacity = 0; capacity < 3; ++capacity) {
        std::memset(text, '#', sizeof text);
        EXPECT_EQ(adder_detokenize(&model_, &detokenizer, 0xAC, text, capacity), 0u);
        EXPECT_EQ(std::memcmp(&before, &detokenizer, sizeof before), 0);
        for (size_t i = capacity; i < sizeof text; ++i) EXPECT_EQ(text[i], '#');
    }
    EXPECT_EQ(adder_detokenize(&model_, &detokenizer, 0xAC, text, 3), 3u);
    // The capacity that suffices: "abc", the longest but the special one, behind three bytes that wait.
    EXPECT_GE(adder_detokenize_capacity(&model_), 3u * (3 + 3));
}

// The struct is the caller's, and may never have been zeroed.
TEST_F(Text, AnyDetokenizerIsSafe) {
    std::vector<char> text(adder_detokenize_capacity(&model_));
    for (const uint32_t count : {1u, 2u, 3u, 4u, 200u, 0xffffffffu})
        for (int lead = 0; lead < 256; ++lead)
            for (const uint8_t next : {uint8_t{0}, uint8_t{0x80}, uint8_t{0xff}}) {
                adder_detokenizer detokenizer{{static_cast<uint8_t>(lead), next, next, next}, count};
                for (const int32_t id : {0x80, 0x80, 0x80, 0x80, 257, -1})
                    EXPECT_LE(adder_detokenize(&model_, &detokenizer, id, text.data(), text.size()),
                              text.size());
                EXPECT_EQ(detokenizer.count, 0u);
            }
}

TEST(TextWithoutTokenizer, IsRefused) {
    const AlignedBytes blob = build_blob(BlobSpec());
    adder_model model;
    ASSERT_EQ(adder_model_open(&model, blob.data(), blob.size(), nullptr), ADDER_OK);
    int32_t ids[64];
    size_t count = 0;
    const char *bytes = nullptr;
    EXPECT_EQ(adder_tokenize(&model, "a", 1, 0, ids, 64, &count), ADDER_ERROR_NO_TOKENIZER);
    EXPECT_EQ(adder_token_bytes(&model, 1, &bytes, &count), ADDER_ERROR_NO_TOKENIZER);
    EXPECT_EQ(adder_token_is_special(&model, 1), 0);
    EXPECT_EQ(adder_token_find(&model, "a", 1), -1);
    adder_detokenizer detokenizer{};
    char text[16];
    EXPECT_EQ(adder_detokenize(&model, &detokenizer, 1, text, sizeof text), 0u);
}

TEST(TextWithoutMerges, ByteWithoutATokenIsNamed) {
    BlobSpec spec;
    spec.checkpoint.config.vocab_size = 260;
    spec.tokenizer = true;
    AlignedBytes blob = build_blob(spec);
    const uint64_t section = sections_of(blob)[0].offset;
    // byte_id stands behind the header, 260 / 64 + 1 block starts and 261 starts of two bytes.
    const uint16_t none = 0xffff;
    std::memcpy(blob.data() + section + 32 + 4 * 5 + 2 * 262 + 2 * 'z', &none, 2);
    fix_checksums(blob);
    adder_model model;
    ASSERT_EQ(adder_model_open(&model, blob.data(), blob.size(), nullptr), ADDER_OK);
    int32_t ids[64];
    size_t count = 0;
    EXPECT_EQ(adder_tokenize(&model, "a z", 3, 0, ids, 64, &count), ADDER_ERROR_TEXT);
    EXPECT_EQ(count, 1u);
}

}  // namespace
}  // namespace adder::test

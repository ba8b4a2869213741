// Opening blobs: sound ones, cut ones, those of other versions.
// SPDX-License-Identifier: MIT
#include <cstring>

#include "tests/runtime/blob_fixture.h"

namespace adder::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Families, BlobFamilies, testing::ValuesIn(model_types()),
                         [](const auto &test) { return std::string(test.param); });

TEST(Blob, OpensAndTellsWhatIsInIt) {
    adder_model model;
    ASSERT_EQ(adder_model_open(&model, small_blob().data(), small_blob().size(), nullptr), ADDER_OK);
    EXPECT_EQ(adder_model_verify(&model, nullptr), ADDER_OK);
    adder_model_info info;
    adder_model_get_info(&model, &info);
    EXPECT_EQ(info.format_version, uint32_t{ADDER_FORMAT_VERSION});
    EXPECT_EQ(info.vocab_size, 260u);
    EXPECT_EQ(info.d_model, 16u);
    EXPECT_EQ(info.n_layer, 2u);
    EXPECT_EQ(info.n_block, 2u);
    for (const uint32_t value : info.reserved) EXPECT_EQ(value, 0u);
    for (uint32_t block = 0; block < 2; ++block) {
        EXPECT_EQ(adder_model_dim(&model, block, "d_inner"), 32u);
        EXPECT_EQ(adder_model_dim(&model, block, "d_state"), 4u);
        EXPECT_EQ(adder_model_dim(&model, block, "d_conv"), 4u);
        EXPECT_EQ(adder_model_dim(&model, block, "dt_rank"), 1u);
        for (const char *none : {"n_head", "n_group", "head_dim", "d_in", "d_inner ", "", "vocab"})
            EXPECT_EQ(adder_model_dim(&model, block, none), 0u) << none;
    }
    for (const uint32_t block : {2u, 0xffffffffu}) EXPECT_EQ(adder_model_dim(&model, block, "d_inner"), 0u);
    EXPECT_EQ(info.blob_bytes, small_blob().size());
    EXPECT_EQ(info.int8_activations, 1);
    EXPECT_EQ(info.has_tokenizer, 1);
    EXPECT_EQ(info.has_chat_template, 0);
    EXPECT_EQ(info.bos_token, 0);
    EXPECT_EQ(adder_model_is_eos(&model, 0), 1);
    EXPECT_EQ(adder_model_is_eos(&model, 1), 0);
    EXPECT_EQ(adder_model_is_eos(&model, -1), 0);  // the value of an absent one
    // Parameters: embedding and head, norms, and what each layer has.
    const uint64_t layer = 16 + 64 * 16 + 64 + 32 * 4 + 32 + 9 * 32 + 32 + 32 + 32 * 4 + 32 + 16 * 32 + 16;
    EXPECT_EQ(info.parameters, 2 * 260 * 16 + 16 + 2 * layer);
    // Read for a token: padded layers, the norm, the head (264 rows with padding), and one row of the embedding.
    const uint64_t matrices = 64 * 16 + 24 * 32 + 32 * 8 + 16 * 32, scales = 64 + 24 + 32 + 16;
    const uint64_t vectors = 16 + 64 + 32 * 4 + 32 + 32 + 32 * 4 + 32 + 16;
    EXPECT_EQ(info.bytes_per_token,
              2 * (matrices + 4 * scales + 4 * vectors) + 4 * 16 + 264 * 16 + 4 * 264 + 16);
    size_t size = 0;
    const char *name = adder_model_text(&model, ADDER_TEXT_NAME, &size);
    EXPECT_EQ(std::string(name, size), "toy");
    EXPECT_EQ(adder_model_text(&model, ADDER_TEXT_SYSTEM_PREFIX, &size), nullptr);
    EXPECT_EQ(size, 0u);
}

TEST(Blob, MoreBytesThanItHasAreLeftAlone) {
    AlignedBytes blob = small_blob();
    blob.resize(blob.size() + 1000);
    adder_model model;
    ASSERT_EQ(adder_model_open(&model, blob.data(), blob.size(), nullptr), ADDER_OK);
    EXPECT_EQ(adder_model_verify(&model, nullptr), ADDER_OK);
}

TEST(Blob, NullPointersAreRefused) {
    adder_model model;
    adder_error error{};
    EXPECT_EQ(adder_model_open(nullptr, small_blob().data(), 1, &error), ADDER_ERROR_ARGUMENT);
    EXPECT_STREQ(error.item, "model");
    EXPECT_EQ(adder_model_open(&model, nullptr, 1, &error), ADDER_ERROR_ARGUMENT);
    EXPECT_STREQ(error.item, "blob");
    EXPECT_EQ(adder_model_verify(nullptr, &error), ADDER_ERROR_ARGUMENT);
}

TEST_P(BlobFamilies, EveryTruncationIsRefused) {
    for (size_t size = 0; size < small_blob(GetParam()).size(); ++size) {
        const AlignedBytes cut(small_blob(GetParam()).data(), size);
        adder_error error{};
        const adder_status status = open_blob(cut, &error);
        EXPECT_EQ(status, size < sizeof blob_magic ? ADDER_ERROR_NOT_A_BLOB : ADDER_ERROR_TRUNCATED) << size;
        EXPECT_EQ(error.found, size);
        EXPECT_EQ(error.needed,
                  size < sizeof(BlobHeader) ? sizeof(BlobHeader) : small_blob(GetParam()).size());
    }
}

TEST_P(BlobFamilies, EveryBitOfTheMetadataCounts) {
    AlignedBytes blob = small_blob(GetParam());
    const size_t end = static_cast<size_t>(header_of(blob).payload_offset);
    for (size_t bit = 0; bit < 8 * end; ++bit) {
        const auto flip = [&] {
            blob.data()[bit / 8] = static_cast<uint8_t>(blob.data()[bit / 8] ^ 1u << bit % 8);
        };
        flip();
        EXPECT_NE(open_blob(blob, nullptr), ADDER_OK) << "bit " << bit % 8 << " of byte " << bit / 8;
        flip();
    }
    EXPECT_EQ(open_blob(blob, nullptr), ADDER_OK);
}

TEST_P(BlobFamilies, EveryByteOfThePayloadIsVerified) {
    AlignedBytes blob = small_blob(GetParam());
    for (size_t at = static_cast<size_t>(header_of(blob).payload_offset); at < blob.size(); ++at) {
        blob.data()[at] = static_cast<uint8_t>(blob.data()[at] ^ 1u << at % 8);
        adder_model model;
        adder_error error{};
        // A tokenizer or golden case that contradicts itself is found at once, the rest by comparing checksums.
        if (adder_model_open(&model, blob.data(), blob.size(), nullptr) == ADDER_OK) {
            ASSERT_EQ(adder_model_verify(&model, &error), ADDER_ERROR_CORRUPT) << "byte " << at;
            EXPECT_EQ(error.needed, header_of(blob).payload_crc);
            EXPECT_NE(error.found, error.needed);
        }
        blob.data()[at] = static_cast<uint8_t>(blob.data()[at] ^ 1u << at % 8);
    }
}

TEST(Blob, MisalignedMemoryIsRefused) {
    const size_t size = small_blob().size();
    AlignedBytes shifted(size + 64);
    for (size_t shift : {1, 8, 32, 63}) {
        std::memcpy(shifted.data() + shift, small_blob().data(), size);
        adder_model model;
        adder_error error{};
        EXPECT_EQ(adder_model_open(&model, shifted.data() + shift, size, &error), ADDER_ERROR_ALIGNMENT);
        EXPECT_EQ(error.found, shift);
        EXPECT_EQ(error.needed, 0u);
    }
}

TEST(Blob, OtherVersionsAndFilesAreNamed) {
    for (const uint32_t version : {0u, 1u, 2u, 4u, 0x80000003u})
        expect_refused(set_header(&BlobHeader::format_version, version), ADDER_ERROR_VERSION,
                       "format version", version, ADDER_FORMAT_VERSION);
    expect_refused([](AlignedBytes &blob) { blob.data()[3] ^= 1; }, ADDER_ERROR_NOT_A_BLOB, "magic number", 0,
                   0);
    expect_refused(set_header(&BlobHeader::flags, 8u + 1u), ADDER_ERROR_UNSUPPORTED, "flags", 9, 1);
}

// All that one of version 2 has where this one looks: 8 bytes of magic and the version. The sentence says what to do.
TEST(Blob, AnOlderBlobIsRefusedInWords) {
    AlignedBytes blob(4096);
    std::memset(blob.data(), 0, blob.size());
    std::memcpy(blob.data(), blob_magic, sizeof blob_magic);
    const uint32_t version_and_size[] = {2, 256};
    std::memcpy(blob.data() + 8, version_and_size, sizeof version_and_size);
    adder_error error{};
    EXPECT_EQ(open_blob(blob, &error), ADDER_ERROR_VERSION);
    char text[200];
    adder_error_text(&error, text, sizeof text);
    EXPECT_STREQ(text, "the blob is of another format version: convert the checkpoint again: "
                       "format version: found 2, needed 3");
}

TEST(Blob, ChecksumOfTheMetadataIsCompared) {
    AlignedBytes blob = small_blob();
    const uint32_t right = header_of(blob).metadata_crc;
    header_of(blob).metadata_crc = right + 1;
    adder_error error{};
    EXPECT_EQ(open_blob(blob, &error), ADDER_ERROR_CORRUPT);
    EXPECT_STREQ(error.item, "CRC-32 of the header and tables");
    EXPECT_EQ(error.found, right);
    EXPECT_EQ(error.needed, right + 1);
}

TEST(Blob, TheSameSpecificationGivesTheSameBytes) {
    const AlignedBytes again = build_blob(small_spec("mamba"));
    ASSERT_EQ(again.size(), small_blob().size());
    EXPECT_EQ(std::memcmp(again.data(), small_blob().data(), again.size()), 0);
}

}  // namespace
}  // namespace adder::test

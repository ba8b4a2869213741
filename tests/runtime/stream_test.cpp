// Blobs behind callbacks: what becomes resident, what a read costs, and reads that fail or lie.
// SPDX-License-Identifier: MIT
//
// That streamed blobs give the same bits for every model, instruction set, buffer and way of calling: session_bits_test.cpp.
#include "runtime/stream.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/families.h"
#include "tests/support/stream_source.h"

namespace adder::test {
namespace {

BlobSpec talking_spec() {
    BlobSpec spec;
    spec.checkpoint.config.vocab_size = 260;
    spec.tokenizer = true;
    spec.recipe = recipe_named("best");
    spec.texts = {{ADDER_TEXT_NAME, "toy"},
                  {ADDER_TEXT_QUANTIZATION_RECORD, std::string(1000, 'q')},
                  {ADDER_TEXT_USER_PREFIX, "<u>"}};
    return spec;
}

std::string text_of(const adder_model *model, adder_text which) {
    size_t size = 0;
    const char *text = adder_model_text(model, which, &size);
    return text ? std::string(text, size) : "none";
}

TEST(Stream, TokenizerTextsAndGoldenCaseAreResident) {
    const AlignedBytes blob = build_blob(talking_spec());
    StreamSource source(blob);
    TestSession session(source.get()), in_memory(blob);
    for (const adder_text which : {ADDER_TEXT_NAME, ADDER_TEXT_USER_PREFIX, ADDER_TEXT_USER_SUFFIX})
        EXPECT_EQ(text_of(session.model(), which), text_of(in_memory.model(), which));
    EXPECT_EQ(text_of(session.model(), ADDER_TEXT_QUANTIZATION_RECORD), "none");
    EXPECT_EQ(session.info().fingerprint, in_memory.info().fingerprint);
    const auto ids = [](const adder_model *model) {
        const std::string text = "abc don't \xC3\xA9";
        Tokens found(adder_tokenize_capacity(text.size()));
        size_t count = 0;
        EXPECT_EQ(adder_tokenize(model, text.data(), text.size(), 0, found.data(), found.size(), &count),
                  ADDER_OK);
        found.resize(count);
        return found;
    };
    EXPECT_EQ(ids(session.model()), ids(in_memory.model()));
    EXPECT_EQ(adder_selftest(session.get(), nullptr), ADDER_OK);
    EXPECT_EQ(adder_model_verify(session.model(), nullptr), ADDER_OK);
    // A state moves between the two.
    session.step(1);
    const std::vector<uint8_t> state = session.state();
    ASSERT_EQ(adder_state_load(in_memory.get(), state.data(), state.size(), nullptr), ADDER_OK);
    EXPECT_EQ(session.step(2), in_memory.step(2));

    TestSession ids_only(source.get(), {}, ADDER_STREAM_NO_TEXT);
    EXPECT_FALSE(ids_only.info().has_tokenizer);
    EXPECT_EQ(text_of(ids_only.model(), ADDER_TEXT_NAME), "none");
    EXPECT_EQ(adder_selftest(ids_only.get(), nullptr), ADDER_OK);
    const size_t all = adder_stream_memory_size(source.get(), 0, nullptr);
    const size_t less = adder_stream_memory_size(source.get(), ADDER_STREAM_NO_TEXT, nullptr);
    EXPECT_EQ(all - less, (toy_tokenizer().size() + 63) / 64 * 64 + 64 + 64);
}

// What adder_stream_memory_size and adder_arena_size say is enough, and a byte less is not.
TEST(Stream, SizesAreExact) {
    const AlignedBytes blob = build_blob(talking_spec());
    for (const bool asynchronous : {false, true}) {
        StreamSource source(blob, asynchronous);
        const size_t size = adder_stream_memory_size(source.get(), 0, nullptr);
        AlignedBytes memory(size);
        adder_model model;
        adder_error error{};
        for (size_t less : {size - 1, size_t{700}, size_t{255}, size_t{0}}) {
            EXPECT_EQ(adder_model_open_stream(&model, source.get(), 0, memory.data(), less, &error),
                      ADDER_ERROR_BUFFER);
            EXPECT_EQ(error.found, less);
            EXPECT_GT(error.needed, less);
            EXPECT_LE(error.needed, size);
        }
        ASSERT_EQ(adder_model_open_stream(&model, source.get(), 0, memory.data(), size, &error), ADDER_OK);
        const uint32_t least = stream_least_buffer(*model_of(&model));
        adder_options options{};
        options.stream_buffer = least - 1;
        EXPECT_EQ(adder_arena_size(&model, &options), 0u);
        AlignedBytes arena(1 << 20);
        adder_session *session = nullptr;
        EXPECT_EQ(adder_session_init(&session, &model, &options, arena.data(), arena.size(), &error),
                  ADDER_ERROR_ARGUMENT);
        EXPECT_EQ(error.found, least - 1);
        EXPECT_EQ(error.needed, least);
        options.stream_buffer = least;
        adder_model whole;
        ASSERT_EQ(adder_model_open(&whole, blob.data(), blob.size(), nullptr), ADDER_OK);
        const size_t without = adder_arena_size(&whole, &options);
        const size_t buffers = (asynchronous ? 2 : 1) * ((least + 63) / 64 * 64);
        EXPECT_EQ(adder_arena_size(&model, &options),
                  without + (sizeof(StreamReader) + 63) / 64 * 64 + buffers);
    }
}

TEST(Stream, WrongArguments) {
    const AlignedBytes blob = build_blob(BlobSpec());
    StreamSource source(blob, true);
    AlignedBytes memory(1 << 16);
    adder_model model;
    adder_error error{};
    const auto open = [&](const adder_source *from, uint32_t flags, void *to) {
        return adder_model_open_stream(&model, from, flags, to, memory.size(), &error);
    };
    adder_source half = *source.get(), none = *source.get(), shorter = *source.get();
    half.wait = nullptr;
    none.read = nullptr;
    shorter.size = blob.size() - 1;
    EXPECT_EQ(open(&half, 0, memory.data()), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(open(&none, 0, memory.data()), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(open(nullptr, 0, memory.data()), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(open(source.get(), 2, memory.data()), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(open(source.get(), 0, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(open(source.get(), 0, memory.data() + 4), ADDER_ERROR_ALIGNMENT);
    EXPECT_EQ(open(&shorter, 0, memory.data()), ADDER_ERROR_TRUNCATED);
    shorter.size = 100;
    EXPECT_EQ(open(&shorter, 0, memory.data()), ADDER_ERROR_TRUNCATED);
    EXPECT_EQ(adder_stream_memory_size(&half, 0, &error), 0u);
    EXPECT_EQ(error.status, ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_stream_memory_size(&shorter, 0, &error), 0u);
    EXPECT_EQ(adder_model_open_stream(nullptr, source.get(), 0, memory.data(), memory.size(), nullptr),
              ADDER_ERROR_ARGUMENT);
}

// Models of each family.
BlobSpec family_spec(const std::string &model_type) {
    BlobSpec spec = talking_spec();
    spec.checkpoint.config.model_type = model_type;
    spec.state = narrowest_state(model_type);
    return spec;
}

// No read is larger than the buffer, and a token reads each weight once, and a tile of the embedding.
TEST(Stream, ATokenReadsItsWeightsOnceThroughTheBuffer) {
    for (const std::string &family : model_types()) {
        SCOPED_TRACE(family);
        BlobSpec spec = family_spec(family);
        spec.checkpoint.config.tie_word_embeddings = false;
        AlignedBytes blob = build_blob(spec);
        uint64_t multipliers = 0;
        for (uint32_t i = 0; i < header_of(blob).tensor_count; ++i)
            if (tensors_of(blob)[i].multiplier_offset != 0)
                multipliers += 4 * ((tensors_of(blob)[i].cols + 7) / 8 * 8);
        for (const bool asynchronous : {false, true}) {
            StreamSource source(blob, asynchronous);
            adder_options options{};
            options.chunk = 4;
            options.stream_buffer = 1024;
            TestSession session(source.get(), options);
            const uint64_t embedding = model_of(session.model())->architecture.d_model_padded();
            source.bytes = source.largest = 0;
            session.step(1);
            EXPECT_LE(source.largest, 1024u);
            EXPECT_EQ(source.bytes, session.info().bytes_per_token - embedding + multipliers +
                                        tile_size * embedding + tile_size * 4);
            const uint64_t one = source.bytes;
            source.bytes = 0;
            ASSERT_EQ(adder_feed(session.get(), Tokens{1, 2, 3, 4}.data(), 4), ADDER_OK);
            EXPECT_LT(source.bytes, one + 3 * (tile_size * embedding + tile_size * 4));
        }
    }
}

// Every single read of opening, feeding and stepping fails once.
TEST(Stream, AFailedReadIsAStatusAndTheSessionRefusesToGoOn) {
    for (const std::string &family : model_types()) {
        SCOPED_TRACE(family);
        const AlignedBytes blob = build_blob(family_spec(family));
        const std::vector<float> expected = TestSession(blob).step(3);
        const int32_t tokens[] = {5, 6};
        for (const int how : {0, 1, 2}) {
            StreamSource source(blob, how > 0);
            source.fail_in_wait = how == 2;
            for (uint64_t i = 0;; ++i) {
                AlignedBytes memory(1 << 16);
                adder_model model;
                adder_error error{};
                source.reads = 0;
                source.fail_at = i;
                const adder_status status =
                    adder_model_open_stream(&model, source.get(), 0, memory.data(), memory.size(), &error);
                if (status == ADDER_OK) break;
                ASSERT_EQ(status, ADDER_ERROR_READ);
                ASSERT_EQ(error.status, ADDER_ERROR_READ);
            }
            source.fail_at = UINT64_MAX;
            adder_options options{};
            options.stream_buffer = 2048;
            TestSession session(source.get(), options);
            const std::vector<uint8_t> empty = session.state();
            uint64_t failures = 0;
            for (uint64_t i = 0;; ++i, ++failures) {
                source.reads = 0;
                source.fail_at = i;
                float *logits = nullptr;
                adder_status status = adder_feed(session.get(), tokens, 2);
                if (status == ADDER_OK) status = adder_step(session.get(), 3, &logits);
                if (status == ADDER_OK) break;
                ASSERT_EQ(status, ADDER_ERROR_READ);
                ASSERT_EQ(logits, nullptr);
                ASSERT_EQ(adder_feed(session.get(), tokens, 2), ADDER_ERROR_SEQUENCE);
                ASSERT_EQ(adder_step_begin(session.get(), 3), ADDER_ERROR_SEQUENCE);
                ASSERT_EQ(adder_continue(session.get(), &logits), ADDER_ERROR_SEQUENCE);
                ASSERT_EQ(adder_slices_left(session.get()), 0u);
                std::vector<uint8_t> state(empty.size());
                ASSERT_EQ(adder_state_save(session.get(), state.data(), state.size()), ADDER_ERROR_SEQUENCE);
                if (i % 2 == 0)
                    adder_state_reset(session.get());
                else
                    ASSERT_EQ(adder_state_load(session.get(), empty.data(), empty.size(), nullptr), ADDER_OK);
                ASSERT_EQ(session.step(3), expected) << "after the failure of read " << i;
                adder_state_reset(session.get());
            }
            EXPECT_GT(failures, 50u);
        }
    }
}

// What was begun is given up while its weights are on their way.
TEST(Stream, ResetWhileAReadIsUnderWay) {
    const AlignedBytes blob = build_blob(talking_spec());
    const std::vector<float> expected = TestSession(blob).step(3);
    StreamSource source(blob, true);
    TestSession session(source.get());
    for (uint32_t slices = 0; slices < 3; ++slices) {
        ASSERT_EQ(adder_step_begin(session.get(), 9), ADDER_OK);
        float *logits = nullptr;
        for (uint32_t i = 0; i < slices; ++i) ASSERT_EQ(adder_continue(session.get(), &logits), ADDER_MORE);
        adder_state_reset(session.get());
        source.fail_at = source.reads;  // the read under way, which nobody needs any more
        source.fail_in_wait = true;
        EXPECT_EQ(session.step(3), expected);
        adder_state_reset(session.get());
    }
}

TEST(Stream, VerifyReadsAllOfIt) {
    AlignedBytes blob = build_blob(talking_spec());
    StreamSource source(blob);
    TestSession session(source.get());
    source.bytes = source.largest = 0;
    EXPECT_EQ(adder_model_verify(session.model(), nullptr), ADDER_OK);
    EXPECT_EQ(source.bytes, header_of(blob).blob_size - header_of(blob).payload_offset);
    EXPECT_LE(source.largest, 512u);
    adder_error error{};
    source.fail_at = source.reads + 1;
    EXPECT_EQ(adder_model_verify(session.model(), &error), ADDER_ERROR_READ);
    blob.data()[blob.size() - 1] ^= 1;
    EXPECT_EQ(adder_model_verify(session.model(), &error), ADDER_ERROR_CORRUPT);
}

TEST(Stream, VerifiesPieceByPiece) {
    AlignedBytes blob = build_blob(talking_spec());
    const uint64_t all = header_of(blob).blob_size - header_of(blob).payload_offset;
    StreamSource source(blob);
    TestSession streamed(source.get()), whole(blob);
    for (const adder_model *model : {streamed.model(), whole.model()}) {
        adder_verification verification{};
        for (uint64_t done = 0; done < all; done = verification.done) {
            const adder_status status = adder_model_verify_piece(model, &verification, nullptr);
            ASSERT_EQ(verification.done, std::min<uint64_t>(all, done + 512));
            ASSERT_EQ(status, verification.done == done + 512 ? ADDER_MORE : ADDER_OK);
        }
        // Said again, and no byte is read for it.
        EXPECT_EQ(adder_model_verify_piece(model, &verification, nullptr), ADDER_OK);
        EXPECT_EQ(verification.done, all);
    }
    // A read that failed is tried again.
    adder_verification verification{};
    adder_error error{};
    ASSERT_EQ(adder_model_verify_piece(streamed.model(), &verification, nullptr), ADDER_MORE);
    source.fail_at = source.reads;
    EXPECT_EQ(adder_model_verify_piece(streamed.model(), &verification, &error), ADDER_ERROR_READ);
    EXPECT_EQ(verification.done, 512u);
    source.fail_at = UINT64_MAX;
    adder_status status;
    do status = adder_model_verify_piece(streamed.model(), &verification, &error);
    while (status == ADDER_MORE);
    EXPECT_EQ(status, ADDER_OK);

    blob.data()[blob.size() - 1] ^= 1;
    verification = {};
    do status = adder_model_verify_piece(whole.model(), &verification, &error);
    while (status == ADDER_MORE);
    EXPECT_EQ(status, ADDER_ERROR_CORRUPT);
    EXPECT_EQ(adder_model_verify_piece(nullptr, &verification, &error), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_model_verify_piece(whole.model(), nullptr, &error), ADDER_ERROR_ARGUMENT);
}

// Bytes that differ from read to read: some status, or some numbers. tests/fuzz/fuzz_stream.cpp does more of this.
TEST(Stream, BytesThatChangeBetweenReadsAreHarmless) {
    std::vector<std::pair<std::string, const char *>> cases = {{model_types().front(), "static"}};
    for (const std::string &family : model_types())
        for (const char *recipe : {"best", "small", "smallest"}) cases.emplace_back(family, recipe);
    for (const auto &[family, recipe] : cases) {
        SCOPED_TRACE(family + ", " + recipe);
        BlobSpec spec = family_spec(family);
        spec.checkpoint.config.d_inner = 64;
        spec.recipe = recipe_named(recipe);
        const AlignedBytes blob = build_blob(spec);
        for (const uint32_t rate : {1u, 7u, 1000u}) {
            StreamSource source(blob, rate == 7);
            TestSession session(source.get());
            source.corrupt = rate;
            for (int32_t token = 0; token < 20; ++token) {
                float *logits = nullptr;
                ASSERT_EQ(adder_step(session.get(), token, &logits), ADDER_OK);
            }
            AlignedBytes memory(1 << 16);
            for (int run = 0; run < 50; ++run) {
                adder_model model;
                adder_stream_memory_size(source.get(), 0, nullptr);
                adder_model_open_stream(&model, source.get(), 0, memory.data(), memory.size(), nullptr);
            }
        }
    }
}

}  // namespace
}  // namespace adder::test

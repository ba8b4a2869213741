// The caller's float mode: restored by every call, and without influence on what it computes.
// SPDX-License-Identifier: MIT
#if defined(__SSE2__)
#include <gtest/gtest.h>

#include <xmmintrin.h>

#include <cmath>
#include <utility>

#include "tests/support/blob_builder.h"

namespace adder::test {
namespace {

TEST(FloatMode, OfTheCallerIsRestoredByEveryCall) {
    BlobSpec spec;
    spec.checkpoint.config.vocab_size = 260;
    spec.tokenizer = true;
    AlignedBytes blob = build_blob(spec);
    AlignedBytes damaged = blob;
    header_of(damaged).temperature = NAN;
    fix_checksums(damaged);
    const unsigned saved = _mm_getcsr();
    // Rounding up, no exceptions masked but the inexact ones: anything the library lets slip traps or shows as a flag.
    const unsigned strange = 0x5000;
    const auto check = [&](const char *name, const auto &call) {
        _mm_setcsr(strange);
        call();
        const unsigned found = _mm_getcsr();
        _mm_setcsr(saved);
        EXPECT_EQ(found, strange) << name;
    };
    adder_model model;
    adder_session *session = nullptr;
    adder_status status = ADDER_OK;
    const auto good = [&](const char *name) { EXPECT_EQ(status, ADDER_OK) << name; };
    check("open, damaged",
          [&] { status = adder_model_open(&model, damaged.data(), damaged.size(), nullptr); });
    EXPECT_EQ(status, ADDER_ERROR_CORRUPT);
    check("open", [&] { status = adder_model_open(&model, blob.data(), blob.size(), nullptr); });
    good("open");
    check("verify", [&] { status = adder_model_verify(&model, nullptr); });
    good("verify");
    adder_model_info info;
    check("info", [&] { adder_model_get_info(&model, &info); });
    size_t size = 0;
    check("arena size", [&] { size = adder_arena_size(&model, nullptr); });
    AlignedBytes arena(size);
    check("init", [&] {
        status = adder_session_init(&session, &model, nullptr, arena.data(), arena.size(), nullptr);
    });
    good("init");
    const Tokens tokens = random_tokens(40, 260, 1);
    check("feed", [&] { status = adder_feed(session, tokens.data(), tokens.size()); });
    good("feed");
    float *logits = nullptr;
    check("step", [&] { status = adder_step(session, 1, &logits); });
    good("step");
    struct Seen {
        unsigned strange;
        size_t wrong, calls;
    } seen{strange, 0, 0};
    check("score", [&] {
        status = adder_score(
            session, tokens.data(), tokens.size(),
            [](void *context, size_t, const float *) {
                Seen &s = *static_cast<Seen *>(context);
                ++s.calls;
                s.wrong += _mm_getcsr() != s.strange;  // the callback is the caller's code
            },
            &seen);
    });
    good("score");
    EXPECT_EQ(seen.calls, tokens.size());
    EXPECT_EQ(seen.wrong, 0u);
    adder_sampler sampler;
    check("sampler", [&] {
        adder_sampler_init(&sampler, &model);
        sampler.repetition_penalty = 1.3f;
        adder_sampler_seed(&sampler, 1);
        adder_sampler_accept(&sampler, 3);
        adder_sample(&sampler, logits, 260);
    });
    std::vector<uint8_t> state(adder_state_size(&model));
    check("state", [&] {
        status = adder_state_save(session, state.data(), state.size());
        if (status == ADDER_OK) status = adder_state_load(session, state.data(), state.size(), nullptr);
        adder_state_reset(session);
    });
    good("state");
    check("selftest", [&] { status = adder_selftest(session, nullptr); });
    good("selftest");
    std::vector<int32_t> ids(adder_tokenize_capacity(5));
    check("tokenize", [&] { status = adder_tokenize(&model, "hello", 5, 0, ids.data(), ids.size(), &size); });
    good("tokenize");
}

TEST(FloatMode, OfTheCallerHasNoInfluence) {
    const AlignedBytes blob = build_blob(BlobSpec());
    const Tokens tokens = random_tokens(20, 32, 1);
    const auto run = [&] {
        TestSession session(blob);
        std::vector<std::vector<float>> logits;
        for (const int32_t token : tokens) logits.push_back(session.step(token));
        return std::pair(logits, session.state());
    };
    const auto expected = run();
    const unsigned saved = _mm_getcsr();
    for (const unsigned mode : {0x1f80u, 0x3f80u, 0x5f80u, 0x7f80u, 0x9fc0u}) {
        _mm_setcsr(mode);
        const auto found = run();
        _mm_setcsr(saved);
        EXPECT_EQ(found, expected) << mode;
    }
}

}  // namespace
}  // namespace adder::test
#endif

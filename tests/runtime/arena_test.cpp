// The arena: its exact size, and that nothing outside of it is touched.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "kernels/float_mode.h"
#include "runtime/session.h"
#include "tests/support/blob_builder.h"

namespace adder::test {
namespace {

void run_in_place(void *, adder_task task, void *argument, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) task(argument, i);
}

// Memory of `size` bytes, its end (in steps of 64) at a page that traps, its start behind one.
class GuardedArena {
  public:
    explicit GuardedArena(size_t size) : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
        inner_ = (size + page_ - 1) / page_ * page_;
        base_ = static_cast<uint8_t *>(
            mmap(nullptr, inner_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (base_ == MAP_FAILED || mprotect(base_ + page_, inner_, PROT_READ | PROT_WRITE) != 0) abort();
        data_ = base_ + page_ + inner_ - size;  // sizes of arenas are multiples of 64
    }
    ~GuardedArena() { munmap(base_, inner_ + 2 * page_); }
    GuardedArena(const GuardedArena &) = delete;
    GuardedArena &operator=(const GuardedArena &) = delete;
    uint8_t *data() { return data_; }
    // The bytes between the guard page and the arena still hold `value`.
    bool front_holds(uint8_t value) const {
        for (const uint8_t *at = base_ + page_; at < data_; ++at)
            if (*at != value) return false;
        return true;
    }
    void fill_front(uint8_t value) {
        std::memset(base_ + page_, value, static_cast<size_t>(data_ - base_) - page_);
    }

  private:
    size_t page_, inner_;
    uint8_t *base_, *data_;
};

BlobSpec odd_spec(Dtype weights, bool int8_activations) {
    BlobSpec spec;
    ModelConfig &config = spec.checkpoint.config;
    config.d_model = 12;
    config.d_inner = 20;
    config.d_state = 3;
    config.d_conv = 5;
    config.dt_rank = 5;
    config.vocab_size = 13;
    spec.recipe.set_weights(weights);
    spec.recipe.set_inputs(int8_activations);
    return spec;
}

constexpr std::pair<Dtype, bool> recipes[] = {
    {Dtype::int8, true}, {Dtype::int8, false}, {Dtype::f32, true}, {Dtype::f32, false}};

TEST(Arena, TooSmallAndMisalignedAreRefused) {
    const AlignedBytes blob = build_blob(BlobSpec());
    adder_model model;
    ASSERT_EQ(adder_model_open(&model, blob.data(), blob.size(), nullptr), ADDER_OK);
    const size_t size = adder_arena_size(&model, nullptr);
    AlignedBytes arena(size + 64);
    adder_session *session = reinterpret_cast<adder_session *>(&arena);
    adder_error error{};
    for (const size_t given : {size_t{0}, size - 64, size - 1}) {
        EXPECT_EQ(adder_session_init(&session, &model, nullptr, arena.data(), given, &error),
                  ADDER_ERROR_ARENA);
        EXPECT_EQ(session, nullptr);
        EXPECT_EQ(error.found, given);
        EXPECT_EQ(error.needed, size);
    }
    for (const size_t shift : {1, 8, 32}) {
        EXPECT_EQ(adder_session_init(&session, &model, nullptr, arena.data() + shift, size, &error),
                  ADDER_ERROR_ALIGNMENT);
        EXPECT_EQ(error.found, shift);
    }
    EXPECT_EQ(adder_session_init(&session, &model, nullptr, nullptr, size, &error), ADDER_ERROR_ARGUMENT);
    EXPECT_STREQ(error.item, "arena");
    EXPECT_EQ(adder_session_init(&session, nullptr, nullptr, arena.data(), size, &error),
              ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_session_init(nullptr, &model, nullptr, arena.data(), size, &error), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_session_init(&session, &model, nullptr, arena.data(), size, nullptr), ADDER_OK);
    EXPECT_NE(session, nullptr);
}

TEST(Arena, OptionsOutOfRangeAreNamed) {
    const AlignedBytes blob = build_blob(BlobSpec());
    adder_model model;
    ASSERT_EQ(adder_model_open(&model, blob.data(), blob.size(), nullptr), ADDER_OK);
    const struct {
        adder_options options;
        const char *item;
        uint64_t found, needed;
    } cases[] = {
        {{4097, 0, 0, 0, nullptr, nullptr, nullptr, 0, 0, {}}, "chunk", 4097, 4096},
        {{0xffffffffu, 0, 0, 0, nullptr, nullptr, nullptr, 0, 0, {}}, "chunk", 0xffffffffu, 4096},
        {{4, 5, 0, 0, nullptr, nullptr, nullptr, 0, 0, {}}, "logit rows", 5, 4},
        {{0, 17, 0, 0, nullptr, nullptr, nullptr, 0, 0, {}}, "logit rows", 17, 16},
        {{0, 0, 257, 0, run_in_place, nullptr, nullptr, 0, 0, {}}, "threads", 257, 256},
        {{0, 0, 2, 0, nullptr, nullptr, nullptr, 0, 0, {}}, "threads without parallel_for", 2, 1},
    };
    AlignedBytes arena(1 << 20);
    for (const auto &c : cases) {
        adder_session *session = nullptr;
        adder_error error{};
        EXPECT_EQ(adder_arena_size(&model, &c.options), 0u);
        EXPECT_EQ(adder_session_init(&session, &model, &c.options, arena.data(), arena.size(), &error),
                  ADDER_ERROR_ARGUMENT);
        EXPECT_STREQ(error.item, c.item);
        EXPECT_EQ(error.found, c.found);
        EXPECT_EQ(error.needed, c.needed);
    }
    EXPECT_EQ(adder_arena_size(nullptr, nullptr), 0u);
    adder_options options{};
    options.isa = "pdp-11";
    adder_session *session = nullptr;
    adder_error error{};
    EXPECT_EQ(adder_session_init(&session, &model, &options, arena.data(), arena.size(), &error),
              ADDER_ERROR_ISA);
    EXPECT_EQ(error.status, ADDER_ERROR_ISA);
    EXPECT_STREQ(error.item, "pdp-11");
}

// Every call in an arena between guard pages, with more memory in front that must stay as it is.
TEST(Arena, NothingOutsideIsWritten) {
    for (const auto &[weights, int8_activations] : recipes)
        for (const char *isa : usable_isas())
            for (const uint32_t chunk : {1u, 5u})
                for (const uint32_t threads : {1u, 3u}) {
                    const AlignedBytes blob = build_blob(odd_spec(weights, int8_activations));
                    adder_model model;
                    ASSERT_EQ(adder_model_open(&model, blob.data(), blob.size(), nullptr), ADDER_OK);
                    const adder_options options{chunk,   chunk, threads, 1, run_in_place,
                                                nullptr, isa,   0,       0, {}};
                    const size_t size = adder_arena_size(&model, &options);
                    ASSERT_GT(size, 0u);
                    ASSERT_EQ(size % 64, 0u);
                    GuardedArena arena(size);
                    arena.fill_front(0x5c);
                    std::memset(arena.data(), 0xff, size);  // NaNs, were it read before it is written
                    adder_session *session = nullptr;
                    ASSERT_EQ(adder_session_init(&session, &model, &options, arena.data(), size, nullptr),
                              ADDER_OK);
                    const Tokens tokens = random_tokens(13, 13, 1);
                    ASSERT_EQ(adder_feed(session, tokens.data(), tokens.size()), ADDER_OK);
                    float *logits = nullptr;
                    ASSERT_EQ(adder_step(session, 3, &logits), ADDER_OK);
                    const auto see = [](void *, size_t, const float *values) {
                        ASSERT_FALSE(values[0] != values[0]);
                    };
                    ASSERT_EQ(adder_score(session, tokens.data(), tokens.size(), see, nullptr), ADDER_OK);
                    EXPECT_EQ(adder_selftest(session, nullptr), ADDER_OK);
                    std::vector<uint8_t> state(adder_state_size(&model));
                    ASSERT_EQ(adder_state_save(session, state.data(), state.size()), ADDER_OK);
                    ASSERT_EQ(adder_state_load(session, state.data(), state.size(), nullptr), ADDER_OK);
                    adder_state_reset(session);
                    EXPECT_TRUE(arena.front_holds(0x5c));
                }
}

// A larger arena than needed is used up to the size that was told, and no byte further.
TEST(Arena, TheRestOfALargerOneIsLeftAlone) {
    const AlignedBytes blob = build_blob(BlobSpec());
    adder_model model;
    ASSERT_EQ(adder_model_open(&model, blob.data(), blob.size(), nullptr), ADDER_OK);
    const size_t size = adder_arena_size(&model, nullptr);
    AlignedBytes arena(size + 4096);
    std::memset(arena.data(), 0x5c, arena.size());
    adder_session *session = nullptr;
    ASSERT_EQ(adder_session_init(&session, &model, nullptr, arena.data(), arena.size(), nullptr), ADDER_OK);
    EXPECT_EQ(adder_selftest(session, nullptr), ADDER_OK);
    for (size_t i = size; i < arena.size(); ++i) ASSERT_EQ(arena.data()[i], 0x5c) << i - size;
}

// The blob may lie in flash: nothing writes to it, or reads past its end.
TEST(Arena, TheBlobIsReadOnlyAndReadInBounds) {
    for (const auto &[weights, int8_activations] : recipes) {
        const AlignedBytes built = build_blob(odd_spec(weights, int8_activations));
        GuardedArena flash(built.size());
        std::memcpy(flash.data(), built.data(), built.size());
        const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        uint8_t *const first = flash.data() - reinterpret_cast<uintptr_t>(flash.data()) % page;
        ASSERT_EQ(mprotect(first, built.size(), PROT_READ), 0);
        adder_model model;
        ASSERT_EQ(adder_model_open(&model, flash.data(), built.size(), nullptr), ADDER_OK);
        ASSERT_EQ(adder_model_verify(&model, nullptr), ADDER_OK);
        for (const char *isa : usable_isas()) {
            adder_options options{};
            options.isa = isa;
            AlignedBytes arena(adder_arena_size(&model, &options));
            adder_session *session = nullptr;
            ASSERT_EQ(adder_session_init(&session, &model, &options, arena.data(), arena.size(), nullptr),
                      ADDER_OK);
            EXPECT_EQ(adder_selftest(session, nullptr), ADDER_OK);
        }
    }
}

}  // namespace
}  // namespace adder::test

// No call of the library allocates.
// SPDX-License-Identifier: MIT
//
// The linker sends every call of malloc and its like, from this program and from the library, to the functions below.
#include <gtest/gtest.h>
#include <sys/types.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/blob_builder.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<int> allocations{0};

void note() {
    if (counting) ++allocations;
}

}  // namespace

extern "C" {
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *memory);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
void *__real_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);

void *__wrap_malloc(size_t size) { return note(), __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return note(), __real_calloc(count, size); }
void *__wrap_realloc(void *old, size_t size) { return note(), __real_realloc(old, size); }
void __wrap_free(void *memory) { note(), __real_free(memory); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return note(), __real_aligned_alloc(alignment, size);
}
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
    return note(), __real_posix_memalign(memory, alignment, size);
}
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    return note(), __real_mmap(address, size, protection, flags, file, offset);
}
}

// Not inlined: the compiler would see malloc's memory deleted, or new's memory freed, and warn.
[[gnu::noinline]] void *operator new(size_t size, const std::nothrow_t &) noexcept {
    return std::malloc(size > 0 ? size : 1);
}
[[gnu::noinline]] void *operator new(size_t size) {
    void *memory = std::malloc(size > 0 ? size : 1);
    if (!memory) throw std::bad_alloc();
    return memory;
}
[[gnu::noinline]] void operator delete(void *memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace adder::test {
namespace {

TEST(Allocation, IsSeenByThisProgram) {
    counting = true;
    void *volatile memory = std::malloc(10);
    std::free(memory);
    int *volatile number = new int(3);
    delete number;
    counting = false;
    EXPECT_EQ(allocations.exchange(0), 4);
}

TEST(Allocation, NoCallOfTheLibraryMakesOne) {
    for (const bool int8_weights : {true, false})
        for (const bool int8_activations : {true, false}) {
            BlobSpec spec;
            spec.checkpoint.config.vocab_size = 260;
            spec.tokenizer = true;
            spec.recipe.set_weights(int8_weights ? Dtype::int8 : Dtype::f32);
            spec.recipe.set_inputs(int8_activations);
            const AlignedBytes blob = build_blob(spec);
            AlignedBytes arena(1 << 20);
            std::vector<uint8_t> state(1 << 16);
            std::vector<int32_t> ids(4000);
            const std::string text(500, 'a');
            const Tokens tokens = random_tokens(40, 260, 1);
            char sentence[200];

            counting = true;
            adder_model model;
            adder_error error{};
            int good = adder_model_open(&model, blob.data(), blob.size(), &error) == ADDER_OK;
            good += adder_model_verify(&model, &error) == ADDER_OK;
            adder_model_info info;
            adder_model_get_info(&model, &info);
            adder_session *session = nullptr;
            good +=
                adder_session_init(&session, &model, nullptr, arena.data(), 100, &error) == ADDER_ERROR_ARENA;
            adder_error_text(&error, sentence, sizeof sentence);
            good +=
                adder_session_init(&session, &model, nullptr, arena.data(), arena.size(), &error) == ADDER_OK;
            good += adder_selftest(session, &error) == ADDER_OK;
            good += adder_feed(session, tokens.data(), tokens.size()) == ADDER_OK;
            good += adder_score(
                        session, tokens.data(), tokens.size(), [](void *, size_t, const float *) {},
                        nullptr) == ADDER_OK;
            good += adder_state_save(session, state.data(), state.size()) == ADDER_OK;
            good += adder_state_load(session, state.data(), state.size(), &error) == ADDER_OK;
            size_t count = 0;
            good += adder_tokenize(&model, text.data(), text.size(), 0, ids.data(), ids.size(), &count) ==
                    ADDER_OK;
            adder_detokenizer detokenizer{};
            adder_detokenize(&model, &detokenizer, 65, sentence, sizeof sentence);
            adder_sampler sampler;
            adder_sampler_init(&sampler, &model);
            sampler.top_k = 20;
            sampler.repetition_penalty = 1.1f;
            float *logits = nullptr;
            good += adder_step(session, 1, &logits) == ADDER_OK;
            adder_sampler_accept(&sampler, adder_sample(&sampler, logits, info.vocab_size));
            adder_state_reset(session);
            counting = false;
            EXPECT_EQ(allocations.exchange(0), 0);
            EXPECT_EQ(good, 11);
        }
}

}  // namespace
}  // namespace adder::test

// Fuzz target: a streamed blob whose metadata has sound checksums and whose bytes change from read to read.
// SPDX-License-Identifier: MIT
//
// The last byte of the input says how often a byte is changed, and whether reads are under way while others are computed
// with. Whatever is read, nothing may be read or written outside of memory, arena and source, and no call may hang.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "runtime/stream.h"
#include "tests/support/stream_source.h"

using namespace adder;
using namespace adder::test;

namespace {

constexpr uint64_t most_arena = 1 << 20;  // larger models are opened, and no more
constexpr size_t most_memory = 1 << 20;
constexpr size_t most_work = 1 << 22;  // weights, in a token

void require(bool holds) {
    if (!holds) std::abort();
}

void run_model(const adder_model &model, uint8_t settings) {
    adder_model_info info;
    adder_model_get_info(&model, &info);
    adder_options options{};
    options.chunk = 3;
    options.stream_buffer = settings & 4 ? stream_least_buffer(*model_of(&model)) : 0;
    const size_t size = adder_arena_size(&model, &options);
    if (size == 0 || size > most_arena || info.bytes_per_token > most_work) return;
    AlignedBytes arena(size);
    adder_session *session = nullptr;
    require(adder_session_init(&session, &model, &options, arena.data(), arena.size(), nullptr) == ADDER_OK);
    const Tokens tokens = random_tokens(5, info.vocab_size, 1);
    require(adder_feed(session, tokens.data(), tokens.size()) == ADDER_OK);
    float *logits = nullptr;
    require(adder_step_begin(session, tokens[1]) == ADDER_OK);
    require(adder_continue(session, &logits) == ADDER_MORE);
    adder_state_reset(session);
    require(adder_step(session, tokens[0], &logits) == ADDER_OK);
    const auto ignore = [](void *, size_t, const float *) {};
    require(adder_score(session, tokens.data(), 3, ignore, nullptr) == ADDER_OK);
    uint64_t golden_bytes = 0;
    if (model_section(*model_of(&model), section_golden, &golden_bytes) && golden_bytes < 200)
        adder_selftest(session, nullptr);
    adder_model_verify(&model, nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const uint8_t settings = data[size - 1];
    AlignedBytes blob(data, size - 1);
    fix_checksums(blob);
    StreamSource source(blob, (settings & 1) != 0);
    if (settings & 2) source.corrupt = 4096;
    const uint32_t flags = settings & 8 ? ADDER_STREAM_NO_TEXT : 0;
    adder_error error{};
    const size_t bytes = adder_stream_memory_size(source.get(), flags, &error);
    if (bytes == 0) {
        require(error.status != ADDER_OK);
        return 0;
    }
    if (bytes > most_memory) return 0;
    // It ends where a sanitizer sees a write behind it.
    void *memory = nullptr;
    require(posix_memalign(&memory, ADDER_ALIGNMENT, bytes) == 0);
    adder_model model;
    const adder_status status = adder_model_open_stream(&model, source.get(), flags, memory, bytes, &error);
    require(status == ADDER_OK || error.status == status);
    if (status == ADDER_OK) {
        source.corrupt = settings >> 4;
        run_model(model, settings);
    }
    std::free(memory);
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (const uint32_t kind : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u}) {
        BlobSpec spec;
        ModelConfig &config = spec.checkpoint.config;
        config.n_layer = 1 + kind % 2;
        config.d_model = 4 + kind;
        config.d_inner = kind == 4 ? 64 : 8 + kind;
        config.d_state = 2;
        config.dt_rank = 2;
        config.vocab_size = kind == 1 ? 260 : 9;
        config.tie_word_embeddings = kind != 2;
        config.use_bias = kind == 3;
        spec.tokenizer = kind == 1;
        spec.texts = {{ADDER_TEXT_NAME, "toy"}, {ADDER_TEXT_USER_PREFIX, "<u>"}};
        spec.recipe = recipe_named(kind == 0 ? "naive" : kind == 2 ? "small" : kind == 4 ? "static" : "best");
        if (kind == 5) config.model_type = "falcon_mamba";
        if (kind > 5) {
            config.model_type = "mamba2";
            config.d_model = 8;
            config.d_inner = 64;
            config.n_head = 4;
            config.n_group = config.norm_groups = kind == 6 ? 1 : 2;
            spec.recipe = recipe_named(kind == 6 ? "small" : "static");
            spec.state = kind == 6 ? StateType::f16 : StateType::f32;
        }
        const AlignedBytes blob = build_blob(spec);
        std::vector<uint8_t> seed(blob.data(), blob.data() + blob.size());
        for (const uint8_t settings : {uint8_t{0x00}, uint8_t{0x05}, uint8_t{0x1f}, uint8_t{0x73}}) {
            seed.push_back(settings);
            add(seed.data(), seed.size());
            seed.pop_back();
        }
    }
}

// Fuzz target: a blob whose checksums are made right, opened and used for everything that the library does.
// SPDX-License-Identifier: MIT
//
// Whatever the bytes are, nothing may be read or written outside of the blob and the arena, no call may hang, and two
// kernel tables must agree on what a blob of any numbers computes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "runtime/model.h"
#include "tests/support/blob_builder.h"

using namespace adder;
using namespace adder::test;

namespace {

constexpr uint64_t most_arena = 1 << 20;  // larger models are opened, and no more
constexpr size_t most_work = 1 << 22;     // weights, in a token

void require(bool holds) {
    if (!holds) std::abort();
}

void use_text(const adder_model &model, uint32_t vocab_size) {
    static const char text[] = "abc <|end|> 12 x\xC3\xA9\xF0\x9F\x98\x80\xFF  it's 'r "
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    std::vector<int32_t> ids(adder_tokenize_capacity(sizeof text - 1));
    for (const uint32_t flags : {0u, 1u}) {
        size_t count = 0;
        const adder_status status =
            adder_tokenize(&model, text, sizeof text - 1, flags, ids.data(), ids.size(), &count);
        require(status == ADDER_OK || status == ADDER_ERROR_TEXT || status == ADDER_ERROR_NO_TOKENIZER);
        require(count <= ids.size());
        for (size_t i = 0; i < count; ++i) require(ids[i] >= 0 && static_cast<uint32_t>(ids[i]) < vocab_size);
    }
    const size_t capacity = adder_detokenize_capacity(&model);
    if (capacity > most_arena) return;
    std::vector<char> out(capacity);
    adder_detokenizer detokenizer{};
    for (int32_t id = -2; id < static_cast<int32_t>(std::min(vocab_size, 400u)); ++id) {
        const size_t n = adder_detokenize(&model, &detokenizer, id, out.data(), out.size());
        require(n <= out.size() && detokenizer.count <= 3);
        const char *bytes = nullptr;
        size_t size = 0;
        adder_token_bytes(&model, id, &bytes, &size);
        for (size_t i = 0; i < size; ++i) detokenizer.pending[3] = static_cast<uint8_t>(bytes[i]);
        adder_token_is_special(&model, id);
    }
    require(adder_token_find(&model, "<|end|>", 7) < static_cast<int32_t>(vocab_size));
}

// Bits of the state after a few tokens, on one kernel table.
std::vector<uint8_t> run_model(const adder_model &model, const adder_model_info &info, const char *isa,
                               uint32_t chunk) {
    adder_options options{};
    options.isa = isa;
    options.chunk = chunk;
    const size_t size = adder_arena_size(&model, &options);
    require(size > 0);
    AlignedBytes arena(size);
    adder_session *session = nullptr;
    require(adder_session_init(&session, &model, &options, arena.data(), arena.size(), nullptr) == ADDER_OK);
    const Tokens tokens = random_tokens(5, info.vocab_size, 1);
    require(adder_feed(session, tokens.data(), tokens.size()) == ADDER_OK);
    float *logits = nullptr;
    require(adder_step(session, tokens[0], &logits) == ADDER_OK);
    adder_sampler sampler;
    adder_sampler_init(&sampler, &model);
    const int32_t token = adder_sample(&sampler, logits, info.vocab_size);
    require(token >= 0 && static_cast<uint32_t>(token) < info.vocab_size);
    const auto ignore = [](void *, size_t, const float *) {};
    require(adder_score(session, tokens.data(), 3, ignore, nullptr) == ADDER_OK);
    std::vector<uint8_t> state(adder_state_size(&model));
    require(adder_state_save(session, state.data(), state.size()) == ADDER_OK);
    require(adder_state_load(session, state.data(), state.size(), nullptr) == ADDER_OK);
    uint64_t golden_bytes = 0;
    if (model_section(*model_of(&model), section_golden, &golden_bytes) && golden_bytes < 200)
        adder_selftest(session, nullptr);
    return state;
}

bool same_half(const uint8_t *a, const uint8_t *b) {
    const auto is_nan = [](const uint8_t *p) { return ((p[0] | p[1] << 8) & 0x7fff) > 0x7c00; };
    return std::memcmp(a, b, 2) == 0 || (is_nan(a) && is_nan(b));
}

// NaNs may differ in sign and payload; all else may not. With `halves` some of the state's numbers have two bytes.
bool agree(const std::vector<uint8_t> &a, const std::vector<uint8_t> &b, bool halves) {
    if (a.size() != b.size()) return false;
    for (size_t i = 64; i + 4 <= a.size(); i += 4) {
        float x, y;
        std::memcpy(&x, a.data() + i, 4);
        std::memcpy(&y, b.data() + i, 4);
        const bool same = std::memcmp(&x, &y, 4) == 0 || (x != x && y != y);
        if (!same && !(halves && same_half(&a[i], &b[i]) && same_half(&a[i + 2], &b[i + 2]))) return false;
    }
    return true;
}

bool has_halves(const Architecture &architecture) {
    for (uint32_t i = 0; i < architecture.shape_count; ++i)
        if (architecture.shapes[i].state_type == static_cast<uint8_t>(StateType::f16)) return true;
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // The blob ends where its memory does, so that a sanitizer sees a read past the end.
    void *memory = nullptr;
    require(posix_memalign(&memory, ADDER_ALIGNMENT, size > 0 ? size : 1) == 0);
    uint8_t *const blob = static_cast<uint8_t *>(memory);
    std::copy_n(data, size, blob);
    fix_checksums(blob, size);
    adder_model model;
    adder_error error{};
    const adder_status status = adder_model_open(&model, blob, size, &error);
    if (status != ADDER_OK) {
        char text[300];
        require(error.status == status && adder_error_text(&error, text, sizeof text) < sizeof text);
        std::free(memory);
        return 0;
    }
    require(adder_model_verify(&model, nullptr) == ADDER_OK);
    adder_model_info info;
    adder_model_get_info(&model, &info);
    for (uint32_t kind = 0; kind < 64; ++kind) {
        size_t bytes = 0;
        const char *text = adder_model_text(&model, static_cast<adder_text>(kind), &bytes);
        if (text && bytes > 0) require(text[0] + text[bytes - 1] < 1000);
    }
    use_text(model, info.vocab_size);
    adder_options options{};
    options.chunk = 5;
    if (adder_arena_size(&model, &options) <= most_arena && info.bytes_per_token <= most_work) {
        const std::vector<uint8_t> state = run_model(model, info, "scalar", 3);
        const bool halves = has_halves(model_of(&model)->architecture);
        for (const char *isa : usable_isas()) require(agree(run_model(model, info, isa, 5), state, halves));
    }
    std::free(memory);
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (const uint32_t kind : {0u, 1u, 2u, 3u, 4u}) {
        BlobSpec spec;
        ModelConfig &config = spec.checkpoint.config;
        config.n_layer = 1;
        config.d_model = 4 + kind;
        config.d_inner = 8 + kind;
        config.d_state = 2;
        config.d_conv = 1 + kind;
        config.vocab_size = kind == 0 ? 260 : 5;
        config.tie_word_embeddings = kind % 2 == 0;
        config.use_bias = kind == 3;
        spec.tokenizer = kind == 0;
        if (kind == 4) {
            config.d_inner = 64;
            spec.recipe = recipe_named("static");
            spec.recipe.of(Role::in_proj).weights = Dtype::int4;
            spec.recipe.of(Role::head).input = Input::token;
            spec.recipe.set_input_bits(4);
        }
        if (kind == 2) spec.recipe.set_weights(Dtype::f32);
        if (kind == 1) spec.recipe.set_inputs(false);
        if (kind == 3) spec.recipe.set_granularity(Granularity::tensor);
        spec.texts = {{ADDER_TEXT_NAME, "toy"}};
        const AlignedBytes blob = build_blob(spec);
        add(blob.data(), blob.size());
    }
    for (const uint32_t kind : {0u, 1u, 2u, 3u}) {
        BlobSpec spec;
        ModelConfig &config = spec.checkpoint.config;
        config.model_type = kind == 3 ? "falcon_mamba" : "mamba2";
        config.n_layer = 1;
        config.d_model = 8 + kind;
        config.d_inner = kind == 2 ? 64 : config.d_model * 8;
        config.n_head = kind == 2 ? 4 : config.d_model;
        config.n_group = kind == 2 ? 2 : 1;
        config.norm_groups = config.n_group;
        config.d_state = 2;
        config.d_conv = 1 + kind;
        config.dt_rank = 2;
        config.vocab_size = 5;
        config.use_bias = kind == 1;
        if (kind == 1) spec.checkpoint.config_members["time_step_limit"] = "[0.001, 0.1]";
        if (kind != 1) spec.state = kind == 3 ? StateType::f32 : StateType::f16;
        spec.recipe = recipe_named(kind == 2 ? "static" : kind == 1 ? "small" : "best");
        if (kind == 0) spec.recipe.set_inputs(false);
        const AlignedBytes blob = build_blob(spec);
        add(blob.data(), blob.size());
    }
}

/* What only a board can show: the logits' bits, refused blobs and arenas, and how deep the stack gets in every call.
 * SPDX-License-Identifier: MIT
 * A host's build of this file, with host_port.c, says what the logits have to be. Exits with 1 if something is not as it should
 * be; the line of it begins with "wrong". */
#include "model.h"
#include "port.h"

#include <string.h>

#if !defined(ADDER_PROMPT_TOKENS)
#define ADDER_PROMPT_TOKENS 33
#endif
#if !defined(ADDER_LARGEST_STACK)
#define ADDER_LARGEST_STACK 2048
#endif
enum { prompt_tokens = ADDER_PROMPT_TOKENS };

/* Where the board has most of its memory. */
#define IN_ARENA __attribute__((section(".arena"), aligned(ADDER_ALIGNMENT)))
IN_ARENA static unsigned char arena[MODEL_ARENA_BYTES];
static const adder_options options = {.chunk = MODEL_CHUNK};
static adder_model model;
static adder_session *session;
static int32_t prompt[prompt_tokens];
static int failed;

static void say(const char *what, int is_right, const char *detail) {
    put_text(is_right ? "" : "wrong: ");
    put_text(what);
    put_text(": ");
    put_text(detail);
    put_text("\n");
    failed |= !is_right;
}

/* CRC-32, a bit at a time: not the library's. */
static uint32_t crc32(uint32_t crc, const void *data, size_t size) {
    const unsigned char *bytes = data;
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

/* ---- What is refused -------------------------------------------------------------------------------------------- */

static void refused(const char *what, adder_status status, adder_status wanted, const adder_error *error) {
    static char text[200];
    adder_error_text(error, text, sizeof text);
    say(what, status == wanted && error->status == wanted, text);
}

static void check_refusals(void) {
    static _Alignas(ADDER_ALIGNMENT) const unsigned char nothing[512];
    const unsigned char *blob = (const unsigned char *)model_blob;
    adder_model bad;
    adder_error error = {0};
    refused("unaligned blob", adder_model_open(&bad, blob + 4, MODEL_BLOB_BYTES - 4, &error),
            ADDER_ERROR_ALIGNMENT, &error);
    refused("cut blob", adder_model_open(&bad, blob, MODEL_BLOB_BYTES - 64, &error), ADDER_ERROR_TRUNCATED,
            &error);
    refused("empty flash", adder_model_open(&bad, nothing, sizeof nothing, &error), ADDER_ERROR_NOT_A_BLOB,
            &error);
    refused("small arena",
            adder_session_init(&session, &model, &options, arena, MODEL_ARENA_BYTES - 1, &error),
            ADDER_ERROR_ARENA, &error);
    refused("unaligned arena",
            adder_session_init(&session, &model, &options, arena + 4, MODEL_ARENA_BYTES, &error),
            ADDER_ERROR_ALIGNMENT, &error);
    const adder_options no_isa = {.chunk = MODEL_CHUNK, .isa = "abacus"};
    refused("no such kernels", adder_session_init(&session, &model, &no_isa, arena, sizeof arena, &error),
            ADDER_ERROR_ISA, &error);
}

/* ---- The logits, as tests/golden/golden_test.cpp takes them ------------------------------------------------------ */

static void make_prompt(void) {
    uint64_t seed = 7;
    for (size_t i = 0; i < prompt_tokens; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        prompt[i] = (int32_t)((uint32_t)(seed >> 33) % MODEL_VOCAB_SIZE);
    }
}

static void take_logits(void *crc, size_t index, const float *logits) {
    (void)index;
    *(uint32_t *)crc = crc32(*(uint32_t *)crc, logits, MODEL_VOCAB_SIZE * sizeof *logits);
}

static void check_logits(void) {
    uint32_t stepped = 0, scored = 0, last = 0, fed = 0;
    float *logits;
    adder_state_reset(session);
    for (size_t i = 0; i < prompt_tokens; i++) {
        if (adder_step(session, prompt[i], &logits) != ADDER_OK) return say("step", 0, "an error");
        take_logits(&stepped, i, logits);
    }
    take_logits(&last, 0, logits);
    adder_state_reset(session);
    if (adder_score(session, prompt, prompt_tokens, take_logits, &scored) != ADDER_OK)
        return say("score", 0, "an error");
    adder_state_reset(session);
    if (adder_feed(session, prompt, prompt_tokens - 1) != ADDER_OK) return say("feed", 0, "an error");
    if (adder_step(session, prompt[prompt_tokens - 1], &logits) != ADDER_OK)
        return say("step", 0, "an error");
    take_logits(&fed, 0, logits);
    say("logits", stepped == scored && last == fed, "stepped, scored and fed");
    put_text("crc ");
    put_hex(stepped);
    put_text(" ");
    put_hex(last);
    put_text("\n");
}

/* ---- Text and sampling: the calls that have the deepest stacks ------------------------------------------------------ */

/* Long words and words in other scripts and with accents take other paths through the tokenizer than English does. */
static void check_text(void) {
    static const char text[] = "Re\xCC\x81sume\xCC\x81 \xED\x95\x9C\xEA\xB8\x80 <|user|> 12345 "
                               "pneumonoultramicroscopicsilicovolcanoconiosispneumonoultramicroscopic\xFF\n";
    static int32_t ids[8 * sizeof text + 64];
    static char piece[MODEL_TEXT_BYTES], back[sizeof text + 8];
    adder_detokenizer detokenizer = {{0}, 0};
    size_t count = 0, size = 0;
    if (adder_tokenize(&model, text, sizeof text - 1, 0, ids, sizeof ids / sizeof *ids, &count) != ADDER_OK)
        return say("text", 0, "not tokenized");
    for (size_t i = 0; i <= count; i++) {
        const size_t more =
            adder_detokenize(&model, &detokenizer, i < count ? ids[i] : -1, piece, sizeof piece);
        if (size + more > sizeof back) return say("text", 0, "longer than it was");
        memcpy(back + size, piece, more);
        size += more;
    }
    /* The byte that is no UTF-8 comes back as U+FFFD. */
    say("text", size == sizeof text + 1 && memcmp(back, text, sizeof text - 3) == 0, "there and back");
}

static void check_sampler(void) {
    adder_sampler sampler;
    float *logits;
    adder_sampler_init(&sampler, &model);
    sampler.top_k = 50;
    sampler.top_p = 0.9f;
    sampler.min_p = 0.01f;
    sampler.repetition_penalty = 1.1f;
    uint32_t crc = 0;
    for (size_t i = 0; i < 8; i++) {
        adder_sampler_accept(&sampler, prompt[i]);
        if (adder_step(session, prompt[i], &logits) != ADDER_OK) return say("step", 0, "an error");
        const int32_t token = adder_sample(&sampler, logits, MODEL_VOCAB_SIZE);
        crc = crc32(crc, &token, sizeof token);
    }
    put_text("sampled ");
    put_hex(crc);
    put_text("\n");
}

/* ---- What needs memory for more states than the session's own ------------------------------------------------------- */

#if defined(ADDER_CHECK_STATES)

static uint32_t step_crc(adder_session *one, int32_t token) {
    uint32_t crc = 0;
    float *logits;
    if (adder_step(one, token, &logits) != ADDER_OK) return 0;
    take_logits(&crc, 0, logits);
    return crc;
}

/* A state that was saved goes on as the session did. */
__attribute__((noinline)) static void check_state(void) {
    IN_ARENA static unsigned char state[MODEL_STATE_BYTES];
    adder_state_reset(session);
    adder_feed(session, prompt, 5);
    const size_t size = adder_state_size_at(&model, adder_session_position(session));
    int right = adder_state_save(session, state, sizeof state) == ADDER_OK;
    const uint32_t expected = step_crc(session, prompt[5]);
    step_crc(session, prompt[6]);
    right &= adder_state_load(session, state, size, NULL) == ADDER_OK;
    say("state", right && step_crc(session, prompt[5]) == expected && expected != 0, "saved and loaded");
    state[size / 2] ^= 1;
    say("state", adder_state_load(session, state, size, NULL) == ADDER_ERROR_STATE, "damaged");
}

__attribute__((noinline)) static void check_choose(void) {
    IN_ARENA static unsigned char marks[2 * MODEL_STATE_BYTES];
    adder_choice choices[] = {
        {prompt + 1, 3, 0, 0, 0}, {prompt + 1, 2, 0, 0, 0}, {prompt + 2, 2, 0, 0, 0}, {prompt + 3, 1, 0, 0, 0}};
    enum { count = sizeof choices / sizeof *choices };
    uint32_t crc = 0;
    adder_state_reset(session);
    const adder_status status = adder_choose(session, prompt[0], choices, count, marks, sizeof marks, NULL);
    for (size_t i = 0; i < count; i++) {
        crc = crc32(crc, &choices[i].log_probability, sizeof choices[i].log_probability);
        if (!(choices[i].log_probability < 0)) return say("choose", 0, "no logarithm of a probability");
    }
    say("choose", status == ADDER_OK, adder_status_text(status));
    put_text("chosen ");
    put_hex(crc);
    put_text("\n");
}

#if ADDER_STEP_MANY
__attribute__((noinline)) static void check_many(void) {
    enum { room = MODEL_ARENA_BYTES + 65536 };
    IN_ARENA static unsigned char arenas[2][room];
    static const adder_options two = {.chunk = 2, .logit_rows = 2};
    adder_session *many[2];
    float *logits[2];
    uint32_t expected[2][3], crc;
    int right = 1;
    for (size_t i = 0; i < 2; i++) {
        adder_state_reset(session);
        for (size_t k = 0; k < 3; k++) expected[i][k] = step_crc(session, prompt[2 * k + i]);
        if (adder_session_init(&many[i], &model, &two, arenas[i], room, NULL) != ADDER_OK)
            return say("many", 0, "no session");
    }
    for (size_t k = 0; k < 3; k++) {
        right &= adder_step_many(many, prompt + 2 * k, 2, logits, NULL) == ADDER_OK;
        for (size_t i = 0; i < 2; i++) {
            crc = 0;
            take_logits(&crc, 0, logits[i]);
            right &= crc == expected[i][k];
        }
    }
    say("many", right, "two sessions, each as alone");
}
#endif

#endif

int main(void) {
    adder_error error = {0};
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
    __asm__ volatile("cpsid i"); /* no tick's frame at the deepest point of the stack */
#endif
    say("open", adder_model_open(&model, model_blob, MODEL_BLOB_BYTES, &error) == ADDER_OK, MODEL_MODEL_NAME);
    say("verify", adder_model_verify(&model, &error) == ADDER_OK, "the blob's CRC-32");
    check_refusals();
    const adder_status status = adder_session_init(&session, &model, &options, arena, sizeof arena, &error);
    say("session", status == ADDER_OK, adder_status_text(status));
    if (failed) return 1;
    say("arena", adder_arena_size(&model, &options) == MODEL_ARENA_BYTES, "the size that the header has");
    say("selftest", adder_selftest(session, &error) == ADDER_OK, adder_session_isa(session));
    make_prompt();
    check_logits();
    check_text();
    check_sampler();
#if defined(ADDER_CHECK_STATES)
    check_state();
    check_choose();
#if ADDER_STEP_MANY
    check_many();
#endif
#endif
    say("stack", stack_used() <= ADDER_LARGEST_STACK, "as docs/memory.md has it");
    put_number((uint32_t)stack_used());
    put_text(" bytes of stack\n");
    return failed;
}

/* Generates tokens for an instruction counter: scripts/board_figures.py.
 * SPDX-License-Identifier: MIT
 * What is counted lies between two hints that do nothing on any core, hint #0x70 and hint #0x71. */
#if defined(__aarch64__)
#define HINT(number) __asm__ volatile("hint #0x" #number ::: "memory")
#else
#define HINT(number) __asm__ volatile(".inst.w 0xf3af80" #number ::: "memory")
#endif
#include "model.h"
#include "port.h"

enum { counted_tokens = 16 };

__attribute__((section(".arena"), aligned(ADDER_ALIGNMENT))) static unsigned char arena[MODEL_ARENA_BYTES];
static adder_model model;
static adder_sampler sampler;

/* Takes the most likely token as the next one. Returns 0 where that fails. */
static int generate(adder_session *session, int32_t *token, int count) {
    for (int i = 0; i < count; i++) {
        float *logits;
        if (adder_step(session, *token, &logits) != ADDER_OK) return 0;
        *token = adder_sample(&sampler, logits, MODEL_VOCAB_SIZE);
        adder_sampler_accept(&sampler, *token);
    }
    return 1;
}

int main(void) {
    static const adder_options options = {.chunk = MODEL_CHUNK};
    adder_session *session;
    int32_t token = 1;
    if (adder_model_open(&model, model_blob, MODEL_BLOB_BYTES, NULL) != ADDER_OK ||
        adder_session_init(&session, &model, &options, arena, sizeof arena, NULL) != ADDER_OK)
        return 1;
    adder_sampler_init(&sampler, &model);
    sampler.temperature = 0;
    if (!generate(session, &token, 4)) return 1;
    HINT(70);
    const int all = generate(session, &token, counted_tokens);
    HINT(71);
    if (!all) return 1;
    put_text(adder_session_isa(session));
    put_text(" ");
    put_number(counted_tokens);
    put_text(" ");
    put_number((uint32_t)stack_used());
    put_text("\n");
    return 0;
}

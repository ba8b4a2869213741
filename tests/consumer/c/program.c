/* A C program that has nothing but libadder.a and libc: opens a tiny blob, tests it, feeds, steps, samples.
 * SPDX-License-Identifier: MIT */
#include "tiny.h"

#include <stdio.h>
#include <string.h>

static unsigned char arena[1 << 18] __attribute__((aligned(ADDER_ALIGNMENT)));

static int failures = 0;
static void expect(int ok, const char *what) {
    if (ok) return;
    printf("failed: %s\n", what);
    ++failures;
}

static void count_logits(void *context, size_t index, const float *logits) {
    size_t *count = context;
    expect(index == *count && logits[0] == logits[0], "logits of a token");
    ++*count;
}

int main(void) {
    static unsigned char state[1 << 14];
    adder_model model;
    adder_error error;
    if (adder_model_open(&model, tiny_blob, TINY_BLOB_BYTES, &error) != ADDER_OK) {
        char text[200];
        adder_error_text(&error, text, sizeof text);
        puts(text);
        return 1;
    }
    expect(adder_model_verify(&model, NULL) == ADDER_OK, "adder_model_verify");
    adder_model_info info;
    adder_model_get_info(&model, &info);
    size_t size = adder_arena_size(&model, NULL);
    expect(size > 0 && size <= sizeof arena, "adder_arena_size");

    adder_session *session;
    if (adder_session_init(&session, &model, NULL, arena, size, NULL) != ADDER_OK) return 1;
    expect(adder_selftest(session, NULL) == ADDER_OK, "adder_selftest");

    int32_t ids[200];
    size_t count = 0, scored = 0;
    const char *text = "abc, a tiny text";
    expect(adder_tokenize(&model, text, strlen(text), 0, ids, 200, &count) == ADDER_OK && count > 4,
           "adder_tokenize");
    expect(adder_feed(session, ids, count - 1) == ADDER_OK, "adder_feed");
    expect(adder_state_size(&model) <= sizeof state, "adder_state_size");
    expect(adder_state_save(session, state, sizeof state) == ADDER_OK, "adder_state_save");
    expect(adder_score(session, ids, count, count_logits, &scored) == ADDER_OK && scored == count,
           "adder_score");
    expect(adder_state_load(session, state, sizeof state, NULL) == ADDER_OK, "adder_state_load");

    adder_sampler sampler;
    adder_sampler_init(&sampler, &model);
    adder_detokenizer detokenizer = {{0}, 0};
    int32_t token = ids[count - 1];
    for (int i = 0; i < 20; ++i) {
        float *logits;
        char piece[64];
        expect(adder_step(session, token, &logits) == ADDER_OK, "adder_step");
        token = adder_sample(&sampler, logits, info.vocab_size);
        expect(token >= 0 && (uint32_t)token < info.vocab_size, "adder_sample");
        adder_sampler_accept(&sampler, token);
        expect(adder_detokenize(&model, &detokenizer, token, piece, sizeof piece) <= sizeof piece,
               "adder_detokenize");
    }
    expect(adder_session_position(session) == count - 1 + 20, "adder_session_position");

    /* A mark is no larger than a state, and these answers have one fork. */
    static const int32_t yes[] = {'y', 'e', 's'}, no[] = {'n', 'o'};
    adder_choice choices[] = {{yes, 3, 1, 0, 0}, {no, 2, 1, 0, 0}};
    expect(adder_choose_size(&model, choices, 2) == adder_mark_size(&model), "adder_choose_size");
    expect(adder_choose(session, token, choices, 2, state, sizeof state, NULL) == ADDER_OK &&
               choices[0].log_probability < 0 && choices[1].log_probability < 0 &&
               adder_session_position(session) == count + 20,
           "adder_choose");
    return failures != 0;
}

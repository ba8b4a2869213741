/* A sentence in, a command of a fixed form out: JSON that keeps to command.json, whatever the model thinks of it. The constraint is in
 * flash beside the model, which may say what the form leaves open. A command is written when it is whole.
 * SPDX-License-Identifier: MIT */
#include "form.h"
#include "talk.h"

#include <string.h>

static const char *const sentences[] = {"I need a taxi for 3 people tomorrow.",
                                        "Please book a table for two on Friday.",
                                        "{\"want\": \"a discount\", \"people\": -1}", "Thanks, bye."};

static adder_constraint form;

/* Texts of the form have at most FORM_LONGEST bytes, and each token has at least one. */
static void answer(int32_t token) {
    static char text[FORM_LONGEST];
    size_t size = 0;
    adder_constraint_init(&form);
    for (uint32_t left = FORM_LONGEST; !adder_constraint_is_complete(&form); left--) {
        const char *bytes;
        size_t count;
        float *logits;
        check(adder_step(session, token, &logits), NULL);
        check(adder_constraint_mask(&form, &model, logits, left), NULL);
        token = adder_sample(&sampler, logits, adder_model_vocab_size(&model));
        tokens_written++;
        check(adder_constraint_accept(&form, &model, token), NULL);
        if (adder_model_is_eos(&model, token)) break; /* where the form lets it end */
        check(adder_token_bytes(&model, token, &bytes, &count), NULL);
        memcpy(text + size, bytes, count);
        size += count;
    }
    port_write(text, size);
    put_text("\n");
}

int main(void) {
    adder_error error;
    start();
    check(adder_constraint_open(&form, form_constraint, FORM_CONSTRAINT_BYTES, &error), &error);
    sampler.repetition_penalty = 1; /* a form repeats itself */
    const uint32_t start_time = port_milliseconds();
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        begin();
        answer(read_turn(sentences[i]));
    }
    report(start_time);
    return 0;
}

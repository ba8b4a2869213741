/* A model in flash books a table: a few turns of a conversation, answered on the board's serial port as the words come.
 * SPDX-License-Identifier: MIT */
#include "talk.h"

enum { max_answer = 64 };

static const char *const turns[] = {"I need to find a restaurant.", "Italian food in San Francisco.",
                                    "Please reserve a table for 2 people at 7 pm.", "Yes, that is correct.",
                                    "Thanks, bye."};

static void show(adder_detokenizer *detokenizer, int32_t token) {
    static char text[MODEL_TEXT_BYTES];
    port_write(text, adder_detokenize(&model, detokenizer, token, text, sizeof text));
}

/* Writes the answer until the model ends its turn. `token` is the last one of the question. */
static void answer(int32_t token) {
    adder_detokenizer detokenizer = {{0}, 0};
    for (uint32_t count = 0; count < max_answer; count++) {
        float *logits;
        check(adder_step(session, token, &logits), NULL);
        token = adder_sample(&sampler, logits, adder_model_vocab_size(&model));
        tokens_written++;
        if (adder_token_is_special(&model, token)) break;
        adder_sampler_accept(&sampler, token);
        show(&detokenizer, token);
    }
    show(&detokenizer, -1);
    put_text("\n");
}

int main(void) {
    start();
    const uint32_t start_time = port_milliseconds();
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) answer(read_turn(turns[i]));
    report(start_time);
    return 0;
}

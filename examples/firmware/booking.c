/* A model in flash books a table: a few turns of a conversation, answered on the board's serial port as the words come.
 * SPDX-License-Identifier: MIT
 * All memory is static. What goes wrong is a sentence on the port and exit code 1. */
#include "model.h"
#include "port.h"

#include <adder/adder.h>

#include <string.h>

enum { max_answer = 64, max_turn = 512 };

static const char *const turns[] = {"I need to find a restaurant.", "Italian food in San Francisco.",
                                    "Please reserve a table for 2 people at 7 pm.", "Yes, that is correct.",
                                    "Thanks, bye."};

__attribute__((section(".arena"), aligned(ADDER_ALIGNMENT))) static unsigned char arena[MODEL_ARENA_BYTES];
static adder_model model;
static adder_session *session;
static adder_sampler sampler;
static int32_t ids[max_turn]; /* of one turn, and what the tokenizer works with */
static size_t id_count;
static uint32_t tokens_read, tokens_written;

static void check(adder_status status, const adder_error *error) {
    static char text[200];
    if (status == ADDER_OK) return;
    if (error != NULL) adder_error_text(error, text, sizeof text);
    put_text("error: ");
    put_text(error != NULL ? text : adder_status_text(status));
    put_text("\n");
    port_exit(1);
}

static void start(void) {
    static const adder_options options = {.chunk = MODEL_CHUNK};
    adder_error error;
    check(adder_model_open(&model, model_blob, MODEL_BLOB_BYTES, &error), &error);
    check(adder_model_verify(&model, &error), &error);
    check(adder_session_init(&session, &model, &options, arena, sizeof arena, &error), &error);
    adder_sampler_init(&sampler, &model);
    sampler.temperature = 0;
}

/* Appends a text to the ids. What a user says never becomes a special token. */
static void append(const char *text, size_t size, uint32_t flags) {
    size_t count;
    check(adder_tokenize(&model, text, size, flags, ids + id_count, max_turn - id_count, &count), NULL);
    id_count += count;
}

static void append_mark(adder_text mark) {
    size_t size;
    const char *text = adder_model_text(&model, mark, &size);
    append(text, size, ADDER_TOKENIZE_SPECIAL);
}

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

static void take_turn(const char *text, int is_first) {
    put_text("> ");
    put_text(text);
    put_text("\n");
    id_count = 0;
    append_mark(is_first ? ADDER_TEXT_CHAT_BEGIN : ADDER_TEXT_ASSISTANT_SUFFIX);
    append_mark(ADDER_TEXT_USER_PREFIX);
    append(text, strlen(text), 0);
    append_mark(ADDER_TEXT_USER_SUFFIX);
    append_mark(ADDER_TEXT_ASSISTANT_PREFIX);
    check(adder_feed(session, ids, id_count - 1), NULL);
    tokens_read += (uint32_t)id_count;
    answer(ids[id_count - 1]);
}

static void report(uint32_t elapsed) {
    put_text("[");
    put_number(tokens_read);
    put_text(" tokens read, ");
    put_number(tokens_written);
    put_text(" written, ");
    put_number(elapsed * 1000 / (tokens_read + tokens_written));
    put_text(" us a token, stack ");
    put_number((uint32_t)stack_used());
    put_text(" bytes]\n");
}

int main(void) {
    start();
    const uint32_t begin = port_milliseconds();
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) take_turn(turns[i], i == 0);
    report(port_milliseconds() - begin);
    return 0;
}

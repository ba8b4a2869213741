/* A model in flash, its session, and turns of a user.
 * SPDX-License-Identifier: MIT */
#include "talk.h"

#include <string.h>

__attribute__((section(".arena"), aligned(ADDER_ALIGNMENT))) static unsigned char arena[MODEL_ARENA_BYTES];
adder_model model;
adder_session *session;
adder_sampler sampler;
uint32_t tokens_read, tokens_written;
static int32_t ids[max_turn];
static size_t id_count;

void check(adder_status status, const adder_error *error) {
    static char text[200];
    if (status == ADDER_OK) return;
    if (error != NULL) adder_error_text(error, text, sizeof text);
    put_text("error: ");
    put_text(error != NULL ? text : adder_status_text(status));
    put_text("\n");
    port_exit(1);
}

void start(void) {
    static const adder_options options = {.chunk = MODEL_CHUNK};
    adder_error error;
    check(adder_model_open(&model, model_blob, MODEL_BLOB_BYTES, &error), &error);
    check(adder_model_verify(&model, &error), &error);
    check(adder_session_init(&session, &model, &options, arena, sizeof arena, &error), &error);
    adder_sampler_init(&sampler, &model);
    sampler.temperature = 0;
    begin();
}

void begin(void) {
#ifdef MODEL_SAVED_BYTES
    adder_error error;
    check(adder_state_load(session, model_state, MODEL_SAVED_BYTES, &error), &error);
#else
    adder_state_reset(session);
#endif
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

int32_t read_turn(const char *text) {
    put_text("> ");
    put_text(text);
    put_text("\n");
    id_count = 0;
    append_mark(adder_session_position(session) == 0 ? ADDER_TEXT_CHAT_BEGIN : ADDER_TEXT_ASSISTANT_SUFFIX);
    append_mark(ADDER_TEXT_USER_PREFIX);
    append(text, strlen(text), 0);
    append_mark(ADDER_TEXT_USER_SUFFIX);
    append_mark(ADDER_TEXT_ASSISTANT_PREFIX);
    check(adder_feed(session, ids, id_count - 1), NULL);
    tokens_read += (uint32_t)id_count;
    return ids[id_count - 1];
}

void report(uint32_t start_time) {
    const uint32_t elapsed = port_milliseconds() - start_time;
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

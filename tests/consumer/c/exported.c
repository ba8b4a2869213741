/* A program that carries its model: what `adder export-c` wrote agrees with the library. C99, and C++17 as well.
 * SPDX-License-Identifier: MIT */
#include "tiny.h"

#include <stdio.h>
#include <string.h>

static unsigned char arena[TINY_ARENA_BYTES] __attribute__((aligned(ADDER_ALIGNMENT)));
/* No layout is smaller than the state it holds. */
typedef char
    arena_holds_the_state[TINY_ARENA_BYTES > TINY_STATE_BYTES &&TINY_ARENA_BYTES == ADDER_ARENA_BYTES ? 1 : -1];

static int failures = 0;
static void expect_equal(uint64_t library, uint64_t header, const char *what) {
    if (library == header) return;
    printf("%s: the library says %lu, the header %lu\n", what, (unsigned long)library, (unsigned long)header);
    ++failures;
}

int main(void) {
    adder_model model;
    adder_model_info info;
    adder_session *session;
    adder_error error;
    adder_options options;
    const char *name;
    size_t name_size;
    memset(&options, 0, sizeof options);
    options.chunk = TINY_CHUNK;
    options.logit_rows = TINY_LOGIT_ROWS;
    if (adder_model_open(&model, tiny_blob, TINY_BLOB_BYTES, &error) != ADDER_OK ||
        adder_model_verify(&model, &error) != ADDER_OK ||
        adder_session_init(&session, &model, &options, arena, sizeof arena, &error) != ADDER_OK) {
        char text[200];
        adder_error_text(&error, text, sizeof text);
        puts(text);
        return 1;
    }
    adder_model_get_info(&model, &info);
    name = adder_model_text(&model, ADDER_TEXT_NAME, &name_size);
    expect_equal(adder_arena_size(&model, &options), TINY_ARENA_BYTES, "arena");
    expect_equal(adder_state_size(&model), TINY_STATE_BYTES, "state");
    expect_equal(adder_detokenize_capacity(&model), TINY_TEXT_BYTES, "text of a token");
    expect_equal(info.blob_bytes, TINY_BLOB_BYTES, "blob");
    expect_equal(info.vocab_size, TINY_VOCAB_SIZE, "vocabulary");
    expect_equal(info.fingerprint, TINY_FINGERPRINT, "fingerprint");
    expect_equal(name_size, sizeof TINY_MODEL_NAME - 1, "length of the name");
    expect_equal(0, (uint64_t)(memcmp(name, TINY_MODEL_NAME, name_size) != 0), "name");
    expect_equal(ADDER_OK, (uint64_t)(adder_selftest(session, &error) != ADDER_OK), "self-test");
    return failures != 0;
}

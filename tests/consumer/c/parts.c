/* What a library built without some of its parts does with blobs that need them: adder/config.h says which are there.
 * SPDX-License-Identifier: MIT */
#define ADDER_SEVERAL_MODELS
#include <stdint.h>

#include "tiny_constraint.h"
#include "tiny_families.h"
#include "tiny_float.h"
#include "tiny_halves.h"
#include "tiny_int4.h"
#include "tiny_nfc.h"
#include "tiny_pieces.h"
#include "tiny_split.h"
#include "tiny_world.h"

#include <stdio.h>
#include <string.h>

static unsigned char arena[1 << 16] __attribute__((aligned(ADDER_ALIGNMENT)));
static int failures = 0;
static void expect(int ok, const char *what, const char *part) {
    if (ok) return;
    printf("failed: %s%s\n", what, part);
    ++failures;
}

/* Opens and tests a blob, or is told that it needs `part`. */
static void open_blob(const void *blob, size_t size, int there, const char *part) {
    adder_model model;
    adder_session *session;
    adder_error error;
    char text[200];
    const adder_status status = adder_model_open(&model, blob, size, &error);
    if (!there) {
        adder_error_text(&error, text, sizeof text);
        expect(status == ADDER_ERROR_UNSUPPORTED, "a blob was not refused: ", part);
        expect(strstr(text, ADDER_ERROR_STRINGS ? part : "error 7 ") != NULL, text, part);
        return;
    }
    expect(status == ADDER_OK, "a blob was refused: ", part);
    expect(adder_session_init(&session, &model, NULL, arena, sizeof arena, &error) == ADDER_OK,
           "no session: ", part);
    expect(adder_selftest(session, &error) == ADDER_OK, "other results than the converter's: ", part);
}

int main(void) {
    adder_model model;
    adder_model_info info;
    int opened = 0;
    expect((adder_status_text(ADDER_ERROR_ARENA)[0] != '\0') == ADDER_ERROR_STRINGS, "adder_status_text", "");
#define OPEN(blob, size, there, part)                                                                        \
    open_blob(blob, size, there, part);                                                                      \
    if (there && adder_model_open(&model, blob, size, NULL) == ADDER_OK) opened = 1;
    TINY_FAMILIES(OPEN)
#if ADDER_MAMBA1 /* the other blobs are of it */
    open_blob(tiny_int4_blob, TINY_INT4_BLOB_BYTES, ADDER_INT4, "ADDER_INT4");
    open_blob(tiny_halves_blob, TINY_HALVES_BLOB_BYTES, ADDER_INT4 && ADDER_HALF_SCALES,
              ADDER_INT4 ? "type of scales" : "ADDER_INT4");
    open_blob(tiny_float_blob, TINY_FLOAT_BLOB_BYTES, ADDER_FLOAT_LAYERS, "ADDER_FLOAT_LAYERS");
    open_blob(tiny_nfc_blob, TINY_NFC_BLOB_BYTES, ADDER_NFC || !ADDER_TOKENIZER, "ADDER_NFC");
    open_blob(tiny_world_blob, TINY_WORLD_BLOB_BYTES, ADDER_WORLD_TOKENIZER || !ADDER_TOKENIZER,
              "ADDER_WORLD_TOKENIZER");
    open_blob(tiny_pieces_blob, TINY_PIECES_BLOB_BYTES, ADDER_SENTENCEPIECE || !ADDER_TOKENIZER,
              "ADDER_SENTENCEPIECE");
#if ADDER_TOKENIZER && ADDER_SENTENCEPIECE
    {
        adder_model pieces;
        adder_detokenizer detokenizer = {{0}, 0};
        int32_t ids[4];
        size_t count = 0;
        char text[16];
        expect(adder_model_open(&pieces, tiny_pieces_blob, TINY_PIECES_BLOB_BYTES, NULL) == ADDER_OK &&
                   adder_tokenize(&pieces, " ab", 3, ADDER_TOKENIZE_BEGIN, ids, 4, &count) == ADDER_OK &&
                   count == 4 && ids[0] == 0 && ids[1] == 257 && ids[2] == 258 && ids[3] == 99,
               "characters and bytes", "");
        expect(adder_detokenize(&pieces, &detokenizer, 257, text, sizeof text) == 0 &&
                   adder_detokenize(&pieces, &detokenizer, 257, text, sizeof text) == 1,
               "the first space", "");
    }
#endif
    open_blob(tiny_split_blob, TINY_SPLIT_BLOB_BYTES, ADDER_PRETOKENIZER || !ADDER_TOKENIZER,
              "ADDER_PRETOKENIZER");
#if ADDER_TOKENIZER && ADDER_PRETOKENIZER
    {
        adder_model split;
        int32_t ids[5];
        size_t count = 0;
        expect(adder_model_open(&split, tiny_split_blob, TINY_SPLIT_BLOB_BYTES, NULL) == ADDER_OK &&
                   adder_tokenize(&split, "a..b", 4, ADDER_TOKENIZE_BEGIN, ids, 5, &count) == ADDER_OK &&
                   count == 5 && ids[0] == 259 && ids[1] == 'a' && ids[2] == '.' && ids[3] == '.' &&
                   ids[4] == 'b',
               "a split of its own", "");
    }
#endif
#if ADDER_TOKENIZER && ADDER_WORLD_TOKENIZER
    {
        adder_model world;
        int32_t ids[4];
        size_t count = 0;
        expect(adder_model_open(&world, tiny_world_blob, TINY_WORLD_BLOB_BYTES, NULL) == ADDER_OK &&
                   adder_tokenize(&world, "abcab", 5, 0, ids, 4, &count) == ADDER_OK && count == 2 &&
                   ids[0] == 257 && ids[1] == 256,
               "the longest tokens", "");
    }
#endif
#endif
    if (!opened) return failures != 0; /* the families that are built need another part, too */
    adder_model_get_info(&model, &info);
    expect(info.has_tokenizer == ADDER_TOKENIZER, "has_tokenizer", "");
#if ADDER_TOKENIZER
    {
        int32_t ids[40];
        size_t count = 0;
        expect(adder_tokenize(&model, "abc", 3, 0, ids, 40, &count) == ADDER_OK && count == 1,
               "adder_tokenize", "");
    }
#endif
#if ADDER_TOKENIZER && ADDER_CONSTRAINT
    {
        adder_constraint constraint;
        static float logits[260];
        size_t i, kept = 0;
        expect(adder_constraint_open(&constraint, tiny_constraint, sizeof tiny_constraint, NULL) == ADDER_OK,
               "adder_constraint_open", "");
        expect(adder_constraint_mask(&constraint, &model, logits, 4) == ADDER_OK, "adder_constraint_mask", "");
        for (i = 0; i < info.vocab_size; ++i) kept += logits[i] == 0;
        expect(kept == 2 && logits['n'] == 0 && logits['y'] == 0, "what a constraint allows", "");
        expect(adder_constraint_accept(&constraint, &model, 'n') == ADDER_OK &&
                   adder_constraint_accept(&constraint, &model, 'e') == ADDER_ERROR_NO_TOKEN_FITS &&
                   adder_constraint_lacks(&constraint) == 1,
               "adder_constraint_accept", "");
    }
#endif
    expect((strcmp(adder_status_text(ADDER_ERROR_LENGTH), "unknown status") != 0) ==
               (ADDER_CONSTRAINT || !ADDER_ERROR_STRINGS),
           "adder_status_text of a constraint", "");
#if ADDER_STEP_MANY
    {
        static unsigned char other_arena[1 << 16] __attribute__((aligned(ADDER_ALIGNMENT)));
        const int32_t tokens[] = {1, 2};
        adder_session *sessions[2];
        adder_options two;
        float *logits[2];
        memset(&two, 0, sizeof two);
        two.chunk = two.logit_rows = 2;
        expect(adder_session_init(&sessions[0], &model, &two, arena, sizeof arena, NULL) == ADDER_OK &&
                   adder_session_init(&sessions[1], &model, NULL, other_arena, sizeof other_arena, NULL) ==
                       ADDER_OK &&
                   adder_step_many(sessions, tokens, 2, logits, NULL) == ADDER_OK &&
                   adder_session_position(sessions[1]) == 1,
               "adder_step_many", "");
    }
#endif
#if ADDER_SAMPLER
    {
        adder_sampler sampler;
        float logits[3] = {0, 2, 1};
        adder_sampler_init(&sampler, &model);
        sampler.temperature = 0;
        expect(adder_sample(&sampler, logits, 3) == 1, "greedy", "");
        sampler.temperature = 1;
        expect(adder_sample(&sampler, logits, 3) >= 0, "drawn", "");
    }
#endif
    return failures != 0;
}

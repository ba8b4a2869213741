/* The whole library on one screen: adder-minimal FILE.adder TEXT continues the text by up to 100 tokens.
 * SPDX-License-Identifier: MIT */
#include <adder/adder.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "adder-minimal: %s\n", what);
    exit(EXIT_FAILURE);
}

static void check(adder_status status) { must(status == ADDER_OK, adder_status_text(status)); }

static void *block(size_t size) { /* aligned; lives as long as the program */
    char *memory = malloc(size + ADDER_ALIGNMENT);
    must(memory != NULL, "out of memory");
    return memory + (ADDER_ALIGNMENT - (uintptr_t)memory % ADDER_ALIGNMENT);
}

static void *read_blob(const char *path, size_t *size) { /* on a board it lies in flash: nothing to read */
    FILE *file = fopen(path, "rb");
    must(file && fseek(file, 0, SEEK_END) == 0 && (*size = (size_t)ftell(file)) > 0, "cannot open the blob");
    void *blob = block(*size);
    rewind(file);
    must(fread(blob, 1, *size, file) == *size, "cannot read the blob");
    return blob;
}

int main(int argc, char **argv) {
    must(argc == 3 && argv[2][0] != '\0', "usage: adder-minimal FILE.adder TEXT");
    size_t blob_size, count, capacity = adder_tokenize_capacity(strlen(argv[2]));
    void *blob = read_blob(argv[1], &blob_size);

    adder_model model; /* a checked view of the blob: nothing is copied */
    check(adder_model_open(&model, blob, blob_size, NULL));

    adder_session *session; /* one sequence of tokens, in an arena of a size known beforehand */
    size_t arena_size = adder_arena_size(&model, NULL);
    check(adder_session_init(&session, &model, NULL, block(arena_size), arena_size, NULL));

    int32_t *ids = block(capacity * sizeof *ids);
    check(adder_tokenize(&model, argv[2], strlen(argv[2]), ADDER_TOKENIZE_BEGIN, ids, capacity, &count));
    check(adder_feed(session, ids, count - 1));

    adder_sampler sampler; /* with the temperature and the like that the blob recommends */
    adder_sampler_init(&sampler, &model);
    adder_detokenizer detokenizer = {{0}, ADDER_DETOKENIZE_CONTINUE}; /* gives whole UTF-8 sequences only */
    size_t text_capacity = adder_detokenize_capacity(&model);
    char *text = block(text_capacity);
    int32_t token = ids[count - 1];
    for (int i = 0; i < 100 && !(i > 0 && adder_model_is_eos(&model, token)); i++) {
        float *logits;
        check(adder_step(session, token, &logits));
        token = adder_sample(&sampler, logits, adder_model_vocab_size(&model));
        adder_sampler_accept(&sampler, token);
        fwrite(text, 1, adder_detokenize(&model, &detokenizer, token, text, text_capacity), stdout);
    }
    return puts("") == EOF;
}

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

static void *block(size_t size) { /* aligned; lives as long as the program */
    char *memory = malloc(size + ADDER_ALIGNMENT);
    must(memory != NULL, "out of memory");
    return memory + (ADDER_ALIGNMENT - (uintptr_t)memory % ADDER_ALIGNMENT);
}

static void check(adder_status status) { must(status == ADDER_OK, adder_status_text(status)); }

int main(int argc, char **argv) {
    must(argc == 3, "usage: adder-minimal FILE.adder TEXT");
    FILE *file = fopen(argv[1], "rb");
    must(file && fseek(file, 0, SEEK_END) == 0, "cannot open the blob");
    size_t size = (size_t)ftell(file);
    void *blob = block(size);
    rewind(file);
    must(fread(blob, 1, size, file) == size, "cannot read the blob");

    adder_model model; /* a checked view of the blob; the weights stay where they are */
    check(adder_model_open(&model, blob, size, NULL));
    check(adder_model_verify(&model, NULL));
    adder_model_info info;
    adder_model_get_info(&model, &info);

    adder_session *session; /* one sequence of tokens, in an arena whose exact size is known beforehand */
    size_t arena_size = adder_arena_size(&model, NULL);
    check(adder_session_init(&session, &model, NULL, block(arena_size), arena_size, NULL));

    size_t count, capacity = adder_tokenize_capacity(strlen(argv[2]));
    int32_t *ids = block(capacity * sizeof *ids);
    check(adder_tokenize(&model, argv[2], strlen(argv[2]), 0, ids, capacity, &count));
    must(count > 0, "no text to continue");
    check(adder_feed(session, ids, count - 1)); /* all but the last: nothing to predict yet */

    adder_sampler sampler;
    adder_sampler_init(&sampler, &model); /* the blob's own temperature and the like */
    adder_detokenizer detokenizer = {{0}, 0};
    size_t text_capacity = adder_detokenize_capacity(&model);
    char *text = block(text_capacity);
    int32_t token = ids[count - 1];
    for (int i = 0; i < 100; i++) {
        float *logits;
        check(adder_step(session, token, &logits));
        token = adder_sample(&sampler, logits, info.vocab_size);
        if (adder_model_is_eos(&model, token))
            break;
        adder_sampler_accept(&sampler, token);
        fwrite(text, 1, adder_detokenize(&model, &detokenizer, token, text, text_capacity), stdout);
    }
    return puts("") == EOF;
}

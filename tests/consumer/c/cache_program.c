/* A C program that has libadder_cache.a, libadder.a and libc: reads a prompt twice, the second time from the folder.
 * SPDX-License-Identifier: MIT
 *
 *     cache_program FOLDER */
#include <adder/cache.h>

#include "tiny.h"

static unsigned char arena[1 << 18] __attribute__((aligned(ADDER_ALIGNMENT)));

int main(int count, char **arguments) {
    static const int32_t prompt[] = {10, 20, 30, 40, 50};
    adder_model model;
    adder_session *session;
    adder_cache *cache;
    size_t resumed = 99;
    if (count != 2 || adder_model_open(&model, tiny_blob, TINY_BLOB_BYTES, NULL) != ADDER_OK) return 1;
    if (adder_session_init(&session, &model, NULL, arena, sizeof arena, NULL) != ADDER_OK) return 1;
    cache = adder_cache_open(arguments[1], &model, NULL);
    if (!cache) return 1;
    if (adder_cache_feed(cache, session, prompt, 4, &resumed) != ADDER_OK) return 1;
    adder_state_reset(session);
    if (adder_cache_feed(cache, session, prompt, 5, &resumed) != ADDER_OK || resumed < 4) return 1;
    if (adder_session_position(session) != 5 || adder_cache_problem(cache)) return 1;
    adder_cache_close(cache);
    return 0;
}

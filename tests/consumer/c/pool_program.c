/* A C program that has nothing but libadder_pool.a and libc: every index once, on two threads.
 * SPDX-License-Identifier: MIT */
#include <adder/pool.h>

static void count(void *argument, uint32_t index) { ++((int *)argument)[index]; }

int main(void) {
    int i, calls[7] = {0};
    adder_pool_options options = {0};
    adder_pool *pool;
    options.threads = 2;
    pool = adder_pool_create(&options);
    if (!pool || adder_pool_size(pool) != 2) return 1;
    adder_pool_parallel_for(pool, count, calls, 7);
    adder_pool_destroy(pool);
    for (i = 0; i < 7; ++i)
        if (calls[i] != 1) return 1;
    return 0;
}

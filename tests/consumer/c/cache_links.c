/* A program of C that links the cache, and what the cache needs of the library: without a model it cannot be opened.
 * SPDX-License-Identifier: MIT */
#include <adder/cache.h>
#include <errno.h>

int main(void) {
    adder_cache *cache;
    errno = 0;
    cache = adder_cache_open(".", NULL, NULL);
    return cache == NULL && errno == EINVAL ? 0 : 1;
}

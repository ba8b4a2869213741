// The folder of a cache of states: names, what is there and in which order it goes, files that appear whole.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace adder {

constexpr size_t cache_longest_name = 64;  // bytes, with the zero

// A state's file, as its name and, of those that make_room looks at, its status have it.
struct CacheEntry {
    uint64_t count, hash;  // tokens, and the hash of them
    uint64_t size;         // bytes
    int64_t used;          // nanoseconds
    uint64_t fingerprint;  // of the model
};

// A list of them, from malloc.
struct CacheEntries {
    CacheEntry *at = nullptr;
    size_t count = 0, capacity = 0;
    CacheEntries() = default;
    CacheEntries(const CacheEntries &) = delete;
    CacheEntries &operator=(const CacheEntries &) = delete;
    ~CacheEntries();
    bool add(const CacheEntry &entry);  // false: there is no memory
};

// 64-bit FNV-1a of the tokens' bytes.
uint64_t cache_hash(const int32_t *tokens, size_t n);
void cache_state_name(char *name, uint64_t count, uint64_t hash);  // into cache_longest_name bytes
void cache_model_name(char *name, uint64_t fingerprint);           // likewise, of a model's folder

// The descriptor of a folder in another (or AT_FDCWD); -1, with errno set.
int cache_open_folder(int parent, const char *name);

// In a model's folder: the files whose names are those of beginnings of the tokens, the shortest first.
void cache_find(int folder, const int32_t *tokens, size_t n, CacheEntries *beginnings);
// These are used now; the shorter count as used later.
void cache_mark_used(int folder, const CacheEntries &beginnings);

// Is there a regular file of this name and size? Then it is used now.
bool cache_has(int folder, const char *name, uint64_t size);
// A regular file's bytes: the first `most` of them into *bytes, to be freed, and its size. 0, or an errno.
int cache_read(int folder, const char *name, size_t most, uint8_t **bytes, uint64_t *size);
// Makes a file of these bytes in `folder`, a model's in `root`, whole or not at all; what was not used for the longest time goes until
// all files have at most `budget` bytes. 0, an errno, or cache_no_room: the rest cannot be deleted.
int cache_write(int root, int folder, const char *name, const uint8_t *bytes, size_t size, uint64_t budget);
constexpr int cache_no_room = -1;

}  // namespace adder

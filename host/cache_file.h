// One file of the cache of states, as bytes in memory (docs/cache.md): its header, the tokens, and a saved state.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "adder/adder.h"

namespace adder {

// Bytes of the file of so many tokens; 0 if they cannot be had in memory.
size_t cache_file_size(const adder_model *model, uint64_t count);

// Writes the file of a session that stands behind these tokens into cache_file_size bytes.
adder_status cache_file_save(const adder_session *session, const int32_t *tokens, size_t count,
                             uint8_t *bytes, size_t size);

enum class CacheFile {
    whole,    // and loaded
    damaged,  // cut, or its checksums say so
    other     // not a file of this version, model or sequence
};

// Loads the state into the session if the file is whole, of the session's model and of these tokens; otherwise the session stays
// as it is. `bytes` are the first of the file, all or cache_file_size of them; `size` is how many it has.
CacheFile cache_file_load(adder_session *session, const int32_t *tokens, size_t count, const uint8_t *bytes,
                          uint64_t size);

}  // namespace adder

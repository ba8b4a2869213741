// Byte-pair encoding of one word: neighbouring symbols are merged, lowest rank first, until no pair can be.
// SPDX-License-Identifier: MIT
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/tokenizer.h"

namespace adder {

// Both do the same to symbols[0 .. count): again and again the leftmost pair of the lowest rank becomes its
// merged token (Sennrich et al. 2016, arXiv:1508.07909, in the order of Hugging Face tokenizers). The result
// is the number of symbols left. `scratch` may not overlap them.

// For short words: O(count^2). scratch: [count].
size_t bpe_short(const Tokenizer &tokenizer, int32_t *symbols, size_t count, int32_t *scratch);

// For any: O(count log count). scratch: [bpe_long_scratch(count)].
size_t bpe_long(const Tokenizer &tokenizer, int32_t *symbols, size_t count, int32_t *scratch);
size_t bpe_long_scratch(size_t count);

}  // namespace adder

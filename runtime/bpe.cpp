// Byte-pair encoding of one word, by linear scans for short words and by a tournament of ranks for long ones.
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_TOKENIZER

#include "runtime/bpe.h"

#include "runtime/bpe_long.h"

namespace adder {

namespace {

// Where the pair's merge stands in the tables; false if the two do not merge.
bool find_merge(const Tokenizer &t, int32_t left, int32_t right, uint32_t *entry) {
    uint32_t low = t.first_merge[static_cast<uint32_t>(left)];
    uint32_t high = t.first_merge[static_cast<uint32_t>(left) + 1];
    const uint32_t end = high, key = static_cast<uint32_t>(right);
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (t.right[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    *entry = low;
    return low < end && t.right[low] == key;
}

int32_t pair_rank(const Tokenizer &t, int32_t left, int32_t right) {
    uint32_t entry;
    return find_merge(t, left, right, &entry) ? static_cast<int32_t>(t.rank[entry]) : no_rank;
}

int32_t merge_of(const Tokenizer &t, int32_t left, int32_t right) {
    uint32_t entry;
    find_merge(t, left, right, &entry);  // known to be there
    return static_cast<int32_t>(t.merged[entry]);
}

struct SectionMerges {
    const Tokenizer &t;
    int32_t rank(int32_t left, int32_t right) const { return pair_rank(t, left, right); }
    int32_t merged(int32_t left, int32_t right) const { return merge_of(t, left, right); }
};

}  // namespace

size_t bpe_short(const Tokenizer &t, int32_t *symbols, size_t count, int32_t *ranks) {
    for (size_t i = 0; i + 1 < count; ++i) ranks[i] = pair_rank(t, symbols[i], symbols[i + 1]);
    while (count > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < count; ++i)
            if (ranks[i] < ranks[best]) best = i;
        if (ranks[best] == no_rank) break;
        symbols[best] = merge_of(t, symbols[best], symbols[best + 1]);
        --count;
        for (size_t i = best + 1; i < count; ++i) {
            symbols[i] = symbols[i + 1];
            ranks[i - 1] = ranks[i];  // ranks[best] and ranks[count - 1] are set or dropped below
        }
        if (best > 0) ranks[best - 1] = pair_rank(t, symbols[best - 1], symbols[best]);
        if (best + 1 < count) ranks[best] = pair_rank(t, symbols[best], symbols[best + 1]);
    }
    return count;
}

size_t bpe_long_scratch(size_t count) { return count + 2 * leaves_for(count); }

size_t bpe_long(const Tokenizer &t, int32_t *symbols, size_t count, int32_t *scratch) {
    return merge_long(SectionMerges{t}, symbols, count, scratch);
}

}  // namespace adder

#endif  // ADDER_TOKENIZER

// A long word's byte-pair encoding, whatever tells its merges: those of a section, or a test that counts.
// SPDX-License-Identifier: MIT
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace adder {
namespace {

constexpr int32_t no_rank = 0x7FFFFFFF;  // above tokenizer_max_merges
constexpr size_t ranks_per_block = 64;   // ranks compared one by one; their minima meet in a tree

// A long word while it shrinks. A symbol that has taken in its neighbours spans several places of `symbols`:
// it stands in the first; the second and the last hold minus the span's length (ids are never negative), so
// that both ends find each other and no links are kept.
template <typename Merges>
struct LongWord {
    const Merges &merges;
    int32_t *symbols;  // [count]
    int32_t *ranks;    // [count], of the pair that begins here
    int32_t *tree;     // [2 * leaves], tree[1] is the least rank of all, tree[leaves + b] that of block b
    size_t count, leaves;

    size_t next(size_t i) const {
        return i + 1 < count && symbols[i + 1] < 0 ? i + static_cast<size_t>(-symbols[i + 1]) : i + 1;
    }
    size_t previous(size_t i) const {  // i > 0
        return symbols[i - 1] < 0 ? i - static_cast<size_t>(-symbols[i - 1]) : i - 1;
    }
    int32_t rank_at(size_t i) const {
        const size_t j = next(i);
        return j < count ? merges.rank(symbols[i], symbols[j]) : no_rank;
    }
    int32_t block_minimum(size_t b) const {
        const size_t end = (b + 1) * ranks_per_block < count ? (b + 1) * ranks_per_block : count;
        int32_t least = no_rank;
        for (size_t i = b * ranks_per_block; i < end; ++i) least = ranks[i] < least ? ranks[i] : least;
        return least;
    }
    void set_rank(size_t i, int32_t rank) {
        ranks[i] = rank;
        size_t node = leaves + i / ranks_per_block;
        int32_t least = block_minimum(i / ranks_per_block);
        while (tree[node] != least) {
            tree[node] = least;
            if (node == 1) break;
            const int32_t sibling = tree[node ^ 1];
            least = sibling < least ? sibling : least;
            node /= 2;
        }
    }
    size_t leftmost_least() const {
        size_t node = 1;
        while (node < leaves) node = tree[2 * node] == tree[node] ? 2 * node : 2 * node + 1;
        size_t i = (node - leaves) * ranks_per_block;
        while (ranks[i] != tree[1]) ++i;
        return i;
    }
};

inline size_t leaves_for(size_t count) {
    size_t leaves = 1;
    while (leaves * ranks_per_block < count) leaves *= 2;
    return leaves;
}

// bpe_long() for merges that are told by rank(left, right) and merged(left, right).
template <typename Merges>
size_t merge_long(const Merges &merges, int32_t *symbols, size_t count, int32_t *scratch) {
    LongWord<Merges> word = {merges, symbols, scratch, scratch + count, count, leaves_for(count)};
    if (count < 2) return count;
    for (size_t i = 0; i < count; ++i) word.ranks[i] = word.rank_at(i);
    for (size_t b = 0; b < word.leaves; ++b)
        word.tree[word.leaves + b] = b * ranks_per_block < count ? word.block_minimum(b) : no_rank;
    for (size_t node = word.leaves - 1; node > 0; --node)
        word.tree[node] =
            word.tree[2 * node] < word.tree[2 * node + 1] ? word.tree[2 * node] : word.tree[2 * node + 1];

    while (word.tree[1] != no_rank) {
        const size_t i = word.leftmost_least(), j = word.next(i), end = word.next(j);
        symbols[i] = merges.merged(symbols[i], symbols[j]);
        symbols[i + 1] = symbols[end - 1] = -static_cast<int32_t>(end - i);
        word.set_rank(j, no_rank);
        word.set_rank(i, word.rank_at(i));
        if (i > 0) {
            const size_t before = word.previous(i);
            word.set_rank(before, word.rank_at(before));
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < count;) {
        const size_t following = word.next(i);
        symbols[kept++] = symbols[i];
        i = following;
    }
    return kept;
}

}  // namespace
}  // namespace adder

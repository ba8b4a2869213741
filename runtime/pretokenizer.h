// Splitting a text into words by automata that stand in the section: byte-level BPE with other splits than GPT-2's.
// SPDX-License-Identifier: MIT
//
// A pass is a pattern, made into an automaton by the converter: a table that is walked a code point at a time. Matches of the first
// pass, and what lies between them, are pieces; those are split by the next one; pieces of the last are words.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "adder/config.h"
#include "runtime/tokenizer.h"

namespace adder {

constexpr uint32_t split_max_passes = 8;
constexpr uint32_t split_max_classes = 254;
constexpr uint32_t split_max_states = 0x7FFF;
constexpr uint32_t split_row = 16;         // entries of a row: one for each GeneralCategory, the rest unused
constexpr uint32_t split_match = 0x8000;   // of an entry: a match ends before the code point that is read
constexpr uint32_t split_read_again = 16;  // how often, on average, a byte may be read again
constexpr uint32_t split_max_behind = 14;  // what that asks of a pattern: converter/import/split_automaton.h

struct SplitInterval {
    uint32_t first;  // a code point; the interval ends where the next begins
    uint32_t row;
};

// One automaton, with its tables behind it.
struct SplitPass {
    uint16_t states;     // 0: the start, which no entry leads to
    uint16_t classes;    // of code points, 0 .. classes - 1
    uint16_t rows;       // 0: classes are those of bytes, whatever code points these are of
    uint16_t intervals;  // of code points, ascending from 0

    // [rows ? 128 : 256], classes of the first code points, or of bytes
    const uint8_t *unit() const { return reinterpret_cast<const uint8_t *>(this + 1); }
    // [rows][16], classes of a category's other code points
    const uint8_t *row() const { return unit() + (rows != 0 ? 128 : 256); }
    const SplitInterval *interval() const {
        return reinterpret_cast<const SplitInterval *>(row() + rows * split_row);
    }
    // [states][classes + 1], the last of each for the end of the text: the next state, or 0 where the match is over, and split_match
    const uint16_t *next() const { return reinterpret_cast<const uint16_t *>(interval() + intervals); }
    uint32_t size() const {  // bytes, a multiple of 4
        const uint32_t entries = states * (classes + 1u);
        return static_cast<uint32_t>(sizeof *this) + (rows != 0 ? 128 : 256) + rows * split_row +
               intervals * static_cast<uint32_t>(sizeof(SplitInterval)) + (entries + entries % 2) * 2;
    }
    const SplitPass *following() const {
        return reinterpret_cast<const SplitPass *>(reinterpret_cast<const uint8_t *>(this) + size());
    }
};

// Follows a TokenizerHeader of tokenizer_version_split; its tables follow it, in the order of its functions.
struct SplitHeader {
    uint32_t passes;
    uint32_t bytes;  // of all passes together
    uint32_t whole;  // tokens that a word which is their text becomes, whatever its merges are
    uint32_t begin;  // the token that begins every text, or all ones
    uint32_t reserved[4];

    // [whole], ids, sorted by the tokens' texts
    const uint32_t *whole_token() const { return reinterpret_cast<const uint32_t *>(this + 1); }
    // [passes], of different sizes
    const SplitPass *pass() const { return reinterpret_cast<const SplitPass *>(whole_token() + whole); }
};

#if ADDER_PRETOKENIZER

// While a word is looked for, a text is an array of symbols: a byte each, and with the first byte of a code point its class.
constexpr int32_t split_byte = 0xFF, split_unit = 1 << 16,
                  split_piece = 1 << 17;  // where a code point, a piece begins
constexpr uint32_t split_class_shift = 8;

// Checks the passes of `header`, whose tables have header.bytes.
bool split_valid(const SplitHeader &header);

// The symbols of a code point; the result is their number.
uint32_t split_symbols(const SplitPass &pass, uint32_t code_point, int32_t symbols[4]);

// An automaton on its way: between calls the symbols before `at` have been read.
struct SplitWalk {
    const SplitPass *pass;
    uint32_t state;
    size_t at, from,
        end;  // a match may begin at `from`; the best so far ends at `end`, or there is none if that is `from`
    uint64_t left;  // symbols that may be read again: what keeps hostile tables in linear time
};
enum class SplitStep : uint8_t {
    more,    // all symbols were read; if no more will come, nothing begins at `from` or behind it
    match,   // from .. end
    damaged  // too much is read again
};
SplitStep split_walk(SplitWalk *walk, const int32_t *symbols, size_t size, bool last);
// Begins anew at a symbol.
void split_restart(SplitWalk *walk, size_t at);

// Splits a piece of the first pass by all others: marks symbols that begin a piece. False if the tables are damaged.
bool split_further(const SplitHeader &header, int32_t *symbols, size_t size);

// The token in `whole` that has the text of these tokens, or all ones.
uint32_t split_whole(const Tokenizer &tokenizer, const int32_t *ids, size_t count);

#endif

}  // namespace adder

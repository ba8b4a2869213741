// Writes a blob's tokenizer section: tables that the runtime reads in place.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace adder {

// A tokenizer, its parts known to agree with one another.
struct SectionSource {
    struct Added {
        uint32_t id, flags;      // added_special, ...
        bool normalized;         // looked for in the normalised text
        std::string spelling{};  // how it stands there, if not as its text; of BPE over characters alone
    };
    struct Merge {
        uint32_t left, right, rank, merged;
    };
    SectionSource() { byte_ids.fill(0xFFFFFFFFu); }

    uint32_t flags = 0;                  // tokenizer_nfc, tokenizer_prefix_space
    bool wide = false;                   // 32-bit tables even where 16 bits would do
    std::vector<std::string> texts;      // [ids], the bytes of each token; empty where an id is not used
    std::array<uint32_t, 256> byte_ids;  // all ones where a byte has no token
    std::vector<Merge> merges;           // of equal pairs the last counts
    std::vector<Added> added;

    uint32_t begin = 0xFFFFFFFFu;  // the token that begins every text, or all ones; not with GPT-2's split

    // Of a split of its own alone.
    std::vector<std::vector<uint8_t>> splits;  // of compile_split, in the order in which they split
    std::vector<uint32_t> whole;  // tokens that a word which is their text becomes, whatever its merges are

    // Of BPE over characters alone.
    struct Character {
        uint32_t code_point, id;
    };
    struct Neighbours {
        uint32_t left, right;
    };
    std::vector<Character> characters;   // in any order, no two of one code point; U+0020 for U+2581
    std::vector<Neighbours> neighbours;  // characters' tokens between which a merge joins two tokens
    uint32_t unknown = 0xFFFFFFFFu;      // the token of what has no other, or all ones
};

// The section. Throws Error(bad_input), naming `path`, where it would exceed a limit of the format.
std::vector<uint8_t> write_tokenizer_section(const SectionSource &source, const std::string &path);

// That of a tokenizer which takes the longest token at each place: of all tokens that have a text and are not added ones.
// Neither bytes, merges nor flags count. All bytes have tokens, and no text is longer than tokenizer_max_matched_length.
std::vector<uint8_t> write_longest_section(const SectionSource &source, const std::string &path);

// That of byte-level BPE with a split of its own.
std::vector<uint8_t> write_split_section(const SectionSource &source, const std::string &path);

// That of BPE over characters.
std::vector<uint8_t> write_characters_section(const SectionSource &source, const std::string &path);

}  // namespace adder

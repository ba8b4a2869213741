// A constraint on disk: an automaton over the bytes of a text, as docs/constrain.md defines it byte by byte.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace adder {

constexpr uint8_t constraint_magic[8] = {'A', 'D', 'D', 'E', 'R', 'C', 0x0a, 0x1a};
constexpr uint32_t constraint_version = 1;
constexpr uint32_t constraint_max_states = 1u << 16;
constexpr uint32_t constraint_max_edges = constraint_max_states * 256;
constexpr uint32_t constraint_max_longest = 1u << 28;

// On a byte first .. last the automaton goes to state `next`.
struct ConstraintEdge {
    uint8_t first, last;
    uint16_t next;
};
static_assert(sizeof(ConstraintEdge) == 4, "an edge is 4 bytes");

struct ConstraintState {
    uint32_t first_edge;  // its edges end where the next state's begin
    uint32_t lacks;       // bytes of the shortest way to a state where a text may end; 0: it may end here
};
static_assert(sizeof(ConstraintState) == 8, "a state is 8 bytes");

struct ConstraintHeader {
    uint8_t magic[8];
    uint32_t version;
    uint32_t size;    // of the file
    uint32_t crc;     // CRC-32 of the file, this field taken as 0
    uint32_t states;  // 0: where a text begins
    uint32_t edges;
    uint32_t longest;      // bytes; no text gets longer
    uint32_t reserved[4];  // 0

    // [states + 1]; the last has first_edge = edges and lacks = 0
    const ConstraintState *state() const { return reinterpret_cast<const ConstraintState *>(this + 1); }
    // [edges], of each state ascending and apart
    const ConstraintEdge *edge() const {
        return reinterpret_cast<const ConstraintEdge *>(state() + states + 1);
    }
};
static_assert(sizeof(ConstraintHeader) == 48, "the header is 48 bytes");

// What an adder_constraint holds.
struct Constraint {
    const ConstraintHeader *header;
    uint32_t state;
    uint32_t bytes;  // of the text so far; bytes + lacks is at most header->longest
};

constexpr uint32_t constraint_no_state = 0xFFFFFFFFu;

// The state that `state` is left for on these bytes, or constraint_no_state. `header` is that of an opened constraint.
uint32_t constraint_walk(const ConstraintHeader &header, uint32_t state, const uint8_t *bytes, uint32_t size);

}  // namespace adder

// Opens a constraint, and holds tokens to it.
// SPDX-License-Identifier: MIT
//
// That of every state the shortest way to an end is right is checked at open, from each state to the next ones. So there is no
// state without a way out, and a text that keeps to the automaton can be completed wherever it is.
#include "adder/config.h"
#if ADDER_TOKENIZER && ADDER_CONSTRAINT

#include "runtime/constraint.h"

#include <string.h>

#include "runtime/crc32.h"
#include "runtime/error.h"
#include "runtime/model.h"

namespace adder {

namespace {

static_assert(sizeof(Constraint) <= sizeof(adder_constraint), "an adder_constraint has room for it");

constexpr float ruled_out = -__builtin_huge_valf();

Constraint *constraint_of(adder_constraint *constraint) { return reinterpret_cast<Constraint *>(constraint); }
const Constraint *constraint_of(const adder_constraint *constraint) {
    return reinterpret_cast<const Constraint *>(constraint);
}

// Not inline: a dozen copies of what fills in an error are half of the code.
[[gnu::noinline]] adder_status refuse(adder_error *error, const char *item, uint32_t found, uint32_t needed,
                                      int32_t index = -1) {
    return report(error, ADDER_ERROR_CONSTRAINT, item, found, needed, index);
}

uint32_t crc_of(const ConstraintHeader &header) {
    ConstraintHeader copy = header;
    copy.crc = 0;
    return crc32(crc32(0, &copy, sizeof copy), &header + 1, header.size - sizeof copy);
}

// The states' edges, and what they lack: 0, or one more than the least of the next states.
adder_status check_states(const ConstraintHeader &header, adder_error *error) {
    const ConstraintState *const states = header.state();
    const ConstraintEdge *const edges = header.edge();
    const ConstraintState &last = states[header.states];
    if (states[0].first_edge != 0) return refuse(error, "first edge", states[0].first_edge, 0);
    if (last.first_edge != header.edges) return refuse(error, "edges", last.first_edge, header.edges);
    if (last.lacks != 0) return refuse(error, "bytes to an end, behind the states", last.lacks, 0);
    for (uint32_t s = 0; s < header.states; ++s) {
        const int32_t index = static_cast<int32_t>(s);
        const uint32_t end = states[s + 1].first_edge;
        if (end < states[s].first_edge || end > header.edges)
            return refuse(error, "edges end, of state", end, header.edges, index);
        uint32_t least = 0xFFFFFFFFu, byte = 0;
        for (uint32_t e = states[s].first_edge; e < end; ++e) {
            if (edges[e].first < byte || edges[e].last < edges[e].first)
                return refuse(error, "bytes out of order, of state", edges[e].first, byte, index);
            if (edges[e].next >= header.states)
                return refuse(error, "next state, of state", edges[e].next, header.states - 1, index);
            byte = edges[e].last + 1u;
            const uint32_t lacks = states[edges[e].next].lacks;
            if (lacks < least) least = lacks;
        }
        if (states[s].lacks != 0 && states[s].lacks - 1 != least)
            return refuse(error, "bytes to an end, of state", states[s].lacks, least + 1, index);
    }
    return ADDER_OK;
}

adder_status check_header(const ConstraintHeader &header, size_t size, adder_error *error) {
    if (memcmp(header.magic, constraint_magic, sizeof header.magic) != 0)
        return refuse(error, "magic number", header.magic[0], constraint_magic[0]);
    if (header.version != constraint_version)
        return refuse(error, "version", header.version, constraint_version);
    if (header.size > size) return refuse(error, "bytes", static_cast<uint32_t>(size), header.size);
    if (header.states - 1 >= constraint_max_states || header.edges > constraint_max_edges)
        return refuse(error, "states", header.states, constraint_max_states);
    const uint32_t needed = static_cast<uint32_t>(sizeof header + sizeof(ConstraintState)) +
                            header.states * static_cast<uint32_t>(sizeof(ConstraintState)) +
                            header.edges * static_cast<uint32_t>(sizeof(ConstraintEdge));
    if (header.size != needed) return refuse(error, "bytes of the tables", header.size, needed);
    const uint32_t crc = crc_of(header);
    if (crc != header.crc) return refuse(error, "CRC-32", crc, header.crc);
    const uint32_t reserved =
        header.reserved[0] | header.reserved[1] | header.reserved[2] | header.reserved[3];
    if (reserved != 0) return refuse(error, "reserved field", reserved, 0);
    return ADDER_OK;
}

bool may_stay(float logit) { return logit > ruled_out; }  // not so of NaN

// Where a token leads, or constraint_no_state: also where the text would become too long.
uint32_t walk_token(const Constraint &c, const Tokenizer &tokenizer, uint32_t token) {
    const uint8_t *bytes;
    uint32_t size;
    if (!token_bytes(&tokenizer, static_cast<int32_t>(token), &bytes, &size, nullptr) || size == 0)
        return constraint_no_state;
    const uint32_t next = constraint_walk(*c.header, c.state, bytes, size);
    if (next == constraint_no_state || c.bytes + size + c.header->state()[next].lacks > c.header->longest)
        return constraint_no_state;
    return next;
}

void rule_out_special(const Tokenizer &tokenizer, const AddedTokens &added, float *logits, uint32_t count) {
    for (uint32_t i = 0; i < added.count; ++i) {
        const uint32_t id = added_id(tokenizer, added.tokens[i]);
        if ((added.tokens[i].flags & added_special) != 0 && id < count) logits[id] = ruled_out;
    }
}

}  // namespace

uint32_t constraint_walk(const ConstraintHeader &header, uint32_t state, const uint8_t *bytes, uint32_t size) {
    const ConstraintState *const states = header.state();
    const ConstraintEdge *const edges = header.edge();
    for (; size > 0; --size, ++bytes) {
        uint32_t low = states[state].first_edge;
        const uint32_t end = states[state + 1].first_edge;
        for (uint32_t high = end; low < high;) {  // the first whose last byte is not before it
            const uint32_t middle = (low + high) / 2;
            if (edges[middle].last < *bytes)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == end || edges[low].first > *bytes) return constraint_no_state;
        state = edges[low].next;
    }
    return state;
}

}  // namespace adder

using namespace adder;

extern "C" adder_status adder_constraint_open(adder_constraint *constraint, const void *bytes, size_t size,
                                              adder_error *error) {
    if (!constraint || !bytes) return report(error, ADDER_ERROR_ARGUMENT, "null pointer");
    const uint32_t misaligned = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(bytes) % 4);
    if (misaligned != 0) return report(error, ADDER_ERROR_ALIGNMENT, "constraint", misaligned, 4);
    if (size < sizeof(ConstraintHeader))
        return refuse(error, "bytes", static_cast<uint32_t>(size), sizeof(ConstraintHeader));
    const ConstraintHeader &header = *static_cast<const ConstraintHeader *>(bytes);
    adder_status status = check_header(header, size, error);
    if (status == ADDER_OK) status = check_states(header, error);
    if (status == ADDER_OK &&
        (header.longest > constraint_max_longest || header.longest < header.state()->lacks))
        status = refuse(error, "longest text", header.longest, header.state()->lacks);
    if (status != ADDER_OK) return status;
    *constraint_of(constraint) = Constraint{&header, 0, 0};
    return ADDER_OK;
}

extern "C" void adder_constraint_init(adder_constraint *constraint) {
    Constraint &c = *constraint_of(constraint);
    c.state = c.bytes = 0;
}

extern "C" adder_status adder_constraint_mask(const adder_constraint *constraint, const adder_model *model,
                                              float *logits, uint32_t left) {
    if (!constraint || !model || !logits) return ADDER_ERROR_ARGUMENT;
    const Constraint &c = *constraint_of(constraint);
    const Model &m = *model_of(model);
    if (!m.has_tokenizer) return ADDER_ERROR_NO_TOKENIZER;
    const ConstraintState *const states = c.header->state();
    const uint32_t count = m.architecture.vocab_size;
    const bool may_end = states[c.state].lacks == 0;
    if (left == 0 && !may_end) return ADDER_ERROR_LENGTH;

    // End tokens first: most are special, and their texts are not the text's.
    constexpr uint32_t most_ends = sizeof m.header->eos_tokens / sizeof m.header->eos_tokens[0];
    float ends[most_ends];
    for (uint32_t i = 0; i < most_ends; ++i) {
        const uint32_t id = static_cast<uint32_t>(m.header->eos_tokens[i]);
        ends[i] = id < count ? logits[id] : ruled_out;
    }
    for (uint32_t i = 0; i < most_ends; ++i) {
        const uint32_t id = static_cast<uint32_t>(m.header->eos_tokens[i]);
        if (id < count) logits[id] = ruled_out;
    }
    rule_out_special(m.tokenizer, m.tokenizer.raw, logits, count);
    rule_out_special(m.tokenizer, m.tokenizer.normalized, logits, count);

    // What may lack after the token. If no token leaves as little as that, the least that one leaves.
    uint32_t most = left == 0 ? 0 : left - 1;
    if (!may_end && most < c.header->longest) {
        uint32_t least = 0xFFFFFFFFu;
        for (uint32_t id = 0; id < count && least > most; ++id) {
            if (!may_stay(logits[id])) continue;
            const uint32_t next = walk_token(c, m.tokenizer, id);
            if (next != constraint_no_state && states[next].lacks < least) least = states[next].lacks;
        }
        if (least == 0xFFFFFFFFu) return ADDER_ERROR_NO_TOKEN_FITS;
        if (least > 0 && most == 0) return ADDER_ERROR_LENGTH;
        if (least > most) most = least;
    }
    bool any = false;
    for (uint32_t id = 0; id < count; ++id) {
        const uint32_t next =
            left != 0 && may_stay(logits[id]) ? walk_token(c, m.tokenizer, id) : constraint_no_state;
        if (next != constraint_no_state && states[next].lacks <= most)
            any = true;
        else
            logits[id] = ruled_out;
    }
    for (uint32_t i = 0; i < most_ends && may_end; ++i) {
        if (!may_stay(ends[i])) continue;
        logits[m.header->eos_tokens[i]] = ends[i];
        any = true;
    }
    return any ? ADDER_OK : ADDER_ERROR_NO_TOKEN_FITS;
}

extern "C" adder_status adder_constraint_accept(adder_constraint *constraint, const adder_model *model,
                                                int32_t token) {
    if (!constraint || !model) return ADDER_ERROR_ARGUMENT;
    Constraint &c = *constraint_of(constraint);
    const Model &m = *model_of(model);
    if (!m.has_tokenizer) return ADDER_ERROR_NO_TOKENIZER;
    if (token < 0 || static_cast<uint32_t>(token) >= m.architecture.vocab_size) return ADDER_ERROR_TOKEN;
    if (adder_model_is_eos(model, token))
        return adder_constraint_is_accepting(constraint) ? ADDER_OK : ADDER_ERROR_NO_TOKEN_FITS;
    if (adder_token_is_special(model, token)) return ADDER_ERROR_NO_TOKEN_FITS;
    const uint32_t next = walk_token(c, m.tokenizer, static_cast<uint32_t>(token));
    if (next == constraint_no_state) return ADDER_ERROR_NO_TOKEN_FITS;
    const uint8_t *bytes;
    uint32_t size;
    token_bytes(&m.tokenizer, token, &bytes, &size, nullptr);
    c.state = next;
    c.bytes += size;
    return ADDER_OK;
}

extern "C" int adder_constraint_is_accepting(const adder_constraint *constraint) {
    return adder_constraint_lacks(constraint) == 0;
}

extern "C" int adder_constraint_is_complete(const adder_constraint *constraint) {
    const Constraint &c = *constraint_of(constraint);
    const ConstraintState *const state = c.header->state() + c.state;
    return state->lacks == 0 && (state[1].first_edge == state->first_edge || c.bytes == c.header->longest);
}

extern "C" uint32_t adder_constraint_lacks(const adder_constraint *constraint) {
    const Constraint &c = *constraint_of(constraint);
    return c.header->state()[c.state].lacks;
}

extern "C" uint32_t adder_constraint_longest(const adder_constraint *constraint) {
    return constraint_of(constraint)->header->longest;
}

#endif  // ADDER_TOKENIZER && ADDER_CONSTRAINT

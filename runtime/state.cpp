// Saving, loading and resetting the state: a header of 64 bytes, the states of all blocks, and the pages of the cache that its
// tokens have begun; in a mark only the last of those, and a CRC of the others.
// SPDX-License-Identifier: MIT
#include <string.h>

#include "runtime/arena.h"
#include "runtime/crc32.h"
#include "runtime/error.h"
#include "runtime/session.h"

using namespace adder;

namespace {

constexpr uint8_t state_magic[8] = {'A', 'D', 'D', 'E', 'R', 'S', 'T', '1'};
constexpr uint8_t mark_magic[8] = {'A', 'D', 'D', 'E', 'R', 'M', 'K', '1'};

struct StateHeader {
    uint8_t magic[8];
    uint64_t fingerprint;  // of the blob
    uint64_t position;     // tokens fed
    uint64_t size;         // bytes that follow
    uint32_t crc;          // CRC-32 of this header with crc taken as 0, then of what follows
    uint32_t pages_crc;    // of a mark: CRC-32 of the pages in front of the one that follows; of a state 0
    uint8_t reserved[24];  // zero
};
static_assert(sizeof(StateHeader) == 64, "the state's header is 64 bytes");

uint32_t state_crc(StateHeader header, const uint8_t *states) {
    header.crc = 0;
    return crc32(crc32(0, &header, sizeof header), states, static_cast<size_t>(header.size));
}

// Bytes of the states, of the pages that so many tokens have begun, and of those that they have filled.
struct Sizes {
    uint64_t states, pages, full;
    uint64_t both() const { return states + pages; }
};
Sizes sizes_at(const Architecture &architecture, uint64_t position) {
    const uint64_t page = is_built(block_cache) ? page_bytes(architecture) : 0;
    return {state_bytes(architecture), page > 0 ? page * pages_of(position) : 0,
            page > 0 ? page * (position / page_tokens) : 0};
}

// What follows the header of a mark: the states, and one page.
uint64_t mark_bytes(const Architecture &architecture) {
    return state_bytes(architecture) + (is_built(block_cache) ? page_bytes(architecture) : 0);
}

uint8_t *pages_of_session([[maybe_unused]] const adder_session &session) {
#if ADDER_CACHE
    return session.cache;
#else
    return nullptr;
#endif
}

// Writes the header and the states, and of the session's cache `pages` bytes from `first` on.
void write(const adder_session &session, StateHeader header, uint64_t first, uint64_t pages, void *buffer) {
    const uint64_t states = state_bytes(session.model().architecture);
    uint8_t *const out = static_cast<uint8_t *>(buffer) + sizeof header;
    memcpy(out, session.state, static_cast<size_t>(states));
    if (is_built(block_cache) && pages > 0)
        memcpy(out + states, pages_of_session(session) + first, static_cast<size_t>(pages));
    header.fingerprint = session.model().fingerprint;
    header.position = session.position;
    if (is_built(block_cache) && states + pages < header.size)
        memset(out + states + pages, 0, static_cast<size_t>(header.size - states - pages));
    header.crc = state_crc(header, out);
    memcpy(buffer, &header, sizeof header);
}

}  // namespace

extern "C" size_t adder_state_size(const adder_model *model) { return adder_state_size_at(model, 0); }

extern "C" size_t adder_state_size_at(const adder_model *model, uint64_t position) {
    const Architecture &architecture = model_of(model)->architecture;
    if (!is_built(block_cache) || page_bytes(architecture) == 0) position = 0;
    const uint64_t size = sizeof(StateHeader) + sizes_at(architecture, position).both();
    return position <= max_context && size <= SIZE_MAX ? static_cast<size_t>(size) : 0;
}

extern "C" size_t adder_mark_size(const adder_model *model) {
    const uint64_t size = sizeof(StateHeader) + mark_bytes(model_of(model)->architecture);
    return size <= SIZE_MAX ? static_cast<size_t>(size) : 0;
}

extern "C" adder_status adder_state_save(const adder_session *session, void *buffer, size_t size) {
    if (!session || !buffer) return ADDER_ERROR_ARGUMENT;
    if (session->slices.begun != Begun::nothing) return ADDER_ERROR_SEQUENCE;
    const Sizes sizes = sizes_at(session->model().architecture, session->position);
    StateHeader header{};
    if (size < sizeof header || size - sizeof header < sizes.both()) return ADDER_ERROR_BUFFER;
    memcpy(header.magic, state_magic, sizeof state_magic);
    header.size = sizes.both();
    write(*session, header, 0, sizes.pages, buffer);
    return ADDER_OK;
}

extern "C" adder_status adder_mark_save(const adder_session *session, void *buffer, size_t size) {
    if (!is_built(block_cache)) return adder_state_save(session, buffer, size);
    if (!session || !buffer) return ADDER_ERROR_ARGUMENT;
    const Architecture &architecture = session->model().architecture;
    if (page_bytes(architecture) == 0) return adder_state_save(session, buffer, size);
    if (session->slices.begun != Begun::nothing) return ADDER_ERROR_SEQUENCE;
    if (size < adder_mark_size(session->handle)) return ADDER_ERROR_BUFFER;
    const Sizes sizes = sizes_at(architecture, session->position);
    StateHeader header{};
    memcpy(header.magic, mark_magic, sizeof mark_magic);
    header.size = mark_bytes(architecture);
    header.pages_crc = crc32(0, pages_of_session(*session), static_cast<size_t>(sizes.full));
    write(*session, header, sizes.full, sizes.pages - sizes.full, buffer);
    return ADDER_OK;
}

extern "C" adder_status adder_state_load(adder_session *session, const void *buffer, size_t size,
                                         adder_error *error) {
    if (!session || !buffer) return report(error, ADDER_ERROR_ARGUMENT, session ? "buffer" : "session");
    const Architecture &architecture = session->model().architecture;
    const size_t least = adder_state_size(session->handle);
    if (size < least) return report(error, ADDER_ERROR_STATE, "bytes", size, least);
    StateHeader header;
    memcpy(&header, buffer, sizeof header);
    const bool mark = is_built(block_cache) && page_bytes(architecture) > 0 &&
                      memcmp(header.magic, mark_magic, sizeof mark_magic) == 0;
    if (!mark && memcmp(header.magic, state_magic, sizeof state_magic) != 0)
        return report(error, ADDER_ERROR_STATE, "magic number");
    if (header.fingerprint != session->model().fingerprint)
        return report(error, ADDER_ERROR_STATE, "fingerprint of the model", header.fingerprint,
                      session->model().fingerprint);
#if ADDER_CACHE
    if (session->context != 0 && header.position > session->context)
        return report(error, ADDER_ERROR_CONTEXT, "tokens of the saved state", header.position,
                      session->context);
#endif
    const Sizes sizes = sizes_at(architecture, header.position);
    const uint64_t needed = mark ? mark_bytes(architecture) : sizes.both();
    if (header.size != needed)
        return report(error, ADDER_ERROR_STATE, "size of the state", header.size, needed);
    if (size - sizeof header < needed)
        return report(error, ADDER_ERROR_STATE, "bytes", size, sizeof header + needed);
    const uint8_t *states = static_cast<const uint8_t *>(buffer) + sizeof header;
    const uint32_t crc = state_crc(header, states);
    if (crc != header.crc) return report(error, ADDER_ERROR_STATE, "CRC-32", crc, header.crc);
    const uint64_t kept = mark ? sizes.full : 0;  // bytes of pages that stay as they are
    if (mark) {
        // Behind the session's position lies what another sequence has left, or nothing ever written.
        if (session->position < header.position / page_tokens * page_tokens)
            return report(error, ADDER_ERROR_STATE, "tokens before the mark", session->position,
                          header.position);
        const uint32_t pages = crc32(0, pages_of_session(*session), static_cast<size_t>(kept));
        if (pages != header.pages_crc)
            return report(error, ADDER_ERROR_STATE, "tokens before the mark, CRC-32 of their pages", pages,
                          header.pages_crc);
    }
    memcpy(session->state, states, static_cast<size_t>(sizes.states));
    if (is_built(block_cache) && sizes.pages > kept)
        memcpy(pages_of_session(*session) + kept, states + sizes.states,
               static_cast<size_t>(sizes.pages - kept));
    session->position = header.position;
    session->slices = Slices{};
    return ADDER_OK;
}

extern "C" void adder_state_reset(adder_session *session) {
    memset(session->state, 0, static_cast<size_t>(state_bytes(session->model().architecture)));
    session->position = 0;
    session->slices = Slices{};
}

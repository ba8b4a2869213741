// Saving, loading and resetting the state: a header of 64 bytes, the states of all blocks, and the pages of the cache that its
// tokens have begun.
// SPDX-License-Identifier: MIT
#include <cstring>

#include "runtime/arena.h"
#include "runtime/crc32.h"
#include "runtime/error.h"
#include "runtime/session.h"

using namespace adder;

namespace {

constexpr uint8_t state_magic[8] = {'A', 'D', 'D', 'E', 'R', 'S', 'T', '1'};

struct StateHeader {
    uint8_t magic[8];
    uint64_t fingerprint;  // of the blob
    uint64_t position;     // tokens fed
    uint64_t size;         // bytes of the states that follow
    uint32_t crc;          // CRC-32 of this header with crc taken as 0, then of the states
    uint8_t reserved[28];  // zero
};
static_assert(sizeof(StateHeader) == 64, "the state's header is 64 bytes");

uint32_t state_crc(StateHeader header, const uint8_t *states) {
    header.crc = 0;
    return crc32(crc32(0, &header, sizeof header), states, static_cast<size_t>(header.size));
}

// Bytes of the states, and of the pages that so many tokens have begun.
struct Sizes {
    uint64_t states, pages;
    uint64_t both() const { return states + pages; }
};
Sizes sizes_at(const Architecture &architecture, uint64_t position) {
    const uint64_t page = is_built(block_cache) ? page_bytes(architecture) : 0;
    return {state_bytes(architecture), page > 0 ? page * pages_of(position) : 0};
}

uint8_t *pages_of_session([[maybe_unused]] const adder_session &session) {
#if ADDER_CACHE
    return session.cache;
#else
    return nullptr;
#endif
}

}  // namespace

extern "C" size_t adder_state_size(const adder_model *model) { return adder_state_size_at(model, 0); }

extern "C" size_t adder_state_size_at(const adder_model *model, uint64_t position) {
    const Architecture &architecture = model_of(model)->architecture;
    if (!is_built(block_cache) || page_bytes(architecture) == 0) position = 0;
    const uint64_t size = sizeof(StateHeader) + sizes_at(architecture, position).both();
    return position <= max_context && size <= SIZE_MAX ? static_cast<size_t>(size) : 0;
}

extern "C" adder_status adder_state_save(const adder_session *session, void *buffer, size_t size) {
    if (!session || !buffer) return ADDER_ERROR_ARGUMENT;
    if (session->slices.begun != Begun::nothing) return ADDER_ERROR_SEQUENCE;
    const Sizes sizes = sizes_at(session->model().architecture, session->position);
    StateHeader header{};
    if (size < sizeof header || size - sizeof header < sizes.both()) return ADDER_ERROR_BUFFER;
    uint8_t *const states = static_cast<uint8_t *>(buffer) + sizeof header;
    memcpy(states, session->state, static_cast<size_t>(sizes.states));
    if (is_built(block_cache) && sizes.pages > 0)
        memcpy(states + sizes.states, pages_of_session(*session), static_cast<size_t>(sizes.pages));
    memcpy(header.magic, state_magic, sizeof state_magic);
    header.fingerprint = session->model().fingerprint;
    header.position = session->position;
    header.size = sizes.both();
    header.crc = state_crc(header, states);
    memcpy(buffer, &header, sizeof header);
    return ADDER_OK;
}

extern "C" adder_status adder_state_load(adder_session *session, const void *buffer, size_t size,
                                         adder_error *error) {
    if (!session || !buffer) return report(error, ADDER_ERROR_ARGUMENT, session ? "buffer" : "session", 0, 0);
    const size_t least = adder_state_size(session->handle);
    if (size < least) return report(error, ADDER_ERROR_STATE, "bytes", size, least);
    StateHeader header;
    memcpy(&header, buffer, sizeof header);
    if (memcmp(header.magic, state_magic, sizeof state_magic) != 0)
        return report(error, ADDER_ERROR_STATE, "magic number", 0, 0);
    if (header.fingerprint != session->model().fingerprint)
        return report(error, ADDER_ERROR_STATE, "fingerprint of the model", header.fingerprint,
                      session->model().fingerprint);
#if ADDER_CACHE
    if (session->context != 0 && header.position > session->context)
        return report(error, ADDER_ERROR_CONTEXT, "tokens of the saved state", header.position,
                      session->context);
#endif
    const Sizes sizes = sizes_at(session->model().architecture, header.position);
    if (header.size != sizes.both())
        return report(error, ADDER_ERROR_STATE, "size of the state", header.size, sizes.both());
    if (size - sizeof header < sizes.both())
        return report(error, ADDER_ERROR_STATE, "bytes", size, sizeof header + sizes.both());
    const uint8_t *states = static_cast<const uint8_t *>(buffer) + sizeof header;
    const uint32_t crc = state_crc(header, states);
    if (crc != header.crc) return report(error, ADDER_ERROR_STATE, "CRC-32", crc, header.crc);
    memcpy(session->state, states, static_cast<size_t>(sizes.states));
    if (is_built(block_cache) && sizes.pages > 0)
        memcpy(pages_of_session(*session), states + sizes.states, static_cast<size_t>(sizes.pages));
    session->position = header.position;
    session->slices = Slices{};
    return ADDER_OK;
}

extern "C" void adder_state_reset(adder_session *session) {
    memset(session->state, 0, static_cast<size_t>(state_bytes(session->model().architecture)));
    session->position = 0;
    session->slices = Slices{};
}

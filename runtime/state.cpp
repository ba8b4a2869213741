// Saving, loading and resetting the state: a header of 64 bytes and the states of all blocks.
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

uint32_t state_crc(StateHeader header, const void *states) {
    header.crc = 0;
    return crc32(crc32(0, &header, sizeof header), states, static_cast<size_t>(header.size));
}

}  // namespace

extern "C" size_t adder_state_size(const adder_model *model) {
    const uint64_t size = sizeof(StateHeader) + state_bytes(model_of(model)->architecture);
    return size <= SIZE_MAX ? static_cast<size_t>(size) : 0;
}

extern "C" adder_status adder_state_save(const adder_session *session, void *buffer, size_t size) {
    if (!session || !buffer) return ADDER_ERROR_ARGUMENT;
    if (session->slices.begun != Begun::nothing) return ADDER_ERROR_SEQUENCE;
    if (size < adder_state_size(session->handle)) return ADDER_ERROR_BUFFER;
    StateHeader header{};
    memcpy(header.magic, state_magic, sizeof state_magic);
    header.fingerprint = session->model().fingerprint;
    header.position = session->position;
    header.size = state_bytes(session->model().architecture);
    header.crc = state_crc(header, session->state);
    memcpy(buffer, &header, sizeof header);
    memcpy(static_cast<uint8_t *>(buffer) + sizeof header, session->state, static_cast<size_t>(header.size));
    return ADDER_OK;
}

extern "C" adder_status adder_state_load(adder_session *session, const void *buffer, size_t size,
                                         adder_error *error) {
    if (!session || !buffer) return report(error, ADDER_ERROR_ARGUMENT, session ? "buffer" : "session", 0, 0);
    const size_t needed = adder_state_size(session->handle);
    if (size < needed) return report(error, ADDER_ERROR_STATE, "bytes", size, needed);
    StateHeader header;
    memcpy(&header, buffer, sizeof header);
    if (memcmp(header.magic, state_magic, sizeof state_magic) != 0)
        return report(error, ADDER_ERROR_STATE, "magic number", 0, 0);
    if (header.fingerprint != session->model().fingerprint)
        return report(error, ADDER_ERROR_STATE, "fingerprint of the model", header.fingerprint,
                      session->model().fingerprint);
    if (header.size != needed - sizeof header)
        return report(error, ADDER_ERROR_STATE, "size of the state", header.size, needed - sizeof header);
    const uint8_t *states = static_cast<const uint8_t *>(buffer) + sizeof header;
    const uint32_t crc = state_crc(header, states);
    if (crc != header.crc) return report(error, ADDER_ERROR_STATE, "CRC-32", crc, header.crc);
    memcpy(session->state, states, static_cast<size_t>(header.size));
    session->position = header.position;
    session->slices = Slices{};
    return ADDER_OK;
}

extern "C" void adder_state_reset(adder_session *session) {
    memset(session->state, 0, static_cast<size_t>(state_bytes(session->model().architecture)));
    session->position = 0;
    session->slices = Slices{};
}

// Writing and checking a file of the cache. Its checksum covers all but what the saved state's own covers: header, tokens and the
// state's header, which holds the sum of the rest. So every bit is checked, and the state's are once.
// SPDX-License-Identifier: MIT
#include "host/cache_file.h"

#include <cstring>

#include "runtime/crc32.h"
#include "runtime/session.h"

namespace adder {
namespace {

constexpr uint8_t file_magic[8] = {'A', 'D', 'D', 'E', 'R', 'C', 'S', '1'};
constexpr uint32_t file_version = 1;
constexpr size_t state_header = 64;    // of adder_state_save
constexpr size_t state_position = 16;  // where in it the position stands

struct FileHeader {
    uint8_t magic[8];
    uint32_t version;
    uint32_t crc;  // CRC-32 of this header with crc taken as 0, of the tokens, and of the state's header
    uint64_t fingerprint;  // of the blob
    uint64_t count;        // tokens, i32, that follow
    uint64_t state_bytes;  // and of the state after them
    uint8_t reserved[24];  // zero
};
static_assert(sizeof(FileHeader) == 64, "the file's header is 64 bytes");

uint32_t file_crc(FileHeader header, const uint8_t *behind) {
    header.crc = 0;
    return crc32(crc32(0, &header, sizeof header), behind,
                 static_cast<size_t>(header.count) * 4 + state_header);
}

}  // namespace

size_t cache_file_size(const adder_model *model, uint64_t count) {
    const uint64_t state = adder_state_size_at(model, count);
    if (state == 0 || count > SIZE_MAX / 8) return 0;
    const uint64_t size = sizeof(FileHeader) + count * 4 + state;
    return size <= SIZE_MAX / 2 ? static_cast<size_t>(size) : 0;
}

adder_status cache_file_save(const adder_session *session, const int32_t *tokens, size_t count,
                             uint8_t *bytes, size_t size) {
    FileHeader header{};
    memcpy(header.magic, file_magic, sizeof file_magic);
    header.version = file_version;
    header.fingerprint = session->model().fingerprint;
    header.count = count;
    uint8_t *const behind = bytes + sizeof header;
    const size_t before_state = sizeof header + count * 4;
    header.state_bytes = size - before_state;
    memcpy(behind, tokens, count * 4);
    const adder_status status = adder_state_save(session, bytes + before_state, size - before_state);
    if (status != ADDER_OK) return status;
    header.crc = file_crc(header, behind);
    memcpy(bytes, &header, sizeof header);
    return ADDER_OK;
}

CacheFile cache_file_load(adder_session *session, const int32_t *tokens, size_t count, const uint8_t *bytes,
                          uint64_t size) {
    FileHeader header;
    if (size < sizeof header) return CacheFile::damaged;
    memcpy(&header, bytes, sizeof header);
    if (memcmp(header.magic, file_magic, sizeof file_magic) != 0 || header.version != file_version)
        return CacheFile::other;
    if (header.count > size / 4 || header.state_bytes > size || header.state_bytes < state_header ||
        sizeof header + header.count * 4 + header.state_bytes != size)
        return CacheFile::damaged;
    // From here on all of the file is in memory.
    if (header.count != count || header.state_bytes != adder_state_size_at(session->handle, count))
        return CacheFile::other;
    const uint8_t *const behind = bytes + sizeof header;
    if (file_crc(header, behind) != header.crc) return CacheFile::damaged;
    if (header.fingerprint != session->model().fingerprint || memcmp(behind, tokens, count * 4) != 0)
        return CacheFile::other;
    const uint8_t *const state = behind + count * 4;
    uint64_t position;
    memcpy(&position, state + state_position, sizeof position);
    if (position != count) return CacheFile::other;
    const adder_status status =
        adder_state_load(session, state, static_cast<size_t>(header.state_bytes), nullptr);
    if (status == ADDER_OK) return CacheFile::whole;
    return status == ADDER_ERROR_STATE ? CacheFile::damaged : CacheFile::other;
}

}  // namespace adder

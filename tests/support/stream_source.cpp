// Callbacks over a blob in memory, strict about what they are asked.
// SPDX-License-Identifier: MIT
#include "tests/support/stream_source.h"

#include <cstdlib>
#include <cstring>

namespace adder::test {
namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

StreamSource::StreamSource(const AlignedBytes &blob, bool asynchronous) : blob_(blob) {
    source_.read = read;
    source_.start = asynchronous ? start : nullptr;
    source_.wait = asynchronous ? wait : nullptr;
    source_.context = this;
    source_.size = blob.size();
}

bool StreamSource::copy(uint64_t offset, void *buffer, size_t size) {
    require(size > 0 && offset <= blob_.size() && size <= blob_.size() - offset);
    uint8_t *out = static_cast<uint8_t *>(buffer);
    std::memcpy(out, blob_.data() + offset, size);
    for (size_t i = 0; corrupt > 0 && i < size; ++i) {
        random_ = random_ * 6364136223846793005u + 1442695040888963407u;
        if ((random_ >> 33) % corrupt == 0) out[i] = static_cast<uint8_t>(random_ >> 56);
    }
    bytes += size;
    largest = std::max<uint64_t>(largest, size);
    return reads++ != fail_at;
}

int StreamSource::read(void *context, uint64_t offset, void *buffer, size_t size) {
    StreamSource &source = *static_cast<StreamSource *>(context);
    require(source.begun_ == nullptr);
    return source.copy(offset, buffer, size) ? 0 : 1;
}

// Nothing is in the buffers before the wait but what must not be computed with.
int StreamSource::start(void *context, const adder_read *reads, uint32_t count) {
    StreamSource &source = *static_cast<StreamSource *>(context);
    require(source.begun_ == nullptr && count >= 1 && count <= 3);
    for (uint32_t i = 0; i < count; ++i) {
        std::memset(reads[i].buffer, 0x7f, reads[i].size);
        if (source.reads + i == source.fail_at && !source.fail_in_wait) {
            source.reads += i + 1;
            return -1;
        }
    }
    source.begun_ = reads;
    source.begun_count_ = count;
    return 0;
}

int StreamSource::wait(void *context) {
    StreamSource &source = *static_cast<StreamSource *>(context);
    require(source.begun_ != nullptr);
    bool done = true;
    for (uint32_t i = 0; i < source.begun_count_; ++i) {
        const adder_read &read = source.begun_[i];
        done = source.copy(read.offset, read.buffer, read.size) && done;
    }
    source.begun_ = nullptr;
    return done ? 0 : 1;
}

}  // namespace adder::test

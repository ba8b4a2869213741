// Copies to and from a mapped file.
// SPDX-License-Identifier: MIT
#include "converter/model/stream_file.h"

#include <cstring>

#include "converter/base/error.h"

namespace adder {
namespace {

uint64_t size_of(const ModelShape &shape, uint64_t tokens) {
    return tokens * shape.d_model_padded() * sizeof(float) * (has_carried(shape.architecture()) ? 2 : 1);
}

}  // namespace

StreamFile::StreamFile(const std::string &path, const ModelShape &shape, uint64_t tokens)
    : size_(size_of(shape, tokens)), file_(path), bytes_(file_.map(bytes_of(shape, tokens))),
      stored_(shape.block_count(), 0) {}

uint64_t StreamFile::bytes_of(const ModelShape &shape, uint64_t tokens) {
    return size_of(shape, tokens) * shape.block_count();
}

void StreamFile::store(uint32_t block, const ResidualStreams &after) {
    if (after.bytes() != size_)
        fail(ExitCode::failure, "%llu bytes of streams, where %llu are kept",
             static_cast<unsigned long long>(after.bytes()), static_cast<unsigned long long>(size_));
    uint8_t *to = bytes_ + block * size_;
    after.each_part([&](const float *values, size_t count) {
        if (count > 0) std::memcpy(to, values, count * sizeof(float));
        to += count * sizeof(float);
    });
    file_.release(block * size_, size_);
    stored_[block] = 1;
}

bool StreamFile::load(uint32_t block, ResidualStreams *after) const {
    if (!stored_[block] || after->bytes() != size_) return false;
    const uint8_t *from = bytes_ + block * size_;
    after->each_part([&](float *values, size_t count) {
        if (count > 0) std::memcpy(values, from, count * sizeof(float));
        from += count * sizeof(float);
    });
    file_.release(block * size_, size_);
    return true;
}

}  // namespace adder

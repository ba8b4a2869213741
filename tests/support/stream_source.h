// A blob behind callbacks: read at once, or later as hardware would; with failures and changing bytes on demand.
// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/blob_builder.h"

namespace adder::test {

class StreamSource {
  public:
    explicit StreamSource(const AlignedBytes &blob, bool asynchronous = false);
    StreamSource(const StreamSource &) = delete;
    StreamSource &operator=(const StreamSource &) = delete;
    const adder_source *get() const { return &source_; }

    uint64_t reads = 0;  // so far, each of those that are begun together
    uint64_t bytes = 0;
    uint64_t largest = 0;
    uint64_t fail_at = UINT64_MAX;  // the number of the read that fails
    bool fail_in_wait = false;      // and only when it is waited for
    uint32_t corrupt = 0;           // of so many bytes read, one is changed; 0: none

  private:
    static int read(void *context, uint64_t offset, void *buffer, size_t size);
    static int start(void *context, const adder_read *reads, uint32_t count);
    static int wait(void *context);
    bool copy(uint64_t offset, void *buffer, size_t size);

    const AlignedBytes &blob_;
    adder_source source_{};
    const adder_read *begun_ = nullptr;
    uint32_t begun_count_ = 0;
    uint64_t random_ = 1;
};

}  // namespace adder::test

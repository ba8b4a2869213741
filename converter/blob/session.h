// A session on a blob, with the arena that it takes.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "adder/adder.h"
#include "converter/blob/file.h"

namespace adder {

// Tokens of a prompt that go through a layer together in the host's programs, unless they are told. The library's own default is
// for small memories; weights that are larger than the caches are read a quarter as often with this one.
constexpr uint32_t host_chunk = 64;

// An arena and its session.
class Session {
  public:
    Session(const BlobFile &blob, const adder_options &options);
    ~Session() { unmap(); }
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;
    adder_session *get() const { return session_; }
    size_t arena_bytes() const { return arena_bytes_; }

  private:
    void unmap();
    void *arena_ = nullptr;
    size_t arena_bytes_ = 0;
    adder_session *session_ = nullptr;
};

}  // namespace adder

// Making of sessions.
// SPDX-License-Identifier: MIT
#include "converter/blob/session.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "converter/base/error.h"

namespace adder {

Session::Session(const BlobFile &blob, const adder_options &options) {
    arena_bytes_ = adder_arena_size(blob.model(), &options);
    if (arena_bytes_ == 0)
        fail(ExitCode::usage, "%s: no arena has chunk %u, logit rows %u and threads %u", blob.path().c_str(),
             options.chunk, options.logit_rows, options.threads);
#ifdef MAP_POPULATE
    constexpr int populate = MAP_POPULATE;  // no page faults in the first tokens
#else
    constexpr int populate = 0;
#endif
    void *const arena =
        mmap(nullptr, arena_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | populate, -1, 0);
    if (arena == MAP_FAILED)
        fail(ExitCode::failure, "%s: an arena of %zu bytes cannot be had: %s", blob.path().c_str(),
             arena_bytes_, std::strerror(errno));
    arena_ = arena;
    adder_error error{};
    const adder_status status =
        adder_session_init(&session_, blob.model(), &options, arena_, arena_bytes_, &error);
    if (status == ADDER_OK) return;
    unmap();
    if (status == ADDER_ERROR_ISA) fail(ExitCode::usage, "%s", error_text(status, error).c_str());
    fail(ExitCode::failure, "%s: %s", blob.path().c_str(), error_text(status, error).c_str());
}

void Session::unmap() {
    if (arena_ != nullptr) munmap(arena_, arena_bytes_);
    arena_ = nullptr;
}

}  // namespace adder

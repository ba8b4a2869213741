// Making of sessions.
// SPDX-License-Identifier: MIT
#include "converter/blob/session.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "converter/base/error.h"

namespace adder {

namespace {

constexpr size_t huge_page = size_t{2} << 20;
constexpr size_t small_page = 4096;

// Memory for an arena; null on failure, with errno set. All of it is there already, so that the first tokens meet no page
// faults; and in huge pages as far as it fills them and the system has them, since a state of megabytes is read and
// written with each token, and every small page costs a walk through the page table.
void *arena_map(size_t bytes) {
    const size_t align = bytes < huge_page ? 0 : huge_page;
    void *const mapped =
        mmap(nullptr, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    auto *start = static_cast<uint8_t *>(mapped);
    if (align != 0) {
        const size_t before = (align - reinterpret_cast<uintptr_t>(start) % align) % align;
        const size_t pages = (bytes + small_page - 1) / small_page * small_page;
        if (before != 0) munmap(start, before);
        start += before;
        if (pages < bytes + align - before) munmap(start + pages, bytes + align - before - pages);
#ifdef MADV_HUGEPAGE
        madvise(start, bytes / huge_page * huge_page, MADV_HUGEPAGE);
#endif
    }
    for (size_t at = 0; at < bytes; at += small_page) static_cast<volatile uint8_t *>(start)[at] = 0;
    return start;
}

}  // namespace

Session::Session(const BlobFile &blob, const adder_options &options) {
    arena_bytes_ = adder_arena_size(blob.model(), &options);
    if (arena_bytes_ == 0)
        fail(ExitCode::usage, "%s: no arena has chunk %u, logit rows %u and threads %u", blob.path().c_str(),
             options.chunk, options.logit_rows, options.threads);
    arena_ = arena_map(arena_bytes_);
    if (arena_ == nullptr)
        fail(ExitCode::failure, "%s: an arena of %zu bytes cannot be had: %s", blob.path().c_str(),
             arena_bytes_, std::strerror(errno));
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

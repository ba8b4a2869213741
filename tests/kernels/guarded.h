// A buffer between two pages that may not be touched, for tests that must see every access out of bounds.
// SPDX-License-Identifier: MIT
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace adder {

enum class Placement {
    at_end,      // the last element borders on the guard page: overruns trap
    at_start,    // the first one does: underruns trap
    misaligned,  // one element past a page's start: aligned for the element and no more
};

constexpr Placement all_placements[] = {Placement::at_end, Placement::at_start, Placement::misaligned};

template <typename T>
class Guarded {
  public:
    Guarded(const std::vector<T> &values, Placement placement) : count_(values.size()) {
        const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        const size_t bytes = count_ * sizeof(T);
        const size_t inner = (bytes + sizeof(T) + page - 1) / page * page;
        mapped_ = inner + 2 * page;
        base_ = static_cast<char *>(
            mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (base_ == MAP_FAILED || mprotect(base_, page, PROT_NONE) != 0 ||
            mprotect(base_ + page + inner, page, PROT_NONE) != 0)
            abort();
        first_ = base_ + page;
        if (placement == Placement::at_end) first_ += inner - bytes;
        if (placement == Placement::misaligned) first_ += sizeof(T);
        if (bytes != 0) memcpy(first_, values.data(), bytes);
    }
    Guarded(const Guarded &) = delete;
    Guarded &operator=(const Guarded &) = delete;
    ~Guarded() { munmap(base_, mapped_); }

    T *data() { return reinterpret_cast<T *>(first_); }
    std::vector<T> values() { return std::vector<T>(data(), data() + count_); }

  private:
    size_t count_;
    size_t mapped_;
    char *base_;
    char *first_;
};

}  // namespace adder

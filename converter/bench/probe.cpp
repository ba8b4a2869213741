// The read probe: the widest loads of the CPU, over memory as it lies.
// SPDX-License-Identifier: MIT
#include "converter/bench/probe.h"

#include <algorithm>
#include <cstring>

#include "converter/bench/clock.h"

namespace adder {
namespace {

// Four streams side by side, each a quarter of the bytes: the hardware's prefetching begins anew at every page, and one stream
// would wait for that. (Asking for lines ahead did not help where this was tried.)
template <typename Vector>
[[gnu::always_inline]] inline void read_vectors(const uint8_t *data, size_t size) {
    constexpr size_t streams = 4, line = 64, vectors = line / sizeof(Vector);
    Vector sums[streams] = {};
    const size_t each = size / streams / line * line;
    for (size_t i = 0; i < each; i += line) {
#pragma GCC unroll 4
        for (size_t stream = 0; stream < streams; ++stream)
#pragma GCC unroll 4
            for (size_t v = 0; v < vectors; ++v) {
                Vector loaded;
                std::memcpy(&loaded, data + stream * each + i + v * sizeof(Vector), sizeof loaded);
                sums[stream] ^= loaded;
            }
    }
    uint8_t rest = 0;
    for (size_t i = streams * each; i < size; ++i) rest ^= data[i];
    for (const Vector &sum : sums)
        __asm__ volatile("" : : "m"(sum));  // the loads are used, for all that gcc knows
    __asm__ volatile("" : : "r"(rest));
}

using Vector16 = uint64_t __attribute__((vector_size(16)));

void read_16(const uint8_t *data, size_t size) { read_vectors<Vector16>(data, size); }

#if defined(__x86_64__)

using Vector32 = uint64_t __attribute__((vector_size(32)));
using Vector64 = uint64_t __attribute__((vector_size(64)));

[[gnu::target("avx2")]] void read_32(const uint8_t *data, size_t size) { read_vectors<Vector32>(data, size); }
[[gnu::target("avx512f")]] void read_64(const uint8_t *data, size_t size) {
    read_vectors<Vector64>(data, size);
}

auto *widest_read() {
    return __builtin_cpu_supports("avx512f") ? read_64 : __builtin_cpu_supports("avx2") ? read_32 : read_16;
}

#else

auto *widest_read() { return read_16; }

#endif

}  // namespace

double probe_read(const Team &team, const uint8_t *data, size_t size) {
    constexpr size_t line = 64;
    auto *const read = widest_read();
    const auto lines = static_cast<uint32_t>((size + line - 1) / line);
    const Stopwatch watch;
    team_run(team, lines, [&](Range range) {
        const size_t begin = line * range.begin, end = std::min(size, line * range.end);
        read(data + begin, end - begin);
    });
    return watch.seconds();
}

}  // namespace adder

// A clock that costs a few nanoseconds a reading: the CPU's own counter where programs may read it.
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

namespace adder {

// A reading. Readings are compared within a thread; CPUs of the last decade count at one constant rate.
inline uint64_t ticks_now() {
#if defined(__x86_64__) || defined(__i386__)
    return __rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// What a tick is worth, found by the steady clock over the life of this object: make it before the measurement.
class TickRate {
  public:
    double seconds_per_tick() const {
        const double ticks = static_cast<double>(ticks_now() - ticks_);
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() / ticks;
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    uint64_t ticks_ = ticks_now();
};

class Stopwatch {
  public:
    double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace adder

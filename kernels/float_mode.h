// The floating-point mode of a call: round to nearest, subnormals flushed to zero, exceptions masked.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

#if defined(__x86_64__) || defined(_M_X64) || defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace adder {

// Flushing is the only behaviour that every target has (ARMv7 NEON and Helium cannot do otherwise), so it is the rule
// everywhere. Enter on the thread that computes; leave with what enter returned.
#if defined(__x86_64__) || defined(_M_X64) || defined(__SSE2__)

using FloatMode = uint32_t;
static inline FloatMode float_mode_enter() {
    const uint32_t saved = _mm_getcsr();
    _mm_setcsr(0x9fc0);  // FTZ, DAZ, all exceptions masked, round to nearest
    return saved;
}
static inline void float_mode_leave(FloatMode saved) { _mm_setcsr(saved); }

#elif defined(__aarch64__)

using FloatMode = uint64_t;
static inline FloatMode float_mode_enter() {
    uint64_t saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" : : "r"(uint64_t{1} << 24));  // FZ, round to nearest
    return saved;
}
static inline void float_mode_leave(FloatMode saved) { __asm__ volatile("msr fpcr, %0" : : "r"(saved)); }

#elif defined(__arm__) && defined(__ARM_FP)

// Where Armv8.1-M counts loops in hardware, LTPSIZE has to stay 4: with any other number the end of a loop is a fault.
#if __ARM_ARCH_PROFILE == 'M' && __ARM_FEATURE_MVE
static constexpr uint32_t float_mode_loops = 4u << 16;
#else
static constexpr uint32_t float_mode_loops = 0;
#endif

using FloatMode = uint32_t;
static inline FloatMode float_mode_enter() {
    uint32_t saved;
    __asm__ volatile("vmrs %0, fpscr" : "=r"(saved));
    __asm__ volatile("vmsr fpscr, %0" : : "r"((1u << 24) | float_mode_loops));  // FZ, round to nearest
    return saved;
}
static inline void float_mode_leave(FloatMode saved) { __asm__ volatile("vmsr fpscr, %0" : : "r"(saved)); }

#else
#error "adder: no way is known to flush subnormals on this target"
#endif

// The mode for the duration of a block. What the block does to the exception flags is undone as well.
class FloatModeScope {
  public:
    FloatModeScope() : saved_(float_mode_enter()) {}
    ~FloatModeScope() { float_mode_leave(saved_); }
    FloatModeScope(const FloatModeScope &) = delete;
    FloatModeScope &operator=(const FloatModeScope &) = delete;

  private:
    FloatMode saved_;
};

}  // namespace adder

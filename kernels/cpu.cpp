// CPU detection by cpuid and xgetbv; compiled with baseline flags, as it runs before anything is known.
// SPDX-License-Identifier: MIT
#include "kernels/cpu.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace adder {

#if defined(__x86_64__) || defined(__i386__)

// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 14.3: OSXSAVE and AVX in leaf 1,
// then XCR0 bits 1 (SSE) and 2 (AVX), then AVX2 in leaf 7.
bool cpu_has_avx2() {
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return false;
    constexpr unsigned osxsave_and_avx = (1u << 27) | (1u << 28);
    if ((ecx & osxsave_and_avx) != osxsave_and_avx) return false;
    unsigned xcr0_low, xcr0_high;
    __asm__ volatile("xgetbv" : "=a"(xcr0_low), "=d"(xcr0_high) : "c"(0));
    if ((xcr0_low & 6) != 6) return false;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & (1u << 5)) != 0;
}

#else

bool cpu_has_avx2() { return false; }

#endif

}  // namespace adder

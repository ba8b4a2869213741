// CPU detection; compiled with baseline flags, as it runs before anything is known.
// SPDX-License-Identifier: MIT
#include "kernels/cpu.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__linux__) && (defined(__aarch64__) || defined(__arm__))
#include <sys/auxv.h>
#endif

namespace adder {

#if defined(__x86_64__) || defined(__i386__)

// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, CPUID: leaf 1, ECX.
bool cpu_has_sse41() {
    unsigned eax, ebx, ecx, edx;
    constexpr unsigned ssse3_and_sse41 = (1u << 9) | (1u << 19);
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & ssse3_and_sse41) == ssse3_and_sse41;
}

// The registers that the operating system saves, XCR0; 0 where it does not say.
static unsigned saved_registers() {
    unsigned eax, ebx, ecx, edx;
    constexpr unsigned osxsave_and_avx = (1u << 27) | (1u << 28);
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & osxsave_and_avx) != osxsave_and_avx) return 0;
    __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax;
}

// Volume 1, 14.3: OSXSAVE and AVX in leaf 1, XCR0 bits 1 (SSE) and 2 (AVX), then AVX2 in leaf 7. 14.4.1: F16C in leaf 1, which
// every CPU with AVX2 has had.
bool cpu_has_avx2() {
    unsigned eax, ebx, ecx, edx;
    return (saved_registers() & 6) == 6 && __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & (1u << 29)) != 0 &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & (1u << 5)) != 0;
}

// Leaf 7, subleaf 1, EAX: AVX-VNNI.
bool cpu_has_avxvnni() {
    unsigned eax, ebx, ecx, edx;
    return cpu_has_avx2() && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & (1u << 4)) != 0;
}

// Volume 1, 15.2 and 15.4: XCR0 bits 5..7 (opmasks, ZMM) too; then AVX512F and AVX512VL in leaf 7, EBX, and AVX512_VNNI in
// ECX.
bool cpu_has_avx512vnni() {
    unsigned eax, ebx, ecx, edx;
    constexpr unsigned f_and_vl = (1u << 16) | (1u << 31);
    return (saved_registers() & 0xe6) == 0xe6 && cpu_has_avx2() &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & f_and_vl) == f_and_vl &&
           (ecx & (1u << 11)) != 0;
}

#else

bool cpu_has_sse41() { return false; }
bool cpu_has_avx2() { return false; }
bool cpu_has_avxvnni() { return false; }
bool cpu_has_avx512vnni() { return false; }

#endif

// The bits of getauxval are part of Linux's interface (arch/arm64 and arch/arm, uapi/asm/hwcap.h); older C libraries do
// not name all of them.
#if defined(__linux__) && defined(__aarch64__)

bool cpu_has_neon() { return (getauxval(AT_HWCAP) & (1ul << 1)) != 0; }      // HWCAP_ASIMD
bool cpu_has_dotprod() { return (getauxval(AT_HWCAP) & (1ul << 20)) != 0; }  // HWCAP_ASIMDDP
bool cpu_has_i8mm() { return (getauxval(AT_HWCAP2) & (1ul << 13)) != 0; }    // HWCAP2_I8MM

#elif defined(__linux__) && defined(__arm__)

bool cpu_has_neon() { return (getauxval(AT_HWCAP) & (1ul << 12)) != 0; }  // HWCAP_NEON
bool cpu_has_dotprod() { return false; }
bool cpu_has_i8mm() { return false; }

#else

bool cpu_has_neon() {
#if defined(__ARM_NEON)
    return true;
#else
    return false;
#endif
}
bool cpu_has_dotprod() {
#if defined(__ARM_FEATURE_DOTPROD)
    return true;
#else
    return false;
#endif
}
bool cpu_has_i8mm() {
#if defined(__ARM_FEATURE_MATMUL_INT8)
    return true;
#else
    return false;
#endif
}

#endif

}  // namespace adder

// The list of kernel tables, and the choice among them.
// SPDX-License-Identifier: MIT
//
// A build that compiles the files of an instruction set with its flags defines ADDER_KERNELS_<NAME> for this file; one
// whose global flags already include it needs to say nothing. One that adds all files with plain flags gets the scalar
// table, and whatever the target always has.
//
// A Cortex-M is what the compiler was told that it is: its best table is the only one, so that a linker that drops unused
// sections keeps no kernel twice.
#include "kernels/kernels.h"

#include "kernels/tables.h"

#if defined(__unix__) || defined(__APPLE__)
#include <stdlib.h>
#define ADDER_ENVIRONMENT 1
#endif

#if defined(__SSE4_1__) && !defined(ADDER_KERNELS_SSE41)
#define ADDER_KERNELS_SSE41 1
#endif
#if defined(__AVX2__) && !defined(ADDER_KERNELS_AVX2)
#define ADDER_KERNELS_AVX2 1
#endif
#if defined(__AVXVNNI__) && !defined(ADDER_KERNELS_AVXVNNI)
#define ADDER_KERNELS_AVXVNNI 1
#endif
#if defined(__AVX512VNNI__) && defined(__AVX512VL__) && !defined(ADDER_KERNELS_AVX512VNNI)
#define ADDER_KERNELS_AVX512VNNI 1
#endif
#if defined(__ARM_NEON) && !defined(ADDER_KERNELS_NEON)
#define ADDER_KERNELS_NEON 1
#endif
#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD) && !defined(ADDER_KERNELS_DOTPROD)
#define ADDER_KERNELS_DOTPROD 1
#endif
#if defined(ADDER_KERNELS_DOTPROD) && defined(__ARM_FEATURE_MATMUL_INT8) && !defined(ADDER_KERNELS_I8MM)
#define ADDER_KERNELS_I8MM 1
#endif
// Cortex-M: MVE with floats, and the DSP extension.
#if __ARM_FEATURE_MVE & 2
#define ADDER_KERNELS_ONLY table_helium
#elif defined(__ARM_FEATURE_SIMD32) && __ARM_ARCH_PROFILE == 'M'
#define ADDER_KERNELS_ONLY table_dsp
#endif

namespace adder {

static const KernelTable *const tables[] = {
#if defined(ADDER_KERNELS_ONLY)
    &ADDER_KERNELS_ONLY,
#else
    &table_scalar,
#endif
#if defined(ADDER_KERNELS_SSE41)
    &table_sse41,
#endif
#if defined(ADDER_KERNELS_AVX2)
    &table_avx2,
#endif
#if defined(ADDER_KERNELS_AVXVNNI)
    &table_avxvnni,
#endif
#if defined(ADDER_KERNELS_AVX512VNNI)
    &table_avx512vnni,
#endif
#if defined(ADDER_KERNELS_NEON)
    &table_neon,
#endif
#if defined(ADDER_KERNELS_DOTPROD)
    &table_dotprod,
#endif
#if defined(ADDER_KERNELS_I8MM)
    &table_i8mm,
#endif
};
static constexpr uint32_t table_count = sizeof tables / sizeof tables[0];

const KernelTable *const *kernels_built(uint32_t *count) {
    *count = table_count;
    return tables;
}

const KernelTable *kernels_best() {
    uint32_t i = table_count - 1;
    while (i > 0 && !tables[i]->usable()) --i;  // the first runs everywhere
    return tables[i];
}

const KernelTable *kernels_find(const char *name) {
    if (name == nullptr) return nullptr;
    for (const KernelTable *table : tables) {
        const char *a = table->name;
        const char *b = name;
        while (*a != '\0' && *a == *b) {
            ++a;
            ++b;
        }
        if (*a == *b) return table->usable() ? table : nullptr;
    }
    return nullptr;
}

const char *kernels_environment() {
#if defined(ADDER_ENVIRONMENT)
    const char *name = getenv("ADDER_ISA");
    return name != nullptr && *name != '\0' ? name : nullptr;
#else
    return nullptr;
#endif
}

const KernelTable *kernels_choose(const char *name) {
    if (name == nullptr) name = kernels_environment();
    return name != nullptr ? kernels_find(name) : kernels_best();
}

uint32_t kernels_index(const KernelTable *table) {
    uint32_t i = 0;
    while (tables[i] != table) ++i;
    return i;
}

const KernelTable *kernels_at(uint32_t index) { return tables[index < table_count ? index : 0]; }

}  // namespace adder

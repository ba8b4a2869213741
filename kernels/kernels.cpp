// The list of kernel tables, and the choice among them.
// SPDX-License-Identifier: MIT
//
// A build that compiles kernels/x86 with -mavx2 defines ADDER_KERNELS_AVX2 for this file; a build whose
// global flags already include AVX2 needs to say nothing. One that adds all files with plain flags gets the
// scalar table alone.
#include "kernels/cpu.h"
#include "kernels/tables.h"

#if defined(__AVX2__) && !defined(ADDER_KERNELS_AVX2)
#define ADDER_KERNELS_AVX2 1
#endif

namespace adder {

static const KernelTable *const tables[] = {
    &table_scalar,
#if defined(ADDER_KERNELS_AVX2)
    &table_avx2,
#endif
};
static constexpr uint32_t table_count = sizeof tables / sizeof tables[0];

const KernelTable *const *kernels_built(uint32_t *count) {
    *count = table_count;
    return tables;
}

bool kernels_usable(const KernelTable *table) {
#if defined(ADDER_KERNELS_AVX2)
    if (table == &table_avx2) return cpu_has_avx2();
#endif
    return table == &table_scalar;
}

const KernelTable *kernels_best() {
    uint32_t i = table_count - 1;
    while (!kernels_usable(tables[i])) --i;  // ends at scalar, which runs everywhere
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
        if (*a == *b) return kernels_usable(table) ? table : nullptr;
    }
    return nullptr;
}

}  // namespace adder

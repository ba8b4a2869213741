// The list of kernel tables, and the choice among them.
// SPDX-License-Identifier: MIT
#include "kernels/kernels.h"

#include "kernels/tables.h"

#if defined(__unix__) || defined(__APPLE__)
#include <stdlib.h>
#define ADDER_ENVIRONMENT 1
#endif

namespace adder {

static const KernelTable *const tables[] = {
#define ADDER_ISA(name) &table_##name,
#include "kernels/isas.inc"
#undef ADDER_ISA
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

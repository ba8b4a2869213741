// The AVX-512 VNNI table, and the kernels of kernels/simd on 256 bits with 32 registers; the integer products have a file of
// their own.
// SPDX-License-Identifier: MIT
//
// AVX-512 brings FMA along: -ffp-contract=off keeps the compiler from it, as everywhere.
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // gcc 12 warns of its own header: GCC bug 105593
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/cpu.h"
#include "kernels/tables.h"
#include "kernels/x86/vector_avx512.h"
// The kernels, written on the vector header above.
#define ADDER_SIMD_HEADERS
#include "kernels/kernels.inc"
#include "kernels/simd/table.h"

namespace adder {

const KernelTable table_avx512vnni = avx512vnni::table("avx512vnni", cpu_has_avx512vnni, 131072);

}  // namespace adder

#endif

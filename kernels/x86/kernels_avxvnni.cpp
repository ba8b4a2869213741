// The AVX-VNNI table: that of AVX2, with integer products by vpdpbusd on 256 bits.
// SPDX-License-Identifier: MIT
#if defined(__AVXVNNI__)

#include "kernels/cpu.h"
#include "kernels/tables.h"
#include "kernels/x86/vector_avx2.h"
// On the vector header above.
#include "kernels/simd/table.h"
#include "kernels/x86/matmul_int8.h"

namespace adder {
namespace avx2 {

namespace {

struct VexTile : Tile {
    static Int dpbusd(Int sum, Int w, Int codes) { return _mm256_dpbusd_avx_epi32(sum, w, codes); }
};
using VexRows8 = Vnni<VexTile>;

}  // namespace

}  // namespace avx2
}  // namespace adder

namespace adder {
namespace avxvnni {

static void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    avx2::product<avx2::Int8<avx2::VexRows8>, avx2::Int8<avx2::VexRows8>>(matrix, args);
}
static void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    avx2::product<avx2::Int4<avx2::VexRows8>, avx2::Int4<avx2::VexRows8>>(matrix, args);
}

}  // namespace avxvnni

const KernelTable table_avxvnni =
    avx2::table("avxvnni", cpu_has_avxvnni, 131072, avxvnni::matmul_q8, avxvnni::matmul_q4);

}  // namespace adder

#endif

// int8 and int4 weights times int8 activations with vpdpbusd on 256 bits, AVX-VNNI.
// SPDX-License-Identifier: MIT
#if defined(__AVXVNNI__)

#include "kernels/x86/vector_avx2.h"
// On the vector header above.
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

void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    avx2::product<avx2::Int8<avx2::VexRows8>, avx2::Int8<avx2::VexRows8>>(matrix, args);
}
void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    avx2::product<avx2::Int4<avx2::VexRows8>, avx2::Int4<avx2::VexRows8>>(matrix, args);
}

}  // namespace avxvnni
}  // namespace adder

#endif

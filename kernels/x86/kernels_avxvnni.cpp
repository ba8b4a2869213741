// The AVX-VNNI table: that of AVX2, with integer products by vpdpbusd on 256 bits.
// SPDX-License-Identifier: MIT
#if defined(__AVXVNNI__)

#include "kernels/cpu.h"
#include "kernels/tables.h"
#include "kernels/x86/kernels_avx2.h"
#include "kernels/x86/vector_avx2.h"
// On the vector header above.
#include "kernels/x86/matmul_int8.h"

namespace adder {
namespace avx2 {

namespace {

// vpdpbusd adds four products to an int32 lane, exactly and without saturation. Its unsigned factor is w + 128, which is w
// with its sign bit turned over.
struct VexRows8 : Tile {
    using Bytes = Int;
    static constexpr int32_t bytes_bias = -128;
    static Bytes bytes(Int w) { return _mm256_xor_si256(w, _mm256_set1_epi8(-128)); }
    static Int bytes_dot(Int sum, Bytes w, Int codes) { return _mm256_dpbusd_avx_epi32(sum, w, codes); }

    using Pairs = Int;
    static constexpr uint32_t pairs_blocks = UINT32_MAX;
    static Pairs pairs_open(Int sum) { return sum; }
    static Pairs pairs_dot(Pairs pairs, Int nibbles, Int codes) {
        return _mm256_dpbusd_avx_epi32(pairs, nibbles, codes);
    }
    static Int pairs_close(Int, Pairs pairs) { return pairs; }
};

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

const KernelTable table_avxvnni = {
    "avxvnni",
    cpu_has_avxvnni,
    131072,
    avxvnni::matmul_q8,
    avx2::matmul_q8_f32,
    avx2::matmul_f32,
    avxvnni::matmul_q4,
    avx2::matmul_q4_f32,
    avx2::rmsnorm,
    avx2::rmsnorm_quantize,
    avx2::quantize,
    avx2::quantize_dynamic,
    avx2::hadamard_quantize,
    avx2::conv_silu,
    avx2::scan,
    avx2::clamp,
    avx2::argmax,
    avx2::softmax_weights,
};

}  // namespace adder

#endif

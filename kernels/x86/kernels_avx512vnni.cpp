// The AVX-512 VNNI table: that of AVX2, with integer products by vpdpbusd on 512 bits.
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
#include "kernels/x86/kernels_avx2.h"
#include "kernels/x86/vector_avx2.h"
// On the vector header above.
#include "kernels/x86/matmul_int8.h"

namespace adder {
namespace avx2 {

namespace {

// vpdpbusd adds four products to an int32 lane, exactly and without saturation. Its unsigned factor is w + 128, which is w
// with its sign bit turned over. The last tile of an odd number has 256 bits of its own.
struct EvexRows8 : Tile {
    using Bytes = Int;
    static constexpr int32_t bytes_bias = -128;
    static Bytes bytes(Int w) { return _mm256_xor_si256(w, _mm256_set1_epi8(-128)); }
    static Int bytes_dot(Int sum, Bytes w, Int codes) { return _mm256_dpbusd_epi32(sum, w, codes); }

    using Pairs = Int;
    static constexpr uint32_t pairs_blocks = UINT32_MAX;
    static Pairs pairs_open(Int sum) { return sum; }
    static Pairs pairs_dot(Pairs pairs, Int nibbles, Int codes) {
        return _mm256_dpbusd_epi32(pairs, nibbles, codes);
    }
    static Int pairs_close(Int, Pairs pairs) { return pairs; }
};

// Two tiles side by side. x need not be arranged for them, as the columns of 512 consecutive bits would.
struct Rows16 {
    using Int = __m512i;
    using Float = __m512;
    static constexpr uint32_t tiles = 2;
    static constexpr bool many_registers = true;

    static Int load(const uint8_t *w, size_t next) {
        return _mm512_inserti64x4(_mm512_castsi256_si512(load_bits(w)), load_bits(w + next), 1);
    }
    static Int broadcast(int32_t v) { return _mm512_set1_epi32(v); }
    static Int codes(const int8_t *x) {
        int32_t four;
        memcpy(&four, x, sizeof four);
        return broadcast(four);
    }
    static Int low_nibbles(Int both) { return _mm512_and_si512(both, _mm512_set1_epi32(0x0f0f0f0f)); }
    static Int high_nibbles(Int both) { return low_nibbles(_mm512_srli_epi32(both, 4)); }
    static Int add(Int a, Int b) { return _mm512_add_epi32(a, b); }
    static Float to_float(Int v) { return _mm512_cvtepi32_ps(v); }
    static Float add_scaled(Float acc, Float v, const uint16_t *scale, size_t next) {
        const __m256 low = scales_load(scale), high = scales_load(scale + next);
        const __m512d both =
            _mm512_insertf64x4(_mm512_castps_pd(_mm512_castps256_ps512(low)), _mm256_castps_pd(high), 1);
        return _mm512_add_ps(acc, _mm512_mul_ps(v, _mm512_castpd_ps(both)));
    }
    static void store(float *out, Float v) { _mm512_storeu_ps(out, v); }

    using Bytes = Int;
    static constexpr int32_t bytes_bias = -128;
    static Bytes bytes(Int w) { return _mm512_xor_si512(w, _mm512_set1_epi8(-128)); }
    static Int bytes_dot(Int sum, Bytes w, Int codes) { return _mm512_dpbusd_epi32(sum, w, codes); }

    using Pairs = Int;
    static constexpr uint32_t pairs_blocks = UINT32_MAX;
    static Pairs pairs_open(Int sum) { return sum; }
    static Pairs pairs_dot(Pairs pairs, Int nibbles, Int codes) {
        return _mm512_dpbusd_epi32(pairs, nibbles, codes);
    }
    static Int pairs_close(Int, Pairs pairs) { return pairs; }
};

}  // namespace

}  // namespace avx2
}  // namespace adder

namespace adder {
namespace avx512vnni {

static void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    avx2::product<avx2::Int8<avx2::Rows16>, avx2::Int8<avx2::EvexRows8>>(matrix, args);
}
static void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    avx2::product<avx2::Int4<avx2::Rows16>, avx2::Int4<avx2::EvexRows8>>(matrix, args);
}

}  // namespace avx512vnni

const KernelTable table_avx512vnni = {
    "avx512vnni",
    cpu_has_avx512vnni,
    131072,
    avx512vnni::matmul_q8,
    avx2::matmul_q8_f32,
    avx2::matmul_f32,
    avx512vnni::matmul_q4,
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

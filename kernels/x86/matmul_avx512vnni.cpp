// int8 and int4 weights times int8 activations with vpdpbusd on 512 bits, AVX-512 VNNI.
// SPDX-License-Identifier: MIT
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // gcc 12 warns of its own header: GCC bug 105593
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/x86/vector_avx512.h"
// On the vector header above.
#include "kernels/x86/matmul_int8.h"

namespace adder {
namespace avx512vnni {

namespace {

// The last tile of an odd number, and long ones of a single token, have 256 bits of their own.
struct EvexTile : Tile {
    static Int dpbusd(Int sum, Int w, Int codes) { return _mm256_dpbusd_epi32(sum, w, codes); }
};
using EvexRows8 = Vnni<EvexTile>;

// Two tiles side by side. x needs no rearranging; 512 consecutive bits of one tile would require it.
struct TwoTiles {
    using Int = __m512i;
    using Float = __m512;
    static constexpr uint32_t tiles = 2;

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
    static Float scales(const uint16_t *scale, size_t next, bool half) {
        const __m256 low = group_scales(scale, half), high = group_scales(scale + next, half);
        const __m512d both =
            _mm512_insertf64x4(_mm512_castps_pd(_mm512_castps256_ps512(low)), _mm256_castps_pd(high), 1);
        return _mm512_castpd_ps(both);
    }
    static Float add_scaled(Float acc, Float v, Float scale) {
        return _mm512_add_ps(acc, _mm512_mul_ps(v, scale));
    }
    static void store(float *out, Float v) { _mm512_storeu_ps(out, v); }
    static Int dpbusd(Int sum, Int w, Int codes) { return _mm512_dpbusd_epi32(sum, w, codes); }
};
using Rows16 = Vnni<TwoTiles>;

}  // namespace

void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    product<Int8<Rows16>, Int8<EvexRows8>>(matrix, args);
}
void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    product<Int4<Rows16>, Int4<EvexRows8>>(matrix, args);
}

}  // namespace avx512vnni
}  // namespace adder

#endif

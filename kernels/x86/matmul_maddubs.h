// The rows of a tile for kernels/x86/matmul_int8.h without VNNI: products of bytes by maddubs, in pairs of int16.
// SPDX-License-Identifier: MIT
//
// int8: |w| is the unsigned factor, and x takes w's sign. |w| <= 128 as an unsigned byte and |x| <= 127, so a pair is at most
// 2 * 128 * 127 < 2^15 and does not saturate. (The sign goes to x, not to w, as the code -128 of a hostile blob has no
// negative.) int4: a pair is at most 2 * 15 * 127, and 8 of them fit into int16: those of 4 blocks.
#pragma once

#include "kernels/x86/matmul_int8.h"

namespace adder {
namespace ADDER_SIMD {

namespace {

struct Rows8 : Tile {
    struct Bytes {
        Int signs, magnitude;
    };
    static constexpr int32_t bytes_bias = 0;
    static Bytes bytes(Int w) {
        Int magnitude = magnitude_bytes(w);
        pin(magnitude);  // once for all tokens
        return {w, magnitude};
    }
    static Int bytes_dot(Int sum, const Bytes &w, Int codes) {
        sum = pairs_add(sum, multiply_bytes(w.magnitude, sign_bytes(codes, w.signs)));
        pin(sum);  // gcc would begin all tokens first, and have no registers for that
        return sum;
    }

    using Pairs = Int;
    static constexpr uint32_t pairs_blocks = 4;
    static Pairs pairs_open(Int) { return broadcast(0); }
    static Pairs pairs_dot(Pairs pairs, Int nibbles, Int codes) {
        return add_int16(pairs, multiply_bytes(nibbles, codes));
    }
    static Int pairs_close(Int sum, Pairs pairs) { return pairs_add(sum, pairs); }
};

}  // namespace

}  // namespace ADDER_SIMD
}  // namespace adder

// int8 and int4 weights times int8 activations, AVX2.
// SPDX-License-Identifier: MIT
#if defined(__AVX2__)

#include "kernels/x86/vector_avx2.h"
// On the vector header above.
#include "kernels/x86/matmul_maddubs.h"
#include "kernels/x86/matmul_words.h"

namespace adder {
namespace avx2 {

void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    if (args.tokens == 1)
        product<Int8<Rows8>, Int8<Rows8>>(matrix, args);
    else
        words_product(matrix, args);
}
void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    product<Int4<Rows8>, Int4<Rows8>>(matrix, args);
}

}  // namespace avx2
}  // namespace adder

#endif

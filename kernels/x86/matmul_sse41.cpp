// int8 and int4 weights times int8 activations, SSE4.1.
// SPDX-License-Identifier: MIT
#if defined(__SSE4_1__)

#include "kernels/x86/vector_sse41.h"
// On the vector header above.
#include "kernels/simd/half.h"
// On those.
#include "kernels/x86/matmul_maddubs.h"

namespace adder {
namespace sse41 {

void matmul_q8(const Matrix &matrix, const MatmulArgs &args) {
    product<Int8<Rows8>, Int8<Rows8>>(matrix, args);
}
void matmul_q4(const Matrix &matrix, const MatmulArgs &args) {
    product<Int4<Rows8>, Int4<Rows8>>(matrix, args);
}

}  // namespace sse41
}  // namespace adder

#endif

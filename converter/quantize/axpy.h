// The inner loop of the converter's matrix products: a row of the result, a few rows of a factor at a time.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace adder {

// out[j] += sum over k < depth of coefficients[k * coefficient_stride] * rows[k * row_stride + j], for j < width; k
// ascending, in fours that are summed first. Vectorizes over j, so that the order of summation is the same on every
// machine.
template <typename T>
inline void add_rows(T *__restrict out, size_t width, const T *coefficients, size_t coefficient_stride,
                     const T *__restrict rows, size_t row_stride, size_t depth) {
    size_t k = 0;
    for (; k + 4 <= depth; k += 4) {
        const T *c = coefficients + k * coefficient_stride;
        const T c0 = c[0], c1 = c[coefficient_stride], c2 = c[2 * coefficient_stride],
                c3 = c[3 * coefficient_stride];
        const T *r0 = rows + k * row_stride, *r1 = r0 + row_stride, *r2 = r1 + row_stride,
                *r3 = r2 + row_stride;
        for (size_t j = 0; j < width; ++j) out[j] += (c0 * r0[j] + c1 * r1[j]) + (c2 * r2[j] + c3 * r3[j]);
    }
    for (; k < depth; ++k) {
        const T c = coefficients[k * coefficient_stride];
        const T *r = rows + k * row_stride;
        for (size_t j = 0; j < width; ++j) out[j] += c * r[j];
    }
}

}  // namespace adder

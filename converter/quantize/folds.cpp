// Folding, in place.
// SPDX-License-Identifier: MIT
#include "converter/quantize/folds.h"

#include "converter/base/error.h"
#include "kernels/scalar/hadamard.h"

namespace adder {
namespace {

void check_count(size_t found, size_t needed) {
    if (found != needed)
        fail(ExitCode::failure, "%zu smoothing factors or magnitudes for %zu channels", found, needed);
}

}  // namespace

void fold_factors(DenseTensor *tensor, const std::vector<float> &factors) {
    check_count(factors.size(), tensor->cols);
    for (size_t i = 0; i < tensor->values.size(); ++i) tensor->values[i] *= factors[i % tensor->cols];
}

void walsh_hadamard(double *values, uint32_t size) {
    for (uint32_t half = 1; half < size; half *= 2)
        for (uint32_t first = 0; first < size; first += 2 * half)
            for (uint32_t i = first; i < first + half; ++i) {
                const double a = values[i], b = values[i + half];
                values[i] = a + b;
                values[i + half] = a - b;
            }
}

void fold_hadamard(DenseTensor *tensor, const std::vector<float> &factors) {
    if (tensor->cols % hadamard_size != 0)
        bad_input("the block Hadamard transform needs a multiple of %u channels, and there are %u",
                  hadamard_size, tensor->cols);
    if (!factors.empty()) check_count(factors.size(), tensor->cols);
    for (size_t first = 0; first < tensor->values.size(); first += hadamard_size) {
        double block[hadamard_size];
        for (size_t i = 0; i < hadamard_size; ++i) {
            const double factor =
                factors.empty() ? 1.0 : static_cast<double>(factors[first % tensor->cols + i]);
            block[i] = static_cast<double>(tensor->values[first + i]) * factor;
        }
        walsh_hadamard(block, hadamard_size);
        for (size_t i = 0; i < hadamard_size; ++i)
            tensor->values[first + i] = static_cast<float>(block[i] / 8);
    }
}

}  // namespace adder

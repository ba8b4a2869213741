// Scale searches and round-to-nearest.
// SPDX-License-Identifier: MIT
#include "converter/rounding.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "converter/error.h"

namespace adder {

uint16_t bf16_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float float_of_bf16(uint16_t half) {
    const uint32_t bits = uint32_t{half} << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

DenseTensor dequantize(const Int8Matrix &matrix) {
    DenseTensor dense{matrix.rows, matrix.cols, std::vector<float>(matrix.codes.size())};
    for (size_t i = 0; i < matrix.codes.size(); ++i)
        dense.values[i] =
            static_cast<float>(matrix.codes[i]) * matrix.scale(static_cast<uint32_t>(i / matrix.cols));
    return dense;
}

DenseTensor dequantize(const Int4Matrix &matrix) {
    DenseTensor dense{matrix.rows, matrix.cols, std::vector<float>(matrix.codes.size())};
    size_t i = 0;
    for (uint32_t row = 0; row < matrix.rows; ++row)
        for (uint32_t col = 0; col < matrix.cols; ++col, ++i)
            dense.values[i] = static_cast<float>(matrix.codes[i]) * matrix.scale(row, col);
    return dense;
}

void require_finite(const DenseTensor &tensor) {
    for (size_t i = 0; i < tensor.values.size(); ++i)
        if (!std::isfinite(tensor.values[i]))
            bad_input("the weight in row %zu, column %zu is %g", i / tensor.cols, i % tensor.cols,
                      static_cast<double>(tensor.values[i]));
}

double relative_squared_error(const DenseTensor &tensor, const DenseTensor &rounded) {
    double error = 0, weight = 0;
    for (size_t i = 0; i < tensor.values.size(); ++i) {
        const double value = tensor.values[i], difference = rounded.values[i] - value;
        error += difference * difference;
        weight += value * value;
    }
    return weight > 0 ? error / weight : 0;
}

namespace {

constexpr size_t step_count = 27;
constexpr float smallest_scale = 1e-30f;  // below, weights are zeros: the reciprocal stays finite

std::array<float, step_count> geometric_steps(double first, double last) {
    std::array<float, step_count> steps{};
    for (size_t i = 0; i < step_count; ++i)
        steps[i] =
            static_cast<float>(first * std::pow(last / first, static_cast<double>(i) / (step_count - 1)));
    return steps;
}

// sum importance * (code * scale - value)^2, `count` a multiple of 8. Eight sums, so that it vectorizes.
float weighted_error(const float *values, const float *importance, size_t count, float scale, float lowest,
                     float highest) {
    const float reciprocal = 1.0f / scale;
    float sums[8] = {};
    for (size_t i = 0; i < count; i += 8)
        for (size_t lane = 0; lane < 8; ++lane) {
            const float value = values[i + lane];
            const float difference = round_code(value * reciprocal, lowest, highest) * scale - value;
            sums[lane] += importance[i + lane] * difference * difference;
        }
    float sum = 0;
    for (const float lane : sums) sum += lane;
    return sum;
}

// The search over the scales of one group.
class ScaleSearch {
  public:
    ScaleSearch(float lowest, float highest, double first_step, bool both_signs, bool bf16)
        : lowest_(lowest), highest_(highest), both_signs_(both_signs), bf16_(bf16),
          steps_(geometric_steps(first_step, 0.45)) {}

    // `importance` may be null: all are 1. Working memory is of the caller, one a thread.
    struct Memory {
        std::vector<float> values, importance;
    };
    float best(const float *values, const float *importance, size_t count, Memory *memory) const {
        float absmax = 0;
        for (size_t i = 0; i < count; ++i) absmax = std::max(absmax, std::fabs(values[i]));
        const float unclipped = absmax / -lowest_;
        if (unclipped < smallest_scale) return 1.0f;
        // Multiplied by a power of two, so that squares neither overflow nor vanish; padded with zeros.
        const size_t padded = (count + 7) / 8 * 8;
        const float unit = std::ldexp(1.0f, -std::ilogb(absmax));
        memory->values.assign(padded, 0.0f);
        memory->importance.assign(padded, 0.0f);
        for (size_t i = 0; i < count; ++i) {
            memory->values[i] = values[i] * unit;
            memory->importance[i] = importance ? importance[i] : 1.0f;
        }
        float best = 0, least = INFINITY;
        for (int sign = 0; sign < (both_signs_ ? 2 : 1); ++sign)
            for (const float step : steps_) {
                float scale = (sign ? -unclipped : unclipped) * step;
                if (bf16_) scale = float_of_bf16(bf16_of(scale));
                const float error = weighted_error(memory->values.data(), memory->importance.data(), padded,
                                                   scale * unit, lowest_, highest_);
                if (error < least || best == 0) {
                    least = error;
                    best = scale;
                }
            }
        return best;
    }

  private:
    float lowest_, highest_;
    bool both_signs_, bf16_;
    std::array<float, step_count> steps_;
};

}  // namespace

std::vector<float> clipped_scales(const DenseTensor &tensor, ThreadPool &pool) {
    require_finite(tensor);
    const ScaleSearch search(-127, 127, 1.0, false, false);
    std::vector<float> scales(tensor.rows);
    std::vector<ScaleSearch::Memory> memory(pool.size());
    pool.run(tensor.rows, [&](uint32_t row, uint32_t member) {
        scales[row] =
            search.best(&tensor.values[size_t{row} * tensor.cols], nullptr, tensor.cols, &memory[member]);
    });
    return scales;
}

Int8Matrix round_int8(const DenseTensor &tensor, std::vector<float> scales) {
    require_finite(tensor);
    Int8Matrix matrix{tensor.rows, tensor.cols, std::vector<int8_t>(tensor.values.size()), std::move(scales)};
    for (size_t i = 0; i < tensor.values.size(); ++i) {
        const float scale = matrix.scale(static_cast<uint32_t>(i / tensor.cols));
        matrix.codes[i] = static_cast<int8_t>(round_code(tensor.values[i] / scale, -127, 127));
    }
    return matrix;
}

Int4Matrix round_int4(const DenseTensor &tensor, uint32_t group, const std::vector<float> &importance,
                      ThreadPool &pool) {
    require_finite(tensor);
    if (!importance.empty() && importance.size() != tensor.cols)
        fail(ExitCode::failure, "%zu importances for %u columns", importance.size(), tensor.cols);
    if (group == 0 || group > tensor.cols) group = tensor.cols;
    Int4Matrix matrix{tensor.rows, tensor.cols, group, std::vector<int8_t>(tensor.values.size()), {}};
    const uint32_t groups = matrix.groups();
    matrix.scales.resize(size_t{tensor.rows} * groups);
    const ScaleSearch search(-8, 7, 1.10, true, true);
    std::vector<ScaleSearch::Memory> memory(pool.size());
    pool.run(tensor.rows, [&](uint32_t row, uint32_t member) {
        for (uint32_t g = 0; g < groups; ++g) {
            const uint32_t first = g * group, count = std::min(group, tensor.cols - first);
            const float *values = &tensor.values[size_t{row} * tensor.cols + first];
            const float scale = search.best(values, importance.empty() ? nullptr : &importance[first], count,
                                            &memory[member]);
            matrix.scales[size_t{row} * groups + g] = bf16_of(scale);
            int8_t *codes = &matrix.codes[size_t{row} * tensor.cols + first];
            for (uint32_t i = 0; i < count; ++i)
                codes[i] = static_cast<int8_t>(round_code(values[i] / scale, -8, 7));
        }
    });
    return matrix;
}

}  // namespace adder

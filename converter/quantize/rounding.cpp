// Scale searches and round-to-nearest.
// SPDX-License-Identifier: MIT
#include "converter/quantize/rounding.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "converter/base/error.h"

namespace adder {

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

float absmax(const float *values, size_t count) {
    float highest = 0;
    for (size_t i = 0; i < count; ++i) highest = std::max(highest, std::fabs(values[i]));
    return highest;
}

// Candidates for the scale, in units of absmax / 8: 1.10 .. 0.45, geometric.
std::array<float, step_count> geometric_steps() {
    std::array<float, step_count> steps{};
    for (size_t i = 0; i < step_count; ++i)
        steps[i] = static_cast<float>(1.10 * std::pow(0.45 / 1.10, static_cast<double>(i) / (step_count - 1)));
    return steps;
}

// sum importance * (code * scale - value)^2, `count` a multiple of 8. Eight sums, so that it vectorizes.
float weighted_error(const float *values, const float *importance, size_t count, float scale) {
    const float reciprocal = 1.0f / scale;
    float sums[8] = {};
    for (size_t i = 0; i < count; i += 8)
        for (size_t lane = 0; lane < 8; ++lane) {
            const float value = values[i + lane];
            const float difference = round_code(value * reciprocal, -8, 7) * scale - value;
            sums[lane] += importance[i + lane] * difference * difference;
        }
    float sum = 0;
    for (const float lane : sums) sum += lane;
    return sum;
}

// Working memory of a thread: a group, padded to a multiple of 8 with zeros.
struct PaddedGroup {
    std::vector<float> values, importance;
};

// The best scale of a group; 1 if all is zero. `importance` may be null: all are 1.
float search_scale(const float *values, const float *importance, size_t count,
                   const std::array<float, step_count> &steps, PaddedGroup *memory) {
    const float highest = absmax(values, count), unclipped = highest / 8;
    if (unclipped < smallest_scale) return 1.0f;
    // Multiplied by a power of two, so that squares neither overflow nor vanish.
    const float unit = std::ldexp(1.0f, -std::ilogb(highest));
    const size_t padded = (count + 7) / 8 * 8;
    memory->values.assign(padded, 0.0f);
    memory->importance.assign(padded, 0.0f);
    for (size_t i = 0; i < count; ++i) {
        memory->values[i] = values[i] * unit;
        memory->importance[i] = importance ? importance[i] : 1.0f;
    }
    float best = 0, least = INFINITY;
    for (const float sign : {1.0f, -1.0f})
        for (const float step : steps) {
            const float scale = float_of_bf16(bf16_of(sign * unclipped * step));
            const float error =
                weighted_error(memory->values.data(), memory->importance.data(), padded, scale * unit);
            if (error < least || best == 0) {
                least = error;
                best = scale;
            }
        }
    return best;
}

}  // namespace

std::vector<float> absmax_scales(const DenseTensor &tensor, Granularity granularity) {
    const size_t count = granularity == Granularity::tensor ? tensor.values.size() : tensor.cols;
    std::vector<float> scales;
    for (size_t first = 0; first < tensor.values.size(); first += count) {
        const float scale = absmax(&tensor.values[first], count) / 127.0f;
        scales.push_back(scale > smallest_scale ? scale : 1.0f);
    }
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
    const std::array<float, step_count> steps = geometric_steps();
    std::vector<PaddedGroup> memory(pool.size());
    pool.run(tensor.rows, [&](uint32_t row, uint32_t member) {
        for (uint32_t g = 0; g < groups; ++g) {
            const uint32_t first = g * group, count = std::min(group, tensor.cols - first);
            const float *values = &tensor.values[size_t{row} * tensor.cols + first];
            const float scale = search_scale(values, importance.empty() ? nullptr : &importance[first], count,
                                             steps, &memory[member]);
            matrix.scales[size_t{row} * groups + g] = bf16_of(scale);
            int8_t *codes = &matrix.codes[size_t{row} * tensor.cols + first];
            for (uint32_t i = 0; i < count; ++i)
                codes[i] = static_cast<int8_t>(round_code(values[i] / scale, -8, 7));
        }
    });
    return matrix;
}

}  // namespace adder

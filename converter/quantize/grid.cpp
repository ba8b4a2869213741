// Finding of grids: candidates from the largest weight for int4, an interval of scales for int8.
// SPDX-License-Identifier: MIT
#include "converter/quantize/grid.h"

#include <algorithm>
#include <cmath>

namespace adder {
namespace {

// Half a unit of the last place of a bfloat16 of this magnitude.
double tolerance(double weight) { return weight == 0 ? 0 : std::ldexp(1.0, std::ilogb(weight) - 8); }

bool lies_on(double product, double weight) { return std::fabs(product - weight) <= tolerance(weight); }

float largest(const float *weights, size_t count) {
    float found = 0;
    for (size_t i = 0; i < count; ++i)
        if (std::fabs(weights[i]) > std::fabs(found)) found = weights[i];
    return found;
}

bool codes_on_grid(const float *weights, size_t count, float scale, float lowest, float highest,
                   int8_t *codes) {
    if (!(std::fabs(scale) > 1e-30f)) return false;
    for (size_t i = 0; i < count; ++i) {
        const float code = round_code(weights[i] / scale, lowest, highest);
        if (!lies_on(static_cast<double>(code) * static_cast<double>(scale), static_cast<double>(weights[i])))
            return false;
        codes[i] = static_cast<int8_t>(code);
    }
    return true;
}

// The scale of a group with all its weights on the grid, codes filled in; 0 if there is none.
uint16_t int4_scale(const float *weights, size_t count, int8_t *codes) {
    const float top = largest(weights, count);
    if (top == 0) {
        std::fill_n(codes, count, int8_t{0});
        return bf16_of(1.0f);
    }
    for (int magnitude = 8; magnitude >= 1; --magnitude)
        for (const int code : {-magnitude, magnitude}) {
            if (code == 8) continue;
            // The weight was rounded, so that the scale may be a neighbour; never by more than one.
            const uint16_t nearest = bf16_of(top / static_cast<float>(code));
            for (const int step : {0, -1, 1}) {
                const uint16_t scale = static_cast<uint16_t>(nearest + step);
                if (codes_on_grid(weights, count, float_of_bf16(scale), -8, 7, codes)) return scale;
            }
        }
    return 0;
}

// The binary16 that is the scale of a group with every weight a code times it; 0 if there is none.
uint16_t half_scale(const float *weights, size_t count, int8_t *codes) {
    const float top = largest(weights, count);
    if (top == 0) {
        std::fill_n(codes, count, int8_t{0});
        return f16_of(1.0f);
    }
    const auto fits = [&](float scale) {
        for (size_t i = 0; i < count; ++i) {
            const float code = round_code(weights[i] / scale, -8, 7);
            if (code * scale != weights[i]) return false;  // of so few bits the product is exact
            codes[i] = static_cast<int8_t>(code);
        }
        return true;
    };
    for (int magnitude = 8; magnitude >= 1; --magnitude)
        for (const int code : {-magnitude, magnitude}) {
            if (code == 8) continue;
            const uint16_t scale = f16_of(top / static_cast<float>(code));
            if ((scale & 0x7fff) != 0 && std::isfinite(float_of_f16(scale)) && fits(float_of_f16(scale)))
                return scale;
        }
    return 0;
}

// Scales, as disjoint intervals in ascending order.
struct Interval {
    double low, high;
};

// Those of `scales` for which a weight of this magnitude lies on a code of 1..127.
std::vector<Interval> narrowed(const std::vector<Interval> &scales, double magnitude) {
    const double above = magnitude - tolerance(magnitude), below = magnitude + tolerance(magnitude);
    std::vector<Interval> left;
    for (const Interval &interval : scales) {
        const double first = std::max(1.0, std::ceil(above / interval.high));
        const double last = std::min(127.0, std::floor(below / interval.low));
        for (double code = last; code >= first; --code) {
            const Interval part{std::max(interval.low, above / code), std::min(interval.high, below / code)};
            if (part.low <= part.high) left.push_back(part);
        }
    }
    return left;
}

// The same for int8.
float int8_scale(const float *weights, size_t count, int8_t *codes) {
    const double top = std::fabs(static_cast<double>(largest(weights, count)));
    if (top / 127 < 1e-30) {
        std::fill_n(codes, count, int8_t{0});
        return top == 0 ? 1.0f : 0.0f;
    }
    std::vector<float> magnitudes;
    for (size_t i = 0; i < count; ++i)
        if (weights[i] != 0) magnitudes.push_back(std::fabs(weights[i]));
    // Small weights first: their codes are certain, and leave the larger ones fewer.
    std::sort(magnitudes.begin(), magnitudes.end());
    magnitudes.erase(std::unique(magnitudes.begin(), magnitudes.end()), magnitudes.end());
    std::vector<Interval> scales{{(top - tolerance(top)) / 127, (top + tolerance(top)) / 127}};
    for (const float magnitude : magnitudes) scales = narrowed(scales, static_cast<double>(magnitude));
    if (scales.empty()) return 0;
    const Interval widest =
        *std::max_element(scales.begin(), scales.end(), [](const Interval &a, const Interval &b) {
            return a.high - a.low < b.high - b.low;
        });
    const float middle = static_cast<float>((widest.low + widest.high) / 2);
    if (!codes_on_grid(weights, count, middle, -127, 127, codes)) return 0;
    // Where the checkpoint is not rounded, least squares gives the very scale.
    double product = 0, square = 0;
    for (size_t i = 0; i < count; ++i) {
        product += static_cast<double>(codes[i]) * static_cast<double>(weights[i]);
        square += static_cast<double>(codes[i]) * static_cast<double>(codes[i]);
    }
    const float fitted = static_cast<float>(product / square);
    std::vector<int8_t> fitted_codes(count);
    return codes_on_grid(weights, count, fitted, -127, 127, fitted_codes.data()) &&
                   std::equal(fitted_codes.begin(), fitted_codes.end(), codes)
               ? fitted
               : middle;
}

}  // namespace

namespace {

using ScaleOfGroup = uint16_t(const float *weights, size_t count, int8_t *codes);

std::optional<Int4Matrix> find_groups(const DenseTensor &tensor, uint32_t group, bool halves,
                                      ScaleOfGroup *scale_of) {
    require_finite(tensor);
    if (group == 0 || group > tensor.cols) group = tensor.cols;
    Int4Matrix matrix{tensor.rows, tensor.cols, group, std::vector<int8_t>(tensor.values.size()), {}, halves};
    for (uint32_t row = 0; row < tensor.rows; ++row)
        for (uint32_t first = 0; first < tensor.cols; first += group) {
            const size_t index = size_t{row} * tensor.cols + first;
            const uint16_t scale =
                scale_of(&tensor.values[index], std::min(group, tensor.cols - first), &matrix.codes[index]);
            if (scale == 0) return std::nullopt;
            matrix.scales.push_back(scale);
        }
    return matrix;
}

}  // namespace

std::optional<Int4Matrix> find_int4_grid(const DenseTensor &tensor, uint32_t group) {
    return find_groups(tensor, group, false, int4_scale);
}

std::optional<Int4Matrix> find_half_grid(const DenseTensor &tensor, uint32_t group) {
    return find_groups(tensor, group, true, half_scale);
}

std::optional<Int8Matrix> find_int8_grid(const DenseTensor &tensor, Granularity granularity) {
    require_finite(tensor);
    Int8Matrix matrix{tensor.rows, tensor.cols, std::vector<int8_t>(tensor.values.size()), {}};
    const bool rows = granularity == Granularity::row;
    const size_t count = rows ? tensor.cols : tensor.values.size();
    for (size_t first = 0; first < tensor.values.size(); first += count) {
        const float scale = int8_scale(&tensor.values[first], count, &matrix.codes[first]);
        if (scale == 0) return std::nullopt;
        matrix.scales.push_back(scale);
    }
    return matrix;
}

}  // namespace adder

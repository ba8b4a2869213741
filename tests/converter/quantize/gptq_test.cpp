// GPTQ and what it stands on: the sum of x^T x and the Cholesky factorization, against straightforward computations.
// SPDX-License-Identifier: MIT
#include "converter/quantize/gptq.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "converter/quantize/cholesky.h"
#include "converter/quantize/fit.h"
#include "converter/quantize/refine.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"

namespace adder {
namespace {

// [tokens][cols], of few directions and unequal columns, as activations are.
std::vector<float> correlated_inputs(size_t tokens, uint32_t cols, uint32_t seed) {
    const uint32_t rank = cols / 4 + 1;
    const std::vector<float> directions = test::normal_values(size_t{rank} * cols, seed);
    const std::vector<float> amounts = test::normal_values(tokens * rank, seed + 1);
    std::vector<float> inputs = test::normal_values(tokens * cols, seed + 2);
    for (size_t t = 0; t < tokens; ++t)
        for (uint32_t col = 0; col < cols; ++col) {
            float &value = inputs[t * cols + col];
            value *= 0.3f;
            for (uint32_t r = 0; r < rank; ++r) value += amounts[t * rank + r] * directions[r * cols + col];
            value *= 0.1f + static_cast<float>(col % 13);
        }
    return inputs;
}

HessianSum hessian_of(const std::vector<float> &inputs, uint32_t cols, ThreadPool &pool) {
    HessianSum sum(cols);
    sum.add(inputs.data(), inputs.size() / cols, cols, pool);
    return sum;
}

TEST(HessianSum, IsTheMeanOfProducts) {
    ThreadPool pool(2);
    for (const uint32_t cols : {1u, 7u, 64u, 130u}) {
        const uint32_t stride = cols + 5;
        const size_t tokens = 150;
        const std::vector<float> inputs = test::normal_values(tokens * stride, cols);
        HessianSum sum(cols);
        EXPECT_EQ(sum.mean(0, 0), 0);
        sum.add(inputs.data(), 70, stride, pool);
        sum.add(inputs.data() + 70 * stride, 80, stride, pool);
        EXPECT_EQ(sum.tokens(), tokens);
        for (uint32_t row = 0; row < cols; ++row)
            for (uint32_t col = 0; col < cols; ++col) {
                double expected = 0;
                for (size_t t = 0; t < tokens; ++t)
                    expected += static_cast<double>(inputs[t * stride + row]) *
                                static_cast<double>(inputs[t * stride + col]) / tokens;
                ASSERT_NEAR(sum.mean(row, col), expected, 1e-6) << row << " " << col;
            }
    }
}

TEST(HessianSum, ImportanceIsTheDiagonalOverItsMean) {
    ThreadPool pool(1);
    const std::vector<float> inputs{1, 0, 2, 1, 0, -2};
    HessianSum sum(3);
    EXPECT_EQ(sum.importance(), (std::vector<float>{1, 1, 1}));
    sum.add(inputs.data(), 2, 3, pool);
    EXPECT_EQ(sum.importance(), (std::vector<float>{0.6f, 0, 2.4f}));
}

TEST(HessianSum, NotFiniteIsRefused) {
    ThreadPool pool(1);
    for (const float value : {NAN, INFINITY}) {
        std::vector<float> inputs = test::normal_values(5 * 70, 1);
        inputs[3 * 70 + 66] = value;
        const HessianSum sum = hessian_of(inputs, 70, pool);
        EXPECT_HAS(test::error_of([&] { sum.importance(); }), "column 66");
        EXPECT_HAS(test::error_of([&] { GptqFactor(sum, pool); }), "column 66");
    }
}

TEST(Cholesky, ItsSquareIsTheMatrix) {
    ThreadPool one(1), three(3);
    for (const uint32_t size : {1u, 2u, 63u, 64u, 65u, 200u}) {
        const HessianSum sum = hessian_of(test::normal_values(size_t{size} * 2 * size, size), size, one);
        std::vector<double> matrix(size_t{size} * size);
        for (uint32_t row = 0; row < size; ++row)
            for (uint32_t col = 0; col < size; ++col) matrix[row * size + col] = sum.mean(row, col);
        std::vector<double> lower = matrix, again = matrix;
        ASSERT_TRUE(cholesky(lower.data(), size, one));
        ASSERT_TRUE(cholesky(again.data(), size, three));
        for (uint32_t row = 0; row < size; ++row)
            for (uint32_t col = 0; col <= row; ++col) {
                double product = 0;
                for (uint32_t k = 0; k <= col; ++k) product += lower[row * size + k] * lower[col * size + k];
                ASSERT_NEAR(product, matrix[row * size + col], 1e-12);
                ASSERT_EQ(lower[row * size + col], again[row * size + col]);
            }
    }
}

TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
    ThreadPool pool(1);
    std::vector<double> negative{1, 0, 0, -1}, indefinite{1, 2, 2, 1}, zero{0}, nan{1, 0, NAN, 1};
    EXPECT_FALSE(cholesky(negative.data(), 2, pool));
    EXPECT_FALSE(cholesky(indefinite.data(), 2, pool));
    EXPECT_FALSE(cholesky(zero.data(), 1, pool));
    EXPECT_FALSE(cholesky(nan.data(), 2, pool));
}

// The paper's Algorithm 1 as it stands there, without blocks, on a given order of columns: the inverse by Gauss-Jordan,
// its upper Cholesky factor, updates of all later columns.
template <typename Matrix>
std::vector<int8_t> paper_codes(const DenseTensor &tensor, const HessianSum &hessian, const Matrix &scales,
                                const std::vector<uint32_t> &order, double lowest, double highest) {
    const size_t n = tensor.cols;
    std::vector<double> h(n * n), inverse(n * n, 0.0), upper(n * n, 0.0);
    double mean = 0;
    for (uint32_t i = 0; i < n; ++i) mean += hessian.mean(i, i) / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < n; ++j)
            h[i * n + j] = hessian.mean(order[i], order[j]) + (i == j ? 0.01 * mean : 0);
    for (size_t i = 0; i < n; ++i) inverse[i * n + i] = 1;
    for (size_t i = 0; i < n; ++i) {
        const double pivot = h[i * n + i];
        for (size_t j = 0; j < n; ++j) h[i * n + j] /= pivot, inverse[i * n + j] /= pivot;
        for (size_t r = 0; r < n; ++r) {
            const double factor = h[r * n + i];
            if (r == i) continue;
            for (size_t j = 0; j < n; ++j) {
                h[r * n + j] -= factor * h[i * n + j];
                inverse[r * n + j] -= factor * inverse[i * n + j];
            }
        }
    }
    for (size_t i = 0; i < n; ++i)  // inverse = upper^T upper
        for (size_t j = i; j < n; ++j) {
            double value = inverse[i * n + j];
            for (size_t k = 0; k < i; ++k) value -= upper[k * n + i] * upper[k * n + j];
            upper[i * n + j] = j == i ? std::sqrt(value) : value / upper[i * n + i];
        }
    std::vector<int8_t> codes(tensor.values.size());
    for (uint32_t row = 0; row < tensor.rows; ++row) {
        std::vector<double> weights(n);
        for (size_t j = 0; j < n; ++j) weights[j] = tensor.values[row * n + order[j]];
        for (size_t j = 0; j < n; ++j) {
            const double scale = scales.scale(row, order[j]);
            const double code = std::min(highest, std::max(lowest, std::nearbyint(weights[j] / scale)));
            codes[row * n + order[j]] = static_cast<int8_t>(code);
            const double error = (weights[j] - code * scale) / upper[j * n + j];
            for (size_t k = j; k < n; ++k) weights[k] -= error * upper[j * n + k];
        }
    }
    return codes;
}

size_t differences(const std::vector<int8_t> &a, const std::vector<int8_t> &b) {
    size_t count = 0;
    for (size_t i = 0; i < a.size(); ++i) count += a[i] != b[i];
    return count;
}

TEST(Gptq, IsThePapersAlgorithm) {
    ThreadPool pool(2);
    for (const uint32_t cols : {1u, 20u, 64u, 150u}) {
        const DenseTensor tensor{33, cols, test::normal_values(size_t{33} * cols, 1)};
        const HessianSum hessian = hessian_of(correlated_inputs(500, cols, 2), cols, pool);
        const GptqFactor factor(hessian, pool);
        EXPECT_EQ(factor.note(), "");
        const std::vector<uint32_t> order(factor.reversed_order().rbegin(), factor.reversed_order().rend());
        for (size_t i = 1; i < cols; ++i)
            EXPECT_GE(hessian.mean(order[i - 1], order[i - 1]), hessian.mean(order[i], order[i]));

        Int4Matrix int4 = round_int4(tensor, 32, {}, pool);
        const std::vector<int8_t> expected4 = paper_codes(tensor, hessian, int4, order, -8, 7);
        gptq(tensor, factor, pool, &int4);
        // Float against double: where a value lies between two codes, one other code changes all that follow.
        EXPECT_LE(differences(int4.codes, expected4), expected4.size() / 500) << cols;

        Int8Matrix int8 = round_int8(tensor, absmax_scales(tensor, Granularity::row));
        const std::vector<int8_t> expected8 = paper_codes(tensor, hessian, int8, order, -127, 127);
        gptq(tensor, factor, pool, &int8);
        EXPECT_LE(differences(int8.codes, expected8), expected8.size() / 100) << cols;
    }
}

TEST(Gptq, BeatsRoundToNearestOnCorrelatedInputs) {
    ThreadPool pool(2);
    const DenseTensor tensor{48, 192, test::normal_values(size_t{48} * 192, 3)};
    const std::vector<float> inputs = correlated_inputs(2000, 192, 4);
    const HessianSum hessian = hessian_of(inputs, 192, pool);
    const GptqFactor factor(hessian, pool);

    Int4Matrix int4 = round_int4(tensor, 32, hessian.importance(), pool);
    const double nearest = output_error(tensor, dequantize(int4), hessian, pool);
    gptq(tensor, factor, pool, &int4);
    const DenseTensor rounded = dequantize(int4);
    const double improved = output_error(tensor, rounded, hessian, pool);
    EXPECT_LT(improved, 0.5 * nearest);

    Int8Matrix int8 = round_int8(tensor, absmax_scales(tensor, Granularity::row));
    const double nearest8 = output_error(tensor, dequantize(int8), hessian, pool);
    gptq(tensor, factor, pool, &int8);
    EXPECT_LT(output_error(tensor, dequantize(int8), hessian, pool), 0.5 * nearest8);

    // What output_error says is what the layer does.
    double measured = 0;
    for (size_t t = 0; t < 2000; ++t)
        for (size_t row = 0; row < 48; ++row) {
            double difference = 0;
            for (size_t col = 0; col < 192; ++col)
                difference +=
                    static_cast<double>(inputs[t * 192 + col]) *
                    static_cast<double>(rounded.values[row * 192 + col] - tensor.values[row * 192 + col]);
            measured += difference * difference / 2000;
        }
    EXPECT_NEAR(improved, measured, 1e-4 * measured);
}

TEST(Gptq, WithoutCorrelationIsRoundToNearest) {
    ThreadPool pool(2);
    const uint32_t cols = 96;
    std::vector<float> inputs(cols * cols, 0.0f);  // one input a column: H is a diagonal
    for (uint32_t col = 0; col < cols; ++col) inputs[col * cols + col] = 1.0f + static_cast<float>(col % 5);
    const HessianSum hessian = hessian_of(inputs, cols, pool);
    const DenseTensor tensor{20, cols, test::normal_values(size_t{20} * cols, 5)};
    const Int4Matrix nearest = round_int4(tensor, 32, {}, pool);
    Int4Matrix matrix = nearest;
    gptq(tensor, GptqFactor(hessian, pool), pool, &matrix);
    EXPECT_EQ(matrix.codes, nearest.codes);
}

TEST(Gptq, DeadColumnsAreRoundedToNearest) {
    ThreadPool pool(2);
    const uint32_t cols = 70;
    std::vector<float> inputs = correlated_inputs(300, cols, 6);
    for (size_t t = 0; t < 300; ++t) inputs[t * cols + 3] = inputs[t * cols + 65] = 0;
    const HessianSum hessian = hessian_of(inputs, cols, pool);
    const GptqFactor factor(hessian, pool);
    EXPECT_EQ(factor.note(), "");
    const DenseTensor tensor{20, cols, test::normal_values(size_t{20} * cols, 7)};
    const Int4Matrix nearest = round_int4(tensor, 32, {}, pool);
    Int4Matrix matrix = nearest;
    gptq(tensor, factor, pool, &matrix);
    for (uint32_t row = 0; row < 20; ++row)
        for (const uint32_t col : {3u, 65u})
            EXPECT_EQ(matrix.codes[row * cols + col], nearest.codes[row * cols + col]);
    EXPECT_LT(output_error(tensor, dequantize(matrix), hessian, pool),
              output_error(tensor, dequantize(nearest), hessian, pool));
}

TEST(Gptq, SaysWhatItDidInPlaceOfWhatWasAsked) {
    ThreadPool pool(1);
    const DenseTensor tensor{5, 8, test::normal_values(40, 8)};
    const Int4Matrix nearest = round_int4(tensor, 0, {}, pool);
    Int4Matrix matrix = nearest;
    const std::vector<float> zeros(8 * 10);
    const GptqFactor dead(hessian_of(zeros, 8, pool), pool);
    EXPECT_HAS(dead.note(), "all inputs were zero");
    gptq(tensor, dead, pool, &matrix);
    EXPECT_EQ(matrix.codes, nearest.codes);

    // Two inputs that are always equal: singular, so that without damping there is no factor.
    const std::vector<float> ones(16, 1.0f);
    const HessianSum singular = hessian_of(ones, 8, pool);
    EXPECT_EQ(GptqFactor(singular, pool).note(), "");
    EXPECT_HAS(GptqFactor(singular, pool, 1e-16).note(), "needed a damping of 1e-15 in place of 1e-16");
    EXPECT_HAS(GptqFactor(singular, pool, -1e-3).note(), "not positive definite");
}

TEST(Refine, LowersTheErrorAndMovesNothingAtTheEnd) {
    ThreadPool pool(2);
    const DenseTensor tensor{40, 150, test::normal_values(size_t{40} * 150, 11)};
    const HessianSum hessian = hessian_of(correlated_inputs(2000, 150, 12), 150, pool);
    const GptqFactor factor(hessian, pool);
    Int4Matrix matrix = round_int4(tensor, 32, hessian.importance(), pool);
    gptq(tensor, factor, pool, &matrix);
    const double before = output_error(tensor, dequantize(matrix), hessian, pool);
    for (int run = 0; run < 6; ++run) refine(tensor, hessian, factor.damping(), pool, &matrix);
    EXPECT_LT(output_error(tensor, dequantize(matrix), hessian, pool), 0.95 * before);
    for (const int8_t code : matrix.codes) EXPECT_TRUE(code >= -8 && code <= 7);

    // No step of one code lowers what it minimizes.
    const auto error = [&](const Int4Matrix &m) {
        const DenseTensor rounded = dequantize(m);
        double damped = output_error(tensor, rounded, hessian, pool);
        for (size_t i = 0; i < tensor.values.size(); ++i)
            damped +=
                factor.damping() * std::pow(static_cast<double>(rounded.values[i] - tensor.values[i]), 2);
        return damped;
    };
    const double least = error(matrix);
    for (size_t i = 0; i < matrix.codes.size(); i += 97)
        for (const int step : {-1, 1}) {
            Int4Matrix moved = matrix;
            moved.codes[i] = static_cast<int8_t>(std::clamp(moved.codes[i] + step, -8, 7));
            EXPECT_GE(error(moved), least * (1 - 1e-6)) << i;
        }
}

// Inputs that a quantized model in front has changed, and a layer that shall give what it gave for the true ones.
TEST(Fit, IsRidgeRegression) {
    ThreadPool pool(2);
    const uint32_t cols = 70, rows = 21;
    const size_t tokens = 1500;
    const std::vector<float> exact = correlated_inputs(tokens, cols, 13);
    std::vector<float> x = exact, missing(exact.size());
    const std::vector<float> noise = test::normal_values(x.size(), 14);
    for (size_t i = 0; i < x.size(); ++i) {
        x[i] = 0.9f * x[i] + 0.1f * noise[i] + 0.05f * exact[i / cols * cols];
        missing[i] = exact[i] - x[i];
    }
    const DenseTensor tensor{rows, cols, test::normal_values(size_t{rows} * cols, 15)};
    const HessianSum hessian = hessian_of(x, cols, pool);
    const GptqFactor factor(hessian, pool);
    MomentSum cross(cols, cols, false);
    cross.add({missing.data(), cols}, {x.data(), cols}, tokens, pool);
    DenseTensor fitted = tensor;
    fit_inputs(&fitted, cross, factor, pool);

    // With wanted outputs y = weights * exact: (y - fitted * x) x^T = damping * (fitted - weights), the gradient's zero.
    std::vector<float> outputs(tokens * rows);
    for (size_t t = 0; t < tokens; ++t)
        for (uint32_t row = 0; row < rows; ++row)
            for (uint32_t col = 0; col < cols; ++col)
                outputs[t * rows + row] += tensor.values[row * cols + col] * exact[t * cols + col];
    double largest = 0, moved = 0;
    for (uint32_t row = 0; row < rows; ++row)
        for (uint32_t col = 0; col < cols; ++col) {
            double gradient = 0;
            for (size_t t = 0; t < tokens; ++t) {
                double error = outputs[t * rows + row];
                for (uint32_t k = 0; k < cols; ++k)
                    error -= static_cast<double>(fitted.values[row * cols + k]) *
                             static_cast<double>(x[t * cols + k]);
                gradient += error * static_cast<double>(x[t * cols + col]) / static_cast<double>(tokens);
            }
            const double step =
                static_cast<double>(fitted.values[row * cols + col] - tensor.values[row * cols + col]);
            largest = std::max(largest, std::fabs(gradient - factor.damping() * step));
            moved = std::max(moved, std::fabs(step) * factor.damping());
        }
    EXPECT_LT(largest, 0.01 * moved);

    // The same from the outputs.
    MomentSum wanted(rows, cols, false);
    wanted.add({outputs.data(), rows}, {x.data(), cols}, tokens, pool);
    DenseTensor from_outputs = tensor;
    fit_outputs(&from_outputs, wanted, hessian, factor, pool);
    for (size_t i = 0; i < tensor.values.size(); ++i)
        EXPECT_NEAR(from_outputs.values[i], fitted.values[i], 1e-3) << i;
}

TEST(MomentSum, IsTheMeanOfProducts) {
    ThreadPool pool(3);
    const uint32_t rows = 131, cols = 9;
    const std::vector<float> y = test::normal_values(size_t{200} * (rows + 2), 16);
    const std::vector<float> x = test::normal_values(size_t{200} * cols, 17);
    MomentSum sum(rows, cols, false);
    sum.add({y.data(), rows + 2}, {x.data(), cols}, 129, pool);
    sum.add({y.data() + 129 * (rows + 2), rows + 2}, {x.data() + 129 * cols, cols}, 71, pool);
    for (uint32_t row = 0; row < rows; ++row)
        for (uint32_t col = 0; col < cols; ++col) {
            double expected = 0;
            for (size_t t = 0; t < 200; ++t)
                expected += static_cast<double>(y[t * (rows + 2) + row]) *
                            static_cast<double>(x[t * cols + col]) / 200;
            EXPECT_NEAR(sum.mean(row, col), expected, 1e-5);
        }
}

TEST(Gptq, ThreadsDoNotMatter) {
    ThreadPool one(1), three(3);
    const DenseTensor tensor{50, 130, test::normal_values(size_t{50} * 130, 9)};
    std::vector<int8_t> codes[2];
    for (ThreadPool *pool : {&one, &three}) {
        const HessianSum hessian = hessian_of(correlated_inputs(200, 130, 10), 130, *pool);
        Int4Matrix matrix = round_int4(tensor, 64, hessian.importance(), *pool);
        const GptqFactor factor(hessian, *pool);
        DenseTensor weights = tensor;
        fit_outputs(&weights, MomentSum(50, 130, false), hessian, factor, *pool);
        gptq(weights, factor, *pool, &matrix);
        refine(weights, hessian, factor.damping(), *pool, &matrix);
        codes[pool == &three] = matrix.codes;
    }
    EXPECT_EQ(codes[0], codes[1]);
}

}  // namespace
}  // namespace adder

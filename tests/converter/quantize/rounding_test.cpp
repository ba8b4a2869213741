// Rounding of weights: scale searches, codes, and the grids of models that were trained on one.
// SPDX-License-Identifier: MIT
#include "converter/quantize/rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "converter/model/checkpoint.h"
#include "converter/quantize/grid.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/error_of.h"
#include "tests/support/shared.h"

namespace adder {
namespace {

DenseTensor random_tensor(uint32_t rows, uint32_t cols, uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0f, 0.05f);
    DenseTensor tensor{rows, cols, std::vector<float>(size_t{rows} * cols)};
    for (float &value : tensor.values) value = normal(random);
    return tensor;
}

float to_bf16(float value) { return float_of_bf16(bf16_of(value)); }

TEST(Rounding, Bfloat16IsToNearestEven) {
    std::mt19937 random(1);
    for (int i = 0; i < 100000; ++i) {
        const uint32_t bits = static_cast<uint32_t>(random());
        float value;
        std::memcpy(&value, &bits, sizeof value);
        if (std::isnan(value))
            EXPECT_TRUE(std::isnan(to_bf16(value)));
        else
            ASSERT_EQ(bf16_of(value), test::float_to_bf16(value)) << value;
    }
    EXPECT_EQ(to_bf16(1.00390625f), 1.0f);       // half a unit: to even, down
    EXPECT_EQ(to_bf16(1.01171875f), 1.015625f);  // to even, up
}

TEST(Rounding, CodesAreHalfToEvenAndClamped) {
    for (const float value : {-0.5f, 0.5f, 1.5f, 2.5f, -2.5f, 6.49f, 3.0f, 0.0f})
        EXPECT_EQ(round_code(value, -8, 7), std::nearbyint(value)) << value;
    EXPECT_EQ(round_code(7.5f, -8, 7), 7.0f);
    EXPECT_EQ(round_code(-8.5f, -8, 7), -8.0f);
    EXPECT_EQ(round_code(INFINITY, -127, 127), 127.0f);
    EXPECT_EQ(round_code(-1e30f, -127, 127), -127.0f);
    EXPECT_EQ(round_code(NAN, -127, 127), -127.0f);
}

// The definition, one group: no padding, no lanes, doubles.
double least_error(const float *values, const float *importance, size_t count) {
    double absmax = 0, least = INFINITY;
    for (size_t i = 0; i < count; ++i) absmax = std::max(absmax, std::fabs(static_cast<double>(values[i])));
    for (const double sign : {1.0, -1.0})
        for (int step = 0; step < 27; ++step) {
            const double factor = 1.10 * std::pow(0.45 / 1.10, step / 26.0);
            const double scale = static_cast<double>(to_bf16(static_cast<float>(sign * absmax / 8 * factor)));
            double error = 0;
            for (size_t i = 0; i < count; ++i) {
                const double value = values[i];
                const double code = std::min(7.0, std::max(-8.0, std::nearbyint(value / scale)));
                error += (importance ? static_cast<double>(importance[i]) : 1.0) *
                         std::pow(code * scale - value, 2);
            }
            least = std::min(least, error);
        }
    return least;
}

TEST(Rounding, Int4ScalesAreTheBestOfAllCandidates) {
    ThreadPool pool(2);
    const DenseTensor tensor = random_tensor(9, 83, 2);
    std::vector<float> importance(tensor.cols);
    for (uint32_t col = 0; col < tensor.cols; ++col) importance[col] = 0.1f + static_cast<float>(col % 7);
    for (const bool weighted : {false, true})
        for (const uint32_t group : {32u, 64u, 0u, 5u, 1u}) {
            const Int4Matrix matrix =
                round_int4(tensor, group, weighted ? importance : std::vector<float>(), pool);
            EXPECT_EQ(matrix.group, group == 0 ? tensor.cols : group);
            EXPECT_EQ(matrix.scales.size(), size_t{tensor.rows} * matrix.groups());
            const DenseTensor rounded = dequantize(matrix);
            for (uint32_t row = 0; row < tensor.rows; ++row)
                for (uint32_t first = 0; first < tensor.cols; first += matrix.group) {
                    const uint32_t count = std::min(matrix.group, tensor.cols - first);
                    double error = 0;
                    for (uint32_t col = first; col < first + count; ++col) {
                        const size_t i = size_t{row} * tensor.cols + col;
                        error += static_cast<double>(weighted ? importance[col] : 1.0f) *
                                 std::pow(static_cast<double>(rounded.values[i] - tensor.values[i]), 2);
                    }
                    const size_t i = size_t{row} * tensor.cols + first;
                    const double least =
                        least_error(&tensor.values[i], weighted ? &importance[first] : nullptr, count);
                    ASSERT_NEAR(error, least, 1e-4 * least + 1e-14) << row << " " << first << " of " << group;
                }
        }
}

TEST(Rounding, FreeSignsAndClippingBeatAbsmax) {
    ThreadPool pool(2);
    const DenseTensor tensor = random_tensor(64, 256, 3);
    DenseTensor symmetric = tensor;  // codes -7..7, scale absmax / 7, groups of 32
    for (size_t first = 0; first < symmetric.values.size(); first += 32) {
        float absmax = 0;
        for (size_t i = first; i < first + 32; ++i) absmax = std::max(absmax, std::fabs(tensor.values[i]));
        for (size_t i = first; i < first + 32; ++i)
            symmetric.values[i] = std::nearbyint(tensor.values[i] / (absmax / 7)) * (absmax / 7);
    }
    const double plain = relative_squared_error(tensor, symmetric);
    const double searched = relative_squared_error(tensor, dequantize(round_int4(tensor, 32, {}, pool)));
    EXPECT_LT(searched, 0.75 * plain);
}

TEST(Rounding, ScalesOfAnyMagnitudeAreSafe) {
    ThreadPool pool(1);
    const DenseTensor model = random_tensor(3, 40, 4);
    for (const float factor : {0.0f, 1e-44f, 1e-30f, 1e-20f, 1.0f, 1e20f, 1e38f}) {
        DenseTensor tensor = model;
        for (float &value : tensor.values) value *= factor;
        const DenseTensor int4 = dequantize(round_int4(tensor, 32, {}, pool));
        const DenseTensor int8 = dequantize(round_int8(tensor, absmax_scales(tensor, Granularity::row)));
        for (size_t i = 0; i < tensor.values.size(); ++i) {
            ASSERT_TRUE(std::isfinite(int4.values[i]) && std::isfinite(int8.values[i])) << factor;
            if (factor < 1e-25f) continue;
            EXPECT_NEAR(int4.values[i], tensor.values[i], 0.03f * factor);
            EXPECT_NEAR(int8.values[i], tensor.values[i], 0.003f * factor);
        }
    }
    EXPECT_EQ(round_int4(DenseTensor{1, 3, {0, 0, 0}}, 32, {}, pool).codes, (std::vector<int8_t>{0, 0, 0}));
    const float top = std::numeric_limits<float>::max();
    EXPECT_TRUE(std::isfinite(dequantize(round_int4(DenseTensor{1, 2, {top, -top}}, 0, {}, pool)).values[1]));
    // A single weight sits at code -8, whatever its sign.
    EXPECT_EQ(round_int4(DenseTensor{2, 1, {0.5f, -0.5f}}, 0, {}, pool).codes, (std::vector<int8_t>{-8, -8}));
}

TEST(Rounding, NotFiniteIsRefused) {
    ThreadPool pool(1);
    for (const float value : {NAN, INFINITY, -INFINITY}) {
        DenseTensor tensor = random_tensor(4, 8, 5);
        tensor.values[2 * 8 + 3] = value;
        EXPECT_HAS(test::error_of([&] { round_int4(tensor, 0, {}, pool); }), "row 2, column 3");
        EXPECT_HAS(test::error_of([&] { round_int8(tensor, {1.0f}); }), "row 2, column 3");
        EXPECT_HAS(test::error_of([&] { find_int4_grid(tensor, 0); }), "row 2, column 3");
        EXPECT_HAS(test::error_of([&] { find_int8_grid(tensor, Granularity::row); }), "row 2, column 3");
    }
}

TEST(Rounding, Int8IsNearest) {
    const DenseTensor tensor = random_tensor(8, 400, 6);
    const std::vector<float> absmax = absmax_scales(tensor, Granularity::row);
    const Int8Matrix matrix = round_int8(tensor, absmax);
    const DenseTensor rounded = dequantize(matrix);
    for (size_t i = 0; i < tensor.values.size(); ++i)
        ASSERT_LE(std::fabs(rounded.values[i] - tensor.values[i]), 0.5001f * absmax[i / tensor.cols]);
}

TEST(Rounding, ThreadsDoNotMatter) {
    ThreadPool one(1), three(3);
    const DenseTensor tensor = random_tensor(37, 100, 7);
    const Int4Matrix a = round_int4(tensor, 32, {}, one), b = round_int4(tensor, 32, {}, three);
    EXPECT_EQ(a.codes, b.codes);
    EXPECT_EQ(a.scales, b.scales);
}

// ---- Grids ----------------------------------------------------------------------------------------------------------

// A matrix on an int4 grid; the largest of each group at code `top`.
Int4Matrix random_int4(uint32_t rows, uint32_t cols, uint32_t group, int top, uint32_t seed) {
    std::mt19937 random(seed);
    Int4Matrix matrix{rows, cols, group, std::vector<int8_t>(size_t{rows} * cols), {}};
    std::uniform_int_distribution<int> codes(top < 0 ? top + 1 : -top, top < 0 ? -top - 1 : top);
    std::uniform_real_distribution<float> magnitudes(0.001f, 0.02f);
    for (int8_t &code : matrix.codes) code = static_cast<int8_t>(codes(random));
    for (size_t i = 0; i < size_t{rows} * matrix.groups(); ++i)
        matrix.scales.push_back(bf16_of(random() % 2 ? magnitudes(random) : -magnitudes(random)));
    for (uint32_t row = 0; row < rows; ++row)
        for (uint32_t first = 0; first < cols; first += group)
            matrix.codes[size_t{row} * cols + first + random() % std::min(group, cols - first)] =
                static_cast<int8_t>(top);
    return matrix;
}

DenseTensor through_bf16(DenseTensor tensor) {
    for (float &value : tensor.values) value = to_bf16(value);
    return tensor;
}

TEST(WeightGrid, Int4IsFoundThroughTheRoundingOfTheCheckpoint) {
    for (const uint32_t group : {32u, 64u, 128u, 300u})
        for (const bool rounded : {false, true}) {
            const Int4Matrix trained = random_int4(20, 300, group, -8, group);
            const DenseTensor exact = dequantize(trained);
            const std::optional<Int4Matrix> found =
                find_int4_grid(rounded ? through_bf16(exact) : exact, group);
            ASSERT_TRUE(found.has_value()) << group;
            EXPECT_EQ(found->group, group);
            EXPECT_EQ(found->codes, trained.codes);
            EXPECT_EQ(found->scales, trained.scales);
        }
}

TEST(WeightGrid, Int4IsFoundWithoutTheLowestCode) {
    for (const int top : {7, 6, 5, 3}) {
        const DenseTensor exact = dequantize(random_int4(20, 96, 32, top, 11));
        const std::optional<Int4Matrix> found = find_int4_grid(through_bf16(exact), 32);
        ASSERT_TRUE(found.has_value()) << top;
        EXPECT_LT(relative_squared_error(exact, dequantize(*found)), 1e-5) << top;
    }
}

TEST(WeightGrid, OneWeightOffTheGridIsNoGrid) {
    DenseTensor tensor = through_bf16(dequantize(random_int4(20, 96, 32, -8, 12)));
    float &weight = tensor.values[1234];
    weight = to_bf16(weight + 0.0007f);
    EXPECT_FALSE(find_int4_grid(tensor, 32).has_value());
    EXPECT_FALSE(find_int4_grid(random_tensor(20, 96, 13), 32).has_value());
    EXPECT_FALSE(find_int4_grid(through_bf16(random_tensor(20, 96, 13)), 32).has_value());
    EXPECT_FALSE(find_int8_grid(through_bf16(random_tensor(20, 96, 13)), Granularity::row).has_value());
    EXPECT_FALSE(find_int8_grid(random_tensor(20, 96, 13), Granularity::tensor).has_value());
}

TEST(WeightGrid, Int8IsFoundThroughTheRoundingOfTheCheckpoint) {
    std::mt19937 random(14);
    for (const Granularity granularity : {Granularity::row, Granularity::tensor})
        for (const uint32_t cols : {200u, 8u}) {
            Int8Matrix trained{50, cols, std::vector<int8_t>(size_t{50} * cols), {}};
            for (int8_t &code : trained.codes)
                code = static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
            for (uint32_t row = 0; row < 50; ++row)
                trained.codes[row * cols + random() % cols] = random() % 2 ? 127 : -127;
            std::uniform_real_distribution<float> scales(0.0001f, 0.001f);
            trained.scales.resize(granularity == Granularity::row ? 50 : 1);
            for (float &scale : trained.scales) scale = scales(random);
            const DenseTensor exact = dequantize(trained);

            const std::optional<Int8Matrix> found = find_int8_grid(exact, granularity);
            ASSERT_TRUE(found.has_value());
            if (cols == 200) {  // eight weights may lie on more than one grid
                EXPECT_EQ(found->codes, trained.codes);
                EXPECT_LT(relative_squared_error(exact, dequantize(*found)), 1e-12);
            }
            const DenseTensor rounded = through_bf16(exact);
            const std::optional<Int8Matrix> again = find_int8_grid(rounded, granularity);
            ASSERT_TRUE(again.has_value());
            if (cols == 200) {
                EXPECT_EQ(again->codes, trained.codes);
            }
            const DenseTensor values = dequantize(*again);
            for (size_t i = 0; i < rounded.values.size(); ++i)
                ASSERT_LE(std::fabs(values.values[i] - rounded.values[i]), std::fabs(rounded.values[i]) / 256);
        }
}

TEST(WeightGrid, ZerosAreOnAnyGrid) {
    const DenseTensor zeros{2, 40, std::vector<float>(80)};
    ASSERT_TRUE(find_int4_grid(zeros, 32).has_value());
    ASSERT_TRUE(find_int8_grid(zeros, Granularity::row).has_value());
    EXPECT_EQ(relative_squared_error(zeros, dequantize(*find_int4_grid(zeros, 32))), 0);
    EXPECT_EQ(find_int8_grid(zeros, Granularity::row)->scales, (std::vector<float>{1, 1}));
}

TEST(WeightGrid, OfTheModelThatWasTrainedOnOne) {
    const Checkpoint checkpoint(test::model_directory("adder-1m-int4"));
    const auto expect_int4 = [&](Role role, uint32_t block) {
        const DenseTensor tensor = checkpoint.read(role, block);
        const std::optional<Int4Matrix> found = find_int4_grid(tensor, 32);
        ASSERT_TRUE(found.has_value()) << checkpoint.tensor_name(role, block);
        const DenseTensor exact = dequantize(*found);
        for (size_t i = 0; i < tensor.values.size(); ++i)
            ASSERT_EQ(to_bf16(exact.values[i]), tensor.values[i]) << checkpoint.tensor_name(role, block);
    };
    expect_int4(Role::embedding, no_block);
    for (uint32_t block = 0; block < checkpoint.shape().block_count(); ++block) {
        expect_int4(Role::in_proj, block);
        expect_int4(Role::out_proj, block);
        for (const Role role : {Role::x_proj, Role::dt_proj}) {
            const DenseTensor tensor = checkpoint.read(role, block);
            EXPECT_FALSE(find_int4_grid(tensor, 32).has_value());
            const std::optional<Int8Matrix> found = find_int8_grid(tensor, Granularity::row);
            ASSERT_TRUE(found.has_value()) << checkpoint.tensor_name(role, block);
            EXPECT_LT(relative_squared_error(tensor, dequantize(*found)), 4e-6);
        }
    }
    const Checkpoint float_trained(test::model_directory("adder-13m"));
    EXPECT_FALSE(find_int4_grid(float_trained.read(Role::in_proj, 0), 32).has_value());
    EXPECT_FALSE(find_int8_grid(float_trained.read(Role::dt_proj, 0), Granularity::row).has_value());
}

}  // namespace
TEST(HalfGrid, CodesAndScalesAreThoseOfQ4_0) {
    std::mt19937 random(5);
    DenseTensor tensor{64, 96, std::vector<float>(64 * 96)};
    std::vector<uint16_t> scales;
    std::vector<int8_t> codes;
    for (size_t group = 0; group < tensor.values.size() / 32; ++group) {
        // Of every exponent and sign, subnormals too; the first code is -8, as the weight of largest magnitude has it.
        const auto scale = static_cast<uint16_t>((random() & 0x83ff) | (group % 31) << 10 | 1);
        scales.push_back(scale);
        for (size_t i = 0; i < 32; ++i) {
            codes.push_back(static_cast<int8_t>(i == 0 ? -8 : static_cast<int>(random() % 16) - 8));
            tensor.values[group * 32 + i] = static_cast<float>(codes.back()) * float_of_f16(scale);
        }
    }
    const std::optional<Int4Matrix> found = find_half_grid(tensor, 32);
    ASSERT_TRUE(found.has_value());
    EXPECT_TRUE(found->halves);
    EXPECT_EQ(found->scales, scales);
    EXPECT_EQ(found->codes, codes);
    EXPECT_EQ(dequantize(*found).values, tensor.values);
    // Without a code of -8 the values are the same, if not the codes.
    for (size_t i = 0; i < 32; ++i)
        tensor.values[i] = static_cast<float>(static_cast<int>(i % 3) * 2 - 2) * 0.03125f;
    for (size_t i = 32; i < 64; ++i) tensor.values[i] = 0;
    const std::optional<Int4Matrix> even = find_half_grid(tensor, 32);
    ASSERT_TRUE(even.has_value());
    EXPECT_EQ(dequantize(*even).values, tensor.values);
    tensor.values[40] = 1e-9f;  // below the smallest half
    EXPECT_FALSE(find_half_grid(tensor, 32).has_value());
    tensor.values[40] = 0;
    tensor.values[3] = std::nextafter(tensor.values[3], 1.0f);
    EXPECT_FALSE(find_half_grid(tensor, 32).has_value());
}

}  // namespace adder

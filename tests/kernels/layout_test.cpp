// The scalar kernels against loops that know the layouts by layout.h alone, and docs/numerics.md against the code.
// SPDX-License-Identifier: MIT
#include "kernels/layout.h"

#include <cstdio>
#include <map>
#include <string>

#include "kernels/float_mode.h"
#include "kernels/kernels.h"
#include "kernels/scalar/hadamard.h"
#include "kernels/scalar/math.h"
#include "tests/kernels/inputs.h"

namespace adder {
namespace {

class Layout : public testing::Test {
  protected:
    Layout() : mode_(float_mode_enter()) {}
    ~Layout() override { float_mode_leave(mode_); }

    const KernelTable &scalar = *kernels_find("scalar");
    Random random{7};

  private:
    FloatMode mode_;
};

// out[t][row] of one token batch, x [tokens][cols].
MatmulArgs args_for(const void *x, std::vector<float> &out, uint32_t tiles, uint32_t cols, uint32_t tokens) {
    MatmulArgs args = {};
    args.tile_end = tiles;
    args.tokens = tokens;
    args.x = x;
    args.x_stride = cols;
    static const float one = 1.0f;
    args.x_scale = &one;
    args.out = out.data();
    args.out_stride = 8 * tiles;
    return args;
}

TEST_F(Layout, Matrices) {
    constexpr uint32_t tiles = 3, cols = 40, rows = 8 * tiles, tokens = 2;
    std::vector<int8_t> codes = codes_make(rows * cols, Pattern::random, -127, random);
    std::vector<float> floats = floats_make(rows * cols, Pattern::random, 1.0f, random);
    const std::vector<int8_t> x_codes = codes_make(tokens * cols, Pattern::random, -127, random);
    const std::vector<float> x_floats = floats_make(tokens * cols, Pattern::random, 1.0f, random);
    const std::vector<float> scale = floats_make(rows, Pattern::random, 1.0f, random);
    std::vector<int8_t> codes_tiled(rows * cols);
    std::vector<float> floats_tiled(rows * cols);
    for (size_t row = 0; row < rows; ++row) {
        for (size_t col = 0; col < cols; ++col) {
            codes_tiled[q8_index(row, col, cols)] = codes[row * cols + col];
            floats_tiled[f32_index(row, col, cols)] = floats[row * cols + col];
        }
    }
    std::vector<float> q8(rows * tokens), q8_f32(rows * tokens), f32(rows * tokens);
    const Matrix quantized = {codes_tiled.data(), scale.data(), nullptr, tiles, cols, true};
    const Matrix plain = {floats_tiled.data(), nullptr, nullptr, tiles, cols, false};
    scalar.matmul_q8(quantized, args_for(x_codes.data(), q8, tiles, cols, tokens));
    scalar.matmul_q8_f32(quantized, args_for(x_floats.data(), q8_f32, tiles, cols, tokens));
    scalar.matmul_f32(plain, args_for(x_floats.data(), f32, tiles, cols, tokens));
    for (size_t t = 0; t < tokens; ++t) {
        for (size_t row = 0; row < rows; ++row) {
            int sum = 0;
            float sum_mixed = 0, sum_plain = 0;
            for (size_t col = 0; col < cols; ++col) {
                sum += codes[row * cols + col] * x_codes[t * cols + col];
                sum_mixed = sum_mixed + static_cast<float>(codes[row * cols + col]) * x_floats[t * cols + col];
                sum_plain = sum_plain + floats[row * cols + col] * x_floats[t * cols + col];
            }
            EXPECT_EQ(static_cast<float>(sum) * scale[row], q8[t * rows + row]);
            EXPECT_EQ(sum_mixed * scale[row], q8_f32[t * rows + row]);
            EXPECT_EQ(sum_plain, f32[t * rows + row]);
        }
    }
}

TEST_F(Layout, Int4Matrices) {
    constexpr uint32_t tiles = 3, cols = 40, rows = 8 * tiles, tokens = 2;
    for (uint32_t group : {8u, 16u, 32u, 40u, 64u}) {
        const size_t groups = group_count(cols, group);
        const std::vector<int8_t> x_codes = codes_make(tokens * cols, Pattern::random, -127, random);
        const std::vector<float> x_floats = floats_make(tokens * cols, Pattern::random, 1.0f, random);
        const std::vector<float> x_scale = floats_make(tokens, Pattern::random, 1.0f, random);
        std::vector<int> codes(rows * cols);
        std::vector<uint8_t> tiled(rows * cols / 2, 0);
        std::vector<float> scale(rows * groups);
        std::vector<uint16_t> scale_tiled(rows * groups);
        for (size_t row = 0; row < rows; ++row) {
            for (size_t col = 0; col < cols; ++col) {
                const int code = static_cast<int>(below(16, random)) - 8;
                const Q4Index at = q4_index(row, col, cols);
                codes[row * cols + col] = code;
                tiled[at.byte] = static_cast<uint8_t>(tiled[at.byte] | (code + 8) << at.shift);
            }
            for (size_t g = 0; g < groups; ++g) {
                const uint16_t half = static_cast<uint16_t>(0x3c00 + below(1024, random));
                scale[row * groups + g] = bf16_f32(half);
                scale_tiled[group_scale_index(row, g * group, cols, group)] = half;
            }
        }
        Matrix matrix = {tiled.data(), nullptr, nullptr, tiles, cols, false};
        matrix.group = group;
        matrix.group_scale = scale_tiled.data();
        std::vector<float> q4(rows * tokens), q4_f32(rows * tokens);
        MatmulArgs args = args_for(x_codes.data(), q4, tiles, cols, tokens);
        args.x_scale = x_scale.data();
        args.x_scale_stride = 1;
        scalar.matmul_q4(matrix, args);
        scalar.matmul_q4_f32(matrix, args_for(x_floats.data(), q4_f32, tiles, cols, tokens));
        for (size_t t = 0; t < tokens; ++t) {
            for (size_t row = 0; row < rows; ++row) {
                float acc = 0, mixed = 0;
                for (size_t g = 0; g < groups; ++g) {
                    int sum = 0;
                    for (size_t col = g * group; col < cols && col < (g + 1) * group; ++col) {
                        const int code = codes[row * cols + col];
                        sum += code * x_codes[t * cols + col];
                        const float weight = static_cast<float>(code) * scale[row * groups + g];
                        mixed = mixed + weight * x_floats[t * cols + col];
                    }
                    acc = acc + static_cast<float>(sum) * scale[row * groups + g];
                }
                EXPECT_EQ(acc * x_scale[t], q4[t * rows + row]);
                EXPECT_EQ(mixed, q4_f32[t * rows + row]);
            }
        }
    }
}

// Against the definition, with integers, for which any order is exact; and H H = 64.
TEST_F(Layout, Hadamard) {
    float in[64], block[64];
    for (float &f : in) f = static_cast<float>(static_cast<int>(below(2001, random)) - 1000);
    memcpy(block, in, sizeof block);
    hadamard64(block);
    for (uint32_t i = 0; i < 64; ++i) {
        float sum = 0;
        for (uint32_t j = 0; j < 64; ++j) sum += (__builtin_popcount(i & j) & 1) != 0 ? -in[j] : in[j];
        EXPECT_EQ(sum, block[i]);
    }
    hadamard64(block);
    for (uint32_t i = 0; i < 64; ++i) EXPECT_EQ(64 * in[i], block[i]);
}

// The law's order of stages: distances 1, 2, 4, ...
TEST_F(Layout, HadamardStagesBeginWithNeighbours) {
    float block[64] = {0x1p+24f, 1.0f, -0x1p+24f, 1.0f};
    hadamard64(block);
    EXPECT_EQ(1.0f, block[0]);  // (2^24 + 1) + (-2^24 + 1): the first rounds to 2^24, the second is exact
}

TEST_F(Layout, HadamardQuantize) {
    constexpr uint32_t n = 192;
    const std::vector<float> v = floats_make(n, Pattern::random, 1.0f, random);
    const std::vector<float> factors = floats_make(n, Pattern::random, 1.0f, random);
    std::vector<int8_t> codes(n);
    scalar.hadamard_quantize(v.data(), factors.data(), n, 10.0f, 100.0f, codes.data());
    for (uint32_t i = 0; i < n; i += 64) {
        float block[64];
        for (uint32_t j = 0; j < 64; ++j) block[j] = v[i + j] * factors[i + j];
        hadamard64(block);
        for (uint32_t j = 0; j < 64; ++j) EXPECT_EQ(q8_f32(block[j], 10.0f, 100.0f), codes[i + j]);
    }
}

// A channel's code has the channel's multiplier.
TEST_F(Layout, Multipliers) {
    constexpr uint32_t channels = 16, tokens = 3;
    const std::vector<float> multipliers = floats_make(channels, Pattern::random, 30.0f, random);
    const std::vector<float> zeros(channels * tokens, 0.0f), ones(channels * tokens, 1.0f);
    std::vector<float> x = floats_make(channels * tokens, Pattern::random, 1.0f, random);
    std::vector<int8_t> codes(channels * tokens);
    ConvArgs conv = {};
    conv.tile_end = channels / 8;
    conv.tokens = tokens;
    conv.d_conv = 1;
    conv.weight = ones.data();
    conv.bias = zeros.data();
    conv.x = x.data();
    conv.x_stride = conv.codes_stride = channels;
    conv.codes = codes.data();
    conv.multipliers = multipliers.data();
    conv.limit = 20.0f;
    scalar.conv_silu(conv);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(q8_f32(x[i], multipliers[i % channels], 20.0f), codes[i]);

    std::vector<float> state(channels, 0.0f), z = x, g = x;
    ScanArgs scan = {};
    scan.tile_end = channels / 8;
    scan.tokens = tokens;
    scan.d_state = 1;
    scan.A2 = zeros.data();
    scan.D = ones.data();
    scan.state = state.data();
    scan.dt = zeros.data();
    scan.u = x.data();
    scan.dt_stride = scan.uz_stride = scan.codes_stride = channels;
    scan.B = scan.C = ones.data();
    scan.bc_stride = 1;
    scan.multipliers = multipliers.data();
    scan.limit = 20.0f;
    scan.z = g.data();
    scalar.scan(scan);
    state.assign(channels, 0.0f);
    scan.z = z.data();
    scan.codes = codes.data();
    scalar.scan(scan);
    for (size_t i = 0; i < g.size(); ++i) EXPECT_EQ(q8_f32(g[i], multipliers[i % channels], 20.0f), codes[i]);
}

TEST_F(Layout, Convolution) {
    constexpr uint32_t channels = 16, d_conv = 4, tokens = 7;
    const std::vector<float> weight =
        floats_make(channels * d_conv, Pattern::random, 1.0f, random);  // [channel][k]
    const std::vector<float> bias = floats_make(channels, Pattern::random, 1.0f, random);
    const std::vector<float> inputs =
        floats_make((d_conv - 1 + tokens) * channels, Pattern::random, 1.0f, random);
    std::vector<float> tiled(channels * d_conv), state(channels * (d_conv - 1));
    std::vector<float> x(inputs.begin() + (d_conv - 1) * channels, inputs.end());
    for (size_t c = 0; c < channels; ++c) {
        for (size_t k = 0; k < d_conv; ++k) tiled[channel_index(c, k, d_conv)] = weight[c * d_conv + k];
        for (size_t k = 0; k + 1 < d_conv; ++k)
            state[channel_index(c, k, d_conv - 1)] = inputs[k * channels + c];
    }
    ConvArgs args = {};
    args.tile_end = channels / 8;
    args.tokens = tokens;
    args.d_conv = d_conv;
    args.weight = tiled.data();
    args.bias = bias.data();
    args.state = state.data();
    args.x = x.data();
    args.x_stride = channels;
    scalar.conv_silu(args);
    for (size_t c = 0; c < channels; ++c) {
        for (size_t t = 0; t < tokens; ++t) {
            float acc = bias[c];
            for (size_t k = 0; k < d_conv; ++k)
                acc = acc + weight[c * d_conv + k] * inputs[(t + k) * channels + c];
            EXPECT_EQ(silu_f32(acc), x[t * channels + c]);
        }
        for (size_t k = 0; k + 1 < d_conv; ++k)
            EXPECT_EQ(inputs[(tokens + k) * channels + c], state[channel_index(c, k, d_conv - 1)]);
    }
}

TEST_F(Layout, Scan) {
    constexpr uint32_t channels = 16, d_state = 5, tokens = 4;
    std::vector<float> A2 = floats_make(channels * d_state, Pattern::random, 2.0f, random);  // [channel][n]
    std::vector<float> h = floats_make(channels * d_state, Pattern::random, 1.0f, random);
    const std::vector<float> D = floats_make(channels, Pattern::random, 1.0f, random);
    const std::vector<float> dt = floats_make(channels * tokens, Pattern::random, 1.0f, random);
    const std::vector<float> u = floats_make(channels * tokens, Pattern::random, 1.0f, random);
    const std::vector<float> z = floats_make(channels * tokens, Pattern::random, 1.0f, random);
    const std::vector<float> B = floats_make(d_state * tokens, Pattern::random, 1.0f, random);
    const std::vector<float> C = floats_make(d_state * tokens, Pattern::random, 1.0f, random);
    std::vector<float> A2_tiled(A2.size()), state(h.size()), g = z;
    for (size_t c = 0; c < channels; ++c) {
        for (size_t n = 0; n < d_state; ++n) {
            A2_tiled[channel_index(c, n, d_state)] = A2[c * d_state + n];
            state[channel_index(c, n, d_state)] = h[c * d_state + n];
        }
    }
    ScanArgs args = {};
    args.tile_end = channels / 8;
    args.tokens = tokens;
    args.d_state = d_state;
    args.A2 = A2_tiled.data();
    args.D = D.data();
    args.state = state.data();
    args.dt = dt.data();
    args.dt_stride = channels;
    args.u = u.data();
    args.z = g.data();
    args.uz_stride = channels;
    args.B = B.data();
    args.C = C.data();
    args.bc_stride = d_state;
    scalar.scan(args);
    for (size_t c = 0; c < channels; ++c) {
        for (size_t t = 0; t < tokens; ++t) {
            const float d = softplus_f32(dt[t * channels + c]);
            const float du = d * u[t * channels + c];
            float y = 0;
            for (size_t n = 0; n < d_state; ++n) {
                float &state_n = h[c * d_state + n];
                state_n = exp2_f32(d * A2[c * d_state + n]) * state_n + du * B[t * d_state + n];
                y = n == 0 ? state_n * C[t * d_state + n] : y + state_n * C[t * d_state + n];
            }
            y = y + D[c] * u[t * channels + c];
            EXPECT_EQ(y * silu_f32(z[t * channels + c]), g[t * channels + c]);
        }
        for (size_t n = 0; n < d_state; ++n)
            EXPECT_EQ(h[c * d_state + n], state[channel_index(c, n, d_state)]);
    }
}

// ---- docs/numerics.md ---------------------------------------------------------------------------

std::string document() {
#if defined(ADDER_SOURCE_DIR)
    const std::string root = std::string(ADDER_SOURCE_DIR) + "/";
#else
    const std::string file = __FILE__;
    const std::string root = file.substr(0, file.find("tests/kernels/"));
#endif
    std::string text;
    if (FILE *f = fopen((root + "docs/numerics.md").c_str(), "rb")) {
        char buffer[4096];
        for (size_t n; (n = fread(buffer, 1, sizeof buffer, f)) > 0;) text.append(buffer, n);
        fclose(f);
    }
    return text;
}

// Rows of the form "| `name` | `hex float` |".
TEST(Numerics, ConstantsInTheDocumentAreThoseInTheCode) {
    const std::map<std::string, float> code = {
        {"round_magic", round_magic}, {"log2_e", log2_e},
        {"exp2_c1", exp2_c1},         {"exp2_c2", exp2_c2},
        {"exp2_c3", exp2_c3},         {"exp2_c4", exp2_c4},
        {"exp2_c5", exp2_c5},         {"log1p_p0", log1p_p0},
        {"log1p_p1", log1p_p1},       {"log1p_p2", log1p_p2},
        {"log1p_p3", log1p_p3},       {"gelu_cubic", gelu_cubic},
        {"gelu_factor", gelu_factor}, {"twice_log2_e", twice_log2_e},
        {"sine_0", sine_0},           {"sine_1", sine_1},
        {"sine_2", sine_2},           {"sine_3", sine_3},
        {"cosine_0", cosine_0},       {"cosine_1", cosine_1},
        {"cosine_2", cosine_2},       {"cosine_3", cosine_3},
    };
    std::map<std::string, float> stated;
    const std::string text = document();
    ASSERT_FALSE(text.empty()) << "docs/numerics.md cannot be read";
    for (size_t at = 0; (at = text.find("\n| `", at)) != std::string::npos; ++at) {
        char name[32], value[32];
        if (sscanf(text.c_str() + at, "\n| `%31[a-z0-9_]` | `%31[-+a-fxp0-9.]` |", name, value) == 2)
            stated[name] = strtof(value, nullptr);
    }
    EXPECT_EQ(code, stated);
}

}  // namespace
}  // namespace adder

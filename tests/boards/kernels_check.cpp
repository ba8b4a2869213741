// A program for a board: every kernel of the board's table against the scalar one, bit for bit. Exits with 0 if all agree.
// SPDX-License-Identifier: MIT
//
// tests/kernels does the same on hosts, more of it, and between guard pages. Here a call writes into the middle of an area,
// and the areas of both tables are compared whole: what one writes out of bounds shows.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "kernels/float_mode.h"
#include "kernels/kernels.h"
#include "kernels/layout.h"
#include "kernels/scalar/math.h"
#include "kernels/tables.h"

extern "C" {
void put_text(const char *text);
void put_number(uint32_t number);
int main();
}

namespace adder {
namespace {

// ---- Inputs: random, and the ends of their range ------------------------------------------------------------------------

uint32_t random_state = 20240229;
uint32_t below(uint32_t n) {
    random_state = random_state * 1664525u + 1013904223u;
    return static_cast<uint32_t>(uint64_t{random_state} * n >> 32);
}

enum class Pattern : uint8_t { random, max, min, zeros, ends };
constexpr Pattern patterns[] = {Pattern::random, Pattern::max, Pattern::min, Pattern::zeros, Pattern::ends};

int8_t code(Pattern pattern, int lowest) {
    switch (pattern) {
    case Pattern::random:
        return static_cast<int8_t>(lowest + static_cast<int>(below(static_cast<uint32_t>(128 - lowest))));
    case Pattern::max: return 127;
    case Pattern::min: return static_cast<int8_t>(lowest);
    case Pattern::zeros: return 0;
    case Pattern::ends: break;
    }
    return static_cast<int8_t>(below(2) != 0 ? 127 : lowest);
}

uint8_t nibbles(Pattern pattern) {
    switch (pattern) {
    case Pattern::random: return static_cast<uint8_t>(below(256));
    case Pattern::max: return 0xff;
    case Pattern::min: return 0;
    case Pattern::zeros: return 0x88;
    case Pattern::ends: break;
    }
    return static_cast<uint8_t>((below(2) != 0 ? 0x0f : 0) | (below(2) != 0 ? 0xf0 : 0));
}

// Around `scale`; of `ends` a tenth are zeros, subnormals, infinities, NaNs and the like.
float number(Pattern pattern, float scale) {
    static constexpr uint32_t odd[] = {0,          0x80000000, 1,          0x80300000, 0x00800000,
                                       0x80900000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000,
                                       0x7fc00000, 0x7149f2ca, 0x42b00000, 0xc2b00000};
    const float around = (static_cast<float>(below(1u << 20)) - 0x1p19f) * (4 * scale * 0x1p-20f);
    switch (pattern) {
    case Pattern::random: return around;
    case Pattern::max: return 100 * scale;
    case Pattern::min: return -100 * scale;
    case Pattern::zeros: return below(2) != 0 ? 0.0f : -0.0f;
    case Pattern::ends: break;
    }
    return below(10) == 0 ? float_from_bits(odd[below(sizeof odd / sizeof odd[0])]) : around;
}

constexpr size_t most = 24000;
struct Floats {
    alignas(8) float v[most / 4];
    const float *fill(size_t n, Pattern pattern, float scale) {
        for (size_t i = 0; i < n; ++i) v[i] = number(pattern, scale);
        return v;
    }
};
Floats inputs[10];
alignas(8) int8_t weights[most], codes[most];
uint16_t scales[most / 8];

// ---- Results of both tables ---------------------------------------------------------------------------------------------

constexpr size_t margin = 16;  // elements before the first
struct Area {
    float floats[most / 4], state[most / 4];
    int8_t codes[most];
    float *out() { return floats + margin; }
    float *kept() { return state + margin; }
    int8_t *out_codes() { return codes + margin; }
} areas[2];

bool same(const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; ++i)
        if (memcmp(a + i, b + i, sizeof *a) != 0 && (a[i] == a[i] || b[i] == b[i]))
            return false;  // any NaN is any other
    return true;
}

uint32_t calls = 0, wrong = 0;

// call(table, area) for both tables, on areas that begin alike.
template <typename Call>
void compare(const char *name, Call call) {
    for (float &v : areas[0].floats) v = number(Pattern::random, 1);
    for (float &v : areas[0].state) v = number(Pattern::random, 1);
    for (int8_t &v : areas[0].codes) v = 99;
    memcpy(&areas[1], &areas[0], sizeof areas[0]);
    const KernelTable *const tables[2] = {&table_scalar, kernels_best()};
    for (int i = 0; i < 2; ++i) {
        const FloatModeScope mode;
        call(*tables[i], areas[i]);
    }
    ++calls;
    if (same(areas[0].floats, areas[1].floats, most / 4) && same(areas[0].state, areas[1].state, most / 4) &&
        memcmp(areas[0].codes, areas[1].codes, most) == 0)
        return;
    if (++wrong > 20) return;
    put_text(name);
    put_text(" differs in call ");
    put_number(calls);
    put_text("\n");
}

// ---- Matrix products ----------------------------------------------------------------------------------------------------

enum class Kind : uint8_t { q8, q8_f32, f32, q4, q4_f32 };
constexpr MatmulKernel *KernelTable::*products[] = {&KernelTable::matmul_q8, &KernelTable::matmul_q8_f32,
                                                    &KernelTable::matmul_f32, &KernelTable::matmul_q4,
                                                    &KernelTable::matmul_q4_f32};
constexpr const char *product_names[] = {"matmul_q8", "matmul_q8_f32", "matmul_f32", "matmul_q4",
                                         "matmul_q4_f32"};

void check_product(Kind kind, uint32_t tiles, uint32_t cols, uint32_t group, uint32_t tokens,
                   Pattern of_weights, Pattern of_x) {
    const bool int4 = kind == Kind::q4 || kind == Kind::q4_f32,
               x_codes = kind == Kind::q8 || kind == Kind::q4;
    const uint32_t skew = kind == Kind::f32 ? 0
                          : below(4) == 0   ? below(4)
                                            : 0;  // of codes, which may lie anywhere
    const size_t elements = size_t{8} * tiles * cols;
    Matrix matrix{};
    matrix.weights = kind == Kind::f32 ? static_cast<const void *>(inputs[0].fill(elements, of_weights, 0.1f))
                                       : weights + skew;
    for (size_t i = 0; kind != Kind::f32 && i < elements; ++i)
        weights[skew + i] = int4 ? static_cast<int8_t>(nibbles(of_weights)) : code(of_weights, -128);
    matrix.scale_per_row = below(2) != 0;
    matrix.scale = int4 || kind == Kind::f32 ? nullptr : inputs[1].fill(8 * tiles, Pattern::random, 0.01f);
    matrix.bias = below(2) != 0 ? inputs[2].fill(8 * tiles, Pattern::random, 1) : nullptr;
    matrix.tiles = tiles;
    matrix.cols = cols;
    matrix.group = int4 ? group : 0;
    matrix.group_scale = scales;
    for (size_t i = 0; int4 && i < 8 * tiles * group_count(cols, group); ++i)
        scales[i] = static_cast<uint16_t>(
            float_bits(number(of_weights == Pattern::ends ? of_weights : Pattern::random, 0.1f)) >> 16);
    MatmulArgs args{};
    args.tile_begin = below(tiles);
    args.tile_end = args.tile_begin + 1 + below(tiles - args.tile_begin);
    args.tokens = tokens;
    args.x_stride = cols + 8 * below(2);
    const size_t x_count = size_t{args.x_stride} * tokens;
    args.x = x_codes ? static_cast<const void *>(codes + skew) : inputs[3].fill(x_count, of_x, 1);
    for (size_t i = 0; x_codes && i < x_count; ++i) codes[skew + i] = code(of_x, -127);
    args.x_scale = inputs[4].fill(tokens, Pattern::random, 0.03f);
    args.x_scale_stride = below(2);
    args.out_stride = 8 * tiles + 8 * below(2);
    args.add = below(2) != 0;
    const size_t which = static_cast<size_t>(kind);
    compare(product_names[which], [&](const KernelTable &table, Area &area) {
        args.out = area.out();
        (table.*products[which])(matrix, args);
    });
}

void check_products() {
    for (Kind kind : {Kind::q8, Kind::q8_f32, Kind::f32, Kind::q4, Kind::q4_f32}) {
        for (Pattern of_weights : patterns)
            for (Pattern of_x : patterns) check_product(kind, 3, 72, 40, 2, of_weights, of_x);
        for (uint32_t cols = 8; cols <= 200; cols += 8)
            for (uint32_t tokens = 1; tokens <= 5; tokens += 2)
                check_product(kind, 1 + below(3), cols, 8 * (1 + below(1 + cols / 8)), tokens,
                              Pattern::random, Pattern::random);
        for (uint32_t tiles = 1; tiles <= 9; ++tiles)
            check_product(kind, tiles, 64, 32, 1 + below(7), Pattern::random, Pattern::random);
        if (kind != Kind::f32) check_product(kind, 1, 1536, 1536, 1, Pattern::min, Pattern::min);
    }
}

// ---- Vectors ------------------------------------------------------------------------------------------------------------

void check_vectors(uint32_t n, Pattern pattern) {
    const float *const v = inputs[0].fill(n, pattern, 2), *const weight =
                                                              inputs[1].fill(n, Pattern::random, 1);
    const float limit = below(2) != 0 ? 127.0f : 7.0f, multiplier = 30;
    compare("rmsnorm", [&](const KernelTable &table, Area &area) {
        table.rmsnorm(v, weight, n, n - 3, 1e-5f, area.out());
    });
    compare("rmsnorm_quantize", [&](const KernelTable &table, Area &area) {
        table.rmsnorm_quantize(v, weight, n, n - 3, 1e-5f, multiplier, limit, area.out_codes());
    });
    compare("quantize", [&](const KernelTable &table, Area &area) {
        table.quantize(v, n, multiplier, limit, area.out_codes());
    });
    compare("quantize, ties", [&](const KernelTable &table, Area &area) {
        for (uint32_t i = 0; i < n; ++i) inputs[2].v[i] = 0.5f * static_cast<float>(i) - 64;
        table.quantize(inputs[2].v, n, 1, limit, area.out_codes());
    });
    compare("quantize_dynamic", [&](const KernelTable &table, Area &area) {
        area.out()[0] = table.quantize_dynamic(v, n, limit, area.out_codes());
    });
    if (n % 64 == 0)
        compare("hadamard_quantize", [&](const KernelTable &table, Area &area) {
            table.hadamard_quantize(v, weight, n, multiplier / 8, limit, area.out_codes());
        });
    // The sampler's take any number of elements.
    const uint32_t logits = n - below(8);
    compare("clamp, argmax, softmax_weights", [&](const KernelTable &table, Area &area) {
        memcpy(area.out(), v, logits * sizeof *v);
        table.clamp(area.out(), logits, 1e30f);
        const uint32_t best = table.argmax(area.out(), logits);
        area.kept()[0] = static_cast<float>(best);
        table.softmax_weights(area.out(), logits, area.out()[best], 1.5f, 1e30f);
    });
}

// ---- Channels -----------------------------------------------------------------------------------------------------------

void check_conv(uint32_t tiles, uint32_t d_conv, uint32_t tokens, Pattern pattern) {
    ConvArgs args{};
    args.tile_begin = below(tiles);
    args.tile_end = tiles;
    args.tokens = tokens;
    args.d_conv = d_conv;
    args.weight = inputs[0].fill(8 * tiles * d_conv, pattern, 1);
    args.bias = inputs[1].fill(8 * tiles, Pattern::random, 1);
    args.x_stride = args.codes_stride = 8 * tiles;
    args.multipliers = inputs[2].fill(8 * tiles, Pattern::random, 50);
    args.limit = 127;
    const bool with_codes = below(2) != 0;
    compare("conv_silu", [&](const KernelTable &table, Area &area) {
        args.state = area.kept();
        args.x = area.out();
        args.codes = with_codes ? area.out_codes() : nullptr;
        table.conv_silu(args);
    });
}

void check_scan(uint32_t tiles, uint32_t d_state, uint32_t tokens, Pattern pattern) {
    ScanArgs args{};
    args.tile_begin = below(tiles);
    args.tile_end = tiles;
    args.tokens = tokens;
    args.d_state = d_state;
    args.A2 = inputs[0].fill(8 * tiles * d_state, Pattern::random, 8);
    for (size_t i = 0; i < 8 * tiles * d_state; ++i) inputs[0].v[i] = -__builtin_fabsf(inputs[0].v[i]);
    args.D = inputs[1].fill(8 * tiles, Pattern::random, 1);
    args.dt_stride = args.uz_stride = args.codes_stride = 8 * tiles;
    args.bc_stride = d_state + below(3);
    args.dt = inputs[2].fill(8 * tiles * tokens, pattern, 2);
    args.u = inputs[3].fill(8 * tiles * tokens, pattern, 1);
    args.B = inputs[4].fill(args.bc_stride * tokens, pattern, 1);
    args.C = inputs[5].fill(args.bc_stride * tokens, pattern, 1);
    args.multipliers = inputs[6].fill(8 * tiles, Pattern::random, 50);
    args.limit = 127;
    const bool with_codes = below(2) != 0;
    compare("scan", [&](const KernelTable &table, Area &area) {
        args.state = area.kept();
        args.z = area.out();
        args.codes = with_codes ? area.out_codes() : nullptr;
        table.scan(args);
    });
}

}  // namespace
}  // namespace adder

int main() {
    using namespace adder;
    check_products();
    for (uint32_t n = 8; n <= 264; n += 8)
        for (Pattern pattern : patterns) check_vectors(n, pattern);
    for (Pattern pattern : patterns)
        for (uint32_t tokens = 1; tokens <= 4; ++tokens) {
            for (uint32_t d_conv = 2; d_conv <= 5; ++d_conv)
                check_conv(1 + below(4), d_conv, tokens, pattern);
            for (uint32_t d_state : {1u, 2u, 3u, 8u, 16u, 17u})
                check_scan(1 + below(4), d_state, tokens, pattern);
        }
    put_text(kernels_best()->name);
    put_text(": ");
    put_number(wrong);
    put_text(" of ");
    put_number(calls);
    put_text(" calls differ from the scalar kernels\n");
    return wrong != 0;
}

// The list of kernels, with operands and calls.
// SPDX-License-Identifier: MIT
#include "converter/bench/kernel_cases.h"

#include "kernels/layout.h"

namespace adder {
namespace {

constexpr uint32_t d_conv = 4, d_state = 16;  // as in all published models
constexpr uint32_t group = 32;                // as the recipe small has it
constexpr float epsilon = 1e-5f, multiplier = 40.0f, limit = 127.0f;
constexpr float logit_limit = 1.0f;  // some operands are beyond it, most are not

// ---- Matrix products: weights, scale, group_scale, bias, x, x_scale, out ------------------------

enum class Weights : uint8_t { int8, int4, f32 };

template <Weights weights, Contents x>
std::vector<Operand> matmul_operands(const KernelShape &shape) {
    const size_t rows = shape.rows, count = rows * shape.cols;
    return {
        weights == Weights::int4
            ? Operand{Contents::nibbles, count / 2, false}
            : Operand{weights == Weights::int8 ? Contents::codes : Contents::floats, count, false},
        {Contents::scales, weights == Weights::int8 ? rows : 0, false},
        {Contents::half_scales, weights == Weights::int4 ? rows * group_count(shape.cols, group) : 0, false},
        {Contents::floats, rows, false},
        {x, size_t{shape.cols} * shape.tokens, false},
        {Contents::scales, shape.tokens, false},
        {Contents::floats, rows * shape.tokens, true},
    };
}

template <auto Member, Weights weights>
void matmul_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
                 uint32_t end) {
    Matrix matrix{};
    matrix.weights = operands[0];
    matrix.scale = weights == Weights::int8 ? static_cast<const float *>(operands[1]) : nullptr;
    matrix.scale_per_row = true;
    matrix.group_scale = weights == Weights::int4 ? static_cast<const uint16_t *>(operands[2]) : nullptr;
    matrix.group = weights == Weights::int4 ? group : 0;
    matrix.bias = static_cast<const float *>(operands[3]);
    matrix.tiles = shape.rows / tile_size;
    matrix.cols = shape.cols;
    MatmulArgs args{};
    args.tile_begin = begin;
    args.tile_end = end;
    args.tokens = shape.tokens;
    args.x = operands[4];
    args.x_stride = shape.cols;
    args.x_scale = static_cast<const float *>(operands[5]);
    args.x_scale_stride = 1;
    args.out = static_cast<float *>(operands[6]);
    args.out_stride = shape.rows;
    (kernels.*Member)(matrix, args);
}

double matmul_work(const KernelShape &shape) {
    return static_cast<double>(shape.rows) * shape.cols * shape.tokens;
}

template <auto Member, Weights weights, Contents x>
KernelCase matmul_case(const char *name) {
    return {
        name,       KernelCase::Parts::tiles, true, matmul_operands<weights, x>, matmul_call<Member, weights>,
        matmul_work};
}

// ---- Vectors: v, weight or factors, out as floats or as codes, a number found -------------------

// What a kernel takes and gives; an operand that is neither has no elements.
enum Form : uint32_t {
    takes_v = 1,
    takes_weight = 2,
    gives_floats = 4,  // without takes_v: in place
    gives_codes = 8,
    gives_number = 16  // one a vector
};

template <uint32_t form>
std::vector<Operand> vector_operands(const KernelShape &shape) {
    const size_t count = size_t{shape.cols} * shape.tokens;
    const auto if_in = [](uint32_t forms, size_t elements) { return (form & forms) != 0 ? elements : 0; };
    return {{Contents::floats, if_in(takes_v, count), false},
            {Contents::floats, if_in(takes_weight, shape.cols), false},
            {(form & gives_codes) != 0 ? Contents::codes : Contents::floats,
             if_in(gives_floats | gives_codes, count), true},
            {Contents::scales, if_in(gives_number, shape.tokens), true}};
}

struct VectorCall {
    const float *v, *weight;
    uint32_t n;
    float *out, *number;
    int8_t *codes;
};

void rmsnorm(const KernelTable &k, const VectorCall &c) {
    k.rmsnorm(c.v, c.weight, c.n, c.n, epsilon, c.out);
}
void rmsnorm_quantize(const KernelTable &k, const VectorCall &c) {
    k.rmsnorm_quantize(c.v, c.weight, c.n, c.n, epsilon, multiplier, limit, c.codes);
}
void quantize(const KernelTable &k, const VectorCall &c) { k.quantize(c.v, c.n, multiplier, limit, c.codes); }
void quantize_dynamic(const KernelTable &k, const VectorCall &c) {
    *c.number = k.quantize_dynamic(c.v, c.n, limit, c.codes);
}
void hadamard_quantize(const KernelTable &k, const VectorCall &c) {
    k.hadamard_quantize(c.v, c.weight, c.n, multiplier / 8, limit, c.codes);
}

void clamp(const KernelTable &k, const VectorCall &c) { k.clamp(c.out, c.n, logit_limit); }
void argmax(const KernelTable &k, const VectorCall &c) { *c.number = static_cast<float>(k.argmax(c.v, c.n)); }
void softmax_weights(const KernelTable &k, const VectorCall &c) {
    k.softmax_weights(c.out, c.n, 1.5f, 2.0f, logit_limit);
}

template <void (*Kernel)(const KernelTable &, const VectorCall &), uint32_t form>
void vector_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
                 uint32_t end) {
    for (uint32_t t = begin; t < end; ++t) {
        const size_t first = size_t{t} * shape.cols;
        VectorCall call{};
        call.n = shape.cols;
        if ((form & takes_v) != 0) call.v = static_cast<const float *>(operands[0]) + first;
        if ((form & takes_weight) != 0) call.weight = static_cast<const float *>(operands[1]);
        if ((form & gives_floats) != 0) call.out = static_cast<float *>(operands[2]) + first;
        if ((form & gives_codes) != 0) call.codes = static_cast<int8_t *>(operands[2]) + first;
        if ((form & gives_number) != 0) call.number = static_cast<float *>(operands[3]) + t;
        Kernel(kernels, call);
    }
}

double vector_work(const KernelShape &shape) { return static_cast<double>(shape.cols) * shape.tokens; }

template <void (*Kernel)(const KernelTable &, const VectorCall &), uint32_t form>
KernelCase vector_case(const char *name) {
    return {name,       KernelCase::Parts::tokens, false, vector_operands<form>, vector_call<Kernel, form>,
            vector_work};
}

// ---- Channels -----------------------------------------------------------------------------------

// weight, bias, state, x, codes, multipliers
std::vector<Operand> conv_operands(const KernelShape &shape) {
    const size_t channels = shape.rows, count = channels * shape.tokens;
    return {{Contents::floats, channels * d_conv, false},
            {Contents::floats, channels, false},
            {Contents::floats, channels * (d_conv - 1), true},
            {Contents::floats, count, true},
            {Contents::codes, count, true},
            {Contents::multipliers, channels, false}};
}

void conv_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
               uint32_t end) {
    ConvArgs args{};
    args.tile_begin = begin;
    args.tile_end = end;
    args.tokens = shape.tokens;
    args.d_conv = d_conv;
    args.weight = static_cast<const float *>(operands[0]);
    args.bias = static_cast<const float *>(operands[1]);
    args.state = static_cast<float *>(operands[2]);
    args.x = static_cast<float *>(operands[3]);
    args.x_stride = shape.rows;
    args.codes = static_cast<int8_t *>(operands[4]);
    args.codes_stride = shape.rows;
    args.multipliers = static_cast<const float *>(operands[5]);
    args.limit = limit;
    kernels.conv_silu(args);
}

// A2, D, state, dt, u, z, B, C, codes, multipliers
std::vector<Operand> scan_operands(const KernelShape &shape) {
    const size_t channels = shape.rows, count = channels * shape.tokens;
    const size_t bc_count = size_t{d_state} * shape.tokens;
    return {{Contents::decays, channels * d_state, false},
            {Contents::floats, channels, false},
            {Contents::floats, channels * d_state, true},
            {Contents::floats, count, false},
            {Contents::floats, count, false},
            {Contents::floats, count, false},
            {Contents::floats, bc_count, false},
            {Contents::floats, bc_count, false},
            {Contents::codes, count, true},
            {Contents::multipliers, channels, false}};
}

void scan_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
               uint32_t end) {
    ScanArgs args{};
    args.tile_begin = begin;
    args.tile_end = end;
    args.tokens = shape.tokens;
    args.d_state = d_state;
    args.A2 = static_cast<const float *>(operands[0]);
    args.D = static_cast<const float *>(operands[1]);
    args.state = static_cast<float *>(operands[2]);
    args.dt = static_cast<const float *>(operands[3]);
    args.dt_stride = shape.rows;
    args.u = static_cast<const float *>(operands[4]);
    args.z = static_cast<float *>(operands[5]);
    args.uz_stride = shape.rows;
    args.B = static_cast<const float *>(operands[6]);
    args.C = static_cast<const float *>(operands[7]);
    args.bc_stride = d_state;
    args.codes = static_cast<int8_t *>(operands[8]);
    args.codes_stride = shape.rows;
    args.multipliers = static_cast<const float *>(operands[9]);
    args.limit = limit;
    kernels.scan(args);
}

double conv_work(const KernelShape &shape) { return static_cast<double>(shape.rows) * shape.tokens; }
double scan_work(const KernelShape &shape) { return conv_work(shape) * d_state; }

}  // namespace

size_t element_size(Contents contents) {
    switch (contents) {
    case Contents::codes:
    case Contents::nibbles: return 1;
    case Contents::half_scales: return 2;
    case Contents::floats:
    case Contents::scales:
    case Contents::multipliers:
    case Contents::decays: return 4;
    }
    return 0;
}

void fill_operand(Contents contents, size_t count, uint32_t seed, void *operand) {
    uint32_t random = seed * 2654435761u + 1;  // a linear congruential generator, its upper bits
    const auto next = [&random] {
        random = random * 1664525u + 1013904223u;
        return random >> 8;
    };
    auto *const floats = static_cast<float *>(operand);
    for (size_t i = 0; i < count; ++i) {
        const float unit = static_cast<float>(next()) * 0x1p-24f;  // [0, 1)
        switch (contents) {
        case Contents::codes:
            static_cast<int8_t *>(operand)[i] = static_cast<int8_t>(static_cast<int>(255 * unit) - 127);
            break;
        case Contents::nibbles: static_cast<uint8_t *>(operand)[i] = static_cast<uint8_t>(256 * unit); break;
        case Contents::half_scales:  // 2^-5 to 2^-4
            static_cast<uint16_t *>(operand)[i] =
                static_cast<uint16_t>(0x3d00 + static_cast<int>(128 * unit));
            break;
        case Contents::floats: floats[i] = 3 * unit - 1.5f; break;
        case Contents::scales: floats[i] = 0.01f + 0.02f * unit; break;
        case Contents::multipliers: floats[i] = 20 + 40 * unit; break;
        case Contents::decays: floats[i] = -0.1f - 16 * unit; break;
        }
    }
}

const std::vector<KernelCase> &kernel_cases() {
    using T = KernelTable;
    using W = Weights;
    using C = Contents;
    static const std::vector<KernelCase> cases = {
        matmul_case<&T::matmul_q8, W::int8, C::codes>("matmul_q8"),
        matmul_case<&T::matmul_q8_f32, W::int8, C::floats>("matmul_q8_f32"),
        matmul_case<&T::matmul_f32, W::f32, C::floats>("matmul_f32"),
        matmul_case<&T::matmul_q4, W::int4, C::codes>("matmul_q4"),
        matmul_case<&T::matmul_q4_f32, W::int4, C::floats>("matmul_q4_f32"),
        vector_case<rmsnorm, takes_v | takes_weight | gives_floats>("rmsnorm"),
        vector_case<rmsnorm_quantize, takes_v | takes_weight | gives_codes>("rmsnorm_quantize"),
        vector_case<quantize, takes_v | gives_codes>("quantize"),
        vector_case<quantize_dynamic, takes_v | gives_codes | gives_number>("quantize_dynamic"),
        vector_case<hadamard_quantize, takes_v | takes_weight | gives_codes>("hadamard_quantize"),
        {"conv_silu", KernelCase::Parts::tiles, false, conv_operands, conv_call, conv_work},
        {"scan", KernelCase::Parts::tiles, false, scan_operands, scan_call, scan_work},
        vector_case<clamp, gives_floats>("clamp"),
        vector_case<argmax, takes_v | gives_number>("argmax"),
        vector_case<softmax_weights, gives_floats>("softmax_weights"),
    };
    return cases;
}

}  // namespace adder

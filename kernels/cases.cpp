// The list of kernels, with operands and calls. Not part of the library.
// SPDX-License-Identifier: MIT
#include "kernels/cases.h"

#include "kernels/layout.h"
#include "kernels/scalar/math.h"
// Those of kernels that are of one family alone.
#define ADDER_CASE_HEADERS
#include "kernels/kernels.inc"

namespace adder {
namespace {

constexpr float epsilon = 1e-5f, multiplier = 32.0f, limit = 127.0f;
constexpr float logit_limit = 1.0f;  // some operands are beyond it, most are not

// ---- Matrix products: weights, scale, group_scale, bias, x, x_scale, out ------------------------

enum class Weights : uint8_t { int8, int4, f32 };

bool has_half_scales(const KernelShape &shape) { return ADDER_HALF_SCALES && shape.has(form_half_scales); }

template <Weights weights, Contents x>
Operands matmul_operands(const KernelShape &shape) {
    const size_t rows = shape.rows, count = rows * shape.cols;
    return {{
                weights == Weights::int4
                    ? Operand{Contents::nibbles, count / 2, false}
                    : Operand{weights == Weights::int8 ? Contents::weights : Contents::floats, count, false},
                {Contents::scales, if_in(weights == Weights::int8, rows), false},
                {has_half_scales(shape) ? Contents::f16_scales : Contents::half_scales,
                 if_in(weights == Weights::int4, rows * group_count(shape.cols, shape.group)), false},
                {Contents::floats, rows, false},
                {x, shape.by_tokens(shape.cols), false},
                {Contents::scales, shape.tokens, false},
                {Contents::floats, shape.by_tokens(shape.rows), true},
            },
            7};
}

template <auto Member, Weights weights>
void matmul_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
                 uint32_t end) {
    Matrix matrix{};
    matrix.weights = operands[0];
    matrix.scale = weights == Weights::int8 ? static_cast<const float *>(operands[1]) : nullptr;
    matrix.scale_per_row = !shape.has(form_one_scale);
    matrix.group_scale = weights == Weights::int4 ? static_cast<const uint16_t *>(operands[2]) : nullptr;
#if ADDER_HALF_SCALES
    matrix.half_scales = has_half_scales(shape);
#endif
    matrix.group = weights == Weights::int4 ? shape.group : 0;
    matrix.bias = shape.has(form_no_bias) ? nullptr : static_cast<const float *>(operands[3]);
    matrix.tiles = shape.rows / tile_size;
    matrix.cols = shape.cols;
    MatmulArgs args{};
    args.tile_begin = begin;
    args.tile_end = end;
    args.tokens = shape.tokens;
    args.x = operands[4];
    args.x_stride = shape.stride(shape.cols);
    args.x_scale = static_cast<const float *>(operands[5]);
    args.x_scale_stride = shape.has(form_one_scale) ? 0 : 1;
    args.out = static_cast<float *>(operands[6]);
    args.out_stride = shape.stride(shape.rows);
    args.add = shape.has(form_add);
    (kernels.*Member)(matrix, args);
}

uint64_t matmul_work(const KernelShape &shape) { return uint64_t{shape.rows} * shape.cols * shape.tokens; }

template <auto Member, Weights weights, Contents x>
constexpr KernelCase matmul_case = {nullptr,
                                    KernelCase::Parts::tiles,
                                    true,
                                    8,
                                    false,
                                    matmul_operands<weights, x>,
                                    matmul_call<Member, weights>,
                                    matmul_work};

// ---- Vectors: v, weight or factors, out as floats or as codes, a number found -------------------

// What a kernel takes and gives; an operand that is neither has no elements.
enum Form : uint32_t {
    takes_v = 1,
    takes_weight = 2,
    takes_logits = 4,  // as v
    gives_floats = 8,  // without takes_v: in place
    gives_codes = 16,
    gives_number = 32,  // one per vector
    takes_bias = 64     // after the weight
};

template <uint32_t form>
Operands vector_operands(const KernelShape &shape) {
    const size_t count = size_t{shape.cols} * shape.tokens;
    return {
        {{(form & takes_logits) != 0 ? Contents::logits : Contents::floats,
          if_in((form & (takes_v | takes_logits)) != 0, count), false},
         {Contents::floats,
          if_in((form & takes_weight) != 0, size_t{shape.cols} * ((form & takes_bias) != 0 ? 2 : 1)), false},
         {(form & gives_codes) != 0 ? Contents::codes : Contents::floats,
          if_in((form & (gives_floats | gives_codes)) != 0, count), true},
         {Contents::scales, if_in((form & gives_number) != 0, shape.tokens), true}},
        4};
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
void layernorm(const KernelTable &k, const VectorCall &c) {
    k.layernorm(c.v, c.weight, c.weight + c.n, c.n, epsilon, c.out);
}
void activate(const KernelTable &k, const VectorCall &c) {
    k.activate(c.out, c.n, static_cast<Activation>(c.n / tile_size % 3));
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
        if ((form & (takes_v | takes_logits)) != 0) call.v = static_cast<const float *>(operands[0]) + first;
        if ((form & takes_weight) != 0) call.weight = static_cast<const float *>(operands[1]);
        if ((form & gives_floats) != 0) call.out = static_cast<float *>(operands[2]) + first;
        if ((form & gives_codes) != 0) call.codes = static_cast<int8_t *>(operands[2]) + first;
        if ((form & gives_number) != 0) call.number = static_cast<float *>(operands[3]) + t;
        Kernel(kernels, call);
    }
}

uint64_t vector_work(const KernelShape &shape) { return uint64_t{shape.cols} * shape.tokens; }

template <void (*Kernel)(const KernelTable &, const VectorCall &), uint32_t form, uint32_t cols_step>
constexpr KernelCase vector_case = {nullptr,
                                    KernelCase::Parts::tokens,
                                    false,
                                    cols_step,
                                    false,
                                    vector_operands<form>,
                                    vector_call<Kernel, form>,
                                    vector_work};

// ---- Channels -----------------------------------------------------------------------------------

// weight, bias, state, x, codes, multipliers
Operands conv_operands(const KernelShape &shape) {
    const size_t channels = shape.rows, count = shape.by_tokens(shape.rows);
    return {{{Contents::floats, channels * shape.d_conv, false},
             {Contents::floats, channels, false},
             {Contents::floats, channels * (shape.d_conv - 1), true},
             {Contents::floats, count, true},
             {Contents::codes, count, true},
             {Contents::multipliers, channels, false}},
            6};
}

ConvArgs conv_args(const KernelShape &shape, void *const *operands, uint32_t begin, uint32_t end) {
    ConvArgs args{};
    args.tile_begin = begin;
    args.tile_end = end;
    args.tokens = shape.tokens;
    args.d_conv = shape.d_conv;
    args.weight = static_cast<const float *>(operands[0]);
    args.bias = static_cast<const float *>(operands[1]);
    args.state = static_cast<float *>(operands[2]);
    args.x = static_cast<float *>(operands[3]);
    args.x_stride = shape.stride(shape.rows);
    args.codes = shape.has(form_no_codes) ? nullptr : static_cast<int8_t *>(operands[4]);
    args.codes_stride = shape.stride(shape.rows);
    args.multipliers = static_cast<const float *>(operands[5]);
    args.limit = limit;
    return args;
}

void conv_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
               uint32_t end) {
    kernels.conv_silu(conv_args(shape, operands, begin, end));
}

// A2, D, state, dt, u, z, B, C, codes, multipliers
Operands scan_operands(const KernelShape &shape) {
    const size_t channels = shape.rows, count = shape.by_tokens(shape.rows);
    const size_t bc_count = shape.by_tokens(shape.d_state);
    return {{{Contents::decays, channels * shape.d_state, false},
             {Contents::floats, channels, false},
             {Contents::floats, channels * shape.d_state, true},
             {Contents::floats, count, false},
             {Contents::floats, count, false},
             {Contents::floats, count, shape.has(form_no_codes)},
             {Contents::floats, bc_count, false},
             {Contents::floats, bc_count, false},
             {Contents::codes, count, true},
             {Contents::multipliers, channels, false}},
            10};
}

void scan_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
               uint32_t end) {
    ScanArgs args{};
    args.tile_begin = begin;
    args.tile_end = end;
    args.tokens = shape.tokens;
    args.d_state = shape.d_state;
    args.A2 = static_cast<const float *>(operands[0]);
    args.D = static_cast<const float *>(operands[1]);
    args.state = static_cast<float *>(operands[2]);
    args.dt = static_cast<const float *>(operands[3]);
    args.dt_stride = shape.stride(shape.rows);
    args.u = static_cast<const float *>(operands[4]);
    args.z = static_cast<float *>(operands[5]);
    args.uz_stride = shape.stride(shape.rows);
    args.B = static_cast<const float *>(operands[6]);
    args.C = static_cast<const float *>(operands[7]);
    args.bc_stride = shape.stride(shape.d_state);
    args.codes = shape.has(form_no_codes) ? nullptr : static_cast<int8_t *>(operands[8]);
    args.codes_stride = shape.stride(shape.rows);
    args.multipliers = static_cast<const float *>(operands[9]);
    args.limit = limit;
    kernels.scan(args);
}

uint64_t conv_work(const KernelShape &shape) { return uint64_t{shape.rows} * shape.tokens; }
uint64_t scan_work(const KernelShape &shape) { return conv_work(shape) * shape.d_state; }

// ---- The list: for each kernel of kernels.inc its case ------------------------------------------

using T = KernelTable;
using W = Weights;
using C = Contents;
constexpr KernelCase case_matmul_q8 = matmul_case<&T::matmul_q8, W::int8, C::codes>;
constexpr KernelCase case_matmul_q8_f32 = matmul_case<&T::matmul_q8_f32, W::int8, C::floats>;
constexpr KernelCase case_matmul_f32 = matmul_case<&T::matmul_f32, W::f32, C::floats>;
constexpr KernelCase case_matmul_q4 = matmul_case<&T::matmul_q4, W::int4, C::codes>;
constexpr KernelCase case_matmul_q4_f32 = matmul_case<&T::matmul_q4_f32, W::int4, C::floats>;
constexpr KernelCase case_rmsnorm = vector_case<rmsnorm, takes_v | takes_weight | gives_floats, 8>;
constexpr KernelCase case_rmsnorm_quantize =
    vector_case<rmsnorm_quantize, takes_v | takes_weight | gives_codes, 8>;
constexpr KernelCase case_layernorm =
    vector_case<layernorm, takes_v | takes_weight | takes_bias | gives_floats, 8>;
constexpr KernelCase case_activate = vector_case<activate, gives_floats, 8>;
constexpr KernelCase case_quantize = vector_case<quantize, takes_v | gives_codes, 8>;
constexpr KernelCase case_quantize_dynamic =
    vector_case<quantize_dynamic, takes_v | gives_codes | gives_number, 8>;
constexpr KernelCase case_hadamard_quantize =
    vector_case<hadamard_quantize, takes_v | takes_weight | gives_codes, 64>;
constexpr KernelCase case_conv_silu = {
    nullptr, KernelCase::Parts::tiles, false, 8, false, conv_operands, conv_call, conv_work};
constexpr KernelCase case_scan = {
    nullptr, KernelCase::Parts::tiles, false, 8, false, scan_operands, scan_call, scan_work};
constexpr KernelCase case_clamp = vector_case<clamp, gives_floats, 1>;
constexpr KernelCase case_argmax = vector_case<argmax, takes_logits | gives_number, 1>;
constexpr KernelCase case_softmax_weights = vector_case<softmax_weights, gives_floats, 1>;

constexpr KernelCase named(KernelCase kernel, const char *name) {
    kernel.name = name;
    return kernel;
}
constexpr KernelCase cases[] = {
#define ADDER_KERNEL(kernel, type, part, step) named(case_##kernel, #kernel),
#include "kernels/kernels.inc"
};

// ---- Fillings -----------------------------------------------------------------------------------

// A linear congruential generator, its upper bits.
struct Random {
    uint32_t state;
    uint32_t next() {
        state = state * 1664525u + 1013904223u;
        return state >> 8;
    }
};

int8_t code(Filling filling, int lowest, float unit, uint32_t random) {
    switch (filling) {
    case Filling::ordinary: return static_cast<int8_t>(static_cast<int>(255 * unit) - 127);
    case Filling::zeros: return 0;
    case Filling::largest: return 127;
    case Filling::lowest: return static_cast<int8_t>(lowest);
    case Filling::ends: break;
    }
    return static_cast<int8_t>((random & 1) != 0 ? 127 : lowest);
}

uint8_t nibbles(Filling filling, float unit, uint32_t random) {
    switch (filling) {
    case Filling::ordinary: return static_cast<uint8_t>(256 * unit);
    case Filling::zeros: return 0x88;
    case Filling::largest: return 0xff;
    case Filling::lowest: return 0;
    case Filling::ends: break;
    }
    return static_cast<uint8_t>(((random & 1) != 0 ? 0x0f : 0) | ((random & 2) != 0 ? 0xf0 : 0));
}

float number(Filling filling, float unit, uint32_t random) {
    static constexpr uint32_t odd[] = {0x00000000, 0x80000000, 0x00000001, 0x80300000, 0x00800000,
                                       0x80900000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000,
                                       0x7fc00000, 0x7149f2ca, 0x42b00000, 0xc2b00000};
    const float around = 3 * unit - 1.5f;
    switch (filling) {
    case Filling::ordinary: return around;
    case Filling::zeros: return (random & 1) != 0 ? 0.0f : -0.0f;
    case Filling::largest: return 100.0f;
    case Filling::lowest: return -100.0f;
    case Filling::ends: break;
    }
    random >>= 4;
    if (random % 10 == 1)
        return static_cast<float>(static_cast<int>(64 * around)) * 0x1p-6f;  // codes and halves
    return random % 10 == 0 ? float_from_bits(odd[random / 10 % (sizeof odd / sizeof odd[0])]) : around;
}

}  // namespace

size_t element_size(Contents contents) {
    switch (contents) {
    case Contents::codes:
    case Contents::weights:
    case Contents::nibbles: return 1;
    case Contents::half_scales:
    case Contents::f16_scales:
    case Contents::halves: return 2;
    case Contents::floats:
    case Contents::logits:
    case Contents::scales:
    case Contents::multipliers:
    case Contents::decays: return 4;
    }
    return 0;
}

void unite_nans(Contents contents, size_t count, void *operand) {
    for (size_t i = 0; i < count && element_size(contents) == sizeof(float); ++i) {
        auto &v = static_cast<float *>(operand)[i];
        if ((float_bits(v) & 0x7fffffffu) > 0x7f800000u) v = float_from_bits(0x7fc00000u);
    }
    for (size_t i = 0; i < count && contents == Contents::halves; ++i) {
        auto &v = static_cast<uint16_t *>(operand)[i];
        if ((v & 0x7fffu) > 0x7c00u) v = 0x7e00;
    }
}

void fill_operand(Contents contents, Filling filling, size_t count, uint32_t seed, void *operand) {
    Random random = {seed * 2654435761u + 1};
    auto *const floats = static_cast<float *>(operand);
    for (size_t i = 0; i < count; ++i) {
        const uint32_t any = random.next();
        const float unit = static_cast<float>(any) * 0x1p-24f;  // [0, 1)
        switch (contents) {
        case Contents::codes: static_cast<int8_t *>(operand)[i] = code(filling, -127, unit, any); break;
        case Contents::weights: static_cast<int8_t *>(operand)[i] = code(filling, -128, unit, any); break;
        case Contents::nibbles: static_cast<uint8_t *>(operand)[i] = nibbles(filling, unit, any); break;
        case Contents::half_scales:  // 2^-5 to 2^-4
            static_cast<uint16_t *>(operand)[i] = static_cast<uint16_t>(0x3d00 + static_cast<int>(128 * unit));
            break;
        case Contents::f16_scales: {  // any finite ones, an eighth of them subnormal
            const uint32_t half = any >> 8 & ((any & 7) == 0 ? 0x83ffu : 0xffffu);
            static_cast<uint16_t *>(operand)[i] =
                static_cast<uint16_t>((half & 0x7c00u) == 0x7c00u ? half ^ 0x4000u : half);
            break;
        }
        case Contents::halves:  // of the ends any bits
            static_cast<uint16_t *>(operand)[i] = filling == Filling::ends
                                                      ? static_cast<uint16_t>(any >> 8)
                                                      : f32_f16(number(filling, unit, any));
            break;
        case Contents::floats: floats[i] = number(filling, unit, any); break;
        case Contents::logits:
            floats[i] = number(filling, unit, any);
            if (!(__builtin_fabsf(floats[i]) >= 0x1p-126f)) floats[i] = 0.0f;
            break;
        case Contents::scales: floats[i] = 0.01f + 0.02f * unit; break;
        case Contents::multipliers: floats[i] = 20 + 40 * unit; break;
        case Contents::decays: floats[i] = -0.1f - 16 * unit; break;
        }
    }
}

KernelCases kernel_cases() { return {cases, sizeof cases / sizeof cases[0]}; }

}  // namespace adder

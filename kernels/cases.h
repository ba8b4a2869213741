// Every kernel of the table, and how to call it: one list for the tests, which compare, on hosts and on boards, and for the
// bench, which times. Not part of the library.
// SPDX-License-Identifier: MIT
//
// A case declares its operands and leaves it to the caller where they lie: the tests put them between guard pages, the
// bench into caches and memory, a board into the little that it has.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

namespace adder {

// How much a call does, and which form of it. Vector kernels run once a token over `cols` elements; conv_silu and the scans
// have `rows` channels, those of the last head, if there are heads, perhaps fewer than of the others.
struct KernelShape {
    uint32_t rows;  // multiple of 8
    uint32_t cols;  // multiple of KernelCase::cols_step
    uint32_t tokens;
    // The rest as published models and the recipe small have it.
    uint32_t d_conv = 4, d_state = 16, group = 32;
    uint32_t ssd_state = 128, head_dim = 64,
             heads_per_group = 1024;  // of scans with heads; head_dim is a multiple of 8
    uint32_t forms = 0;               // KernelForm

    bool has(uint32_t form) const { return (forms & form) != 0; }
    // Elements from one token to the next of a row of `width`, and of a row for each token.
    uint32_t stride(uint32_t width) const;
    size_t by_tokens(uint32_t width) const { return size_t{stride(width)} * (tokens - 1) + width; }
};

// Other forms of a call, bits of KernelShape::forms; a kernel that does not know one ignores it.
enum KernelForm : uint32_t {
    form_add = 1,             // matrix products: onto what is there
    form_no_bias = 2,         // matrix products
    form_one_scale = 4,       // matrix products: one for all rows, one for all tokens
    form_no_codes = 8,        // channels: floats only
    form_wide_rows = 16,      // the stride of what is laid out by tokens is 8 elements longer than need be
    form_half_state = 32,     // scans: float16, where that may be
    form_no_gate = 64,        // scans with heads
    form_delta_limits = 128,  // scans with heads: narrow ones
    form_kept_codes = 256,    // attention: to int8
    form_delta_rule = 512,    // scans with heads
    form_half_scales = 1024,  // matrix products of int4: scales of binary16
    all_forms = 2047
};

inline uint32_t KernelShape::stride(uint32_t width) const { return width + (has(form_wide_rows) ? 8 : 0); }

enum class Contents : uint8_t {
    codes,        // int8 activations: -127..127
    weights,      // int8 weights: -127..127, and -128 at the ends
    nibbles,      // two int4 weights a byte
    floats,       // around 0, of magnitude 1
    logits,       // the same without NaNs, subnormals and -0
    scales,       // small positive floats
    multipliers,  // positive floats that spread codes over their range
    half_scales,  // small positive bfloat16, in uint16
    f16_scales,   // binary16 of either sign, subnormals among them, in uint16
    halves,       // as floats, in uint16
    decays        // A2: negative floats
};
size_t element_size(Contents contents);

// What fills an operand. The numbers that are never extreme (scales, multipliers, decays) have one filling only.
enum class Filling : uint8_t {
    ordinary,
    zeros,
    largest,
    lowest,
    ends  // codes: the largest and the lowest; floats: a tenth are zeros, subnormals, infinities, NaNs and the like, and
          // another tenth lies on codes and between them
};
constexpr Filling all_fillings[] = {Filling::ordinary, Filling::zeros, Filling::largest, Filling::lowest,
                                    Filling::ends};

// Makes one of all NaNs among floats and halves, for comparisons: none promises which one comes out.
void unite_nans(Contents contents, size_t count, void *operand);

// The same elements for the same seed.
void fill_operand(Contents contents, Filling filling, size_t count, uint32_t seed, void *operand);

struct Operand {
    Contents contents;
    size_t count;
    bool written;  // an output, or read and updated
};

struct Operands {
    static constexpr uint32_t most = 12;
    Operand list[most];
    uint32_t count;

    const Operand *begin() const { return list; }
    const Operand *end() const { return list + count; }
    uint32_t size() const { return count; }
    const Operand &operator[](size_t i) const { return list[i]; }
};

inline size_t if_in(bool there, size_t count) { return there ? count : 0; }

struct KernelCase {
    const char *name;                                    // of the member of KernelTable
    enum class Parts : uint8_t { tiles, tokens } parts;  // what a call takes a range of, as threads do
    bool matrix;                                         // its work is multiply-accumulates, else elements
    uint32_t cols_step;
    bool halves;  // has form_half_state, which takes its own time
    Operands (*operands)(const KernelShape &shape);
    // Runs parts [begin, end): tiles of rows, or tokens. operands[i] points at what operand i declares.
    void (*call)(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
                 uint32_t end);
    uint64_t (*work)(const KernelShape &shape);  // multiply-accumulates, or elements

    uint32_t part_count(const KernelShape &shape) const {
        return parts == Parts::tiles ? shape.rows / tile_size : shape.tokens;
    }
};

// All of kernels.inc, in its order.
struct KernelCases {
    const KernelCase *list;
    uint32_t count;

    const KernelCase *begin() const { return list; }
    const KernelCase *end() const { return list + count; }
    uint32_t size() const { return count; }
    const KernelCase &operator[](size_t i) const { return list[i]; }
};
KernelCases kernel_cases();

}  // namespace adder

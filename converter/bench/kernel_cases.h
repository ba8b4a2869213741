// Every kernel of the table, and how to call it: one list for the tests, which compare, and for the bench, which times.
// SPDX-License-Identifier: MIT
//
// A case declares its operands and leaves it to the caller where they lie: the tests put them between guard pages, the
// bench into caches and memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"

namespace adder {

// How much a call does. Vector kernels run once a token over `cols` elements; conv_silu and scan have `rows` channels.
struct KernelShape {
    uint32_t rows;  // multiple of 8
    uint32_t cols;  // multiple of 64
    uint32_t tokens;
};

enum class Contents : uint8_t {
    codes,        // int8, activations and int8 weights: -127..127
    nibbles,      // two int4 weights a byte
    floats,       // around 0, of magnitude 1
    scales,       // small positive floats
    multipliers,  // positive floats that spread codes over their range
    half_scales,  // small positive bfloat16, in uint16
    decays        // A2: negative floats
};
size_t element_size(Contents contents);

// The same elements for the same seed.
void fill_operand(Contents contents, size_t count, uint32_t seed, void *operand);

struct Operand {
    Contents contents;
    size_t count;
    bool written;  // an output, or read and updated
};

struct KernelCase {
    const char *name;                                    // of the member of KernelTable
    enum class Parts : uint8_t { tiles, tokens } parts;  // what a call takes a range of, as threads do
    bool matrix;                                         // its work is multiply-accumulates, else elements
    std::vector<Operand> (*operands)(const KernelShape &shape);
    // Runs parts [begin, end): tiles of rows, or tokens. operands[i] points at what operand i declares.
    void (*call)(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
                 uint32_t end);
    double (*work)(const KernelShape &shape);  // multiply-accumulates, or elements

    uint32_t part_count(const KernelShape &shape) const {
        return parts == Parts::tiles ? shape.rows / tile_size : shape.tokens;
    }
};

// In the order of the table.
const std::vector<KernelCase> &kernel_cases();

}  // namespace adder

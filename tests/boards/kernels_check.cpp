// A program for a board: every kernel of the board's table against the scalar one, bit for bit. Exits with 0 if all agree.
// SPDX-License-Identifier: MIT
//
// The calls are those of kernels/cases.h, of many shapes and fillings. tests/kernels does the same on hosts, and more of it,
// between guard pages; here the operands of both tables lie in areas that are compared whole, gaps included: what is written
// out of bounds shows.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "kernels/cases.h"
#include "kernels/float_mode.h"
#include "kernels/tables.h"

extern "C" {
void put_text(const char *text);
void put_number(uint32_t number);
int main();
}

namespace adder {
namespace {

uint32_t random_state = 20240229;
uint32_t below(uint32_t n) {
    random_state = random_state * 1664525u + 1013904223u;
    return static_cast<uint32_t>(uint64_t{random_state} * n >> 32);
}

// The operands of a call, one behind the other, for each of the tables.
constexpr size_t area_bytes = 96 * 1024, gap = 64;
alignas(16) uint8_t areas[2][area_bytes];

// Operands may lie anywhere that their elements may: `skew` elements past an even place. False: no room.
struct Layout {
    size_t at[Operands::most], end = gap;

    bool make(const Operands &operands, uint32_t skew) {
        for (size_t i = 0; i < operands.size(); ++i) {
            const size_t element = element_size(operands[i].contents);
            at[i] = (end + 15) / 16 * 16 + skew * element;
            end = at[i] + operands[i].count * element + gap;
        }
        return end <= area_bytes;
    }
};

uint32_t calls = 0, wrong = 0;

// One call of both tables, over a part of the rows or tokens.
void check(const KernelCase &kernel, const KernelShape &shape, Filling filling) {
    const Operands operands = kernel.operands(shape);
    Layout layout;
    if (!layout.make(operands, below(4) == 0 ? 1 + below(3) : 0)) return;
    const uint32_t parts = kernel.part_count(shape), begin = below(parts),
                   end = begin + 1 + below(parts - begin);
    const KernelTable *const tables[2] = {&table_scalar, kernels_best()};
    for (int table = 0; table < 2; ++table) {
        memset(areas[table], 0x5a, layout.end);
        void *pointers[Operands::most] = {};
        for (uint32_t i = 0; i < operands.size(); ++i) {
            pointers[i] = areas[table] + layout.at[i];
            fill_operand(operands[i].contents, filling, operands[i].count, calls + i, pointers[i]);
        }
        const FloatModeScope mode;
        kernel.call(*tables[table], shape, pointers, begin, end);
        for (uint32_t i = 0; i < operands.size(); ++i)
            unite_nans(operands[i].contents, operands[i].count, pointers[i]);
    }
    ++calls;
    if (memcmp(areas[0], areas[1], layout.end) == 0 || ++wrong > 20) return;
    put_text(kernel.name);
    put_text(" differs in call ");
    put_number(calls);
    put_text("\n");
}

// Every length of rows and every count of small things, in forms that chance chooses.
void check_all(const KernelCase &kernel) {
    const auto any = [&](uint32_t rows, uint32_t cols, uint32_t tokens, Filling filling) {
        KernelShape shape{rows, (cols + kernel.cols_step - 1) / kernel.cols_step * kernel.cols_step, tokens};
        shape.d_conv = 2 + below(4);
        shape.d_state = 1 + below(18);
        shape.group = 8 * (1 + below(1 + cols / 8));
        shape.ssd_state = 1 + below(below(2) != 0 ? 18 : 140);
        shape.head_dim = 8 * (1 + below(4));
        shape.heads_per_group = 1 + below(3);
        shape.forms = below(all_forms + 1);
        check(kernel, shape, filling);
    };
    for (Filling filling : all_fillings) {
        for (uint32_t tokens = 1; tokens <= 5; ++tokens)
            for (uint32_t i = 0; i < 5; ++i) any(8 * (1 + below(4)), 72, tokens, filling);
        for (uint32_t cols = kernel.cols_step; cols <= 264; cols += kernel.cols_step == 1 ? 3 : 8)
            any(8 + 8 * below(3), cols, 1 + below(3), filling);
        for (uint32_t tiles = 1; tiles <= 9; ++tiles) any(8 * tiles, 64, 1 + below(7), filling);
    }
    any(8, 1536, 1, Filling::lowest);
}

}  // namespace
}  // namespace adder

int main() {
    using namespace adder;
    for (const KernelCase &kernel : kernel_cases()) check_all(kernel);
    put_text(kernels_best()->name);
    put_text(": ");
    put_number(wrong);
    put_text(" of ");
    put_number(calls);
    put_text(" calls differ from the scalar kernels\n");
    return wrong != 0;
}

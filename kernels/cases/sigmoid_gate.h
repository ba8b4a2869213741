// The case of a sigmoid as a gate; a part of cases.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

// out, v, gate
Operands sigmoid_gate_operands(const KernelShape &shape) {
    const size_t count = size_t{shape.cols} * shape.tokens;
    return {
        {{Contents::floats, count, true}, {Contents::floats, count, false}, {Contents::floats, count, false}},
        3};
}

void sigmoid_gate_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands,
                       uint32_t begin, uint32_t end) {
    for (uint32_t t = begin; t < end; ++t) {
        const size_t first = size_t{t} * shape.cols;
        kernels.sigmoid_gate(static_cast<float *>(operands[0]) + first,
                             static_cast<const float *>(operands[1]) + first,
                             static_cast<const float *>(operands[2]) + first, shape.cols);
    }
}

uint64_t sigmoid_gate_work(const KernelShape &shape) { return uint64_t{shape.cols} * shape.tokens; }

constexpr KernelCase case_sigmoid_gate = {
    nullptr,           KernelCase::Parts::tokens, false, 8, false, sigmoid_gate_operands,
    sigmoid_gate_call, sigmoid_gate_work};

}  // namespace
}  // namespace adder

// The case of the convolution without an activation; a part of cases.cpp, which has the other's operands.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

Operands conv_operands(const KernelShape &shape);
ConvArgs conv_args(const KernelShape &shape, void *const *operands, uint32_t begin, uint32_t end);
uint64_t conv_work(const KernelShape &shape);

void conv_linear_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands,
                      uint32_t begin, uint32_t end) {
    kernels.conv_linear(conv_args(shape, operands, begin, end));
}

constexpr KernelCase case_conv_linear = {nullptr,       KernelCase::Parts::tiles, false,    8, false,
                                         conv_operands, conv_linear_call,         conv_work};

}  // namespace
}  // namespace adder

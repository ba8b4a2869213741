// The case of the cap on logits; a part of cases.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/cases.h"

namespace adder {
namespace {

// v
Operands softcap_operands(const KernelShape &shape) {
    return {{{Contents::floats, size_t{shape.cols} * shape.tokens, true}}, 1};
}

void softcap_call(const KernelTable &kernels, const KernelShape &shape, void *const *operands, uint32_t begin,
                  uint32_t end) {
    for (uint32_t t = begin; t < end; ++t)
        kernels.softcap(static_cast<float *>(operands[0]) + size_t{t} * shape.cols, shape.cols, 1.5f);
}

uint64_t softcap_work(const KernelShape &shape) { return uint64_t{shape.cols} * shape.tokens; }

constexpr KernelCase case_softcap = {nullptr, KernelCase::Parts::tokens, false,        8,
                                     false,   softcap_operands,          softcap_call, softcap_work};

}  // namespace
}  // namespace adder

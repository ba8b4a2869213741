// A block of any kind, for sources of weights that do not go by its table's `forward`.
// SPDX-License-Identifier: MIT
#pragma once

#define ADDER_BLOCK_HEADERS
#include "runtime/blocks/kinds.inc"

namespace adder {

template <class Source>
adder_status block_forward(Source &source, const Frame &frame) {
#define ADDER_BLOCK(name)                                                                                    \
    if (frame.block.kind == &name##_kind) return name##_forward(source, frame);
#include "runtime/blocks/kinds.inc"
    return ADDER_ERROR_UNSUPPORTED;  // never: there is no other kind
}

}  // namespace adder

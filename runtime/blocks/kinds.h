// The tables of the kinds of blocks that are built.
// SPDX-License-Identifier: MIT
#pragma once

#include "adder/config.h"
#include "runtime/blocks/block.h"

namespace adder {

#define ADDER_BLOCK(name) extern const BlockKind name##_kind;
#include "runtime/blocks/kinds.inc"

}  // namespace adder

// Mamba-2 (Dao and Gu, arXiv 2405.21060), in the layouts of transformers, of state-spaces and of Codestral.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/families/family.h"

namespace adder {

extern const Family mamba2_family;

}  // namespace adder

// Mamba (Gu and Dao, arXiv 2312.00752) and Falcon-Mamba.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/families/family.h"

namespace adder {

extern const Family mamba_family;
extern const Family falcon_mamba_family;

}  // namespace adder

// Numbers between two bounds, as expressions of their digits.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "converter/constrain/expression.h"

namespace adder {

constexpr uint32_t max_decimals = 6;                 // behind the point
constexpr int64_t max_scaled = 1000000000000000000;  // 10^18

// The numbers v / 10^decimals for low <= v <= high, with so many digits behind the point, and none where that is 0: no zeros in front, no
// minus before zero. |low|, |high| <= max_scaled. Nothing if low > high.
Expr make_number(int64_t low, int64_t high, uint32_t decimals);

// A bound as the numbers that make_number takes: the least v with v / 10^decimals >= value, or > value; and the greatest with
// <= or <. Exact, of the shortest decimal number that reads back as `value`; where it is beyond max_scaled, max_scaled.
int64_t scaled_low(double value, uint32_t decimals, bool exclusive);
int64_t scaled_high(double value, uint32_t decimals, bool exclusive);

}  // namespace adder

// What the library does with logits.
// SPDX-License-Identifier: MIT
#pragma once

namespace adder {

constexpr float highest_logit = 1e30f;  // they are clamped to +- this; NaN becomes the lowest

}  // namespace adder

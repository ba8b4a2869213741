// The text that models are calibrated on unless another is given, built into the program.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace adder {

// converter/calibrate/default_text.txt as it was when the program was built; UTF-8, not zero-terminated.
std::string_view default_calibration_text();

}  // namespace adder

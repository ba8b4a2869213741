// What `adder convert --dry-run` prints: the plan of each tensor, sizes, and what the conversion would take.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "converter/convert/convert.h"

namespace adder {

std::string dry_run_text(const DryRun &run);
std::string dry_run_json(const DryRun &run);

}  // namespace adder

// Filling in an adder_error on the way out.
// SPDX-License-Identifier: MIT
#pragma once

#include "adder/adder.h"

namespace adder {

// Returns `status`, after describing it in *error if the caller wants that.
adder_status report(adder_error *error, adder_status status, const char *item, uint64_t found,
                    uint64_t needed, int32_t index = -1);
// ... where there are no numbers.
adder_status report(adder_error *error, adder_status status, const char *item);

}  // namespace adder

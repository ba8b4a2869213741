// Filling in an adder_error on the way out.
// SPDX-License-Identifier: MIT
#pragma once

#include "adder/adder.h"

namespace adder {

// Returns `status`, after describing it in *error if the caller wants that.
static inline adder_status report(adder_error *error, adder_status status, const char *item, uint64_t found,
                                  uint64_t needed, int32_t index = -1) {
    if (error) *error = adder_error{status, ADDER_ERROR_STRINGS ? item : nullptr, index, found, needed};
    return status;
}

}  // namespace adder

// The options --cache and --cache-size of the commands that read a prompt, and what reads it through that folder.
// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "adder/cache.h"
#include "converter/base/options.h"
#include "converter/base/progress.h"
#include "converter/blob/file.h"

namespace adder {

extern const Option cache_option, cache_size_option;

class StateCache {
  public:
    // Where --cache is not given, no folder. Throws Error(failure) if it cannot be opened. `piece`: tokens between two looks at
    // interrupts. The blob has to stay.
    StateCache(const Arguments &arguments, const BlobFile &blob, uint32_t piece);
    StateCache(const StateCache &) = delete;
    StateCache &operator=(const StateCache &) = delete;

    bool is_open() const { return cache_ != nullptr; }
    // Brings an empty session behind `count` tokens, and returns how many were not read because their state was stored. That states
    // cannot be stored is said once, on the standard error. Throws Error: what the library says, or an interrupt.
    size_t feed(adder_session *session, const int32_t *tokens, size_t count);

  private:
    static int look(void *context, size_t taken);

    const BlobFile &blob_;
    uint32_t piece_;
    std::unique_ptr<adder_cache, void (*)(adder_cache *)> cache_;
    Progress *progress_ = nullptr;
    size_t taken_ = 0;
};

}  // namespace adder

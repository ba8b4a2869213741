// The folder of states of --cache: how a conversation begins, its system text and its first turn, is read once.
// SPDX-License-Identifier: MIT
#pragma once

#include "model_file.h"

#include <adder/cache.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace chat {

class PromptCache {
  public:
    // Failure(failure) if the folder cannot be made or opened. The model has to stay.
    PromptCache(const std::string &folder, const Model &model);

    // Brings an empty session behind the first `count` of these tokens, of which the first `begin` are how all conversations
    // begin: their state is stored, too. *resumed is how many were not read. False if Ctrl-C ended it.
    bool feed(adder_session *session, const std::vector<int32_t> &tokens, size_t count, size_t begin,
              size_t *resumed);

  private:
    std::unique_ptr<adder_cache, void (*)(adder_cache *)> cache_;
};

}  // namespace chat

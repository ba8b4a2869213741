// What adder-chat has to answer, from the library alone: greedy, token by token, in a session of its own.
// SPDX-License-Identifier: MIT
#pragma once

#include <adder/adder.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace adder_test {

class ReferenceChat {
  public:
    // Reads the blob; throws if it cannot. Answers are cut off after `limit` tokens.
    ReferenceChat(const std::string &blob, uint32_t limit);

    std::vector<int32_t> turn(const std::string &text) const;  // the tokens of a user's turn
    std::string answer(const std::string &text);

  private:
    struct Memory;
    std::shared_ptr<Memory> memory_;
    adder_session *session_ = nullptr;
    adder_sampler sampler_{};
    uint32_t limit_;
};

}  // namespace adder_test

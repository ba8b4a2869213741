// Random numbers that are the same on every machine.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace adder {

// Knuth's linear congruential generator of 64 bits (MMIX), of which the upper bits are good.
class RandomNumbers {
  public:
    explicit RandomNumbers(uint64_t seed) : state_(seed) {}
    uint64_t next() { return state_ = state_ * 6364136223846793005u + 1442695040888963407u; }
    size_t below(size_t end) { return static_cast<size_t>((next() >> 33) % end); }  // end: at most 2^31

  private:
    uint64_t state_;
};

}  // namespace adder

// Whether a test tries every combination, or a sample of them.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdlib>

namespace adder::test {

// An emulator and a sanitizer make each run 5 to 20 times slower. Such builds (tests/CMakeLists.txt defines
// ADDER_TEST_SAMPLE) try a part of the combinations that the host's build tries all of; ADDER_TEST_SAMPLE in the
// environment asks the host's build for the same.
inline bool all_combinations() {
#ifdef ADDER_TEST_SAMPLE
    return false;
#else
    return std::getenv("ADDER_TEST_SAMPLE") == nullptr;
#endif
}

// Takes all combinations, or every n-th, the first among them, or that of another number: then tests of many parameters take
// different ones. In nested loops n should share no factor with the lengths of the inner ones: then every value of each loop
// is taken.
class Sample {
  public:
    explicit Sample(size_t n, size_t first = 0) : n_(all_combinations() ? 1 : n), count_(n_ - first % n_) {}
    bool takes() { return count_++ % n_ == 0; }

  private:
    size_t n_, count_;
};

}  // namespace adder::test

// A model's weights before its training, the same on every machine: each family says of which kind they are.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "converter/families/family.h"

namespace adder {

// One tensor of a family. The value at an index depends on seed, name and shape alone; nothing of libm
// is used, whose last bits differ from machine to machine.
class RandomWeights {
  public:
    RandomWeights(uint64_t seed, const TensorSpec &tensor, const Initial &initial);
    void fill(uint64_t first, size_t count, float *values) const;  // elements [first, first + count)

  private:
    Initial::Kind kind_;
    uint64_t seed_;
    double bound_ = 0;
    uint64_t row_ = 1;  // elements of the last index
};

// log(x) for x > 0 normal, and log(exp(x) - 1) for x in [0.001, 0.1]: to a few units of the last place, by + - * /.
double portable_log(double x);
double portable_inverse_softplus(double x);

}  // namespace adder

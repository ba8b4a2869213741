// The weights of a Mamba model before its training, the same on every machine.
// SPDX-License-Identifier: MIT
//
// As the authors' implementation initialises them (state-spaces/mamba, mamba_simple.py and mixer_seq_simple.py):
// embedding N(0, 0.02), linear layers and convolution uniform in +-1/sqrt(fan-in), out_proj divided by sqrt(n_layer),
// A_log = log(1..d_state), D = 1, norms 1, and dt_proj.bias the inverse softplus of steps that are log-uniform in
// 0.001 .. 0.1. Activations then stay finite, and logits have a standard deviation of about 0.02 sqrt(d_model).
#pragma once

#include <cstdint>
#include <string>

#include "converter/import/config.h"

namespace adder {

// One tensor of model_tensors(). The value at an index depends on seed, tensor and configuration alone; nothing of libm
// is used, whose last bits differ from machine to machine.
class RandomWeights {
  public:
    RandomWeights(uint64_t seed, const TensorSpec &tensor, const ModelConfig &config);
    void fill(uint64_t first, size_t count, float *values) const;  // elements [first, first + count)

  private:
    enum class Kind { one, uniform, bell, steps, decay };
    Kind kind_;
    uint64_t seed_;
    float bound_ = 0;   // uniform in [-bound, bound); bell: the standard deviation
    uint64_t row_ = 1;  // elements of the last index
};

// log(x) for x > 0 normal, and log(exp(x) - 1) for x in [0.001, 0.1]: to a few units of the last place, by + - * /.
double portable_log(double x);
double portable_inverse_softplus(double x);

}  // namespace adder

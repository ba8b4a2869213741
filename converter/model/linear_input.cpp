// Where the inputs lie, and the folds of one.
// SPDX-License-Identifier: MIT
#include "converter/model/linear_input.h"

#include "kernels/scalar/hadamard.h"

namespace adder {

LinearInputs linear_inputs(Role role, const ModelConfig &config, const Shape &shape, const ChunkBuffers &b,
                           uint32_t tokens) {
    const uint32_t d_inner = shape.d_inner_padded;
    switch (role) {
    case Role::x_proj: return {b.xz, config.d_inner, 2 * d_inner, tokens};
    case Role::dt_proj: return {b.x_proj, config.dt_rank, shape.x_proj_padded, tokens};
    case Role::out_proj: return {b.xz + d_inner, config.d_inner, 2 * d_inner, tokens};
    default: return {b.in_floats, config.d_model, shape.d_model_padded, tokens};
    }
}

void fold_input(Input input, const std::vector<float> &factors, float *v, uint32_t width) {
    if (!factors.empty())
        for (uint32_t i = 0; i < width; ++i) v[i] /= factors[i];
    if (input != Input::hadamard) return;
    for (uint32_t block = 0; block + hadamard_size <= width; block += hadamard_size) {
        hadamard64(v + block);
        for (uint32_t i = 0; i < hadamard_size; ++i) v[block + i] *= 0.125f;
    }
}

}  // namespace adder

// Reading and packing of weights.
// SPDX-License-Identifier: MIT
#include "converter/model/weights.h"

#include <algorithm>
#include <cmath>

#include "converter/base/error.h"
#include "converter/quantize/folds.h"

namespace adder {

Shape shape_of(const Checkpoint &checkpoint) {
    const ModelConfig &c = checkpoint.config();
    return make_shape(c.d_model, c.n_layer, c.vocab_size, c.d_inner, c.d_state, c.d_conv, c.dt_rank);
}

uint32_t flags_of(const ModelConfig &config) {
    return (config.tie_word_embeddings ? blob_tied_head : 0u) | (config.use_bias ? blob_projection_bias : 0u);
}

std::string tensor_name(const Checkpoint &checkpoint, Role role, uint32_t layer) {
    const std::string prefix = "backbone.layers." + std::to_string(layer) + ".";
    switch (role) {
    case Role::embedding: return "backbone.embeddings.weight";
    case Role::head: return checkpoint.head().name;
    case Role::final_norm: return "backbone.norm_f.weight";
    case Role::norm: return prefix + "norm.weight";
    case Role::in_proj: return prefix + "mixer.in_proj.weight";
    case Role::in_proj_bias: return prefix + "mixer.in_proj.bias";
    case Role::conv_weight: return prefix + "mixer.conv1d.weight";
    case Role::conv_bias: return prefix + "mixer.conv1d.bias";
    case Role::x_proj: return prefix + "mixer.x_proj.weight";
    case Role::dt_proj: return prefix + "mixer.dt_proj.weight";
    case Role::dt_bias: return prefix + "mixer.dt_proj.bias";
    case Role::A2: return prefix + "mixer.A_log";
    case Role::D: return prefix + "mixer.D";
    case Role::out_proj: return prefix + "mixer.out_proj.weight";
    case Role::out_proj_bias: return prefix + "mixer.out_proj.bias";
    }
    return {};
}

namespace {

// Rows and columns without padding.
void dense_extent(const ModelConfig &c, Role role, uint32_t *rows, uint32_t *cols) {
    BlobHeader header{};
    header.vocab_size = c.vocab_size;
    header.d_model = c.d_model;
    header.d_inner = c.d_inner;
    header.d_state = c.d_state;
    header.d_conv = c.d_conv;
    header.dt_rank = c.dt_rank;
    logical_extent(header, role, rows, cols);
}

}  // namespace

namespace {

DenseTensor read_norm(const Checkpoint &checkpoint, Role role, uint32_t layer) {
    DenseTensor norm{checkpoint.config().d_model, 1, std::vector<float>(checkpoint.config().d_model)};
    checkpoint.read(checkpoint.tensor(tensor_name(checkpoint, role, layer)), norm.values.data());
    return norm;
}

// As converter/quantize/rotation.h has it.
void fold_rotation(const Checkpoint &checkpoint, Role role, uint32_t layer, DenseTensor *tensor) {
    const Rotation &rotation = *checkpoint.rotation();
    switch (role) {
    case Role::norm:
    case Role::final_norm: std::fill(tensor->values.begin(), tensor->values.end(), 1.0f); return;
    case Role::in_proj:
        fold_factors(tensor, read_norm(checkpoint, Role::norm, layer).values);
        return rotation.rotate_rows(tensor->values.data(), tensor->rows);
    case Role::head:
        fold_factors(tensor, read_norm(checkpoint, Role::final_norm, no_layer).values);
        return rotation.rotate_rows(tensor->values.data(), tensor->rows);
    case Role::embedding: return rotation.rotate_rows(tensor->values.data(), tensor->rows);
    case Role::out_proj: return rotation.rotate_columns(tensor->values.data(), tensor->cols);
    case Role::out_proj_bias: return rotation.rotate_rows(tensor->values.data(), 1);
    default: return;
    }
}

}  // namespace

DenseTensor read_dense(const Checkpoint &checkpoint, Role role, uint32_t layer) {
    const ModelConfig &config = checkpoint.config();
    DenseTensor dense{};
    dense_extent(config, role, &dense.rows, &dense.cols);
    dense.values.assign(size_t{dense.rows} * dense.cols, 0.0f);
    if (role == Role::conv_bias && !config.use_conv_bias) return dense;
    const TensorView &tensor =
        role == Role::head ? checkpoint.head() : checkpoint.tensor(tensor_name(checkpoint, role, layer));
    checkpoint.read(tensor, dense.values.data());
    checkpoint.release(tensor);
    if (checkpoint.rotation()) fold_rotation(checkpoint, role, layer, &dense);
    if (role == Role::A2) {
        constexpr double log2_e = 1.4426950408889634;
        for (size_t i = 0; i < dense.values.size(); ++i) {
            const float value = static_cast<float>(-std::exp(static_cast<double>(dense.values[i])) * log2_e);
            if (!std::isfinite(value))
                bad_input("%s: %s: element %zu is %g, and its exponential is not finite",
                          tensor.file->c_str(), tensor.name.c_str(), i, static_cast<double>(dense.values[i]));
            dense.values[i] = value;
        }
    }
    return dense;
}

}  // namespace adder

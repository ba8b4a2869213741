// Reading, quantizing and packing of weights.
// SPDX-License-Identifier: MIT
#include "converter/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "converter/error.h"
#include "kernels/layout.h"

namespace adder {

Shape shape_of(const Checkpoint &checkpoint) {
    const ModelConfig &c = checkpoint.config();
    if (c.d_inner > max_d_inner)
        bad_input("%s/config.json: the inner dimension is %u; a blob holds at most %u", checkpoint.directory().c_str(),
                  c.d_inner, max_d_inner);
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
    if (role == Role::A2) {
        constexpr double log2_e = 1.4426950408889634;
        for (size_t i = 0; i < dense.values.size(); ++i) {
            const float value = static_cast<float>(-std::exp(static_cast<double>(dense.values[i])) * log2_e);
            if (!std::isfinite(value))
                bad_input("%s: %s: element %zu is %g, and its exponential is not finite", tensor.file->c_str(),
                          tensor.name.c_str(), i, static_cast<double>(dense.values[i]));
            dense.values[i] = value;
        }
    }
    return dense;
}

namespace {

// Where padding goes in between: the rows before it keep their number, the others begin at the next tile.
uint32_t first_part(const ModelConfig &config, Role role) {
    if (role == Role::in_proj || role == Role::in_proj_bias) return config.d_inner;
    if (role == Role::x_proj) return config.dt_rank;
    return UINT32_MAX;
}

uint32_t padded_row(uint32_t row, uint32_t first) { return row < first ? row : row - first + round_up_to_tile(first); }

float absmax(const float *values, size_t n) {
    float highest = 0;
    for (size_t i = 0; i < n; ++i) highest = std::max(highest, std::fabs(values[i]));
    return highest;
}

float scale_for(float highest) {
    const float scale = highest / 127.0f;
    // Zero, or so small that its reciprocal would overflow: such weights are zeros.
    return scale > 1e-30f ? scale : 1.0f;
}

}  // namespace

std::vector<float> absmax_scales(const DenseTensor &tensor, Granularity granularity) {
    if (granularity == Granularity::tensor) return {scale_for(absmax(tensor.values.data(), tensor.values.size()))};
    std::vector<float> scales(tensor.rows);
    for (uint32_t row = 0; row < tensor.rows; ++row)
        scales[row] = scale_for(absmax(&tensor.values[size_t{row} * tensor.cols], tensor.cols));
    return scales;
}

void pack_floats(const DenseTensor &tensor, const ModelConfig &config, const Shape &shape, Role role, float *out) {
    const TensorExtent extent = tensor_extent(shape, role, Dtype::f32);
    std::memset(out, 0, extent.bytes);
    const uint32_t first = first_part(config, role);
    for (uint32_t row = 0; row < tensor.rows; ++row) {
        const uint32_t to = padded_row(row, first);
        for (uint32_t col = 0; col < tensor.cols; ++col) {
            const size_t index = may_be_int8(role) ? f32_index(to, col, extent.cols) : channel_index(to, col, extent.cols);
            out[index] = tensor.values[size_t{row} * tensor.cols + col];
        }
    }
}

void pack_codes(const DenseTensor &tensor, const ModelConfig &config, const Shape &shape, Role role,
                const std::vector<float> &scales, int8_t *out) {
    const TensorExtent extent = tensor_extent(shape, role, Dtype::int8);
    std::memset(out, 0, extent.bytes);
    const uint32_t first = first_part(config, role);
    for (uint32_t row = 0; row < tensor.rows; ++row) {
        const uint32_t to = padded_row(row, first);
        const float scale = scales[scales.size() == 1 ? 0 : row];
        for (uint32_t col = 0; col < tensor.cols; ++col) {
            const float code = std::nearbyint(tensor.values[size_t{row} * tensor.cols + col] / scale);
            out[q8_index(to, col, extent.cols)] = static_cast<int8_t>(std::clamp(code, -127.0f, 127.0f));
        }
    }
}

std::vector<float> pack_scales(const std::vector<float> &scales, const ModelConfig &config, const Shape &shape,
                               Role role) {
    if (scales.size() == 1) return scales;
    std::vector<float> padded(tensor_extent(shape, role, Dtype::int8).rows, 1.0f);
    const uint32_t first = first_part(config, role);
    for (uint32_t row = 0; row < scales.size(); ++row) padded[padded_row(row, first)] = scales[row];
    return padded;
}

}  // namespace adder

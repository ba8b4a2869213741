// Folding, rounding and packing of one tensor.
// SPDX-License-Identifier: MIT
#include "converter/quantize.h"

#include <algorithm>

#include "converter/rounding.h"
#include "converter/smoothing.h"
#include "converter/weight_grid.h"

namespace adder {
namespace {

void divide_rows(DenseTensor *tensor, const std::vector<float> &factors) {
    for (uint32_t row = 0; row < factors.size(); ++row)
        for (uint32_t col = 0; col < tensor->cols; ++col)
            tensor->values[size_t{row} * tensor->cols + col] /= factors[row];
}

// The grid that the weights lie on already; else what calibration rounded (a tied table: for the head); else the nearest
// codes.
Int4Matrix round_to_int4(const DenseTensor &tensor, const Calibration &calibration, Role role, uint32_t layer,
                         uint32_t group, bool tied) {
    if (std::optional<Int4Matrix> grid = find_int4_grid(tensor, group)) return *grid;
    if (!calibration.layers.empty() && (role != Role::embedding || tied) &&
        calibration.of(role, layer).rounded)
        return *calibration.of(role, layer).rounded;
    ThreadPool alone(1);  // tensors are spread over the threads already
    return round_int4(tensor, group, {}, alone);
}

}  // namespace

DenseTensor read_folded(const Checkpoint &checkpoint, const Plan &plan, const Calibration &calibration,
                        Role role, uint32_t layer) {
    DenseTensor tensor = read_dense(checkpoint, role, layer);
    if (calibration.layers.empty()) return tensor;
    if (role == Role::norm) divide_rows(&tensor, calibration.layers[layer].in_proj.factors);
    if (role == Role::final_norm) divide_rows(&tensor, calibration.head.factors);
    if (role == Role::x_proj) divide_rows(&tensor, calibration.layers[layer].dt_proj.factors);
    if (!is_matrix(role) || role == Role::embedding) return tensor;
    const std::vector<float> &factors = calibration.of(role, layer).factors;
    if (plan.of(role, layer).input == Input::hadamard)
        fold_hadamard(&tensor, factors);
    else if (!factors.empty())
        fold_factors(&tensor, factors);
    return tensor;
}

bool quantize_tensor(const Checkpoint &checkpoint, const Shape &shape, const Plan &plan,
                     const Calibration &calibration, const BlobTensor &entry, uint8_t *blob) {
    const Role role = static_cast<Role>(entry.role);
    const uint32_t layer = entry.layer == no_layer ? 0 : entry.layer;
    const DenseTensor tensor = read_folded(checkpoint, plan, calibration, role, layer);
    const Packing packing(checkpoint.config(), shape, role);
    switch (static_cast<Dtype>(entry.dtype)) {
    case Dtype::f32: packing.floats(tensor, reinterpret_cast<float *>(blob + entry.offset)); break;
    case Dtype::int8: {
        const Granularity granularity = static_cast<Granularity>(entry.granularity);
        std::optional<Int8Matrix> grid = find_int8_grid(tensor, granularity);
        const Int8Matrix rounded =
            grid ? std::move(*grid) : round_int8(tensor, absmax_scales(tensor, granularity));
        packing.int8_codes(tensor, rounded.codes, reinterpret_cast<int8_t *>(blob + entry.offset));
        packing.int8_scales(rounded.scales, reinterpret_cast<float *>(blob + entry.scale_offset));
        break;
    }
    case Dtype::int4: {
        const Int4Matrix rounded = round_to_int4(tensor, calibration, role, layer, entry.group,
                                                 checkpoint.config().tie_word_embeddings);
        packing.int4_codes(tensor, rounded.codes, blob + entry.offset);
        packing.int4_scales(tensor.rows, entry.group, rounded.scales,
                            reinterpret_cast<uint16_t *>(blob + entry.scale_offset));
        break;
    }
    }
    const bool alive = !is_matrix(role) || std::any_of(tensor.values.begin(), tensor.values.end(),
                                                       [](float value) { return value != 0; });
    if (entry.multiplier_offset == 0) return alive;
    // Padding channels are zeros, whatever they are multiplied with.
    const InputScales &scales = calibration.of(role, layer);
    const float scale = entry.input == static_cast<uint8_t>(Input::channels) ? scales.scale : 1.0f;
    float *const multipliers = reinterpret_cast<float *>(blob + entry.multiplier_offset);
    const uint32_t padded = tensor_extent(shape, role, Dtype::f32).cols;
    std::fill_n(multipliers, padded, 1.0f / scale);
    for (size_t i = 0; i < scales.factors.size(); ++i) multipliers[i] = 1.0f / (scale * scales.factors[i]);
    return alive;
}

}  // namespace adder

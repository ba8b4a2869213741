// Folding, rounding and packing of one tensor.
// SPDX-License-Identifier: MIT
#include "converter/blob/tensor.h"
#include "converter/model/packing.h"
#include "converter/quantize/folds.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/quantize/grid.h"
#include "converter/quantize/rounding.h"

namespace adder {
namespace {

// The first rows, as many as there are factors; or, of a norm's weights with its biases behind them, all of these.
void divide_rows(DenseTensor *tensor, const std::vector<float> &factors, bool all) {
    const size_t count = factors.empty() ? 0 : all ? tensor->rows : factors.size();
    for (size_t row = 0; row < count; ++row)
        for (uint32_t col = 0; col < tensor->cols; ++col)
            tensor->values[row * tensor->cols + col] /= factors[row % factors.size()];
}

// The grid that the weights lie on already, or else the nearest codes.
Int4Matrix round_to_int4(const DenseTensor &tensor, uint32_t group) {
    if (std::optional<Int4Matrix> grid = find_int4_grid(tensor, group)) return std::move(*grid);
    ThreadPool alone(1);  // tensors are spread over the threads already
    return round_int4(tensor, group, {}, alone);
}

// The codes that the file has; the plan found them there (convert/kept_codes.h), and nothing may have been folded into
// them since.
Int4Matrix kept_int4(const Checkpoint &checkpoint, const DenseTensor &tensor, Role role, uint32_t block,
                     uint32_t group) {
    std::optional<Int4Matrix> grid = find_half_grid(tensor, group);
    if (!grid)
        fail(ExitCode::failure, "%s: the codes of %s were to be kept, and its weights were changed",
             checkpoint.path().c_str(), checkpoint.tensor_name(role, block).c_str());
    return std::move(*grid);
}

}  // namespace

DenseTensor read_folded(const Checkpoint &checkpoint, const Plan &plan, const Calibration &calibration,
                        Role role, uint32_t block) {
    const ModelShape &shape = checkpoint.shape();
    DenseTensor tensor = checkpoint.read(role, block);
    if (calibration.empty() || role == Role::embedding) return tensor;
    // A matrix that makes an input has a bias, perhaps, which is of the same rows, and so has a LayerNorm in front of the head.
    const auto makes = [&](Role maker) {
        return maker != Role::none &&
               (maker == role || (is_matrix(maker) && bias_of(shape, maker, block) == role) ||
                (maker == Role::final_norm && role == Role::final_norm_bias));
    };
    for (const Role linear : linear_roles_of(shape, block))
        if (makes(input_maker(shape, linear, block)) && input_owner(shape, linear, block) == linear &&
            plan.of(linear, block).input != Input::hadamard)
            divide_rows(&tensor, calibration.of(linear, block).factors, role == Role::head_norm);
    if (!is_matrix(role)) return tensor;
    const std::vector<float> &factors = calibration.of(role, block).factors;
    if (plan.of(role, block).input == Input::hadamard)
        fold_hadamard(&tensor, factors);
    else if (!factors.empty())
        fold_factors(&tensor, factors);
    return tensor;
}

bool quantize_tensor(const Checkpoint &checkpoint, const Plan &plan, const Calibration &calibration,
                     const Int4Matrix *rounded, BlobTensor *table_entry, uint8_t *blob) {
    BlobTensor &entry = *table_entry;
    const Role role = static_cast<Role>(entry.role);
    const uint32_t block = entry.block;
    const DenseTensor tensor = rounded ? DenseTensor{rounded->rows, rounded->cols, {}}
                                       : read_folded(checkpoint, plan, calibration, role, block);
    const Packing packing(checkpoint.shape(), role, block);
    switch (static_cast<Dtype>(entry.dtype)) {
    case Dtype::f32: packing.floats(tensor, reinterpret_cast<float *>(blob + entry.offset)); break;
    case Dtype::int8: {
        const Granularity granularity = static_cast<Granularity>(entry.granularity);
        std::optional<Int8Matrix> grid = find_int8_grid(tensor, granularity);
        const Int8Matrix matrix =
            grid ? std::move(*grid) : round_int8(tensor, absmax_scales(tensor, granularity));
        packing.int8_codes(tensor, matrix.codes, reinterpret_cast<int8_t *>(blob + entry.offset));
        packing.int8_scales(matrix.scales, reinterpret_cast<float *>(blob + entry.scale_offset));
        break;
    }
    case Dtype::int4: {
        const bool kept = entry.scale_type == static_cast<uint8_t>(ScaleType::f16);
        const Int4Matrix matrix = rounded ? *rounded
                                  : kept  ? kept_int4(checkpoint, tensor, role, block, entry.group)
                                          : round_to_int4(tensor, entry.group);
        packing.int4_codes(tensor, matrix.codes, blob + entry.offset);
        packing.int4_scales(tensor.rows, entry.group, matrix.scales, kept ? f16_of(1.0f) : bf16_of(1.0f),
                            reinterpret_cast<uint16_t *>(blob + entry.scale_offset));
        break;
    }
    }
    const auto nonzero = [](float value) { return value != 0; };
    const bool alive =
        !is_matrix(role) || rounded || std::any_of(tensor.values.begin(), tensor.values.end(), nonzero);
    if (has_scale(static_cast<Input>(entry.input))) entry.input_scale = calibration.of(role, block).scale;
    if (entry.multiplier_offset == 0) return alive;
    // Padding channels are zeros, whatever they are multiplied with.
    const InputScales &scales = calibration.of(role, block);
    const float scale = entry.input == static_cast<uint8_t>(Input::channels) ? scales.scale : 1.0f;
    float *const multipliers = reinterpret_cast<float *>(blob + entry.multiplier_offset);
    const uint32_t padded = round_up_to_tile(entry.cols);
    std::fill_n(multipliers, padded, 1.0f / scale);
    for (size_t i = 0; i < scales.factors.size(); ++i) multipliers[i] = 1.0f / (scale * scales.factors[i]);
    return alive;
}

}  // namespace adder

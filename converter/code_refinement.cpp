// Coordinate descent on codes and scales, row by row.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "converter/axpy.h"
#include "converter/gptq.h"

namespace adder {
namespace {

constexpr int most_sweeps = 8;

// One row: e = weights - codes * scales, and g = H e, half the gradient of e H e^T. A change of e by -d in one place
// changes the error by d * (d * H_jj - 2 * g_j).
class RowRefiner {
  public:
    RowRefiner(const std::vector<float> &hessian, uint32_t cols)
        : hessian_(hessian), cols_(cols), errors_(cols), gradient_(cols), change_(cols) {}

    void run(const DenseTensor &tensor, uint32_t row, Int4Matrix *matrix) {
        const size_t first = size_t{row} * cols_;
        codes_ = &matrix->codes[first];
        scales_ = &matrix->scales[size_t{row} * matrix->groups()];
        group_ = matrix->group;
        for (uint32_t j = 0; j < cols_; ++j)
            errors_[j] =
                tensor.values[first + j] - static_cast<float>(codes_[j]) * float_of_bf16(scales_[j / group_]);
        std::fill(gradient_.begin(), gradient_.end(), 0.0f);
        add_rows(gradient_.data(), cols_, errors_.data(), 1, hessian_.data(), cols_, cols_);
        for (int sweep = 0; sweep < most_sweeps; ++sweep) {
            bool changed = false;
            for (uint32_t j = 0; j < cols_; ++j) changed = move_code(j) || changed;
            for (uint32_t g = 0; g < matrix->groups(); ++g) changed = move_scale(g) || changed;
            if (!changed) return;
        }
    }

  private:
    const float *row_of(uint32_t j) const { return &hessian_[size_t{j} * cols_]; }

    // To the best value of this code while all others stay.
    bool move_code(uint32_t j) {
        const float scale = float_of_bf16(scales_[j / group_]), curvature = row_of(j)[j];
        const float code = static_cast<float>(codes_[j]);
        const float better = round_code(code + gradient_[j] / (curvature * scale), -8, 7);
        if (better == code || !(curvature > 0)) return false;
        codes_[j] = static_cast<int8_t>(better);
        change_[0] = (code - better) * scale;
        errors_[j] += change_[0];
        add_rows(gradient_.data(), cols_, change_.data(), 1, row_of(j), cols_, 1);
        return true;
    }

    // To the best scale for the codes of a group.
    bool move_scale(uint32_t g) {
        const uint32_t begin = g * group_, end = std::min(cols_, begin + group_);
        double slope = 0, curvature = 0;
        for (uint32_t j = begin; j < end; ++j) {
            const double code = codes_[j];
            slope += code * static_cast<double>(gradient_[j]);
            double product = 0;
            for (uint32_t k = begin; k < end; ++k)
                product += static_cast<double>(row_of(j)[k]) * static_cast<double>(codes_[k]);
            curvature += code * product;
        }
        if (!(curvature > 0)) return false;
        const float scale = float_of_bf16(scales_[g]);
        const uint16_t better = bf16_of(static_cast<float>(static_cast<double>(scale) + slope / curvature));
        const double step = static_cast<double>(float_of_bf16(better)) - static_cast<double>(scale);
        if (!(step * (step * curvature - 2 * slope) < 0) || !(std::fabs(float_of_bf16(better)) > 1e-30f))
            return false;
        scales_[g] = better;
        for (uint32_t j = begin; j < end; ++j) {
            change_[j - begin] = -static_cast<float>(step) * static_cast<float>(codes_[j]);
            errors_[j] += change_[j - begin];
        }
        add_rows(gradient_.data(), cols_, change_.data(), 1, row_of(begin), cols_, end - begin);
        return true;
    }

    const std::vector<float> &hessian_;
    uint32_t cols_, group_ = 0;
    int8_t *codes_ = nullptr;
    uint16_t *scales_ = nullptr;
    std::vector<float> errors_, gradient_, change_;
};

}  // namespace

void refine(const DenseTensor &tensor, const HessianSum &hessian, double damping, ThreadPool &pool,
            Int4Matrix *matrix) {
    const uint32_t cols = tensor.cols;
    std::vector<float> dense(size_t{cols} * cols);
    pool.run(cols, [&](uint32_t row, uint32_t) {
        for (uint32_t col = 0; col < cols; ++col)
            dense[size_t{row} * cols + col] =
                static_cast<float>(hessian.mean(row, col) + (row == col ? damping : 0.0));
    });
    std::vector<RowRefiner> members(pool.size(), RowRefiner(dense, cols));
    pool.run(tensor.rows, [&](uint32_t row, uint32_t member) { members[member].run(tensor, row, matrix); });
}

}  // namespace adder

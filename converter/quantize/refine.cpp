// Coordinate descent on codes and scales: blocks of columns, each of many rows at a time.
// SPDX-License-Identifier: MIT
#include "converter/quantize/refine.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "converter/quantize/axpy.h"
#include "converter/quantize/product.h"

namespace adder {
namespace {

// A second pass over a block costs little beside the product in front of it, and saves two or three sweeps.
constexpr int most_sweeps = 5, block_passes = 2;

// What all rows share: the damped H, and its blocks on the diagonal by themselves. A block is whole groups, so that a
// group's scale is moved within one.
struct Curvature {
    Curvature(const HessianSum &hessian, double damping, uint32_t group, ThreadPool &pool)
        : cols(hessian.cols()), block(std::max(1u, PackedMatrix::slice / group) * group),
          matrix(cols, cols, pool, [&](uint32_t row, uint32_t col) {
              return static_cast<float>(hessian.mean(row, col) + (row == col ? damping : 0.0));
          }) {
        for (uint32_t first = 0; first < cols; first += block) {
            const Span span{first, std::min(cols, first + block)};
            corners.emplace_back(size_t{span.end - span.begin} * (span.end - span.begin));
            matrix.copy(span, span, corners.back().data(), span.end - span.begin);
        }
    }

    uint32_t cols, block;
    PackedMatrix matrix;
    std::vector<std::vector<float>> corners;  // [columns of the block][columns of the block]
};

// One row within a block: e = weights - codes * scales, and g = H e, half the gradient of e H e^T. A change of e by -d
// in one place changes the error by d * (d * H_jj - 2 * g_j).
struct RowBlock {
    const float *corner;  // H
    uint32_t count;       // columns
    uint32_t group;
    int8_t *codes;
    uint16_t *scales;
    float *errors, *gradient;

    const float *row_of(uint32_t j) const { return corner + size_t{j} * count; }

    // To the best value of this code while all others stay.
    bool move_code(uint32_t j) const {
        const float scale = float_of_bf16(scales[j / group]), curvature = row_of(j)[j];
        const float code = static_cast<float>(codes[j]);
        const float better = round_code(code + gradient[j] / (curvature * scale), -8, 7);
        if (better == code || !(curvature > 0)) return false;
        codes[j] = static_cast<int8_t>(better);
        const float change = (code - better) * scale;
        errors[j] += change;
        add_rows(gradient, count, &change, 1, row_of(j), count, 1);
        return true;
    }

    // To the best scale for the codes of a group. product: H times the codes of the group, [count], and curvature: that
    // times the codes, both from the last call unless a code has changed since.
    bool move_scale(uint32_t g, bool codes_changed, float *product, float *curvature) const {
        const uint32_t begin = g * group, end = std::min(count, begin + group);
        if (codes_changed) multiply(begin, end, product, curvature);
        float slope = 0;
        for (uint32_t j = begin; j < end; ++j) slope += static_cast<float>(codes[j]) * gradient[j];
        if (!(*curvature > 0)) return false;
        const float scale = float_of_bf16(scales[g]);
        const uint16_t better = bf16_of(scale + slope / *curvature);
        const float step = float_of_bf16(better) - scale;
        if (!(step * (step * *curvature - 2 * slope) < 0) || !(std::fabs(float_of_bf16(better)) > 1e-30f))
            return false;
        if (!codes_changed) multiply(begin, end, product, curvature);
        scales[g] = better;
        for (uint32_t j = begin; j < end; ++j) errors[j] -= step * static_cast<float>(codes[j]);
        for (uint32_t k = 0; k < count; ++k) gradient[k] -= step * product[k];
        return true;
    }

    void multiply(uint32_t begin, uint32_t end, float *product, float *curvature) const {
        std::fill_n(product, count, 0.0f);
        float *const values = product + count;  // the codes as floats
        for (uint32_t j = begin; j < end; ++j) values[j - begin] = static_cast<float>(codes[j]);
        add_rows(product, count, values, 1, row_of(begin), count, end - begin);
        *curvature = std::inner_product(values, values + (end - begin), product + begin, 0.0f);
    }
};

// Up to product_rows rows, those first that the last sweep has changed.
class TileRefiner {
  public:
    TileRefiner(const DenseTensor &tensor, const Curvature &curvature, Int4Matrix *matrix)
        : tensor_(tensor), curvature_(curvature), matrix_(*matrix), cols_(tensor.cols),
          groups_(matrix->groups()), errors_(size_t{product_rows} * cols_),
          gradient_(size_t{product_rows} * round_up_to_tile(curvature.block)),
          product_(2 * size_t{curvature.block}), curvatures_(size_t{product_rows} * groups_) {}

    void run(uint32_t first_row) {
        const uint32_t count = std::min(product_rows, tensor_.rows - first_row);
        rows_.clear();
        for (uint32_t r = 0; r < count; ++r) {
            const uint32_t row = first_row + r;
            rows_.push_back({row, r, true});
            for (uint32_t col = 0; col < cols_; ++col)
                errors_[size_t{r} * cols_ + col] =
                    tensor_.values[size_t{row} * cols_ + col] -
                    static_cast<float>(matrix_.codes[size_t{row} * cols_ + col]) * matrix_.scale(row, col);
        }
        for (int sweep = 0; sweep < most_sweeps && !rows_.empty(); ++sweep) {
            for (Row &row : rows_) row.changed = false;
            for (uint32_t first = 0, index = 0; first < cols_; first += curvature_.block, ++index)
                refine_block(first, std::min(cols_, first + curvature_.block), index, sweep == 0);
            keep_changed_rows();
        }
    }

  private:
    struct Row {
        uint32_t row;   // of the matrix
        uint32_t slot;  // of curvatures_
        bool changed;
    };

    void refine_block(uint32_t first, uint32_t end, uint32_t index, bool fresh) {
        const uint32_t stride = round_up_to_tile(curvature_.block);
        std::fill(gradient_.begin(), gradient_.end(), 0.0f);
        curvature_.matrix.add_product(1, errors_.data(), cols_, static_cast<uint32_t>(rows_.size()),
                                      {0, cols_}, {first, end}, gradient_.data(), stride);
        for (uint32_t r = 0; r < rows_.size(); ++r) {
            const size_t row = rows_[r].row;
            const uint32_t group = matrix_.group, first_group = first / group;
            const RowBlock block{curvature_.corners[index].data(),
                                 end - first,
                                 group,
                                 &matrix_.codes[row * cols_ + first],
                                 &matrix_.scales[row * groups_ + first_group],
                                 &errors_[size_t{r} * cols_ + first],
                                 &gradient_[size_t{r} * stride]};
            bool changed = true;
            for (int pass = 0; pass < block_passes && changed; ++pass) {
                changed = false;
                for (uint32_t begin = 0; begin < end - first; begin += group) {
                    bool moved = fresh && pass == 0;
                    for (uint32_t j = begin; j < std::min(end - first, begin + group); ++j)
                        moved = block.move_code(j) || moved;
                    float *const curvature =
                        &curvatures_[size_t{rows_[r].slot} * groups_ + first_group + begin / group];
                    changed = block.move_scale(begin / group, moved, product_.data(), curvature) || moved ||
                              changed;
                }
                rows_[r].changed = rows_[r].changed || changed;
            }
        }
    }

    // The others have found their place. Rows in the order they had.
    void keep_changed_rows() {
        size_t kept = 0;
        for (size_t r = 0; r < rows_.size(); ++r) {
            if (!rows_[r].changed) continue;
            if (kept < r) std::copy_n(&errors_[r * cols_], cols_, &errors_[kept * cols_]);
            rows_[kept++] = rows_[r];
        }
        rows_.resize(kept);
    }

    const DenseTensor &tensor_;
    const Curvature &curvature_;
    Int4Matrix &matrix_;
    const uint32_t cols_, groups_;
    std::vector<Row> rows_;
    std::vector<float> errors_;      // [rows_][cols]
    std::vector<float> gradient_;    // [rows_][block, padded to a tile]
    std::vector<float> product_;     // of one row and block, and room for its codes
    std::vector<float> curvatures_;  // [product_rows][groups]
};

}  // namespace

void refine(const DenseTensor &tensor, const HessianSum &hessian, double damping, ThreadPool &pool,
            Int4Matrix *matrix) {
    const Curvature curvature(hessian, damping, matrix->group, pool);
    std::vector<TileRefiner> members(pool.size(), TileRefiner(tensor, curvature, matrix));
    pool.run((tensor.rows + product_rows - 1) / product_rows,
             [&](uint32_t tile, uint32_t member) { members[member].run(tile * product_rows); });
}

}  // namespace adder

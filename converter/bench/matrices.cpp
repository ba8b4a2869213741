// Multiplies a model's matrices, and nothing else.
// SPDX-License-Identifier: MIT
#include "converter/bench/matrices.h"

#include <algorithm>

#include "kernels/float_mode.h"

namespace adder {
namespace {

// As runtime/linear.cpp chooses: float weights take the codes as floats.
auto product_of(const KernelTable &kernels, const Linear &linear) {
    const bool codes = linear.input != Input::floats;
    switch (linear.dtype) {
    case Dtype::f32: return kernels.matmul_f32;
    case Dtype::int8: return codes ? kernels.matmul_q8 : kernels.matmul_q8_f32;
    case Dtype::int4: return codes ? kernels.matmul_q4 : kernels.matmul_q4_f32;
    }
    return kernels.matmul_q8;
}

double bytes_of(const Linear &linear) {
    const Matrix &m = linear.matrix;
    const double rows = 8.0 * m.tiles, weights = rows * m.cols;
    switch (linear.dtype) {
    case Dtype::f32: return 4 * weights;
    case Dtype::int8: return weights + (m.scale_per_row ? 4 * rows : 4);
    case Dtype::int4: return weights / 2 + 2 * rows * ((m.cols + m.group - 1) / m.group);
    }
    return 0;
}

}  // namespace

TokenMatrices::TokenMatrices(const Model &model) {
    each_linear(model, [&](adder::Role role, const Linear &linear) { add(step_of(role), linear); });
}

void TokenMatrices::add(Step step, const Linear &linear) {
    entries_.push_back({step, linear});
    Role &role = roles_[static_cast<uint32_t>(step)];
    ++role.matrices;
    role.products += 8.0 * linear.matrix.tiles * linear.matrix.cols;
    role.bytes += bytes_of(linear);
    const size_t cols = std::max<size_t>(codes_.size(), linear.matrix.cols);
    codes_.resize(cols, 1);
    floats_.resize(cols, 1.0f);
    out_.resize(std::max(out_.size(), size_t{8} * linear.matrix.tiles));
}

TokenMatrices::Role TokenMatrices::all() const {
    Role sum;
    for (const Role &role : roles_) {
        sum.matrices += role.matrices;
        sum.products += role.products;
        sum.bytes += role.bytes;
    }
    return sum;
}

void TokenMatrices::run(const KernelTable &kernels, const Team &team, std::array<uint64_t, step_count> *ticks) {
    const FloatModeScope mode;
    const float one = 1.0f;
    for (const Entry &entry : entries_) {
        const Matrix &matrix = entry.linear.matrix;
        const bool codes = entry.linear.input != Input::floats && entry.linear.dtype != Dtype::f32;
        const auto product = product_of(kernels, entry.linear);
        MatmulArgs args{};
        args.tokens = 1;
        args.x = codes ? static_cast<const void *>(codes_.data()) : floats_.data();
        args.x_stride = matrix.cols;
        args.x_scale = &one;
        args.out = out_.data();
        args.out_stride = 8 * matrix.tiles;
        const uint64_t start = ticks_now();
        team_run(team, linear_work(entry.linear, matrix.tiles, 1), matrix.tiles, [&](Range range) {
            MatmulArgs part = args;
            part.tile_begin = range.begin;
            part.tile_end = range.end;
            product(matrix, part);
        });
        if (ticks != nullptr) (*ticks)[static_cast<uint32_t>(entry.step)] += ticks_now() - start;
    }
}

WeightRange weight_range(const Model &model) {
    uint64_t begin = UINT64_MAX, end = 0;
    for (uint32_t i = 0; i < model.header->tensor_count; ++i) {
        if (i == 0 && (model.header->flags & blob_tied_head) == 0) continue;  // of the embedding one row
        begin = std::min(begin, model.tensors[i].offset);
        end = std::max(end, model.tensors[i].offset + model.tensors[i].size);
    }
    return {model.blob + begin, static_cast<size_t>(end - begin)};
}

}  // namespace adder

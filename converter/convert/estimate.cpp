// Counts of the conversion's inner loops, and how fast this machine runs the float matrix product.
// SPDX-License-Identifier: MIT
#include "converter/convert/estimate.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "kernels/kernels.h"
#include "runtime/linear.h"

namespace adder {
namespace {

// Multiply-adds a second of the float product of a d_inner x d_model matrix, all threads together: at least 50 ms of it.
double measure_rate(const ModelShape &shape, ThreadPool &pool) {
    constexpr uint32_t tokens = 32;
    const uint32_t cols = shape.d_model_padded(),
                   rows = std::min(round_up_to_tile(shape.dim(Dim::d_inner)), 1024u);
    const std::vector<float> weights(size_t{rows} * cols, 0.5f), x(size_t{tokens} * cols, 0.25f);
    Matrix matrix{};
    matrix.weights = weights.data();
    matrix.tiles = rows / tile_size;
    matrix.cols = cols;
    static constexpr float one = 1.0f;
    const KernelTable &kernels = *kernels_best();
    std::vector<std::vector<float>> outs(pool.size(), std::vector<float>(size_t{tokens} * rows));
    const auto start = std::chrono::steady_clock::now();
    uint64_t runs = 0;
    double seconds = 0;
    while (seconds < 0.05) {
        pool.run(pool.size(), [&](uint32_t, uint32_t member) {
            MatmulArgs args{};
            args.tile_end = matrix.tiles;
            args.tokens = tokens;
            args.x = x.data();
            args.x_stride = cols;
            args.x_scale = &one;
            args.out = outs[member].data();
            args.out_stride = rows;
            kernels.matmul_f32(matrix, args);
        });
        runs += pool.size();
        seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    return static_cast<double>(runs) * tokens * rows * cols / seconds;
}

constexpr double wave_tokens = 32 * 512;  // whose inputs are kept at a time (gptq_walk.cpp)

}  // namespace

ConversionEstimate estimate_conversion(const Plan &plan, const ModelShape &shape, uint64_t tokens,
                                       uint64_t blob_bytes, ThreadPool &pool) {
    const double n = static_cast<double>(tokens);
    double pass = 0, rounding = 0, rounded = 0, block_weights = 0, largest = 0;
    bool second_pass = false, gptq = false;
    uint32_t last_block = no_block;
    plan.each_linear([&](Role role, uint32_t block) {
        const LinearPlan &one = plan.of(role, block);
        const struct {
            double rows, cols;
        } extent = {static_cast<double>(extent_of(shape, role, block).rows),
                    static_cast<double>(extent_of(shape, role, block).cols)};
        rounding += extent.rows * extent.cols * 20;  // reading and packing
        largest = std::max(largest, extent.rows * extent.cols);
        if (role != Role::head) {
            pass += extent.rows * extent.cols;
            block_weights =
                block == last_block ? block_weights + extent.rows * extent.cols : extent.rows * extent.cols;
            last_block = block;
        }
        second_pass = second_pass || needs_second_pass(one);
        if (one.weights != Dtype::int4) return;
        rounding += extent.rows * extent.cols * 54 * 50;  // of each scale that is tried: divide, round, square
        if (!needs_hessian(one)) return;
        gptq = true;
        // The lower half of X^T X and, in front of a fit, another moment. A Cholesky factor in doubles, five times as
        // slow. A fit: a product and two triangular systems. The errors of columns going into those to come; five
        // sweeps of refinement; what is done column by column, at a tenth of the speed.
        const Role maker = input_maker(shape, role, block);
        const bool of_stream = maker == Role::norm || maker == Role::final_norm;
        const bool fitted = of_stream || adds_to_stream(shape, role, block);
        const double moment = !fitted ? 0 : of_stream ? extent.cols : extent.rows;
        rounding += n * extent.cols * (0.5 * extent.cols + moment) +
                    5 * extent.cols * extent.cols * extent.cols / 6 +
                    extent.rows * extent.cols * extent.cols * (0.5 + (fitted ? 2 : 0) + 5) +
                    extent.rows * extent.cols * 1000;
        // The inputs and what is fitted to, of a wave of sequences; the Hessian, its factor, and two matrices of its size
        // made of them; the other moment, and the matrix with its codes.
        rounded = std::max(rounded, std::min(n, wave_tokens) * (extent.cols + moment) * 4 +
                                        extent.cols * extent.cols * 16 + extent.rows * extent.cols * 5 +
                                        moment * extent.cols * 8);
    });
    // The states, and what else a channel costs: an exponential counts for about ten.
    for (uint32_t block = 0; block < shape.block_count(); ++block) {
        const BlockView view = shape.view(block);
        for (uint32_t i = 0; i < view.kind->state_count; ++i) {
            const StateRow &row = view.kind->states[i];
            pass += static_cast<double>(row.channels.sum(view.dims)) *
                    (view.dims[row.count] * (row.work > 0 ? row.work * 12.0 / scan_work : 1.0) + 20);
        }
    }
    const bool calibrated = plan.needs_calibration();
    ConversionEstimate estimate{};
    estimate.rate = measure_rate(shape, pool);
    // With GPTQ one more run of the float model, and about as much for those of the quantized one.
    const double passes = 1 + (second_pass ? 1 : 0) + (gptq ? 2 : 0);
    estimate.multiplications = (calibrated ? n * pass * passes : 0) + rounding;
    // The operands of a conversion's products are not all in the cache, as those of the measured one are.
    estimate.seconds = estimate.multiplications / (0.75 * estimate.rate);
    // The residual streams of all tokens; the weights of a block as floats, twice while they are packed, or, at another
    // time, what rounding takes; the largest tensor while it is written; the blob, which is mapped.
    const double table = static_cast<double>(shape.vocab_size) * shape.d_model;
    const double working =
        calibrated ? (gptq ? 2 : 1) * n * shape.d_model_padded() * 4 + std::max(block_weights * 8, rounded)
                   : 0;
    const double writing = std::max(table, largest) * 9 + static_cast<double>(blob_bytes);
    constexpr double program = 8e6;
    estimate.memory_bytes = static_cast<uint64_t>(std::max(working, writing) + program);
    return estimate;
}

}  // namespace adder

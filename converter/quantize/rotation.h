// Rotation of the residual stream: the same model in another basis, in which no channel stands out.
// SPDX-License-Identifier: MIT
//
// With an orthogonal Q, r' = r Q for every residual vector r. An RMS norm without weights commutes with Q, as it only
// divides by the length of r. So the norms' weights v go into the columns of in_proj and head, and then, with all
// vectors of d_model as rows:
//   embedding E Q,  in_proj W diag(v) Q,  out_proj Q^T W, its bias Q^T b,  head W diag(v) Q,  norms 1.
// (Ashkboos et al., QuaRot, arXiv 2404.00456; SliceGPT, arXiv 2401.15024, has the norm.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace adder {

// Q = diag(signs) times the orthonormal Walsh-Hadamard matrix in blocks as large as the width has a power of two for a
// factor: one block if it is a power of two. The signs are the same on every machine.
class Rotation {
  public:
    // Blocks of fewer than smallest_block channels mix too little: Error(bad_input).
    explicit Rotation(uint32_t width);
    static constexpr uint32_t smallest_block = 8;

    uint32_t width() const { return static_cast<uint32_t>(signs_.size()); }
    uint32_t block() const { return block_; }

    // v Q of vectors of `width` floats, one after the other. In doubles in between.
    void rotate_rows(float *values, size_t rows) const;
    // Q^T W of a matrix [width][cols].
    void rotate_columns(float *values, size_t cols) const;

  private:
    void rotate(double *v) const;

    uint32_t block_;
    std::vector<double> signs_;  // 1 or -1, over the square root of the block
};

}  // namespace adder

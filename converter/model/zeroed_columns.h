// Columns of linear layers that count as zero: what the model would be without some channels of their inputs.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "converter/quantize/dense.h"
#include "runtime/blob.h"

namespace adder {

// Zeroing channel j of a linear layer's input is zeroing column j of its weights: nothing else reads that input there.
class ZeroedColumns {
  public:
    // role: the first linear layer of a block that takes an input, or the head, no_block. A tied head's columns are not the embedding's.
    void set(Role role, uint32_t block, std::vector<uint32_t> columns) {
        columns_[{role, block}] = std::move(columns);
    }
    uint64_t count() const {
        uint64_t total = 0;
        for (const auto &[place, columns] : columns_) total += columns.size();
        return total;
    }
    // `weights` may be those of square blocks on a diagonal, whose columns are a block's: a channel is then a column of its block.
    void apply(Role role, uint32_t block, DenseTensor *weights, uint32_t diagonal_blocks = 1) const {
        const auto found = columns_.find({role, block});
        if (found == columns_.end()) return;
        const uint32_t cols = weights->cols;
        for (uint32_t channel : found->second)
            for (uint32_t row = 0; row < weights->rows; ++row)
                if (diagonal_blocks == 1 || row / cols % diagonal_blocks == channel / cols)
                    weights->values[size_t{row} * cols + channel % cols] = 0.0f;
    }

  private:
    std::map<std::pair<Role, uint32_t>, std::vector<uint32_t>> columns_;
};

}  // namespace adder

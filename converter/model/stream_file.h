// The residual streams of the float model on one set of sequences, block after block, kept in a file.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/base/file.h"
#include "converter/model/block_runner.h"

namespace adder {

// For those who need the same streams again and again. All streams that are stored and loaded must be of the same sequences
// of the model.
class StreamFile {
  public:
    // Beside `path`; gone with this object. Its pages are given back after each use.
    StreamFile(const std::string &path, const ModelShape &shape, uint64_t tokens);

    static uint64_t bytes_of(const ModelShape &shape, uint64_t tokens);

    void store(uint32_t block, const ResidualStreams &after);
    // False: nothing is stored for this block, and the streams stay as they are.
    bool load(uint32_t block, ResidualStreams *after) const;

  private:
    uint64_t size_;  // of the streams after one block
    AtomicFile file_;
    uint8_t *bytes_;
    std::vector<uint8_t> stored_;  // of each block
};

}  // namespace adder

// A small random model with a tokenizer, a text and a task, for the tests of the evaluator.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace adder::test {

// Writes checkpoint "toy", blobs "float.adder" and "int8.adder", "text.txt" and "task.jsonl", "lambada.jsonl".
class EvalToy {
  public:
    explicit EvalToy(uint32_t seed = 1, const char *model_type = "mamba");
    std::string file(const std::string &name) const { return directory_.file(name); }
    std::string checkpoint() const { return file("toy"); }

  private:
    TemporaryDirectory directory_;
};

}  // namespace adder::test

// A constraint that a command runs under: the option --constraint, and the file that it names.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "adder/adder.h"
#include "converter/base/file.h"
#include "converter/base/options.h"

namespace adder {

extern const Option constraint_option;

// Throws Error(bad_input) naming the path, and the library's sentence with item and numbers.
class ConstraintFile {
  public:
    explicit ConstraintFile(const std::string &path);
    const std::string &path() const { return file_.path(); }
    adder_constraint *get() { return &constraint_; }

  private:
    MappedFile file_;
    adder_constraint constraint_;
};

}  // namespace adder

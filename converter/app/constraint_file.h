// A constraint that a command runs under: the option --constraint, and the file that it names.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

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
    std::string_view bytes() const;  // without what follows the constraint in the file
    adder_constraint *get() { return &constraint_; }
    // All texts that it allows, in the order of their bytes. Throws Error(bad_input) if they are more than `most`.
    std::vector<std::string> texts(size_t most) const;

  private:
    MappedFile file_;
    adder_constraint constraint_;
};

// Does the file begin as a constraint does? What cannot be read is none.
bool is_constraint(const std::string &path);

}  // namespace adder

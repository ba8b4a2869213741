// Opens the file of a constraint.
// SPDX-License-Identifier: MIT
#include "converter/app/constraint_file.h"

#include "converter/base/error.h"
#include "converter/blob/file.h"

namespace adder {

const Option constraint_option = {
    "constraint", 0, "FILE", false,
    "Generate only what the constraint allows, a file of adder constrain (default: anything)."};

ConstraintFile::ConstraintFile(const std::string &path) : file_(path) {
    adder_error error{};
    const adder_status status = adder_constraint_open(&constraint_, file_.data(), file_.size(), &error);
    if (status != ADDER_OK) bad_input("%s: %s", path.c_str(), error_text(status, error).c_str());
}

}  // namespace adder

// Models in several GGUF files, as llama-gguf-split writes them: NAME-00001-of-00003.gguf and so on.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "converter/import/gguf.h"

namespace adder {

// What a file's name says.
struct GgufPartName {
    std::string stem;          // "folder/NAME"
    uint32_t number, count;    // from 1 on
    std::string path() const;  // the whole again
    GgufPartName of(uint32_t other) const { return {stem, other, count}; }
};
std::optional<GgufPartName> gguf_part_name(const std::string &path);

// Checks that a file which says that it is one of several is the first and is named so. Throws Error(bad_input) naming
// the one to give.
GgufPartName first_gguf_part(const GgufFile &file);

// Checks that another of them is the one that its name says, and has no tensor that one before it has.
void check_gguf_part(const GgufFile &file, const GgufPartName &name,
                     const std::vector<const TensorTable *> &before);

// ... and that all of them have as many tensors as the first announces.
void check_gguf_tensors(const GgufFile &first, const std::vector<const TensorTable *> &all);

// Those of a folder's GGUF files to choose from: of the parts of one model the first stands for all.
std::vector<std::string> without_later_gguf_parts(const std::vector<std::string> &names);

}  // namespace adder

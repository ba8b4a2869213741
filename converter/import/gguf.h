// Reads GGUF files (FILE.gguf), llama.cpp's, in place: what they say of a model, and its tensors.
// SPDX-License-Identifier: MIT
//
// Little-endian (ggml-org/ggml, docs/gguf.md): "GGUF", a version, how many tensors and keys there are; keys with typed values;
// of each tensor name, dimensions, the one of rows' elements first, type and place; then, from a multiple of the alignment on,
// the data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "converter/import/gguf_metadata.h"
#include "converter/import/tensor_view.h"

namespace adder {

// Which of the files of a model this is, by split.no, split.count and split.tensors.count.
struct GgufParts {
    uint32_t number = 1, count = 1;  // from 1 on
    std::optional<int64_t> tensors;  // of all of them
};

struct GgufFile {
    GgufMetadata metadata;
    TensorTable table;  // shapes outermost first, as everywhere here
    GgufParts parts;
};

// Does the file begin as one?
bool is_gguf(std::string_view bytes);

// Reads a whole file in memory, checks that every value and tensor lies within it and that no two tensors overlap, and points into
// `data`, which must live on. `name` (a path) stands in messages. Throws Error(bad_input); of types that cannot be read
// as well.
GgufFile parse_gguf(const uint8_t *data, size_t size, const std::string &name);

}  // namespace adder

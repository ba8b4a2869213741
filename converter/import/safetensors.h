// Reads safetensors files: an 8-byte little-endian header length, a JSON header, and the tensors' data.
// SPDX-License-Identifier: MIT
//
// The format: https://github.com/huggingface/safetensors (README, "Format"). What is checked beyond plain
// sense is what the reference implementation checks too: the header starts with '{' and is at most 100 MB,
// and the tensors cover the data without holes or overlaps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace adder {

// The types that the format knows. Only f32, f16 and bf16 can be read; the others are known so that a message
// can name them, and so that a file with an unused table of integers in it is no error.
enum class DType {
    f32,
    f16,
    bf16,
    f64,
    i64,
    i32,
    i16,
    i8,
    u64,
    u32,
    u16,
    u8,
    boolean,
    f8_e5m2,
    f8_e4m3,
    f8_e8m0,
    f6_e2m3,
    f6_e3m2,
    f4,
    c64
};

const char *dtype_name(DType dtype);  // as in the file: "BF16"
bool is_readable(DType dtype);        // f32, f16 or bf16

// A tensor that a model consists of.
struct TensorSpec {
    std::string name;
    std::vector<uint64_t> shape;  // outermost first
};

// One tensor, in place. The data has no alignment.
struct TensorView {
    std::string name;
    DType dtype;
    std::vector<uint64_t> shape;  // outermost first; empty for a scalar
    const uint8_t *data;          // [size] bytes
    uint64_t size;
    uint64_t elements;        // the product of shape
    const std::string *file;  // the file's name, for messages; lives as long as the SafetensorsHeader
};

struct SafetensorsHeader {
    std::shared_ptr<const std::string> file;
    std::vector<TensorView> tensors;  // sorted by name

    const TensorView *find(const std::string &name) const;  // null if absent
};

// Reads the header of a whole file in memory, checks it, and points into `data`, which must live on. `name`
// (a path) stands in messages. Throws Error(bad_input).
SafetensorsHeader parse_safetensors(const uint8_t *data, size_t size, const std::string &name);

// Elements [first, first + count) as floats, exactly (every F16 and BF16 is a float; payloads of NaNs stay).
// Throws Error(bad_input) if the type is not readable, Error(failure) if the range leaves the tensor.
void convert_to_float(const TensorView &tensor, uint64_t first, uint64_t count, float *out);

// "[2, 3]", for messages; a long one is cut.
std::string shape_text(const std::vector<uint64_t> &shape);

}  // namespace adder

// A tensor of a file of weights, in place: what every file format gives, and its values as floats.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace adder {

// The types that formats know. Only f32, f16, bf16 and the blocks of GGUF files can be read; the others are known so that a
// message can name them, and so that a file with an unused table of integers in it is no error.
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
    c64,
    q4_0,  // blocks of codes with scales of their own (gguf_types.h), from here on
    q4_1,
    q5_0,
    q5_1,
    q8_0,
    q4_k,
    q5_k,
    q6_k
};

const char *dtype_name(DType dtype);  // as in safetensors and GGUF files: "BF16", "Q4_K"
uint32_t dtype_bits(DType dtype);     // of an element; 0 of blocks
bool is_blocks(DType dtype);          // q4_0 and what comes behind it
bool is_readable(DType dtype);        // f32, f16, bf16 or blocks
// Of a name as in safetensors files, which have no blocks; false if there is no such type.
bool dtype_of_name(const std::string &name, DType *dtype);

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
    const uint8_t *data;          // its first element
    uint64_t size;                // bytes of its elements
    uint64_t elements;            // the product of shape
    const std::string *file;      // the file's name, for messages; lives as long as the TensorTable
    // [shape.size()], in elements: how far the next one along a dimension is, as of a transposed matrix. Empty where the
    // elements lie one after the other, the last dimension's fastest, in data [size]. Of blocks always empty.
    std::vector<uint64_t> strides;
    // The values are -exp of those that the name stands for: the file has a decay A in the place of its logarithm.
    bool negative_exp = false;
    // Rows of a head, where the file has the first and the second half of them in turns: its row 2 i + j is row
    // j * head_rows / 2 + i here. 0: rows lie as they are. An even number that divides the first of two dimensions.
    uint32_t head_rows = 0;
};

// Where a row of a matrix lies in the file.
uint64_t stored_row(const TensorView &tensor, uint64_t row);

// From the first byte to behind the last one.
uint64_t span_bytes(const TensorView &tensor);

// All tensors of one file.
struct TensorTable {
    std::shared_ptr<const std::string> file;
    std::vector<TensorView> tensors;  // sorted by name

    const TensorView *find(const std::string &name) const;  // null if absent
};

// Elements [first, first + count) as floats, exactly (every F16 and BF16 is a float; payloads of NaNs stay; of blocks see
// gguf_types.h), in the order of the shape, whatever the strides. Throws Error(bad_input) if the type is not readable, Error(failure) if the range
// leaves the tensor.
void convert_to_float(const TensorView &tensor, uint64_t first, uint64_t count, float *out);

// Calls body with the bytes of all elements, in pieces, in the order of the shape, whatever the strides. The type has a
// whole number of bytes, or is of blocks.
void each_bytes(const TensorView &tensor, const std::function<void(const uint8_t *data, size_t size)> &body);

// "[2, 3]", for messages; a long one is cut.
std::string shape_text(const std::vector<uint64_t> &shape);

}  // namespace adder

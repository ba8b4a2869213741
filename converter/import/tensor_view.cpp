// The types of tensors, and their elements as floats.
// SPDX-License-Identifier: MIT
#include "converter/import/tensor_view.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "converter/base/error.h"
#include "converter/import/gguf_types.h"
#include "converter/quantize/halves.h"
#include "converter/text/json.h"

namespace adder {
namespace {

struct DTypeInfo {
    DType dtype;
    const char *name;
    uint32_t bits;
};

constexpr DTypeInfo dtypes[] = {
    {DType::f32, "F32", 32},        {DType::f16, "F16", 16},        {DType::bf16, "BF16", 16},
    {DType::f64, "F64", 64},        {DType::i64, "I64", 64},        {DType::i32, "I32", 32},
    {DType::i16, "I16", 16},        {DType::i8, "I8", 8},           {DType::u64, "U64", 64},
    {DType::u32, "U32", 32},        {DType::u16, "U16", 16},        {DType::u8, "U8", 8},
    {DType::boolean, "BOOL", 8},    {DType::f8_e5m2, "F8_E5M2", 8}, {DType::f8_e4m3, "F8_E4M3", 8},
    {DType::f8_e8m0, "F8_E8M0", 8}, {DType::f6_e2m3, "F6_E2M3", 6}, {DType::f6_e3m2, "F6_E3M2", 6},
    {DType::f4, "F4", 4},           {DType::c64, "C64", 64},        {DType::q4_0, "Q4_0", 0},
    {DType::q4_1, "Q4_1", 0},       {DType::q5_0, "Q5_0", 0},       {DType::q5_1, "Q5_1", 0},
    {DType::q8_0, "Q8_0", 0},       {DType::q4_k, "Q4_K", 0},       {DType::q5_k, "Q5_K", 0},
    {DType::q6_k, "Q6_K", 0},
};

const DTypeInfo &dtype_info(DType dtype) {
    return *std::find_if(std::begin(dtypes), std::end(dtypes),
                         [&](const DTypeInfo &info) { return info.dtype == dtype; });
}

// Elements [first, first + count) of a tensor with strides, one after the other.
void gather(const TensorView &tensor, uint64_t first, uint64_t count, uint8_t *out) {
    const size_t size = dtype_bits(tensor.dtype) / 8, rank = tensor.shape.size();
    std::vector<uint64_t> index(rank);
    uint64_t place = 0;  // of the element at `index`
    for (size_t i = rank; i-- > 0; first /= tensor.shape[i]) {
        index[i] = first % tensor.shape[i];
        place += index[i] * tensor.strides[i];
    }
    for (uint64_t n = 0; n < count; ++n, out += size) {
        std::memcpy(out, tensor.data + place * size, size);
        for (size_t i = rank; i-- > 0;) {
            place += tensor.strides[i];
            if (++index[i] < tensor.shape[i]) break;
            place -= index[i] * tensor.strides[i];
            index[i] = 0;
        }
    }
}

void floats_of(DType dtype, const uint8_t *source, size_t count, float *out) {
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file's byte order is taken as the host's");
    if (dtype == DType::f32) {
        std::memcpy(out, source, count * 4);
    } else if (dtype == DType::f16) {
        floats_of_f16(source, count, out);
    } else {
        floats_of_bf16(source, count, out);
    }
}

constexpr size_t piece = 4096;  // elements that are gathered at a time

// As they lie in the file.
void stored_floats(const TensorView &tensor, uint64_t first, uint64_t count, float *out) {
    if (is_blocks(tensor.dtype)) return floats_of_blocks(tensor.dtype, tensor.data, first, count, out);
    const size_t size = dtype_bits(tensor.dtype) / 8;
    if (tensor.strides.empty()) {
        floats_of(tensor.dtype, tensor.data + first * size, static_cast<size_t>(count), out);
        return;
    }
    uint8_t bytes[piece * 4];
    for (uint64_t done = 0; done < count;) {
        const auto some = static_cast<size_t>(std::min<uint64_t>(piece, count - done));
        gather(tensor, first + done, some, bytes);
        floats_of(tensor.dtype, bytes, some, out + done);
        done += some;
    }
}

}  // namespace

const char *dtype_name(DType dtype) { return dtype_info(dtype).name; }

uint32_t dtype_bits(DType dtype) { return dtype_info(dtype).bits; }

bool is_blocks(DType dtype) { return dtype >= DType::q4_0; }

bool is_readable(DType dtype) {
    return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || is_blocks(dtype);
}

bool dtype_of_name(const std::string &name, DType *dtype) {
    for (const DTypeInfo &info : dtypes) {
        if (name != info.name || is_blocks(info.dtype)) continue;
        *dtype = info.dtype;
        return true;
    }
    return false;
}

const TensorView *TensorTable::find(const std::string &name) const {
    const auto found =
        std::lower_bound(tensors.begin(), tensors.end(), name,
                         [](const TensorView &tensor, const std::string &key) { return tensor.name < key; });
    return found != tensors.end() && found->name == name ? &*found : nullptr;
}

uint64_t span_bytes(const TensorView &tensor) {
    if (tensor.strides.empty() || tensor.elements == 0) return tensor.size;
    uint64_t last = 0;
    for (size_t i = 0; i < tensor.shape.size(); ++i) last += (tensor.shape[i] - 1) * tensor.strides[i];
    return (last + 1) * (dtype_bits(tensor.dtype) / 8);
}

void convert_to_float(const TensorView &tensor, uint64_t first, uint64_t count, float *out) {
    if (!is_readable(tensor.dtype)) {
        bad_input("%s: tensor %s has type %s; F32, F16 or BF16 is needed", tensor.file->c_str(),
                  json_quote(tensor.name).c_str(), dtype_name(tensor.dtype));
    }
    if (first > tensor.elements || count > tensor.elements - first) {
        fail(ExitCode::failure, "%s: tensor %s has %" PRIu64 " elements, not %" PRIu64 " from %" PRIu64 " on",
             tensor.file->c_str(), json_quote(tensor.name).c_str(), tensor.elements, count, first);
    }
    if (count == 0) return;
    if (tensor.head_rows == 0) return stored_floats(tensor, first, count, out);
    const uint64_t cols = tensor.shape.back();
    for (uint64_t done = 0; done < count;) {
        const uint64_t skipped = (first + done) % cols, some = std::min(cols - skipped, count - done);
        stored_floats(tensor, stored_row(tensor, (first + done) / cols) * cols + skipped, some, out + done);
        done += some;
    }
}

uint64_t stored_row(const TensorView &tensor, uint64_t row) {
    if (tensor.head_rows == 0) return row;
    const uint64_t within = row % tensor.head_rows, half = tensor.head_rows / 2;
    return row - within + within % half * 2 + within / half;
}

void each_bytes(const TensorView &tensor, const std::function<void(const uint8_t *, size_t)> &body) {
    if (tensor.strides.empty()) return body(tensor.data, static_cast<size_t>(tensor.size));
    const size_t size = dtype_bits(tensor.dtype) / 8;
    std::vector<uint8_t> bytes(piece * size);
    for (uint64_t done = 0; done < tensor.elements;) {
        const auto some = static_cast<size_t>(std::min<uint64_t>(piece, tensor.elements - done));
        gather(tensor, done, some, bytes.data());
        body(bytes.data(), some * size);
        done += some;
    }
}

std::string shape_text(const std::vector<uint64_t> &shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); ++i) {
        if (i > 0) text += ", ";
        if (i == 8) {
            text += "...";
            break;
        }
        text += std::to_string(shape[i]);
    }
    return text + "]";
}

}  // namespace adder

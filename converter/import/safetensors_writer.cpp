// Writes safetensors files: the length of the header, the header in JSON, the data.
// SPDX-License-Identifier: MIT
#include "converter/import/safetensors_writer.h"

#include "converter/base/error.h"
#include "converter/quantize/halves.h"
#include "converter/text/json.h"

namespace adder {

namespace {

std::string header_text(DType dtype, const std::vector<TensorSpec> &tensors) {
    JsonWriter json(false);
    json.begin_object().key("__metadata__").begin_object().key("format").value("pt").end_object();
    uint64_t offset = 0;
    for (const TensorSpec &tensor : tensors) {
        json.key(tensor.name).begin_object().key("dtype").value(dtype_name(dtype));
        json.key("shape").begin_array();
        for (const uint64_t extent : tensor.shape) json.value(extent);
        json.end_array().key("data_offsets").begin_array().value(offset);
        offset += element_count(tensor) * element_bytes(dtype);
        json.value(offset).end_array().end_object();
    }
    json.end_object();
    std::string text = json.text();
    text.append((8 - text.size() % 8) % 8, ' ');  // so that the data is aligned, as the format recommends
    return text;
}

}  // namespace

uint64_t element_count(const TensorSpec &tensor) {
    uint64_t count = 1;
    for (const uint64_t extent : tensor.shape) count *= extent;
    return count;
}

uint64_t element_bytes(DType dtype) { return dtype == DType::f32 ? 4 : 2; }

SafetensorsWriter::SafetensorsWriter(const std::string &path, DType dtype,
                                     const std::vector<TensorSpec> &tensors)
    : file_(path), dtype_(dtype) {
    const std::string header = header_text(dtype, tensors);
    uint8_t size[8];
    for (int i = 0; i < 8; ++i) size[i] = static_cast<uint8_t>(uint64_t{header.size()} >> (8 * i));
    file_.write(size, sizeof size);
    file_.write(header.data(), header.size());
    for (const TensorSpec &tensor : tensors) missing_ += element_count(tensor);
}

void SafetensorsWriter::append(const float *values, size_t count) {
    if (count > missing_) fail(ExitCode::failure, "%zu values too many for the tensors", count);
    missing_ -= count;
    if (dtype_ == DType::f32) {
        file_.write(values, count * sizeof *values);
        return;
    }
    halves_.resize(count);
    for (size_t i = 0; i < count; ++i)
        halves_[i] = dtype_ == DType::f16 ? f16_of(values[i]) : bf16_of(values[i]);
    file_.write(halves_.data(), count * sizeof halves_[0]);
}

void SafetensorsWriter::commit() {
    if (missing_ != 0)
        fail(ExitCode::failure, "%llu values too few for the tensors",
             static_cast<unsigned long long>(missing_));
    file_.commit();
}

}  // namespace adder

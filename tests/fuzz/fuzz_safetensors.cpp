// Fuzz target: the safetensors reader, and every byte that it hands out.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "converter/base/error.h"
#include "converter/import/safetensors.h"

static void read_all(const uint8_t *data, size_t size) {
    try {
        const adder::TensorTable header = adder::parse_safetensors(data, size, "input");
        std::vector<float> values;
        uint64_t covered = 0;
        for (const adder::TensorView &tensor : header.tensors) {
            if (tensor.size > 0 && (tensor.data < data || tensor.data + tensor.size > data + size))
                std::abort();
            if (header.find(tensor.name) != &tensor) std::abort();
            covered += tensor.size;
            adder::shape_text(tensor.shape);
            try {
                adder::convert_to_float(tensor, tensor.elements, 0, nullptr);
                values.resize(static_cast<size_t>(tensor.elements));
                adder::convert_to_float(tensor, 0, tensor.elements, values.data());
            } catch (const adder::Error &) {
                if (adder::is_readable(tensor.dtype)) std::abort();
            }
        }
        if (covered > size) std::abort();
    } catch (const adder::Error &) {
    }
}

// As it is, and with the length set to where the last '}' is: few mutations would get past a wrong length.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_all(data, size);
    if (size < 8) return 0;
    std::vector<uint8_t> mended(data, data + size);
    size_t end = size;
    while (end > 8 && data[end - 1] != '}') --end;
    for (size_t i = 0; i < 8; ++i) mended[i] = static_cast<uint8_t>((end - 8) >> (8 * i));
    read_all(mended.data(), size);
    return 0;
}

static void add_file(void (*add)(const uint8_t *, size_t), const std::string &header, size_t data_size) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
    bytes += header + std::string(data_size, '\x3C');
    add(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    add_file(add, "{}", 0);
    add_file(add,
             R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})",
             24);
    add_file(add,
             R"({"a":{"dtype":"F16","shape":[5],"data_offsets":[0,10]},)"
             R"("b":{"dtype":"BF16","shape":[],"data_offsets":[10,12]},)"
             R"("c":{"dtype":"I64","shape":[1],"data_offsets":[12,20]},)"
             R"("d":{"dtype":"F4","shape":[2,0],"data_offsets":[20,20]}}   )",
             20);
}

extern "C" const char *const adder_fuzz_words[] = {"\"dtype\":",
                                                   "\"shape\":",
                                                   "\"data_offsets\":",
                                                   "[0,0]",
                                                   "[4611686018427387904]",
                                                   "9223372036854775807",
                                                   "__metadata__",
                                                   "\"F32\"",
                                                   "\"BF16\"",
                                                   "\"F4\"",
                                                   "\"BOOL\"",
                                                   "4294967296",
                                                   "{",
                                                   "}",
                                                   "[",
                                                   "]",
                                                   ",",
                                                   "\"",
                                                   nullptr};

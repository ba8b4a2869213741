// Fuzz target: the reader of PyTorch files: archive, pickle, and every element that it hands out.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "converter/base/error.h"
#include "converter/import/pytorch.h"
#include "tests/support/pytorch_builder.h"

using namespace adder;
using namespace adder::test;

static void read_all(const uint8_t *data, size_t size) {
    try {
        const TensorTable table = parse_pytorch(data, size, "input");
        std::vector<float> values;
        for (const TensorView &tensor : table.tensors) {
            if (tensor.size > 0 && (tensor.data < data || tensor.data + span_bytes(tensor) > data + size))
                std::abort();
            if (table.find(tensor.name) != &tensor) std::abort();
            uint64_t bytes = 0;
            each_bytes(tensor, [&](const uint8_t *, size_t count) { bytes += count; });
            if (bytes != tensor.size) std::abort();
            if (!is_readable(tensor.dtype)) continue;
            values.resize(static_cast<size_t>(tensor.elements));
            convert_to_float(tensor, 0, tensor.elements, values.data());
        }
    } catch (const Error &) {
    }
}

// As it is, and as the pickle of an archive that is sound: few mutations of the whole would leave the archive so.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_all(data, size);
    const std::string pickle(reinterpret_cast<const char *>(data), size);
    const std::string file =
        zip_file(pytorch_entries(pickle, {std::string(24, '\x3C'), std::string(24, '\x3D')}));
    read_all(reinterpret_cast<const uint8_t *>(file.data()), file.size());
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    const auto add_text = [&](const std::string &text) {
        add(reinterpret_cast<const uint8_t *>(text.data()), text.size());
    };
    const std::vector<Tensor> tensors = {make_tensor("z", DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6}),
                                         make_tensor("a", DType::bf16, {2}, {1.5f, -2})};
    add_text(pytorch_file(tensors));
    add_text(pytorch_file(tensors, true));
    const std::string plain = pickle_view({"FloatStorage", "0", 6, 0, {2, 3}, {3, 1}});
    const std::string half = pickle_view({"HalfStorage", "1", 12, 2, {3, 2}, {1, 3}});
    add_text(pickle_file(pickle_dict({{"a", plain}, {"b", pickle_parameter(half)}, {"c", plain}}, true)));
    add_text(pickle_file(
        pickle_dict({{"a", half}, {"n", "](K\1NeK\1a"}, {"l", "\x8A\x09" + std::string(9, 'x')}})));
}

extern "C" const char *const adder_fuzz_words[] = {"PK\1\2",
                                                   "PK\3\4",
                                                   "PK\5\6",
                                                   "PK\6\6",
                                                   "PK\6\7",
                                                   "\xFF\xFF\xFF\xFF",
                                                   "ctorch\nFloatStorage\n",
                                                   "ctorch\nHalfStorage\n",
                                                   "ccollections\nOrderedDict\n",
                                                   "ctorch._utils\n_rebuild_tensor_v2\n",
                                                   "cos\nsystem\n",
                                                   ")R",
                                                   "(",
                                                   "t",
                                                   "u",
                                                   "s",
                                                   "}",
                                                   "]",
                                                   "e",
                                                   "a",
                                                   "Q",
                                                   "R",
                                                   "b",
                                                   "N",
                                                   "\x88",
                                                   "\x85",
                                                   "\x86",
                                                   "\x87",
                                                   "q\1",
                                                   "h\1",
                                                   "X\1",
                                                   nullptr};

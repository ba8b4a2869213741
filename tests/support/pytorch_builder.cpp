// Writes ZIP archives and pickles.
// SPDX-License-Identifier: MIT
#include "tests/support/pytorch_builder.h"

namespace adder::test {
namespace {

std::string u16(uint64_t value) { return little_endian(value, 2); }
std::string u32(uint64_t value) { return little_endian(value, 4); }
std::string u64(uint64_t value) { return little_endian(value, 8); }

const char *storage_of(DType dtype) {
    switch (dtype) {
    case DType::f32: return "FloatStorage";
    case DType::f16: return "HalfStorage";
    case DType::bf16: return "BFloat16Storage";
    case DType::i64: return "LongStorage";
    default: return "IntStorage";
    }
}

// The bytes of a matrix, by columns.
std::string transposed_bytes(const Tensor &tensor) {
    const size_t rows = static_cast<size_t>(tensor.shape[0]), cols = static_cast<size_t>(tensor.shape[1]);
    const size_t size = tensor.data.size() / (rows * cols);
    std::string bytes;
    for (size_t col = 0; col < cols; ++col)
        for (size_t row = 0; row < rows; ++row) bytes += tensor.data.substr((row * cols + col) * size, size);
    return bytes;
}

}  // namespace

std::string little_endian(uint64_t value, unsigned bytes) {
    std::string text;
    for (unsigned i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
    return text;
}

std::string zip_file(const std::vector<ZipEntry> &entries, bool zip64, size_t alignment) {
    std::string file, directory;
    for (const ZipEntry &entry : entries) {
        const size_t place = file.size();
        const std::string &local_name = entry.local_name.empty() ? entry.name : entry.local_name;
        const size_t plain = place + 30 + local_name.size();
        const std::string pad((alignment - (plain + 4) % alignment) % alignment, 'Z');
        const std::string extra = "FB" + u16(pad.size()) + pad;
        const std::string sizes = u32(0) + u32(entry.data.size()) + u32(entry.data.size());
        const std::string common = u16(0) + u16(entry.flags) + u16(entry.method) + u16(0) + u16(0);
        file += "PK\3\4" + common + sizes + u16(local_name.size()) + u16(extra.size()) + local_name + extra;
        file += entry.data;
        const uint64_t ones = 0xFFFFFFFF;
        const std::string large = u64(entry.data.size()) + u64(entry.data.size()) + u64(place);
        const std::string field =
            entry.zip64 ? u16(7) + u16(2) + "xx" + u16(1) + u16(large.size()) + large : "";
        directory += "PK\1\2" + u16(0) + common + u32(0) + u32(entry.zip64 ? ones : entry.data.size()) +
                     u32(entry.zip64 ? ones : entry.data.size()) + u16(entry.name.size()) + u16(field.size()) +
                     u16(0) + u16(0) + u16(0) + u32(0) + u32(entry.zip64 ? ones : place) + entry.name + field;
    }
    const size_t place = file.size();
    file += directory;
    if (zip64) {
        const size_t end64 = file.size();
        file += "PK\6\6" + u64(44) + u16(45) + u16(45) + u32(0) + u32(0) + u64(entries.size()) +
                u64(entries.size()) + u64(directory.size()) + u64(place);
        file += "PK\6\7" + u32(0) + u64(end64) + u32(1);
        return file + "PK\5\6" + u16(0) + u16(0) + u16(0xFFFF) + u16(0xFFFF) + u32(0xFFFFFFFF) +
               u32(0xFFFFFFFF) + u16(0);
    }
    return file + "PK\5\6" + u16(0) + u16(0) + u16(entries.size()) + u16(entries.size()) +
           u32(directory.size()) + u32(place) + u16(0);
}

std::string pickle_text(const std::string &text) { return "X" + u32(text.size()) + text; }

std::string pickle_integer(int64_t value) {
    const auto bits = static_cast<uint64_t>(value);
    if (value >= 0 && value < 256) return "K" + little_endian(bits, 1);
    if (value >= 0 && value < 65536) return "M" + u16(bits);
    if (value >= INT32_MIN && value <= INT32_MAX) return "J" + u32(bits);
    return "\x8A\x08" + u64(bits);
}

std::string pickle_global(const std::string &module, const std::string &name) {
    return "c" + module + "\n" + name + "\n";
}

std::string pickle_tuple(const std::vector<std::string> &items) {
    std::string text;
    for (const std::string &item : items) text += item;
    if (items.empty()) return ")";
    if (items.size() <= 3) return text + static_cast<char>(0x84 + items.size());
    return "(" + text + "t";
}

std::string pickle_dict(const std::vector<std::pair<std::string, std::string>> &items, bool ordered) {
    std::string text;
    for (const auto &[name, value] : items) text += pickle_text(name) + value;
    const std::string ordered_dict = pickle_global("collections", "OrderedDict") + ")R";
    if (!ordered) return "}q\1(" + text + "u";
    return ordered_dict + "(" + text + "u}" + pickle_text("_metadata") + ordered_dict + "sb";
}

std::string pickle_file(const std::string &value) { return "\x80\x02" + value + "."; }

std::string pickle_view(const PytorchView &view) {
    std::vector<std::string> shape, strides;
    for (const int64_t extent : view.shape) shape.push_back(pickle_integer(extent));
    for (const int64_t stride : view.strides) strides.push_back(pickle_integer(stride));
    const std::string storage =
        pickle_tuple({pickle_text("storage"), pickle_global("torch", view.storage), pickle_text(view.key),
                      pickle_text("cuda:0"), pickle_integer(view.storage_elements)}) +
        "Q";
    return pickle_global("torch._utils", "_rebuild_tensor_v2") +
           pickle_tuple({storage, pickle_integer(view.offset), pickle_tuple(shape), pickle_tuple(strides),
                         "\x89", pickle_global("collections", "OrderedDict") + ")R"}) +
           "R";
}

std::string pickle_parameter(const std::string &tensor) {
    return pickle_global("torch._utils", "_rebuild_parameter") +
           pickle_tuple({tensor, "\x88", pickle_global("collections", "OrderedDict") + ")R"}) + "R";
}

std::vector<ZipEntry> pytorch_entries(const std::string &pickle, const std::vector<std::string> &storages) {
    std::vector<ZipEntry> entries = {{"model/data.pkl", pickle}, {"model/byteorder", "little"}};
    for (size_t i = 0; i < storages.size(); ++i)
        entries.push_back({"model/data/" + std::to_string(i), storages[i]});
    entries.push_back({"model/version", "3\n"});
    return entries;
}

std::string pytorch_file(const std::vector<Tensor> &tensors, bool transposed) {
    std::vector<std::pair<std::string, std::string>> items;
    std::vector<std::string> storages;
    for (const Tensor &tensor : tensors) {
        PytorchView view;
        view.storage = storage_of(tensor.dtype);
        view.key = std::to_string(storages.size());
        view.storage_elements = 1;
        for (const uint64_t extent : tensor.shape) {
            view.shape.push_back(static_cast<int64_t>(extent));
            view.storage_elements *= static_cast<int64_t>(extent);
        }
        int64_t stride = 1;
        for (size_t i = view.shape.size(); i-- > 0; stride *= view.shape[i])
            view.strides.insert(view.strides.begin(), stride);
        const bool by_columns = transposed && view.shape.size() == 2 && !tensor.data.empty();
        if (by_columns) view.strides = {1, view.shape[0]};
        storages.push_back(by_columns ? transposed_bytes(tensor) : tensor.data);
        items.emplace_back(tensor.name, pickle_view(view));
    }
    return zip_file(pytorch_entries(pickle_file(pickle_dict(items, true)), storages), true);
}

}  // namespace adder::test

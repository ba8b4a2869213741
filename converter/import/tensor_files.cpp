// Finding and opening the files of weights.
// SPDX-License-Identifier: MIT
#include "converter/import/tensor_files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <filesystem>
#include <string_view>

#include "converter/base/error.h"
#include "converter/import/gguf.h"
#include "converter/import/gguf_parts.h"
#include "converter/import/pytorch.h"
#include "converter/import/safetensors.h"

namespace adder {

namespace {

// A shard lies in the checkpoint's own directory: whoever wrote the index has no business elsewhere.
void check_shard_name(const std::string &name, const std::string &index_path, const std::string &tensor) {
    const bool has_bad_byte = std::any_of(name.begin(), name.end(), [](char c) {
        return c == '/' || c == '\\' || c == 0x7F || static_cast<unsigned char>(c) < 0x20;
    });
    if (name.empty() || name == "." || name == ".." || has_bad_byte) {
        bad_input("%s: tensor %s is in file %s; a plain file name is needed", index_path.c_str(),
                  json_quote(tensor).c_str(), json_quote(name).c_str());
    }
}

bool ends_with(const std::string &text, std::string_view end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Those of a folder that end so, sorted.
std::vector<std::string> files_with(const std::string &directory, std::string_view end) {
    std::vector<std::string> names;
    std::error_code ignored;  // a folder that cannot be read has none
    std::filesystem::directory_iterator entry(directory, ignored);
    for (; entry != std::filesystem::directory_iterator(); entry.increment(ignored)) {
        std::string name = entry->path().filename().string();
        if (ends_with(name, end) && file_exists(join_path(directory, name))) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
}

constexpr std::string_view index_end = ".index.json";
// In the order in which they are looked for; before those of any name, which have an end.
constexpr const char *weights_names[] = {"model.safetensors", "model.safetensors.index.json",
                                         "pytorch_model.bin", "pytorch_model.bin.index.json"};
constexpr std::string_view weights_ends[] = {".pth", ".gguf"};

// The file of weights, or the index of several; empty if there is none.
std::string find_weights(const CheckpointPaths &paths) {
    if (!paths.weights.empty()) return paths.weights;
    for (const char *name : weights_names)
        if (std::string path = join_path(paths.directory, name); file_exists(path)) return path;
    std::vector<std::string> files;
    for (const std::string_view end : weights_ends)
        if (files.empty()) files = without_later_gguf_parts(files_with(paths.directory, end));
    if (files.empty()) return {};
    if (files.size() == 1) return join_path(paths.directory, files[0]);
    std::string list;
    for (const std::string &file : files) list += (list.empty() ? "" : ", ") + json_quote(file);
    bad_input("%s has %zu files of weights: %s; give the path of one of them", paths.given.c_str(),
              files.size(), list.c_str());
}

}  // namespace

bool TensorFiles::are_there(const CheckpointPaths &paths) { return !find_weights(paths).empty(); }

bool TensorFiles::are_gguf(const CheckpointPaths &paths) { return ends_with(find_weights(paths), ".gguf"); }

TensorFiles::TensorFiles(const CheckpointPaths &paths) : given_(paths.given), directory_(paths.directory) {
    const std::string path = find_weights(paths);
    if (path.empty()) {
        std::string names;
        for (const char *name : weights_names) names += std::string(names.empty() ? "" : ", ") + name;
        bad_input("%s has none of %s, *.pth and *.gguf", given_.c_str(), names.c_str());
    }
    if (ends_with(path, index_end))
        open_sharded(path);
    else
        open_single(path);
}

const TensorTable &TensorFiles::open_file(const std::string &path) {
    const auto known = tables_.find(path);
    if (known != tables_.end()) return known->second;
    const MappedFile &file = files_.emplace_back(path);
    const auto parse = ends_with(path, ".safetensors") ? parse_safetensors : parse_pytorch;
    return tables_.emplace(path, parse(file.data(), file.size(), path)).first->second;
}

TensorFiles::TensorFiles(GgufFile file) : given_(file.metadata.file()) {
    gguf_.emplace(std::move(file.metadata));
    add_table(given_, std::move(file.table));
}

const TensorTable &TensorFiles::add_table(const std::string &path, TensorTable table) {
    const TensorTable &added = tables_.emplace(path, std::move(table)).first->second;
    for (const TensorView &tensor : added.tensors) tensors_.emplace(tensor.name, &tensor);
    return added;
}

// One file, or the first of several, whose others lie beside it.
void TensorFiles::open_gguf(const std::string &path) {
    const auto parse = [&](const std::string &name) {
        const MappedFile &file = files_.emplace_back(name);
        return parse_gguf(file.data(), file.size(), name);
    };
    GgufFile first = parse(path);
    gguf_.emplace(first.metadata);
    std::vector<const TensorTable *> all{&add_table(path, std::move(first.table))};
    if (first.parts.count == 1) return;
    const GgufPartName name = first_gguf_part(first);
    for (uint32_t number = 2; number <= name.count; ++number) {
        const GgufPartName other = name.of(number);
        if (!file_exists(other.path()))
            bad_input("%s is missing: %s says that it is the first of %u parts", other.path().c_str(),
                      path.c_str(), name.count);
        GgufFile file = parse(other.path());
        check_gguf_part(file, other, all);
        all.push_back(&add_table(other.path(), std::move(file.table)));
    }
    check_gguf_tensors(first, all);
}

void TensorFiles::open_single(const std::string &path) {
    if (ends_with(path, ".gguf")) return open_gguf(path);
    for (const TensorView &tensor : open_file(path).tensors) tensors_.emplace(tensor.name, &tensor);
}

void TensorFiles::rename(Rename new_name) {
    std::unordered_map<std::string, const TensorView *> renamed;
    // Of two names that become one the first counts, in the order of the alphabet.
    std::map<std::string, const TensorView *> sorted(tensors_.begin(), tensors_.end());
    for (const auto &[name, tensor] : sorted) renamed.emplace(new_name(name), tensor);
    tensors_ = std::move(renamed);
}

void TensorFiles::arrange(const Arrange &parts_of) {
    tensors_.clear();
    for (auto &[path, table] : tables_) {
        std::vector<NamedView> parts;
        for (const TensorView &tensor : table.tensors)
            for (NamedView &part : parts_of(tensor)) parts.push_back(std::move(part));
        table.tensors.clear();
        table.tensors.reserve(parts.size());  // they are pointed at
        for (NamedView &part : parts) {
            table.tensors.push_back(std::move(part.second));
            const auto [other, is_new] = tensors_.emplace(part.first, &table.tensors.back());
            if (!is_new)
                bad_input("%s: tensors %s and %s are both %s", path.c_str(),
                          json_quote(other->second->name).c_str(),
                          json_quote(table.tensors.back().name).c_str(), json_quote(part.first).c_str());
        }
    }
}

void TensorFiles::open_sharded(const std::string &index_path) {
    const MappedFile file(index_path);
    const Json index = Json::parse(file.text(), index_path);
    index.object(index_path);
    const Json *const map = index.find("weight_map");
    if (map == nullptr) bad_input("%s has no weight_map", index_path.c_str());
    const std::string what = index_path + ": weight_map";
    for (const auto &[tensor, shard] : map->object(what)) {
        const std::string &name = shard.string(what + ": " + json_quote(tensor));
        check_shard_name(name, index_path, tensor);
        const std::string path = join_path(directory_, name);
        const TensorView *const view = open_file(path).find(tensor);
        if (view == nullptr) {
            bad_input("%s has no tensor %s, which %s places there", path.c_str(), json_quote(tensor).c_str(),
                      index_path.c_str());
        }
        tensors_.emplace(tensor, view);
    }
}

const TensorView *TensorFiles::find(const std::string &name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : found->second;
}

const TensorView &TensorFiles::tensor(const std::string &name) const {
    if (const TensorView *const view = find(name)) return *view;
    bad_input("%s has no tensor %s", given_.c_str(), json_quote(name).c_str());
}

const TensorView &TensorFiles::tensor(const std::string &name, const std::vector<uint64_t> &shape) const {
    const TensorView *const found = find(name);
    if (found == nullptr) {
        bad_input("%s has no tensor %s; one of shape %s is needed", given_.c_str(), json_quote(name).c_str(),
                  shape_text(shape).c_str());
    }
    if (found->shape != shape) {
        bad_input("%s: tensor %s has shape %s; %s is needed", found->file->c_str(),
                  json_quote(found->name).c_str(), shape_text(found->shape).c_str(),
                  shape_text(shape).c_str());
    }
    if (!is_readable(found->dtype)) {
        bad_input("%s: tensor %s has type %s; F32, F16 or BF16 is needed", found->file->c_str(),
                  json_quote(found->name).c_str(), dtype_name(found->dtype));
    }
    return *found;
}

void TensorFiles::read(const TensorView &tensor, uint64_t first, uint64_t count, float *out) const {
    convert_to_float(tensor, first, count, out);
    for (uint64_t i = 0; i < count; ++i) {
        if (!std::isfinite(out[i])) {
            bad_input("%s: tensor %s has the value %g at index %" PRIu64 "; finite ones are needed",
                      tensor.file->c_str(), json_quote(tensor.name).c_str(), static_cast<double>(out[i]),
                      first + i);
        }
    }
}

void TensorFiles::release(const TensorView &tensor) const {
    // Whole pages inside the tensor only: its neighbours may be in use.
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto start = reinterpret_cast<uintptr_t>(tensor.data);
    const uintptr_t first = (start + page - 1) / page * page;
    const uintptr_t last = (start + span_bytes(tensor)) / page * page;
    if (first >= last) return;
    const auto offset = static_cast<size_t>(first - start);
    madvise(const_cast<uint8_t *>(tensor.data) + offset, static_cast<size_t>(last - first), MADV_DONTNEED);
}

}  // namespace adder

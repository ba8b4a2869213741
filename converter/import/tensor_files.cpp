// Finding and opening the files of weights.
// SPDX-License-Identifier: MIT
#include "converter/import/tensor_files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cmath>

#include "converter/base/error.h"

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

[[noreturn]] void fail_no_weights(const std::string &directory) {
    for (const char *name : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
        if (file_exists(join_path(directory, name))) {
            bad_input("%s has %s, but neither model.safetensors nor model.safetensors.index.json: convert "
                      "the weights "
                      "to safetensors",
                      directory.c_str(), name);
        }
    }
    bad_input("%s has neither model.safetensors nor model.safetensors.index.json", directory.c_str());
}

}  // namespace

TensorFiles::TensorFiles(const std::string &directory, Rename rename)
    : directory_(directory), rename_(rename) {
    const std::string single = join_path(directory, "model.safetensors");
    const std::string index = join_path(directory, "model.safetensors.index.json");
    if (file_exists(single)) {
        open_single(single);
    } else if (file_exists(index)) {
        open_sharded(index);
    } else {
        fail_no_weights(directory);
    }
}

const SafetensorsHeader &TensorFiles::open_file(const std::string &path) {
    const auto known = headers_.find(path);
    if (known != headers_.end()) return known->second;
    const MappedFile &file = files_.emplace_back(path);
    return headers_.emplace(path, parse_safetensors(file.data(), file.size(), path)).first->second;
}

void TensorFiles::open_single(const std::string &path) {
    for (const TensorView &tensor : open_file(path).tensors) tensors_.emplace(rename_(tensor.name), &tensor);
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
        tensors_.emplace(rename_(tensor), view);
    }
}

const TensorView *TensorFiles::find(const std::string &name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : found->second;
}

const TensorView &TensorFiles::tensor(const std::string &name) const {
    if (const TensorView *const view = find(name)) return *view;
    bad_input("%s has no tensor %s", directory_.c_str(), json_quote(name).c_str());
}

const TensorView &TensorFiles::tensor(const std::string &name, const std::vector<uint64_t> &shape) const {
    const TensorView *const found = find(name);
    if (found == nullptr) {
        bad_input("%s has no tensor %s; one of shape %s is needed", directory_.c_str(),
                  json_quote(name).c_str(), shape_text(shape).c_str());
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
    const uintptr_t last = (start + tensor.size) / page * page;
    if (first >= last) return;
    const auto offset = static_cast<size_t>(first - start);
    madvise(const_cast<uint8_t *>(tensor.data) + offset, static_cast<size_t>(last - first), MADV_DONTNEED);
}

}  // namespace adder

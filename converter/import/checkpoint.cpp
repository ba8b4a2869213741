// Opens checkpoints: finds the files of one, and checks its tensors against its configuration.
// SPDX-License-Identifier: MIT
#include "converter/import/checkpoint.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cmath>
#include <cstring>
#include <set>

#include "converter/base/error.h"
#include "runtime/crc32.h"

namespace adder {

namespace {

constexpr char embedding_name[] = "backbone.embeddings.weight";
constexpr char old_embedding_name[] =
    "backbone.embedding.weight";  // before transformers 4.39, and in state-spaces
constexpr char head_name[] = "lm_head.weight";

Json parse_file(const std::string &path) {
    const MappedFile file(path);
    return Json::parse(file.text(), path);
}

std::string path_if_exists(const std::string &directory, const char *name) {
    std::string path = join_path(directory, name);
    return file_exists(path) ? path : std::string();
}

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

Checkpoint::Checkpoint(const std::string &directory, bool rotated) : directory_(directory) {
    if (access(directory.c_str(), F_OK) != 0)
        bad_input("cannot open %s: %s", directory.c_str(), std::strerror(errno));
    if (!is_directory(directory)) {
        bad_input("%s is not a directory; that of a checkpoint (config.json, model.safetensors) is needed",
                  directory.c_str());
    }
    const std::string config_path = join_path(directory, "config.json");
    config_ = parse_model_config(parse_file(config_path), config_path);
    const std::string generation_path = join_path(directory, "generation_config.json");
    if (access(generation_path.c_str(), F_OK) == 0) {
        generation_ =
            parse_generation_config(parse_file(generation_path), generation_path, config_.vocab_size);
    }
    tokenizer_path_ = path_if_exists(directory, "tokenizer.json");
    tokenizer_config_path_ = path_if_exists(directory, "tokenizer_config.json");

    const std::string single = join_path(directory, "model.safetensors");
    const std::string index = join_path(directory, "model.safetensors.index.json");
    if (file_exists(single)) {
        open_single(single);
    } else if (file_exists(index)) {
        open_sharded(index);
    } else {
        fail_no_weights(directory);
    }
    check_tensors();
    tied_in_files_ = config_.tie_word_embeddings;
    if (!rotated) return;
    try {
        rotation_.emplace(config_.d_model);
    } catch (const Error &error) {
        bad_input("%s: %s", config_path.c_str(), error.what());
    }
    // The head takes the final norm's weights in, the embedding does not.
    config_.tie_word_embeddings = false;
}

const SafetensorsHeader &Checkpoint::open_file(const std::string &path) {
    const auto known = headers_.find(path);
    if (known != headers_.end()) return known->second;
    const MappedFile &file = files_.emplace_back(path);
    return headers_.emplace(path, parse_safetensors(file.data(), file.size(), path)).first->second;
}

void Checkpoint::open_single(const std::string &path) {
    for (const TensorView &tensor : open_file(path).tensors) tensors_.emplace(tensor.name, &tensor);
}

void Checkpoint::open_sharded(const std::string &index_path) {
    const Json index = parse_file(index_path);
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

const TensorView *Checkpoint::find(const std::string &name) const {
    auto found = tensors_.find(name);
    if (found == tensors_.end() && name == embedding_name) found = tensors_.find(old_embedding_name);
    return found == tensors_.end() ? nullptr : found->second;
}

const TensorView &Checkpoint::tensor(const std::string &name) const {
    if (const TensorView *const view = find(name)) return *view;
    bad_input("%s has no tensor %s", directory_.c_str(), json_quote(name).c_str());
}

const TensorView &Checkpoint::tensor(const std::string &name, const std::vector<uint64_t> &shape) const {
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

const TensorView &Checkpoint::head() const { return tensor(tied_in_files_ ? embedding_name : head_name); }

void Checkpoint::embed_row(uint32_t token, float *out) const {
    read(tensor(embedding_name), uint64_t{token} * config_.d_model, config_.d_model, out);
    if (rotation_) rotation_->rotate_rows(out, 1);
}

void Checkpoint::check_tensors() {
    std::set<const TensorView *> used;
    for (const TensorSpec &spec : model_tensors(config_)) used.insert(&tensor(spec.name, spec.shape));
    // Where the head is tied, a copy of it does no harm; one of another shape says that the configuration is
    // wrong.
    if (config_.tie_word_embeddings && find(head_name) != nullptr) {
        tensor(head_name, {config_.vocab_size, config_.d_model});
    }
    for (const auto &[path, header] : headers_) {
        for (const TensorView &tensor : header.tensors) {
            if (used.count(&tensor) == 0) unused_tensors_.push_back(tensor.name);
        }
    }
    std::sort(unused_tensors_.begin(), unused_tensors_.end());
}

uint32_t Checkpoint::weights_crc() const {
    uint32_t crc = crc32(0, &config_.norm_epsilon, sizeof(float));
    for (const TensorSpec &spec : model_tensors(config_)) {
        const TensorView &view = tensor(spec.name);
        const char *const type = dtype_name(view.dtype);
        crc = crc32(crc, spec.name.data(), spec.name.size());
        crc = crc32(crc, type, std::strlen(type));
        crc = crc32(crc, view.data, static_cast<size_t>(view.size));
        release(view);
    }
    return crc;
}

void Checkpoint::read(const TensorView &tensor, uint64_t first, uint64_t count, float *out) const {
    convert_to_float(tensor, first, count, out);
    for (uint64_t i = 0; i < count; ++i) {
        if (!std::isfinite(out[i])) {
            bad_input("%s: tensor %s has the value %g at index %" PRIu64 "; finite ones are needed",
                      tensor.file->c_str(), json_quote(tensor.name).c_str(), static_cast<double>(out[i]),
                      first + i);
        }
    }
}

void Checkpoint::release(const TensorView &tensor) const {
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

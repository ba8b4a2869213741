// Opening checkpoints, and reading their tensors by role.
// SPDX-License-Identifier: MIT
#include "converter/model/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "converter/base/error.h"
#include "converter/families/gguf.h"
#include "converter/import/gguf_tokenizer.h"
#include "converter/import/gguf_types.h"
#include "converter/quantize/folds.h"
#include "runtime/crc32.h"

namespace adder {
Checkpoint::Checkpoint(const std::string &path, bool rotated, const std::string &tokenizer)
    : paths_(find_checkpoint(path)) {
    if (!tokenizer.empty()) choose_tokenizer(&paths_, tokenizer);
    std::string config_name = paths_.config;
    if (TensorFiles::are_gguf(paths_)) {
        config_name = open_gguf(!tokenizer.empty());
    } else if (config_name.empty() && TensorFiles::are_there(paths_)) {
        files_.emplace(paths_);
        config_name = path;
        const std::string text = config_from_tensors(*files_, path);
        files_shape_ = read_model_shape(Json::parse(text, path), path);
    } else {
        if (config_name.empty()) config_name = join_path(paths_.directory, "config.json");
        files_shape_ = read_model_shape(parse_config_file(config_name), config_name);
        files_.emplace(paths_);
    }
    if (files_->gguf() == nullptr) files_->rename(files_shape_.family->rename);
    if (const std::string &generation = paths_.generation_config; !generation.empty())
        generation_ =
            parse_generation_config(parse_config_file(generation), generation, files_shape_.vocab_size);
    check_tensors();
    if (const char *const norm = files_shape_.family->embedding_norm)
        for (const char *part : {".weight", ".bias"}) {
            const TensorView &view = files_->tensor(norm + std::string(part));
            embedding_norm_.resize(embedding_norm_.size() + files_shape_.d_model);
            files_->read(view, embedding_norm_.data() + embedding_norm_.size() - files_shape_.d_model);
        }
    shape_ = files_shape_;
    if (!rotated) return;
    if (shape_.layer_norm)
        bad_input(
            "%s: a residual stream in front of LayerNorms cannot be rotated: they take the mean of its channels",
            config_name.c_str());
    try {
        rotation_.emplace(shape_.d_model);
    } catch (const Error &error) {
        bad_input("%s: %s", config_name.c_str(), error.what());
    }
    // The head takes the final norm's weights in, the embedding does not.
    shape_.tied = false;
}

// The file has all that a model is made of: what lies beside it is of others.
std::string Checkpoint::open_gguf(bool has_tokenizer) {
    paths_.config.clear();
    paths_.generation_config.clear();
    files_.emplace(paths_);
    const GgufMetadata &gguf = *files_->gguf();
    if (!has_tokenizer) {
        paths_.tokenizer = has_gguf_tokenizer(gguf) ? gguf.file() : "";
        paths_.tokenizer_config.clear();
    }
    // For errors: the names of members are config.json's.
    const std::string name = gguf.file() + ", as a config.json";
    files_shape_ = read_model_shape(Json::parse(config_from_gguf(&*files_), name), name);
    generation_ = parse_generation_config(Json::parse(generation_from_gguf(gguf), gguf.file()),
                                          gguf.file() + ": general.sampling", files_shape_.vocab_size);
    return gguf.file();
}

void Checkpoint::check_tensors() {
    std::set<const TensorView *> used;
    for (const TensorSpec &spec : files_shape_.family->tensors(files_shape_))
        used.insert(&files_->tensor(spec.name, spec.shape));
    for (const std::string &name : files_shape_.family->unused)
        if (name.back() != '.') used.insert(files_->find(name));
    const auto is_of_others = [&](const std::string &name) {
        for (const std::string &prefix : files_shape_.family->unused)
            if (prefix.back() == '.' && name.compare(0, prefix.size(), prefix) == 0) return true;
        return false;
    };
    // Where the head is tied, a copy of it does no harm; one of another shape says that the configuration is
    // wrong.
    const std::string head = files_shape_.family->tensor_name(files_shape_, Role::head, no_block);
    if (files_shape_.tied && files_->find(head) != nullptr)
        files_->tensor(head, {files_shape_.vocab_size, files_shape_.d_model});
    files_->each([&](const TensorView &view) {
        if (used.count(&view) == 0 && !is_of_others(view.name)) unused_tensors_.push_back(view.name);
    });
    std::sort(unused_tensors_.begin(), unused_tensors_.end());
}

std::string Checkpoint::tensor_name(Role role, uint32_t block) const {
    const bool tied = role == Role::head && files_shape_.tied;
    return files_shape_.family->tensor_name(files_shape_, tied ? Role::embedding : role, block);
}

DenseTensor Checkpoint::read_plain(Role role, uint32_t block) const {
    if (block != no_block) return files_shape_.family->read(*files_, files_shape_, role, block);
    const TensorView &view = files_->tensor(tensor_name(role, block));
    const Extent extent = extent_of(files_shape_, role, no_block);
    DenseTensor dense{extent.rows, extent.cols, std::vector<float>(size_t{extent.rows} * extent.cols)};
    files_->read(view, dense.values.data());
    files_->release(view);
    if (role == Role::embedding && !embedding_norm_.empty())
        for (uint32_t row = 0; row < dense.rows; ++row)
            normalize_embedding(&dense.values[size_t{row} * dense.cols]);
    if (role == Role::final_norm && files_shape_.norms_less_one)
        for (float &weight : dense.values) weight += 1.0f;
    if (role == Role::final_norm && files_shape_.logit_scale != 1)
        for (float &weight : dense.values)
            weight = static_cast<float>(static_cast<double>(weight) * files_shape_.logit_scale);
    return dense;
}

void Checkpoint::normalize_embedding(float *row) const {
    const uint32_t width = files_shape_.d_model;
    double mean = 0, variance = 0;
    for (uint32_t i = 0; i < width; ++i) mean += static_cast<double>(row[i]) / width;
    for (uint32_t i = 0; i < width; ++i) {
        const double d = static_cast<double>(row[i]) - mean;
        variance += d * d / width;
    }
    const double inverse = 1 / std::sqrt(variance + static_cast<double>(files_shape_.norm_epsilon));
    for (uint32_t i = 0; i < width; ++i)
        row[i] = static_cast<float>((static_cast<double>(row[i]) - mean) * inverse *
                                        static_cast<double>(embedding_norm_[i]) +
                                    static_cast<double>(embedding_norm_[width + i]));
}

// As quantize/rotation.h has it.
void Checkpoint::fold_rotation(Role role, uint32_t block, DenseTensor *tensor) const {
    const Role maker =
        is_matrix(role) && role != Role::embedding ? input_maker(shape_, role, block) : Role::none;
    const bool takes_stream = role == Role::embedding || maker == Role::norm || maker == Role::final_norm;
    if (role == Role::norm || role == Role::final_norm) {
        std::fill(tensor->values.begin(), tensor->values.end(), 1.0f);
    } else if (takes_stream) {
        if (maker != Role::none) fold_factors(tensor, read_plain(maker, block).values);
        rotation_->rotate_rows(tensor->values.data(), tensor->rows);
    } else if (block != no_block && adds_to_stream(shape_, role, block)) {
        rotation_->rotate_columns(tensor->values.data(), tensor->cols);
    } else if (block != no_block && is_bias_to_stream(shape_, role, block)) {
        rotation_->rotate_rows(tensor->values.data(), 1);
    }
}

DenseTensor Checkpoint::read(Role role, uint32_t block) const {
    DenseTensor dense = read_plain(role, block);
    if (rotation_) fold_rotation(role, block, &dense);
    return dense;
}

DenseTensor Checkpoint::read_sharers(Role role, uint32_t block) const {
    DenseTensor all{};
    for (const Role sharer : input_sharers(shape_, role, block)) {
        DenseTensor one = read(sharer, block);
        if (all.rows == 0) {
            all = std::move(one);
        } else {
            all.rows += one.rows;
            all.values.insert(all.values.end(), one.values.begin(), one.values.end());
        }
    }
    return all;
}

void Checkpoint::embed_row(uint32_t token, float *out) const {
    files_->read(files_->tensor(tensor_name(Role::embedding, no_block)), uint64_t{token} * shape_.d_model,
                 shape_.d_model, out);
    if (!embedding_norm_.empty()) normalize_embedding(out);
    if (rotation_) rotation_->rotate_rows(out, 1);
    if (shape_.embedding_scale != 1.0f)
        for (uint32_t i = 0; i < shape_.d_model; ++i) out[i] *= shape_.embedding_scale;
}

void Checkpoint::release_embedding() const {
    files_->release(files_->tensor(tensor_name(Role::embedding, no_block)));
}

uint32_t Checkpoint::weights_crc() const {
    uint32_t crc = crc32(0, &files_shape_.norm_epsilon, sizeof(float));
    // Mamba's tensors say all the rest by their shapes; of other families norms, limits and groups count.
    for (const BlobShape &shape : files_shape_.shapes)
        if (shape.kind != static_cast<uint16_t>(BlockId::mamba1) || (shape.flags & shape_mixer_norms) != 0)
            crc = crc32(crc, &shape, sizeof shape);
    if (files_shape_.rope_base != 0) {
        const double numbers[] = {static_cast<double>(files_shape_.embedding_scale),
                                  static_cast<double>(files_shape_.logit_softcap), files_shape_.rope_base};
        crc = crc32(crc, numbers, sizeof numbers);
    }
    for (const TensorSpec &spec : files_shape_.family->tensors(files_shape_)) {
        const TensorView &view = files_->tensor(spec.name);
        const char *const type = dtype_name(view.dtype);
        crc = crc32(crc, spec.name.data(), spec.name.size());
        crc = crc32(crc, type, std::strlen(type));
        each_bytes(view, [&](const uint8_t *data, size_t size) { crc = crc32(crc, data, size); });
        files_->release(view);
    }
    return crc;
}

QuantizedSource Checkpoint::quantized_source() const {
    QuantizedSource source;
    bool has_blocks = false;
    for (const TensorSpec &spec : files_shape_.family->tensors(files_shape_)) {
        const TensorView &view = files_->tensor(spec.name);
        source.parameters[dtype_name(view.dtype)] += view.elements;
        source.least_bits = std::min(source.least_bits, bits_per_element(view.dtype));
        has_blocks = has_blocks || is_blocks(view.dtype);
    }
    return has_blocks ? source : QuantizedSource{};
}

uint64_t Checkpoint::parameters() const {
    uint64_t total = 0;
    for (const TensorSpec &spec : shape_.family->tensors(shape_)) {
        uint64_t elements = 1;
        for (const uint64_t extent : spec.shape) elements *= extent;
        total += elements;
    }
    return total;
}

}  // namespace adder

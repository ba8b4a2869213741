// Random checkpoints: shapes, config.json, and the weights piece by piece.
// SPDX-License-Identifier: MIT
#include "converter/families/random_checkpoint.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>

#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/base/progress.h"
#include "converter/families/random_weights.h"
#include "converter/import/safetensors_writer.h"
#include "converter/text/json.h"
#include "runtime/blob.h"

namespace adder {

namespace {

constexpr size_t piece = size_t{1} << 18;  // values in memory
constexpr uint64_t most_shards = 8;

std::string config_text(const RandomCheckpoint &wanted) {
    const char *const type = wanted.dtype == DType::f32   ? "float32"
                             : wanted.dtype == DType::f16 ? "float16"
                                                          : "bfloat16";
    JsonWriter json;
    json.begin_object();
    wanted.shape.family->write_config(wanted.shape, &json);
    if (wanted.shape.bos_token_id) json.key("bos_token_id").value(*wanted.shape.bos_token_id);
    if (!wanted.shape.eos_token_ids.empty()) json.key("eos_token_id").value(wanted.shape.eos_token_ids[0]);
    json.key("torch_dtype").value(type);
    json.end_object();
    return json.text() + "\n";
}

using Shard = std::vector<TensorSpec>;

// Neighbouring tensors, as many as a file may hold.
std::vector<Shard> cut_shards(const std::vector<TensorSpec> &tensors, uint64_t value_bytes,
                              uint64_t most_bytes) {
    std::vector<Shard> shards(1);
    uint64_t bytes = 0;
    for (const TensorSpec &tensor : tensors) {
        const uint64_t size = element_count(tensor) * value_bytes;
        if (!shards.back().empty() && bytes + size > most_bytes) {
            shards.emplace_back();
            bytes = 0;
        }
        shards.back().push_back(tensor);
        bytes += size;
    }
    return shards;
}

std::string shard_name(size_t index, size_t count) {
    return count == 1 ? "model.safetensors" : format("model-%05zu-of-%05zu.safetensors", index + 1, count);
}

std::string index_text(const std::vector<Shard> &shards, uint64_t tensor_bytes) {
    JsonWriter json;
    json.begin_object().key("metadata").begin_object().key("total_size").value(tensor_bytes).end_object();
    json.key("weight_map").begin_object();
    for (size_t i = 0; i < shards.size(); ++i)
        for (const TensorSpec &tensor : shards[i]) json.key(tensor.name).value(shard_name(i, shards.size()));
    json.end_object().end_object();
    return json.text() + "\n";
}

void check_space(const AtomicDirectory &directory, const std::string &path, uint64_t bytes) {
    struct statvfs file_system;
    if (statvfs(directory.temporary_path().c_str(), &file_system) != 0) return;  // writing will tell
    const uint64_t available = uint64_t{file_system.f_bavail} * file_system.f_frsize;
    if (bytes > available)
        fail(ExitCode::failure, "%s takes %llu bytes, and its file system has %llu left", path.c_str(),
             static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(available));
}

void write_shard(const std::string &path, const Shard &shard, const RandomCheckpoint &wanted,
                 Progress *progress) {
    SafetensorsWriter writer(path, wanted.dtype, shard);
    std::vector<float> values(piece);
    for (const TensorSpec &tensor : shard) {
        const RandomWeights weights(wanted.seed, tensor, wanted.shape.family->initial(tensor, wanted.shape));
        const uint64_t elements = element_count(tensor);
        for (uint64_t first = 0; first < elements; first += piece) {
            throw_if_interrupted();
            const auto count = static_cast<size_t>(std::min<uint64_t>(piece, elements - first));
            weights.fill(first, count, values.data());
            writer.append(values.data(), count);
            progress->advance(count);
        }
    }
    writer.commit();
}

}  // namespace

std::vector<std::string> published_models() {
    std::vector<std::string> names;
    for (const Family *family : families())
        for (const PublishedShape &shape : family->published) names.emplace_back(shape.name);
    return names;
}

ModelShape shape_like(const std::string &name) {
    const Family *family = families().front();
    std::string like = name;
    const size_t colon = name.find(':');
    for (const Family *candidate : families()) {
        if (colon != std::string::npos && name.compare(0, colon, candidate->name) == 0) {
            family = candidate;
            like = name.substr(colon + 1);
        }
        for (const PublishedShape &shape : candidate->published)
            if (name == shape.name) {
                ModelShape found = candidate->shape_like(shape);
                found.family = candidate;
                return found;
            }
    }
    struct {
        const char *name;
        uint32_t most, value;
    } numbers[] = {{"d_model", max_d_model, 0}, {"n_layer", max_n_layer, 0}, {"vocabulary", max_vocab_size, 0}};
    const char *at = like.data(), *const end = at + like.size();
    bool is_list = true;
    for (auto &number : numbers) {
        const auto [next, error] = std::from_chars(at, end, number.value);
        if (error == std::errc::result_out_of_range) number.value = UINT32_MAX;
        const char expected = &number == std::end(numbers) - 1 ? '\0' : ',';
        is_list = is_list && error != std::errc::invalid_argument && (next == end ? '\0' : *next) == expected;
        if (!is_list) break;
        at = next + (next == end ? 0 : 1);
    }
    if (!is_list) {
        std::string names;
        for (const std::string &model : published_models()) names += model + ", ";
        fail(ExitCode::usage,
             "--like is \"%s\"; %sor D_MODEL,N_LAYER,VOCAB is needed, for example 384,12,4096", name.c_str(),
             names.c_str());
    }
    for (const auto &number : numbers)
        if (number.value < 1 || number.value > number.most)
            fail(ExitCode::usage, "--like %s: %s is outside of 1 to %u", name.c_str(), number.name,
                 number.most);
    ModelShape found = family->shape_like({"", numbers[0].value, numbers[1].value, numbers[2].value});
    found.family = family;
    return found;
}

WrittenCheckpoint write_random_checkpoint(const RandomCheckpoint &wanted) {
    const std::vector<TensorSpec> tensors = wanted.shape.family->tensors(wanted.shape);
    const uint64_t value_bytes = element_bytes(wanted.dtype);
    WrittenCheckpoint written{};
    for (const TensorSpec &tensor : tensors) written.parameters += element_count(tensor);
    written.tensor_bytes = written.parameters * value_bytes;
    const std::vector<Shard> shards =
        cut_shards(tensors, value_bytes, std::max(wanted.shard_bytes, written.tensor_bytes / most_shards));

    AtomicDirectory directory(wanted.directory);
    check_space(directory, wanted.directory, written.tensor_bytes);
    write_file(directory.add("config.json"), config_text(wanted));
    if (shards.size() > 1)
        write_file(directory.add("model.safetensors.index.json"), index_text(shards, written.tensor_bytes));
    Progress progress("weights", written.parameters);
    for (size_t i = 0; i < shards.size(); ++i) {
        written.files.push_back(shard_name(i, shards.size()));
        write_shard(directory.add(written.files.back()), shards[i], wanted, &progress);
    }
    directory.commit();
    return written;
}

}  // namespace adder

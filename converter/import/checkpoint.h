// A Mamba checkpoint in the Hugging Face layout: a directory of config.json, safetensors files and a tokenizer.
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "converter/base/file.h"
#include "converter/import/config.h"
#include "converter/import/safetensors.h"
#include "converter/quantize/rotation.h"

namespace adder {

// Opens, checks and maps all of a checkpoint; the weights stay where they are, on disk, and are mapped as
// long as the object lives. Everything is checked on opening: that the configuration is supported, and that
// every tensor that it calls for is there with the right shape and a readable type. What is not checked there
// is the weights' values.
//
// The weights are those of model.safetensors or, if there is none, of the shards that
// model.safetensors.index.json names. All errors are Error(bad_input), and name the file.
class Checkpoint {
  public:
    // With `rotated` it is the same model with its residual stream rotated, and head and embedding two matrices: the
    // configuration and embed_row say so, read_dense folds it in, and tensors are as they lie in the files.
    explicit Checkpoint(const std::string &directory, bool rotated = false);

    const std::string &directory() const { return directory_; }
    const ModelConfig &config() const { return config_; }
    const GenerationConfig &generation() const { return generation_; }  // all absent if the file is

    // Paths, empty if there is no such file.
    const std::string &tokenizer_path() const { return tokenizer_path_; }
    const std::string &tokenizer_config_path() const { return tokenizer_config_path_; }

    // A tensor by the name that transformers gives it: "backbone.layers.0.mixer.A_log". The older spelling of
    // "backbone.embeddings.weight", with "embedding", is found too. Throws if it is absent, or has another
    // shape or an unreadable type; not for what model_tensors(config()) lists, as that has been checked.
    const TensorView &tensor(const std::string &name) const;
    const TensorView &tensor(const std::string &name, const std::vector<uint64_t> &shape) const;

    // The tensor of the head: "lm_head.weight", or the embedding where the files tie it to that.
    const TensorView &head() const;

    // Of the residual stream; null if there is none.
    const Rotation *rotation() const { return rotation_ ? &*rotation_ : nullptr; }
    // A row of the embedding, d_model floats.
    void embed_row(uint32_t token, float *out) const;

    // Names of tensors that no part of the model uses, sorted: among them a tied model's lm_head.weight, and
    // tensors that lie in a shard but not in the index.
    const std::vector<std::string> &unused_tensors() const { return unused_tensors_; }

    // The CRC-32 of the norms' epsilon, which is no tensor and changes what is computed all the same, and of the name, the
    // type and the bytes of every tensor of the model. Reads them all.
    uint32_t weights_crc() const;

    // Converts a whole tensor, or elements [first, first + count) of it, to float. Throws naming tensor and
    // index if a value is infinite or not a number.
    void read(const TensorView &tensor, float *out) const { read(tensor, 0, tensor.elements, out); }
    void read(const TensorView &tensor, uint64_t first, uint64_t count, float *out) const;

    // Gives the tensor's pages back to the system; they are read from the file again where they are touched.
    // Bounds the resident memory of a walk over large weights.
    void release(const TensorView &tensor) const;

  private:
    void open_single(const std::string &path);
    void open_sharded(const std::string &index_path);
    const SafetensorsHeader &open_file(const std::string &path);
    const TensorView *find(const std::string &name) const;
    void check_tensors();

    std::string directory_, tokenizer_path_, tokenizer_config_path_;
    ModelConfig config_;
    bool tied_in_files_ = false;
    std::optional<Rotation> rotation_;
    GenerationConfig generation_;
    std::vector<MappedFile> files_;
    std::map<std::string, SafetensorsHeader> headers_;  // by path; the tensors' views point into them
    std::unordered_map<std::string, const TensorView *> tensors_;
    std::vector<std::string> unused_tensors_;
};

}  // namespace adder

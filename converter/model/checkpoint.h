// A checkpoint: config.json, weights and a tokenizer, opened and checked as a whole.
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "converter/families/family.h"
#include "converter/import/checkpoint_paths.h"
#include "converter/import/config.h"
#include "converter/import/tensor_files.h"
#include "converter/plan/model_shape.h"
#include "converter/quantize/dense.h"
#include "converter/quantize/rotation.h"

namespace adder {

// Of weights that were quantized before they came here: how many parameters there are of each type, and the fewest bits that one
// has with its share of the scales.
struct QuantizedSource {
    std::map<std::string, uint64_t> parameters;  // by dtype_name; empty: they were not
    double least_bits = 32;
};

// Everything is checked on opening: that the configuration is supported, and that every tensor that it calls for is there
// with the right shape and a readable type. What is not checked there is the weights' values. All errors are
// Error(bad_input), and name the file.
class Checkpoint {
  public:
    // Of a folder, or of a file of weights and what lies beside it; without a config.json the families are asked what the
    // tensors are. A GGUF file has all that it needs in itself. With `rotated` it is the same model with its residual stream rotated, and head and embedding two
    // matrices. `tokenizer`, if it is not empty, is the tokenizer.json to take, or the folder of one, whatever lies there.
    explicit Checkpoint(const std::string &path, bool rotated = false, const std::string &tokenizer = "");

    const std::string &path() const { return paths_.given; }
    const ModelShape &shape() const { return shape_; }
    const GenerationConfig &generation() const { return generation_; }  // all absent if the file is
    const Rotation *rotation() const { return rotation_ ? &*rotation_ : nullptr; }  // null if there is none

    // Paths, empty if there is no such file.
    const std::string &tokenizer_path() const { return paths_.tokenizer; }
    const std::string &tokenizer_config_path() const { return paths_.tokenizer_config; }

    // A tensor as the runtime wants it, [rows][cols] without padding, with the rotation folded in. Throws Error(bad_input)
    // naming the tensor if a value is not finite.
    DenseTensor read(Role role, uint32_t block) const;
    // The linear layers that share an input, their rows one after the other: what smoothing of that input looks at.
    DenseTensor read_sharers(Role role, uint32_t block) const;
    // A row of the embedding, d_model floats.
    void embed_row(uint32_t token, float *out) const;
    void release_embedding() const;

    // The name of the tensor that a role is read from: "backbone.layers.3.mixer.in_proj.weight".
    std::string tensor_name(Role role, uint32_t block) const;

    // Names of tensors that no part of the model uses, sorted: among them a tied model's lm_head.weight, and
    // tensors that lie in a shard but not in the index.
    const std::vector<std::string> &unused_tensors() const { return unused_tensors_; }

    // The CRC-32 of what is no tensor and changes what is computed all the same, the norms' epsilon above all, and of the
    // name, the type and the bytes of every tensor of the model. Reads them all.
    uint32_t weights_crc() const;
    uint64_t parameters() const;  // of all tensors
    QuantizedSource quantized_source() const;

    const TensorFiles &files() const { return *files_; }

  private:
    std::string open_gguf(bool has_tokenizer);  // returns its path
    void check_tensors();
    DenseTensor read_plain(Role role, uint32_t block) const;
    void normalize_embedding(float *row) const;
    void fold_rotation(Role role, uint32_t block, DenseTensor *tensor) const;

    CheckpointPaths paths_;
    ModelShape shape_;        // of the rotated model
    ModelShape files_shape_;  // of what lies in the files
    GenerationConfig generation_;
    std::optional<TensorFiles> files_;
    std::vector<float> embedding_norm_;  // weights, then biases; empty: there is none
    std::optional<Rotation> rotation_;
    std::vector<std::string> unused_tensors_;
};

}  // namespace adder

// Writes small checkpoints of any shape, sound or damaged, for tests.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "converter/families/family.h"
#include "converter/import/safetensors.h"

namespace adder::test {

// A safetensors file in memory: a header text and data bytes, as they are. For files that are wrong on
// purpose.
std::string safetensors_bytes(const std::string &header, const std::string &data);

struct Tensor {
    std::string name;
    DType dtype = DType::f32;
    std::vector<uint64_t> shape;
    std::string data;
};

// A tensor of the values given, rounded to dtype (f32, f16 or bf16; to nearest even).
Tensor make_tensor(const std::string &name, DType dtype, std::vector<uint64_t> shape,
                   const std::vector<float> &values);

// A sound safetensors file of these tensors, in this order.
std::string safetensors_file(const std::vector<Tensor> &tensors);

uint16_t float_to_f16(float value);
uint16_t float_to_bf16(float value);

// What config.json says, of any family.
struct ModelConfig {
    std::string model_type = "mamba";  // of any family
    uint32_t d_model = 16, n_layer = 2, vocab_size = 32;
    uint32_t d_state = 4, d_conv = 4, d_inner = 32;
    uint32_t dt_rank = 1;                               // where delta has a rank
    uint32_t n_head = 4, n_group = 1, norm_groups = 1;  // where there are heads
    uint32_t head_dim = 0, mlp_width = 0;               // where they are their own; 0: as d_inner makes them
    float norm_epsilon = 1e-5f;
    bool use_bias = false, use_conv_bias = true, tie_word_embeddings = true;
    std::optional<uint32_t> bos_token_id = 0;
    std::vector<uint32_t> eos_token_ids = std::vector<uint32_t>(1);
};
// As the converter reads it.
ModelShape shape_of(const ModelConfig &config);

// What to write. The default is a model of 2 layers that opens without an error:
//     TemporaryDirectory directory;
//     CheckpointSpec spec;
//     spec.config.d_model = 24;
//     write_checkpoint(directory.path(), spec);
struct CheckpointSpec {
    ModelConfig config;        // as it stands
    DType dtype = DType::f32;  // of all tensors
    uint32_t seed = 1;
    int shards = 0;                   // 0: model.safetensors; else that many files and an index
    bool old_embedding_name = false;  // "backbone.embedding.weight"

    // Values: the weights of a freshly initialized model (A_log is log(1..d_state), D is 1, norms are near 1,
    // the rest is uniform in +-scale). `edit` may change any of them.
    float scale = 0.1f;
    std::function<void(const std::string &name, std::vector<float> &values)> edit;

    // Changes to the files: members of config.json as JSON text by key (an empty one is left out), a change
    // to the list of tensors (drop, add, rename, reshape), and text files beside them by name.
    std::map<std::string, std::string> config_members;
    std::function<void(std::vector<Tensor> &tensors)> edit_tensors;
    std::map<std::string, std::string> files;
};

// The linear layers of a Mamba-1 block, and those with the head.
constexpr Role layer_linear_roles[] = {Role::in_proj, Role::x_proj, Role::dt_proj, Role::out_proj};
constexpr Role linear_roles[] = {Role::in_proj, Role::x_proj, Role::dt_proj, Role::out_proj, Role::head};

// config.json of a specification.
std::string config_text(const CheckpointSpec &spec);

// The tensors of a specification, after all edits.
std::vector<Tensor> checkpoint_tensors(const CheckpointSpec &spec);

// Writes all files into an existing directory. The same specification gives the same bytes.
void write_checkpoint(const std::string &directory, const CheckpointSpec &spec);

}  // namespace adder::test

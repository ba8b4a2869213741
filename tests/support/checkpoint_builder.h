// Writes small checkpoints of any shape, sound or damaged, for tests.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "converter/import/config.h"
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

// What to write. The default is a model of 2 layers that opens without an error:
//     TemporaryDirectory directory;
//     CheckpointSpec spec;
//     spec.config.d_model = 24;
//     write_checkpoint(directory.path(), spec);
struct CheckpointSpec {
    CheckpointSpec();
    ModelConfig config;        // d_inner and dt_rank are written as they stand
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

// config.json of a specification.
std::string config_text(const CheckpointSpec &spec);

// The tensors of a specification, after all edits.
std::vector<Tensor> checkpoint_tensors(const CheckpointSpec &spec);

// Writes all files into an existing directory. The same specification gives the same bytes.
void write_checkpoint(const std::string &directory, const CheckpointSpec &spec);

}  // namespace adder::test

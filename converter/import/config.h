// A checkpoint's config.json and generation_config.json: typed, range-checked.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "converter/text/json.h"

namespace adder {

// The shape of a model. The names are the field's; the keys of config.json stand behind them, with the range
// that is accepted: a blob's (runtime/blob.h). Where a key is absent or null, the default is that of
// transformers' MambaConfig; without one it is an error.
struct ModelConfig {
    std::string model_type;           // "mamba"
    uint32_t d_model = 0;             // hidden_size, 1..65536
    uint32_t n_layer = 0;             // num_hidden_layers, 1..1024
    uint32_t vocab_size = 0;          // vocab_size, 1..2^20
    uint32_t d_state = 16;            // state_size, 1..1024
    uint32_t d_conv = 4;              // conv_kernel, 1..64
    uint32_t d_inner = 0;             // intermediate_size, 1..2^17; else expand (default 2) * hidden_size
    uint32_t dt_rank = 0;             // time_step_rank, 1..65536; "auto", the default: ceil(d_model / 16)
    float norm_epsilon = 1e-5f;       // layer_norm_epsilon, 1e-12..1
    bool use_bias = false;            // of in_proj and out_proj
    bool use_conv_bias = true;        // of conv1d
    bool tie_word_embeddings = true;  // the head's weights are the embedding's
    std::optional<uint32_t> bos_token_id;  // below vocab_size
    std::vector<uint32_t> eos_token_ids;   // eos_token_id: an integer or a list; each below vocab_size
};

// Reads config.json. `name` is its path. Also accepts the layout of the state-spaces repository (d_model,
// n_layer, ssm_cfg, pad_vocab_size_multiple). Throws Error(bad_input) naming key, value and range, and on
// what would compute something else than the model that is implemented: another model_type, hidden_act,
// rms_norm false, attention layers, weights that are quantized already.
ModelConfig parse_model_config(const Json &json, const std::string &name);

// What generation_config.json sets; what it leaves out, or sets to null, is absent.
struct GenerationConfig {
    std::optional<double> temperature;         // 0..100
    std::optional<double> top_p;               // 0..1
    std::optional<double> min_p;               // 0..1
    std::optional<uint32_t> top_k;             // 0..2^20; 0 is off
    std::optional<double> repetition_penalty;  // 0.01..100
    std::optional<bool> do_sample;
    std::optional<uint32_t> bos_token_id;  // below vocab_size
    std::vector<uint32_t> eos_token_ids;   // below vocab_size
};

GenerationConfig parse_generation_config(const Json &json, const std::string &name, uint32_t vocab_size);

// A tensor that a model consists of.
struct TensorSpec {
    std::string name;             // as transformers spells it
    std::vector<uint64_t> shape;  // outermost first
};

// All of them, in the order in which they are computed with; the head's last, unless it is tied.
std::vector<TensorSpec> model_tensors(const ModelConfig &config);

}  // namespace adder

// What the Mamba families have in common: the names around their mixers, and their config.json in two dialects.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/families/family.h"
#include "converter/families/gguf.h"

namespace adder::backbone {

// config.json as the state-spaces repository (mamba_ssm, MambaConfig) writes it has d_model and ssm_cfg; its ssm_cfg says
// of which layer it is.
bool is_state_spaces(const ConfigReader &config);
std::string state_spaces_layer(const ConfigReader &config);  // "Mamba1" if it does not

// d_model, n_layer, vocab_size, tied head and final norm, as transformers' configurations and as state-spaces' have them.
// `tied` is the default.
ModelShape transformers_shape(const ConfigReader &config, bool tied);
ModelShape state_spaces_shape(const ConfigReader &config, uint32_t vocab_multiple);

// Of state-spaces: calls body with the reader of ssm_cfg.
template <typename Body>
void with_ssm_cfg(const ConfigReader &config, const Body &body) {
    static const Json none = Json::parse("{}", "");
    const Json *const found = config.find("ssm_cfg");
    const std::string name = config.what("ssm_cfg");
    body(ConfigReader(found != nullptr ? *found : none, name));
}

// expand * d_model, cut to an integer as transformers does; expand may be a fraction. Without the key: 2.
uint32_t expanded(const ConfigReader &config, uint32_t d_model);

// "backbone.embedding.weight" of transformers before 4.39 and of state-spaces, "model.backbone..." of Codestral.
std::string rename(const std::string &name);

constexpr char embedding[] = "backbone.embeddings.weight";
constexpr char final_norm[] = "backbone.norm_f.weight";
constexpr char head[] = "lm_head.weight";
std::string layer_prefix(uint32_t layer);  // "backbone.layers.3."
std::string mixer_prefix(uint32_t layer);  // "backbone.layers.3.mixer."

// The tensor of a role that both kinds of mixers have; empty for other roles.
std::string tensor_name(Role role, uint32_t layer);

// The tensors before the first layer and after the last one.
void add_first(const ModelShape &model, std::vector<TensorSpec> *tensors);
void add_last(const ModelShape &model, std::vector<TensorSpec> *tensors);

// A tensor of the files, or some of its rows. [rows][cols] with the shape's own last dimension as columns; a vector has
// one column.
DenseTensor read(const TensorFiles &files, const std::string &name, uint32_t cols);
DenseTensor read_rows(const TensorFiles &files, const std::string &name, uint32_t cols, uint64_t first,
                      uint64_t count);
DenseTensor filled(uint32_t rows, uint32_t cols, float value);
// -exp(A_log) * log2(e); of files that have A itself A * log2(e)
void make_A2(const TensorFiles &files, const std::string &name, DenseTensor *A_log);

// GGUF: the names outside of layers; of what all mixers have; with those of a family's own, the ones within a layer;
// the end of config.json.
std::vector<GgufName> gguf_whole();
std::vector<GgufName> gguf_mixer(const std::string &prefix);
std::vector<GgufName> gguf_within(std::vector<GgufName> own);
void end_gguf_config(const GgufKeys &keys, JsonWriter *json);

// make-random, of the tensors that all have; config.json's keys that all have, in front of a family's own and behind them; a model
// without blocks.
Initial initial(const TensorSpec &tensor, const ModelShape &model, uint32_t d_conv);
bool ends_with(const std::string &text, const char *end);
void write_config(const ModelShape &model, const char *architecture, JsonWriter *json);
void write_config_end(const ModelShape &model, JsonWriter *json);
ModelShape shape_like(const PublishedShape &like, bool tied);

}  // namespace adder::backbone

// Reads config.json and generation_config.json, and lists the tensors that a configuration calls for.
// SPDX-License-Identifier: MIT
#include "converter/import/config.h"

#include <cmath>

#include "converter/base/error.h"
#include "runtime/blob.h"

namespace adder {

namespace {

// An object's members by key, with messages that name file and key. null is taken as absent, as transformers
// does.
class Members {
  public:
    Members(const Json &json, const std::string &name) : json_(json), name_(name) { json.object(name); }

    const Json *find(const char *key) const {
        const Json *const value = json_.find(key);
        return value == nullptr || value->is_null() ? nullptr : value;
    }

    std::string what(const char *key) const { return name_ + ": " + key; }

    std::optional<uint32_t> integer(const char *key, int64_t low, int64_t high) const {
        const Json *const value = find(key);
        if (value == nullptr) return std::nullopt;
        return static_cast<uint32_t>(value->integer(what(key), low, high));
    }

    uint32_t needed_integer(const char *key, int64_t low, int64_t high) const {
        if (const auto value = integer(key, low, high)) return *value;
        bad_input("%s is missing; an integer from %lld to %lld is needed", what(key).c_str(),
                  static_cast<long long>(low), static_cast<long long>(high));
    }

    std::optional<double> number(const char *key, double low, double high) const {
        const Json *const value = find(key);
        if (value == nullptr) return std::nullopt;
        const double number = value->number(what(key));
        if (number < low || number > high) {
            bad_input("%s is %g; a number from %g to %g is needed", what(key).c_str(), number, low, high);
        }
        return number;
    }

    std::optional<bool> boolean(const char *key) const {
        const Json *const value = find(key);
        if (value == nullptr) return std::nullopt;
        return value->boolean(what(key));
    }

    std::vector<uint32_t> token_ids(const char *key, uint32_t vocab_size) const {
        std::vector<uint32_t> ids;
        const Json *const value = find(key);
        if (value == nullptr) return ids;
        const auto add = [&](const Json &id) {
            ids.push_back(static_cast<uint32_t>(id.integer(what(key), 0, int64_t{vocab_size} - 1)));
        };
        if (value->is_array()) {
            for (const Json &id : value->array(what(key))) add(id);
        } else {
            add(*value);
        }
        return ids;
    }

  private:
    const Json &json_;
    const std::string &name_;
};

// expand * d_model, cut to an integer as MambaConfig does; expand may be a fraction.
uint32_t expanded(const Members &members, uint32_t d_model) {
    const double expand = members.number("expand", 1.0 / 65536, 65536).value_or(2.0);
    const double d_inner = std::floor(expand * d_model);
    if (d_inner < 1 || d_inner > max_d_inner) {
        bad_input("%s is %g, which makes d_inner %.0f; 1 to %u is needed", members.what("expand").c_str(),
                  expand, d_inner, max_d_inner);
    }
    return static_cast<uint32_t>(d_inner);
}

uint32_t time_step_rank(const Members &members, const char *key, uint32_t d_model) {
    const Json *const value = members.find(key);
    if (value == nullptr || (value->is_string() && value->string("") == "auto")) return (d_model + 15) / 16;
    if (value->is_string()) {
        bad_input("%s is %s; \"auto\" or an integer from 1 to %u is needed", members.what(key).c_str(),
                  json_quote(value->string("")).c_str(), max_dt_rank);
    }
    return static_cast<uint32_t>(value->integer(members.what(key), 1, max_dt_rank));
}

void require_rms_norm(const Members &members) {
    if (!members.boolean("rms_norm").value_or(true)) {
        bad_input("%s is false; only RMSNorm is supported", members.what("rms_norm").c_str());
    }
}

void read_token_ids(const Members &members, ModelConfig &config) {
    config.bos_token_id = members.integer("bos_token_id", 0, int64_t{config.vocab_size} - 1);
    config.eos_token_ids = members.token_ids("eos_token_id", config.vocab_size);
}

// config.json as transformers' MambaConfig writes it.
ModelConfig transformers_config(const Members &members) {
    ModelConfig config;
    config.d_model = members.needed_integer("hidden_size", 1, max_d_model);
    config.n_layer = members.needed_integer("num_hidden_layers", 1, max_n_layer);
    config.vocab_size = members.needed_integer("vocab_size", 1, max_vocab_size);
    config.d_state = members.integer("state_size", 1, max_d_state).value_or(config.d_state);
    config.d_conv = members.integer("conv_kernel", 1, max_d_conv).value_or(config.d_conv);
    const auto intermediate_size = members.integer("intermediate_size", 1, max_d_inner);
    config.d_inner = intermediate_size ? *intermediate_size : expanded(members, config.d_model);
    config.dt_rank = time_step_rank(members, "time_step_rank", config.d_model);
    const auto epsilon = members.number("layer_norm_epsilon", 1e-12, 1);
    if (epsilon) config.norm_epsilon = static_cast<float>(*epsilon);
    config.use_bias = members.boolean("use_bias").value_or(config.use_bias);
    config.use_conv_bias = members.boolean("use_conv_bias").value_or(config.use_conv_bias);
    config.tie_word_embeddings = members.boolean("tie_word_embeddings").value_or(config.tie_word_embeddings);
    if (const Json *const activation = members.find("hidden_act")) {
        const std::string &name = activation->string(members.what("hidden_act"));
        if (name != "silu" && name != "swish") {
            bad_input("%s is %s; \"silu\" is needed", members.what("hidden_act").c_str(),
                      json_quote(name).c_str());
        }
    }
    require_rms_norm(members);
    return config;
}

// config.json as the state-spaces repository (mamba_ssm, MambaConfig) writes it.
ModelConfig state_spaces_config(const Members &members, const std::string &name) {
    ModelConfig config;
    config.d_model = members.needed_integer("d_model", 1, max_d_model);
    config.n_layer = members.needed_integer("n_layer", 1, max_n_layer);
    const uint32_t vocab_size = members.needed_integer("vocab_size", 1, max_vocab_size);
    const uint32_t multiple = members.integer("pad_vocab_size_multiple", 1, 65536).value_or(8);
    config.vocab_size = (vocab_size + multiple - 1) / multiple * multiple;
    if (config.vocab_size > max_vocab_size) {
        bad_input("%s is %u, padded to %u; at most %u is supported", members.what("vocab_size").c_str(),
                  vocab_size, config.vocab_size, max_vocab_size);
    }
    config.tie_word_embeddings = members.boolean("tie_embeddings").value_or(true);
    require_rms_norm(members);
    if (const Json *const layers = members.find("attn_layer_idx")) {
        if (!layers->array(members.what("attn_layer_idx")).empty()) {
            bad_input("%s is not empty; attention layers are not supported",
                      members.what("attn_layer_idx").c_str());
        }
    }
    if (members.integer("d_intermediate", 0, max_d_inner).value_or(0) != 0) {
        bad_input("%s is not 0; MLP layers are not supported", members.what("d_intermediate").c_str());
    }

    static const Json no_options = Json::parse("{}", "");
    const Json *const found = members.find("ssm_cfg");
    const std::string options_name = name + ": ssm_cfg";
    const Members options(found != nullptr ? *found : no_options, options_name);
    if (const Json *const layer = options.find("layer")) {
        const std::string &type = layer->string(options.what("layer"));
        if (type != "Mamba1") {
            bad_input("%s is %s; \"Mamba1\" is supported", options.what("layer").c_str(),
                      json_quote(type).c_str());
        }
    }
    config.d_state = options.integer("d_state", 1, max_d_state).value_or(config.d_state);
    config.d_conv = options.integer("d_conv", 1, max_d_conv).value_or(config.d_conv);
    config.d_inner = expanded(options, config.d_model);
    config.dt_rank = time_step_rank(options, "dt_rank", config.d_model);
    config.use_bias = options.boolean("bias").value_or(config.use_bias);
    config.use_conv_bias = options.boolean("conv_bias").value_or(config.use_conv_bias);
    return config;
}

}  // namespace

ModelConfig parse_model_config(const Json &json, const std::string &name) {
    const Members members(json, name);
    const Json *const type = members.find("model_type");
    if (type != nullptr && type->string(members.what("model_type")) != "mamba") {
        bad_input("%s is %s; supported: \"mamba\"", members.what("model_type").c_str(),
                  json_quote(type->string("")).c_str());
    }
    const bool is_state_spaces = members.find("d_model") != nullptr && members.find("ssm_cfg") != nullptr;
    if (type == nullptr && !is_state_spaces) {
        bad_input("%s is missing; supported: \"mamba\"", members.what("model_type").c_str());
    }
    if (members.find("quantization_config") != nullptr) {
        bad_input("%s is set: the weights are quantized already; the original ones are needed",
                  members.what("quantization_config").c_str());
    }
    ModelConfig config = type != nullptr ? transformers_config(members) : state_spaces_config(members, name);
    config.model_type = "mamba";
    read_token_ids(members, config);
    return config;
}

GenerationConfig parse_generation_config(const Json &json, const std::string &name, uint32_t vocab_size) {
    const Members members(json, name);
    GenerationConfig config;
    config.temperature = members.number("temperature", 0, 100);
    config.top_p = members.number("top_p", 0, 1);
    config.min_p = members.number("min_p", 0, 1);
    config.top_k = members.integer("top_k", 0, max_vocab_size);
    config.repetition_penalty = members.number("repetition_penalty", 0.01, 100);
    config.do_sample = members.boolean("do_sample");
    config.bos_token_id = members.integer("bos_token_id", 0, int64_t{vocab_size} - 1);
    config.eos_token_ids = members.token_ids("eos_token_id", vocab_size);
    return config;
}

std::vector<TensorSpec> model_tensors(const ModelConfig &config) {
    const uint64_t d_model = config.d_model, d_inner = config.d_inner, d_state = config.d_state;
    const uint64_t dt_rank = config.dt_rank, vocab_size = config.vocab_size;
    std::vector<TensorSpec> tensors{{"backbone.embeddings.weight", {vocab_size, d_model}}};
    for (uint32_t layer = 0; layer < config.n_layer; ++layer) {
        const std::string prefix = "backbone.layers." + std::to_string(layer) + ".";
        const auto add = [&](const char *name, std::vector<uint64_t> shape) {
            tensors.push_back({prefix + name, std::move(shape)});
        };
        add("norm.weight", {d_model});
        add("mixer.in_proj.weight", {2 * d_inner, d_model});
        if (config.use_bias) add("mixer.in_proj.bias", {2 * d_inner});
        add("mixer.conv1d.weight", {d_inner, 1, config.d_conv});
        if (config.use_conv_bias) add("mixer.conv1d.bias", {d_inner});
        add("mixer.x_proj.weight", {dt_rank + 2 * d_state, d_inner});
        add("mixer.dt_proj.weight", {d_inner, dt_rank});
        add("mixer.dt_proj.bias", {d_inner});
        add("mixer.A_log", {d_inner, d_state});
        add("mixer.D", {d_inner});
        add("mixer.out_proj.weight", {d_model, d_inner});
        if (config.use_bias) add("mixer.out_proj.bias", {d_model});
    }
    tensors.push_back({"backbone.norm_f.weight", {d_model}});
    if (!config.tie_word_embeddings) tensors.push_back({"lm_head.weight", {vocab_size, d_model}});
    return tensors;
}

}  // namespace adder

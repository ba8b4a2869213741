// Hybrids as llama.cpp's converters write them: by their config.json, the one of transformers, and its tensors.
// SPDX-License-Identifier: MIT
//
// ggml-org/llama.cpp: conversion/{granite,falcon_h1,nemotron,lfm2,qwen,mamba,llama}.py, gguf-py/gguf/tensor_mapping.py.
// Independent of the reader: nothing of converter/families is used.
#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>

#include "converter/import/config.h"
#include "converter/import/tensor_files.h"
#include "tests/support/gguf_builder.h"

namespace adder::test {
namespace {

// What follows the layer's prefix, or a whole name, of all six: none has a name that another has for something else.
const std::map<std::string, std::string> &names() {
    static const std::map<std::string, std::string> all = {
        {"model.embed_tokens.weight", "token_embd.weight"},
        {"backbone.embeddings.weight", "token_embd.weight"},
        {"model.norm.weight", "output_norm.weight"},
        {"model.final_layernorm.weight", "output_norm.weight"},
        {"backbone.norm_f.weight", "output_norm.weight"},
        {"model.embedding_norm.weight", "token_embd_norm.weight"},
        {"lm_head.weight", "output.weight"},
        {"input_layernorm.weight", "attn_norm.weight"},
        {"operator_norm.weight", "attn_norm.weight"},
        {"norm.weight", "attn_norm.weight"},
        {"post_attention_layernorm.weight", "ffn_norm.weight"},
        {"pre_ff_layernorm.weight", "ffn_norm.weight"},
        {"ffn_norm.weight", "ffn_norm.weight"},
        {"in_proj.weight", "ssm_in.weight"},
        {"in_proj.bias", "ssm_in.bias"},
        {"conv1d.weight", "ssm_conv1d.weight"},
        {"conv1d.bias", "ssm_conv1d.bias"},
        {"dt_bias", "ssm_dt.bias"},
        {"A_log", "ssm_a"},
        {"D", "ssm_d"},
        {"mixer_norm.weight", "ssm_norm.weight"},
        {"out_proj.weight", "ssm_out.weight"},
        {"out_proj.bias", "ssm_out.bias"},
        {"conv.in_proj.weight", "shortconv.in_proj.weight"},
        {"conv.conv.weight", "shortconv.conv.weight"},
        {"conv.out_proj.weight", "shortconv.out_proj.weight"},
        {"q_proj.weight", "attn_q.weight"},
        {"k_proj.weight", "attn_k.weight"},
        {"v_proj.weight", "attn_v.weight"},
        {"o_proj.weight", "attn_output.weight"},
        {"self_attn.out_proj.weight", "attn_output.weight"},
        {"q_layernorm.weight", "attn_q_norm.weight"},
        {"k_layernorm.weight", "attn_k_norm.weight"},
        {"gate_proj.weight", "ffn_gate.weight"},
        {"up_proj.weight", "ffn_up.weight"},
        {"down_proj.weight", "ffn_down.weight"},
        {"output_linear.weight", "ffn_down.weight"},
        {"post_attention_norm.weight", "post_attention_norm.weight"},
        {"q_norm.weight", "attn_q_norm.weight"},
        {"k_norm.weight", "attn_k_norm.weight"},
        {"in_proj_qkv.weight", "attn_qkv.weight"},
        {"in_proj_z.weight", "attn_gate.weight"},
        {"in_proj_a.weight", "ssm_alpha.weight"},
        {"in_proj_b.weight", "ssm_beta.weight"},
        {"eh_proj.weight", "nextn.eh_proj.weight"},
        {"enorm.weight", "nextn.enorm.weight"},
        {"hnorm.weight", "nextn.hnorm.weight"},
        {"shared_head.norm.weight", "nextn.shared_head_norm.weight"},
        {"w1.weight", "ffn_gate.weight"},
        {"w3.weight", "ffn_up.weight"},
        {"w2.weight", "ffn_down.weight"}};
    return all;
}

class Writer {
  public:
    explicit Writer(const Json &config) : config_(config), type_(config.find("model_type")->string("")) {
        n_layer_ = static_cast<uint32_t>(layers().size());
        n_head_ = number("num_attention_heads");
        n_kv_head_ = number("num_key_value_heads");
        head_dim_ = find("head_dim") != nullptr ? number("head_dim") : number("hidden_size") / n_head_;
    }

    GgufBuilder write(const std::vector<Tensor> &tensors) {
        prefix_ = gguf_architecture(type_) + ".";
        file_.string("general.architecture", gguf_architecture(type_)).string("general.name", "toy");
        for (const Tensor &tensor : tensors)
            if (tensor.name.compare(0, 11, "mtp.layers.") == 0)
                n_further_ =
                    std::max(n_further_, static_cast<uint32_t>(std::stoul(tensor.name.substr(11))) + 1);
        file_.u32(prefix_ + "block_count", n_layer_ + n_further_);
        if (n_further_ > 0) file_.u32(prefix_ + "nextn_predict_layers", n_further_);
        file_.u32(prefix_ + "embedding_length", number("hidden_size"));
        file_.u32(prefix_ + "vocab_size", number("vocab_size"));
        file_.u32(prefix_ + "attention.head_count", n_head_);
        write_layers();
        if (find("head_dim") != nullptr && type_ != "granitemoehybrid" && type_ != "bamba") {
            file_.u32(prefix_ + "attention.key_length", head_dim_);
            file_.u32(prefix_ + "attention.value_length", head_dim_);
        }
        write_rope();
        const char *epsilon = "rms_norm_eps";
        if (type_ == "lfm2") epsilon = "norm_eps";
        if (type_ == "nemotron_h") epsilon = "layer_norm_epsilon";
        file_.number(prefix_ + "attention.layer_norm_rms_epsilon", real(epsilon));
        if (type_ == "lfm2")
            file_.u32(prefix_ + "shortconv.l_cache", number("conv_L_cache"));
        else if (qwen_)
            write_delta_nets();
        else
            write_mixers();
        if (type_ == "granitemoehybrid") write_scales();
        for (const Tensor &tensor : tensors) add(tensor);
        return std::move(file_);
    }

  private:
    const Json *find(const char *key) const {
        const Json *const found = config_.find(key);
        return found == nullptr || found->is_null() ? nullptr : found;
    }
    uint32_t number(const char *key) const {
        if (find(key) == nullptr) throw std::runtime_error(std::string("no ") + key);
        return static_cast<uint32_t>(find(key)->integer(key, 0, UINT32_MAX));
    }
    float real(const char *key) const { return static_cast<float>(find(key)->number(key)); }

    // A letter for each layer: M for a mixer, * for attention, - for an MLP.
    std::string layers() const {
        std::string all;
        if (const Json *const pattern = find("hybrid_override_pattern")) return pattern->string("");
        for (const char *key : {"layer_types", "layers_block_type"})
            if (const Json *const list = find(key); list != nullptr && all.empty())
                for (const Json &one : list->array("")) {
                    const std::string &word = one.string("");
                    all += word == "mlp" ? '-' : word.find("attention") == std::string::npos ? 'M' : '*';
                    if (word == "linear_attention") all.back() = 'M';
                }
        if (!all.empty()) return all;
        all.assign(number("num_hidden_layers"), type_ == "falcon_h1" ? '*' : 'M');
        if (const Json *const list = find("attn_layer_indices"))
            for (const Json &one : list->array("")) all[static_cast<size_t>(one.integer("", 0, 1000))] = '*';
        return all;
    }

    void write_layers() {
        const std::string kinds = layers();
        std::vector<int32_t> heads, widths;
        for (const char kind : kinds) heads.push_back(kind == '*' ? static_cast<int32_t>(n_kv_head_) : 0);
        if (type_ == "falcon_h1" || qwen_)
            file_.u32(prefix_ + "attention.head_count_kv", n_kv_head_);
        else
            file_.integers(prefix_ + "attention.head_count_kv", heads);
        const uint32_t width =
            number(type_ == "granitemoehybrid" ? "shared_intermediate_size" : "intermediate_size");
        for (const char kind : kinds) widths.push_back(kind == '-' ? static_cast<int32_t>(width) : 0);
        if (type_ == "nemotron_h")
            file_.integers(prefix_ + "feed_forward_length", widths);
        else
            file_.u32(prefix_ + "feed_forward_length", width);
    }

    void write_rope() {
        const Json *const inner = find("rope_parameters");
        const auto theta = [&](const Json &json) {
            if (const Json *const found = json.find("rope_theta"))
                file_.number(prefix_ + "rope.freq_base", static_cast<float>(found->number("")));
        };
        theta(config_);
        if (inner != nullptr) theta(*inner);
        if (qwen_) {
            const Json *factor = inner == nullptr ? nullptr : inner->find("partial_rotary_factor");
            if (factor == nullptr) factor = find("partial_rotary_factor");
            file_.u32(prefix_ + "rope.dimension_count",
                      static_cast<uint32_t>(head_dim_ * (factor == nullptr ? 0.25 : factor->number(""))));
            file_.integers(prefix_ + "rope.dimension_sections", {11, 11, 10, 0});
        }
        bool turns = true;
        if (type_ == "granitemoehybrid" || type_ == "bamba") {
            // The converter has none but of Bamba; llama.cpp itself computes it wherever the key says so.
            turns = type_ == "bamba" || find("position_embedding_type")->string("") == "rope";
            file_.boolean(prefix_ + "rope.scaling.finetuned", turns);
            // Bamba's attn_rotary_emb, half of a head's channels.
            file_.u32(prefix_ + "rope.dimension_count", type_ == "bamba" ? head_dim_ / 2 : head_dim_);
        }
        file_.u32(prefix_ + "context_length", turns ? number("max_position_embeddings") : 1u << 20);
    }

    void write_mixers() {
        const bool nemotron = type_ == "nemotron_h";
        const uint32_t heads = number(nemotron ? "mamba_num_heads" : "mamba_n_heads");
        d_inner_ =
            nemotron ? heads * number("mamba_head_dim")
            : type_ == "falcon_h1"
                ? number("mamba_d_ssm")
                : static_cast<uint32_t>(std::floor(find("mamba_expand")->number("") * number("hidden_size")));
        d_state_ = number(nemotron ? "ssm_state_size" : "mamba_d_state");
        groups_ = number(nemotron ? "n_groups" : "mamba_n_groups");
        file_.u32(prefix_ + "ssm.conv_kernel", number(nemotron ? "conv_kernel" : "mamba_d_conv"));
        file_.u32(prefix_ + "ssm.state_size", d_state_).u32(prefix_ + "ssm.group_count", groups_);
        file_.u32(prefix_ + "ssm.inner_size", d_inner_).u32(prefix_ + "ssm.time_step_rank", heads);
    }

    void write_delta_nets() {
        groups_ = number("linear_num_key_heads");
        n_value_head_ = number("linear_num_value_heads");
        value_dim_ = number("linear_value_head_dim");
        d_state_ = number("linear_key_head_dim");
        file_.u32(prefix_ + "ssm.conv_kernel", number("linear_conv_kernel_dim"));
        file_.u32(prefix_ + "ssm.state_size", d_state_).u32(prefix_ + "ssm.group_count", groups_);
        file_.u32(prefix_ + "ssm.time_step_rank", n_value_head_);
        file_.u32(prefix_ + "ssm.inner_size", n_value_head_ * value_dim_);
        std::vector<bool> recurrent;
        for (const char kind : layers()) recurrent.push_back(kind == 'M');
        recurrent.resize(n_layer_ + n_further_);
        file_.booleans(prefix_ + "attention.recurrent_layers", recurrent);
        file_.u32(prefix_ + "full_attention_interval", 4);
    }

    void write_scales() {
        file_.number(prefix_ + "attention.scale", real("attention_multiplier"));
        file_.number(prefix_ + "embedding_scale", real("embedding_multiplier"));
        file_.number(prefix_ + "residual_scale", real("residual_multiplier"));
        file_.number(prefix_ + "logit_scale", real("logits_scaling"));
        file_.u32(prefix_ + "expert_count", 0);
    }

    // ---- Tensors ----

    static std::vector<float> floats(const Tensor &tensor) {
        std::vector<float> values(tensor.data.size() / 4);
        std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
        return values;
    }
    static std::string bytes(const std::vector<float> &values) {
        return {reinterpret_cast<const char *>(values.data()), values.size() * 4};
    }

    static bool is_norm(const std::string &name) {
        const std::string end = "norm.weight";
        return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
    }

    // "model.layers.3.mamba.norm.weight": "blk.3." and "mixer_norm.weight".
    std::pair<std::string, std::string> split(const std::string &name) const {
        const std::string layers = ".layers.";
        if (name.compare(0, 4, "mtp.") == 0) return split_further(name.substr(4));
        const size_t at = name.find(layers);
        if (at == std::string::npos) return {"", name};
        const size_t number = at + layers.size(), dot = name.find('.', number);
        std::string rest = name.substr(dot + 1);
        for (const char *part : {"mamba.", "mixer.", "linear_attn."})
            if (rest.compare(0, std::strlen(part), part) == 0) {
                rest = rest.substr(std::strlen(part));
                if (rest == "norm.weight") rest = "mixer_norm.weight";
            }
        if (qwen_ && rest == "post_attention_layernorm.weight") rest = "post_attention_norm.weight";
        for (const char *part : {"self_attn.", "feed_forward.", "shared_mlp.", "mlp."}) {
            const size_t size = std::strlen(part);
            if (rest.compare(0, size, part) == 0 && rest != "self_attn.out_proj.weight")
                rest = rest.substr(size);
        }
        return {"blk." + name.substr(number, dot - number) + ".", rest};
    }

    // What guesses a further token, "mtp." or "layers.0.mlp.up_proj.weight" behind it, is a layer behind the others.
    std::pair<std::string, std::string> split_further(const std::string &name) const {
        if (name.compare(0, 7, "layers.") == 0) {
            const size_t dot = name.find('.', 7);
            const uint32_t layer = n_layer_ + static_cast<uint32_t>(std::stoul(name.substr(7)));
            return split("model.layers." + std::to_string(layer) + name.substr(dot));
        }
        static const std::map<std::string, std::string> parts = {
            {"fc.weight", "eh_proj.weight"},
            {"pre_fc_norm_embedding.weight", "enorm.weight"},
            {"pre_fc_norm_hidden.weight", "hnorm.weight"},
            {"norm.weight", "shared_head.norm.weight"}};
        return {"blk." + std::to_string(n_layer_) + ".", parts.at(name)};
    }

    void add(const Tensor &tensor) {
        if (tensor.dtype != DType::f32) throw std::runtime_error("floats are needed");
        const auto [prefix, rest] = split(tensor.name);
        if (rest == "input_linear.weight") {  // gate, then up
            const uint64_t rows = tensor.shape[0] / 2;
            const size_t half = tensor.data.size() / 2;
            file_.tensor(prefix + "ffn_gate.weight", 0, {rows, tensor.shape[1]}, tensor.data.substr(0, half));
            file_.tensor(prefix + "ffn_up.weight", 0, {rows, tensor.shape[1]}, tensor.data.substr(half));
            return;
        }
        const auto name = names().find(rest);
        if (name == names().end()) throw std::runtime_error("no GGUF name of " + tensor.name);
        GgufTensor written{prefix + name->second, 0, tensor.shape, tensor.data};
        if (type_ == "falcon_h1") {
            multiply(rest, tensor, &written);
            if (rest == "pre_ff_layernorm.weight") written.name = prefix + "ffn_norm";
        }
        if (rest == "A_log") {
            std::vector<float> values = floats(tensor);
            for (float &value : values) value = static_cast<float>(-std::exp(static_cast<double>(value)));
            written.data = bytes(values);
        }
        if (qwen_ && is_norm(tensor.name) && rest != "mixer_norm.weight") {
            std::vector<float> values = floats(tensor);
            for (float &value : values) value += 1;
            written.data = bytes(values);
        }
        if (qwen_ && tensor.name.find("linear_attn.") != std::string::npos) tile(rest, tensor, &written);
        if ((rest == "A_log" && !qwen_) || rest == "D") written.shape.push_back(1);
        if (rest == "conv1d.weight" || rest == "conv.conv.weight")
            written.shape.erase(written.shape.begin() + 1);
        if (rest == "mixer_norm.weight" && !qwen_) written.shape = {groups_, d_inner_ / groups_};
        const bool permutes = type_ == "granitemoehybrid" || type_ == "bamba" || type_ == "nemotron_h";
        if (permutes && rest == "q_proj.weight") permute(n_head_, tensor, &written);
        if (permutes && rest == "k_proj.weight") permute(n_kv_head_, tensor, &written);
        file_.tensors.push_back(written);
    }

    // reshape(heads, 2, rows / heads / 2, ...).swapaxes(1, 2)
    static void permute(uint32_t heads, const Tensor &tensor, GgufTensor *written) {
        const size_t rows = tensor.shape[0] / heads, row = tensor.data.size() / tensor.shape[0];
        written->data.clear();
        for (size_t head = 0; head < heads; ++head)
            for (size_t i = 0; i < rows / 2; ++i)
                for (size_t half = 0; half < 2; ++half)
                    written->data += tensor.data.substr((head * rows + half * (rows / 2) + i) * row, row);
    }

    // reshape(key heads, values of each, width).swapaxes(0, 1) of the dimension that has heads of values.
    void tile(const std::string &rest, const Tensor &tensor, GgufTensor *written) const {
        const size_t row = tensor.shape.size() > 1 ? written->data.size() / tensor.shape[0] : 4;
        size_t first = 0, head = row;
        if (rest == "in_proj_qkv.weight" || rest == "conv1d.weight")
            first = size_t{2} * groups_ * d_state_ * row;
        if (rest == "in_proj_qkv.weight" || rest == "conv1d.weight" || rest == "in_proj_z.weight")
            head = value_dim_ * row;
        if (rest == "out_proj.weight") head = size_t{value_dim_} * 4;
        if (rest == "mixer_norm.weight") return;
        const std::string given = written->data;
        written->data.resize(first);
        while (written->data.size() < given.size()) {
            const size_t begin = written->data.size();
            for (size_t i = 0; i < n_value_head_ / groups_; ++i)
                for (size_t group = 0; group < groups_; ++group)
                    written->data +=
                        given.substr(begin + (group * (n_value_head_ / groups_) + i) * head, head);
        }
    }

    // One product in floats after the other, as they stand in falcon_h1.py.
    void multiply(const std::string &rest, const Tensor &tensor, GgufTensor *written) const {
        std::vector<float> values = floats(tensor);
        const size_t cols = tensor.shape.back();
        const auto by = [&](float factor, size_t first, size_t rows) {
            for (size_t i = first * cols; i < (first + rows) * cols; ++i) values[i] *= factor;
        };
        const size_t all = values.size() / cols;
        const auto listed = [&](const char *key, size_t i) {
            return static_cast<float>(find(key)->array("")[i].number(""));
        };
        if (rest == "down_proj.weight") by(listed("mlp_multipliers", 1), 0, all);
        if (rest == "gate_proj.weight") by(listed("mlp_multipliers", 0), 0, all);
        if (rest == "k_proj.weight") by(real("key_multiplier"), 0, all);
        if (rest == "k_proj.weight" || rest == "q_proj.weight" || rest == "v_proj.weight")
            by(real("attention_in_multiplier"), 0, all);
        if (rest == "o_proj.weight") by(real("attention_out_multiplier"), 0, all);
        if (rest == "out_proj.weight") by(real("ssm_out_multiplier"), 0, all);
        if (rest == "in_proj.weight") {
            by(real("ssm_in_multiplier"), 0, all);
            const size_t state = size_t{groups_} * d_state_;
            const size_t parts[] = {d_inner_, d_inner_, state, state, all - 2 * d_inner_ - 2 * state};
            for (size_t i = 0, row = 0; i < 5; row += parts[i++])
                by(listed("ssm_multipliers", i), row, parts[i]);
        }
        if (rest == "lm_head.weight") by(real("lm_head_multiplier"), 0, all);
        if (rest == "model.embed_tokens.weight") by(real("embedding_multiplier"), 0, all);
        written->data = bytes(values);
    }

    const Json &config_;
    const std::string type_;
    const bool qwen_ = type_ == "qwen3_5_text";
    std::string prefix_;
    GgufBuilder file_;
    uint32_t n_layer_, n_head_, n_kv_head_, head_dim_, d_inner_ = 0, d_state_ = 0, groups_ = 1;
    uint32_t n_further_ = 0, n_value_head_ = 0, value_dim_ = 0;  // Qwen3.5's
};

}  // namespace

GgufBuilder gguf_hybrid(const Json &config, const std::vector<Tensor> &tensors) {
    return Writer(config).write(tensors);
}

GgufBuilder gguf_of_folder(const std::string &folder) {
    const TensorFiles files(find_checkpoint(folder));
    std::vector<Tensor> tensors;
    files.each([&](const TensorView &view) {
        tensors.push_back({view.name, view.dtype, view.shape,
                           std::string(reinterpret_cast<const char *>(view.data), view.size)});
    });
    return gguf_hybrid(parse_config_file(folder + "/config.json"), tensors);
}

}  // namespace adder::test

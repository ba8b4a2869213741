// What the RWKVs have in common whose channel mix has a receptance.
// SPDX-License-Identifier: MIT
#include "converter/families/rwkv_layers.h"

#include <cmath>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/blinkdl.h"

namespace adder::rwkv_layers {
namespace {

constexpr char embedding[] = "rwkv.embeddings.weight";

std::string layer_of(const ModelShape &model, uint32_t block) {
    return "rwkv.blocks." + std::to_string(model.blocks[block].layer) + ".";
}

bool is_ffn(const ModelShape &model, uint32_t block) {
    return model.shapes[model.blocks[block].shape].kind == static_cast<uint16_t>(BlockId::rwkv_ffn);
}

const std::vector<blinkdl::Names> model_names = {
    {"emb.weight", embedding}, {"ln_out.weight", "rwkv.ln_out.weight"}, {"ln_out.bias", "rwkv.ln_out.bias"}};
// Within a layer: the beginnings.
const std::vector<blinkdl::Names> layer_names = {{"ln0.", "pre_ln."},
                                                 {"att.time_mix_k", "attention.time_mix_key"},
                                                 {"att.time_mix_v", "attention.time_mix_value"},
                                                 {"att.time_mix_r", "attention.time_mix_receptance"},
                                                 {"att.time_mix_g", "attention.time_mix_gate"},
                                                 {"att.", "attention."},
                                                 {"ffn.time_mix_k", "feed_forward.time_mix_key"},
                                                 {"ffn.time_mix_r", "feed_forward.time_mix_receptance"},
                                                 {"ffn.", "feed_forward."}};

}  // namespace

const char embedding_norm[] = "rwkv.blocks.0.pre_ln";

ModelShape read_shape(const ConfigReader &config) {
    ModelShape model;
    model.d_model = config.needed_integer("hidden_size", 1, max_d_model);
    model.n_layer = config.needed_integer("num_hidden_layers", 1, max_n_layer);
    model.vocab_size = config.needed_integer("vocab_size", 1, max_vocab_size);
    model.tied = false;
    blinkdl::require_truth(config, "tie_word_embeddings", false);
    const uint32_t inner = config.integer("attention_hidden_size", 1, max_d_inner).value_or(model.d_model);
    if (inner != model.d_model)
        bad_input("%s is %u; hidden_size, %u, is needed", config.what("attention_hidden_size").c_str(), inner,
                  model.d_model);
    if (const auto epsilon = config.number("layer_norm_epsilon", 1e-12, 1e-3))
        model.norm_epsilon = static_cast<float>(*epsilon);
    return model;
}

void make_blocks(ModelShape *model, const BlobShape &time, uint32_t d_ffn) {
    BlobShape channel{};
    channel.kind = static_cast<uint16_t>(BlockId::rwkv_ffn);
    dim_of(channel, Dim::d_ffn) = d_ffn;
    param_of(channel, Param::norm_epsilon) = model->norm_epsilon;
    model->layer_norm = true;
    model->shapes = {time, channel};
    model->blocks.clear();
    for (uint32_t layer = 0; layer < model->n_layer; ++layer)
        for (uint16_t shape = 0; shape < 2; ++shape)
            model->blocks.push_back({shape, static_cast<uint16_t>(layer), 0, 0});
    model->number_blocks();
}

std::string rename(const std::string &name) {
    return blinkdl::rename(name, model_names, "rwkv.blocks.", layer_names);
}

std::string attention_of(const ModelShape &model, uint32_t block) {
    return layer_of(model, block) + "attention.";
}

std::string name_of(const ModelShape &model, Role role, uint32_t block) {
    switch (role) {
    case Role::embedding: return embedding;
    case Role::head: return "head.weight";
    case Role::final_norm: return "rwkv.ln_out.weight";
    case Role::final_norm_bias: return "rwkv.ln_out.bias";
    default: break;
    }
    const std::string prefix = layer_of(model, block), attention = prefix + "attention.",
                      ffn = prefix + "feed_forward.", norm = prefix + (is_ffn(model, block) ? "ln2." : "ln1.");
    switch (role) {
    case Role::norm: return norm + "weight";
    case Role::norm_bias: return norm + "bias";
    case Role::mix_r: return attention + "time_mix_receptance";
    case Role::mix_k: return attention + "time_mix_key";
    case Role::mix_v: return attention + "time_mix_value";
    case Role::mix_g: return attention + "time_mix_gate";
    case Role::r_proj: return attention + "receptance.weight";
    case Role::k_proj: return attention + "key.weight";
    case Role::v_proj: return attention + "value.weight";
    case Role::g_proj: return attention + "gate.weight";
    case Role::time_vectors:
    case Role::head_vectors: return attention + "time_decay";
    case Role::head_norm: return attention + "ln_x.weight";
    case Role::out_proj: return attention + "output.weight";
    case Role::mix_ffn_r: return ffn + "time_mix_receptance";
    case Role::ffn_receptance: return ffn + "receptance.weight";
    case Role::mix_ffn: return ffn + "time_mix_key";
    case Role::ffn_key: return ffn + "key.weight";
    case Role::ffn_value: return ffn + "value.weight";
    default: return {};
    }
}

std::vector<TensorSpec> tensors(const ModelShape &model, const AddTensors &vectors, const AddTensors &more) {
    std::vector<TensorSpec> all;
    const uint64_t d = model.d_model;
    const Add add = [&](const std::string &name, std::vector<uint64_t> shape) {
        all.push_back({name, std::move(shape)});
    };
    const auto norm = [&](const std::string &name) {
        add(name + ".weight", {d});
        add(name + ".bias", {d});
    };
    add(embedding, {model.vocab_size, d});
    norm(embedding_norm);
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const std::string prefix = layer_of(model, block), attention = prefix + "attention.",
                          ffn = prefix + "feed_forward.";
        if (is_ffn(model, block)) {
            const uint64_t d_ffn = model.view(block).dims[Dim::d_ffn];
            norm(prefix + "ln2");
            add(ffn + "time_mix_key", {1, 1, d});
            add(ffn + "time_mix_receptance", {1, 1, d});
            add(ffn + "key.weight", {d_ffn, d});
            add(ffn + "receptance.weight", {d, d});
            add(ffn + "value.weight", {d, d_ffn});
            continue;
        }
        norm(prefix + "ln1");
        vectors(add, block);
        for (const char *mix : {"key", "value", "receptance"}) add(attention + "time_mix_" + mix, {1, 1, d});
        for (const char *matrix : {"key", "value", "receptance", "output"})
            add(attention + matrix + ".weight", {d, d});
        more(add, block);
    }
    norm("rwkv.ln_out");
    add("head.weight", {model.vocab_size, d});
    return all;
}

void begin_config(const TensorFiles &files, const char *model_type, const char *title,
                  const std::function<bool(const std::string &)> &is_of_block, JsonWriter *json) {
    const uint32_t n_layer = blinkdl::count_blocks(files, is_of_block, [&](const std::string &) {
        return std::string("a variant of ") + title + ", which is not supported";
    });
    json->begin_object().key("model_type").value(model_type);
    json->key("vocab_size").value(blinkdl::extent_in(files, "emb.weight", 0));
    json->key("hidden_size").value(blinkdl::extent_in(files, "emb.weight", 1));
    json->key("num_hidden_layers").value(n_layer);
    json->key("intermediate_size").value(blinkdl::extent_in(files, "blocks.0.ffn.key.weight", 0));
    // Token 0 ends a document, and begins one.
    json->key("bos_token_id").value(0).key("eos_token_id").value(0);
}

void write_config(const ModelShape &model, const char *architecture, JsonWriter *json) {
    backbone::write_config(model, architecture, json);
    json->key("attention_hidden_size").value(model.d_model);
    json->key("intermediate_size").value(model.view(1).dims[Dim::d_ffn]);
    json->key("layer_norm_epsilon").value(model.norm_epsilon);
    json->key("rescale_every").value(6);
    json->key("tie_word_embeddings").value(false);
}

Initial initial(const TensorSpec &tensor, const ModelShape &) {
    const auto has = [&](const char *part) { return tensor.name.find(part) != std::string::npos; };
    const auto is = [&](const char *end) { return backbone::ends_with(tensor.name, end); };
    if (has(".ln") || has("_ln.") || has("ln_x.")) {
        if (is("weight")) return {Initial::Kind::one};
        return {Initial::Kind::uniform, 0.1};
    }
    if (is("time_decay")) return {Initial::Kind::uniform, 3};
    if (is("time_faaaa") || is("time_first") || has("time_mix")) return {Initial::Kind::uniform, 1};
    if (is("embeddings.weight") || is("head.weight")) return {Initial::Kind::bell, 0.02};
    return {Initial::Kind::uniform, 1 / std::sqrt(static_cast<double>(tensor.shape.back()))};
}

}  // namespace adder::rwkv_layers

// Hybrids of Mamba-2's mixers, attention and MLPs.
// SPDX-License-Identifier: MIT
#include "converter/families/gqa_hybrid.h"
#include "converter/families/mamba2_mixer.h"

#include <cmath>

#include "converter/base/error.h"
#include "converter/families/backbone.h"

namespace adder::hybrid {

bool is_mixer(const BlockView &view) { return view.kind->id == BlockId::mamba2; }
bool is_mlp(const BlockView &view) {
    return view.kind->id == BlockId::gqa_mlp || view.kind->id == BlockId::gqa_relu2;
}

std::string tensor_name(const Spelling &spelling, const ModelShape &model, Role role, uint32_t block) {
    if (role == Role::embedding) return spelling.embedding;
    if (role == Role::head) return head;
    if (role == Role::final_norm) return spelling.final_norm;
    const BlockView view = model.view(block);
    const std::string layer = gqa_layers::layer_of(model, block, spelling.layers);
    if (role == Role::norm) return layer + (is_mlp(view) ? spelling.second_norm : spelling.norm);
    return is_mixer(view) ? mamba2_mixer::tensor_name(role, layer + spelling.mixer)
                          : gqa_layers::tensor_name(spelling.names, role, layer);
}

std::vector<TensorSpec> tensors(const Spelling &spelling, const ModelShape &model) {
    std::vector<TensorSpec> all{{spelling.embedding, {model.vocab_size, model.d_model}}};
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const BlockView view = model.view(block);
        const std::string layer = gqa_layers::layer_of(model, block, spelling.layers);
        if ((view.shape->flags & shape_beside) == 0)
            all.push_back({tensor_name(spelling, model, Role::norm, block), {model.d_model}});
        if (is_mixer(view))
            mamba2_mixer::add_tensors(model, block, layer + spelling.mixer, &all);
        else
            gqa_layers::add_tensors(spelling.names, model, block, layer, &all);
    }
    all.push_back({spelling.final_norm, {model.d_model}});
    if (!model.tied) all.push_back({head, {model.vocab_size, model.d_model}});
    return all;
}

DenseTensor read(const Spelling &spelling, const TensorFiles &files, const ModelShape &model, Role role,
                 uint32_t block) {
    const std::string layer = gqa_layers::layer_of(model, block, spelling.layers);
    DenseTensor dense;
    if (role == Role::norm)
        dense = backbone::read(files, tensor_name(spelling, model, role, block), 1);
    else if (is_mixer(model.view(block)))
        dense = mamba2_mixer::read(files, model, role, block, layer + spelling.mixer);
    else
        dense = gqa_layers::read(spelling.names, files, model, role, block, layer);
    if (role == Role::out_proj || role == Role::out_proj_bias || role == Role::o_proj ||
        role == Role::down_proj)
        gqa_layers::scale(model.residual_scale, &dense);
    return dense;
}

ModelShape read_common(const ConfigReader &config, bool tied, uint32_t n_layer) {
    ModelShape model;
    model.d_model = config.needed_integer("hidden_size", 1, max_d_model);
    model.n_layer = n_layer > 0 ? n_layer : config.needed_integer("num_hidden_layers", 1, max_n_layer);
    model.vocab_size = config.needed_integer("vocab_size", 1, max_vocab_size);
    model.tied = config.boolean("tie_word_embeddings").value_or(tied);
    model.norm_epsilon = static_cast<float>(config.number("rms_norm_eps", 1e-12, 1).value_or(1e-5));
    gqa_layers::require_silu(config);
    gqa_layers::refuse_set(config, {"attention_bias", "mlp_bias"});
    return model;
}

void write_gguf_mixer(const GgufKeys &keys, JsonWriter *json) {
    keys.copy({{"ssm.conv_kernel", "mamba_d_conv"},
               {"ssm.state_size", "mamba_d_state"},
               {"ssm.time_step_rank", "mamba_n_heads"},
               {"ssm.group_count", "mamba_n_groups"},
               {"attention.layer_norm_rms_epsilon", "rms_norm_eps", GgufMember::Kind::number}},
              json);
    json->key("mamba_conv_bias").value(keys.has_in_layers("ssm_conv1d.bias"));
    json->key("mamba_proj_bias").value(keys.has_in_layers("ssm_in.bias"));
}

std::vector<GgufName> gguf_whole(const Spelling &spelling) {
    return {{"token_embd.weight", spelling.embedding},
            {"output_norm.weight", spelling.final_norm},
            {"output.weight", head}};
}

// llama.cpp has norms of MLPs without an end in files of Falcon-H1.
std::vector<GgufName> gguf_within(const Spelling &spelling, GgufShape heads) {
    std::vector<GgufName> all =
        mamba2_mixer::gguf_names(spelling.mixer, gqa_layers::gguf_names(spelling.names, heads));
    all.push_back({"attn_norm.weight", spelling.norm});
    for (const char *theirs : {"ffn_norm.weight", "ffn_norm"}) all.push_back({theirs, spelling.second_norm});
    return all;
}

BlobShape mixer_like(ModelShape *model, uint32_t d_inner, uint32_t n_head, uint32_t d_state, uint32_t n_group) {
    if (d_inner % (n_head * tile_size) != 0) n_head = d_inner / tile_size;
    if (n_head % n_group != 0) n_group = 1;
    return mamba2_mixer::make_shape(model, {d_inner, d_state, 4, n_head, n_group, false});
}

gqa_layers::Heads heads_like(const PublishedShape &like, uint32_t head_dim, uint32_t heads_per_group,
                             const char *title) {
    gqa_layers::Heads heads{};
    heads.head_dim = like.d_model % head_dim == 0 ? head_dim : tile_size;
    if (like.d_model % heads.head_dim != 0)
        fail(ExitCode::usage, "--like: a %s has heads of a multiple of 8 channels, and d_model is %u", title,
             like.d_model);
    heads.n_head = like.d_model / heads.head_dim;
    heads.n_kv_head = heads.n_head % heads_per_group == 0 ? heads.n_head / heads_per_group : 1;
    heads.scale = 1 / std::sqrt(static_cast<double>(heads.head_dim));
    return heads;
}

Initial initial(const TensorSpec &tensor, const ModelShape &model) {
    const auto is = [&](const char *end) { return backbone::ends_with(tensor.name, end); };
    if (is("norm.weight") || is("norm_f.weight")) return {Initial::Kind::one};
    if (is(".A_log")) return {Initial::Kind::log_uniform, 16};
    if (is(".D")) return {Initial::Kind::one};
    if (is(".dt_bias")) return {Initial::Kind::steps};
    if (is("embed_tokens.weight") || is("embeddings.weight") || tensor.name == head)
        return {Initial::Kind::bell, 0.02};
    const uint64_t fan_in = is("conv1d.bias") ? model.dim(Dim::d_conv) : tensor.shape.back();
    return {Initial::Kind::uniform, 1 / std::sqrt(static_cast<double>(fan_in))};
}

}  // namespace adder::hybrid

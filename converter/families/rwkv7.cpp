// RWKV-7 "Goose" (x070), in the spelling of the flash-linear-attention library and in BlinkDL's: config.json, tensors, recipes,
// initial weights.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstring>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/blinkdl.h"
#include "kernels/scalar/hadamard.h"

namespace adder {
namespace {

constexpr char embedding[] = "model.embeddings.weight";
constexpr char embedding_norm[] = "model.layers.0.pre_norm";
constexpr char head[] = "lm_head.weight";
constexpr uint32_t head_dim_published = 64;

std::string layer_prefix(uint32_t layer) { return "model.layers." + std::to_string(layer) + "."; }

// ---- Shapes ---------------------------------------------------------------------------------------------------------

struct Ranks {
    uint32_t w, a, v, g;
};

// Layers of two blocks each, the first of which has no values of an earlier block to mix with.
void make_blocks(ModelShape *model, uint32_t head_dim, uint32_t d_ffn, const Ranks &ranks) {
    BlobShape time{};
    time.kind = static_cast<uint16_t>(BlockId::rwkv7);
    dim_of(time, Dim::d_inner) = model->d_model;
    dim_of(time, Dim::n_head) = model->d_model / head_dim;
    dim_of(time, Dim::w_rank) = ranks.w;
    dim_of(time, Dim::a_rank) = ranks.a;
    dim_of(time, Dim::v_rank) = 1;
    dim_of(time, Dim::g_rank) = ranks.g;
    param_of(time, Param::norm_epsilon) = model->norm_epsilon;
    param_of(time, Param::mixer_norm_epsilon) = static_cast<float>(head_dim) * model->norm_epsilon;
    BlobShape channel{};
    channel.kind = static_cast<uint16_t>(BlockId::rwkv7_ffn);
    dim_of(channel, Dim::d_ffn) = d_ffn;
    param_of(channel, Param::norm_epsilon) = model->norm_epsilon;
    model->layer_norm = true;
    model->shapes = {time, channel};
    if (model->n_layer > 1) {
        time.flags = shape_value_residual;
        dim_of(time, Dim::v_rank) = ranks.v;
        model->shapes.push_back(time);
    }
    model->blocks.clear();
    for (uint32_t layer = 0; layer < model->n_layer; ++layer) {
        const uint16_t at = static_cast<uint16_t>(layer);
        model->blocks.push_back({static_cast<uint16_t>(layer == 0 ? 0 : 2), at, 0, 0});
        model->blocks.push_back({1, at, 0, 0});
    }
    model->number_blocks();
}

bool recognises(const ConfigReader &config) { return config.string("model_type") == "rwkv7"; }

// A number, or one for each layer; null and no key mean the hidden size.
void require_value_dim(const ConfigReader &config, uint32_t d_model) {
    const Json *const value = config.find("value_dim");
    if (value == nullptr || value->is_null()) return;
    const std::string what = config.what("value_dim");
    const auto check = [&](const Json &one) {
        const int64_t width = one.integer(what, 1, max_d_inner);
        if (width != d_model)
            bad_input("%s is %lld; hidden_size, %u, is needed", what.c_str(), static_cast<long long>(width),
                      d_model);
    };
    if (value->is_number())
        check(*value);
    else
        for (const Json &one : value->array(what)) check(one);
}

ModelShape read_shape(const ConfigReader &config) {
    ModelShape model;
    model.d_model = config.needed_integer("hidden_size", 1, max_d_model);
    model.n_layer = config.needed_integer("num_hidden_layers", 1, max_n_layer);
    model.vocab_size = config.needed_integer("vocab_size", 1, max_vocab_size);
    model.tied = false;
    blinkdl::require_truth(config, "tie_word_embeddings", false);
    blinkdl::require_truth(config, "norm_first", true);
    blinkdl::require_truth(config, "norm_bias", true);
    blinkdl::require_word(config, "hidden_act", "sqrelu");
    require_value_dim(config, model.d_model);
    const Json *const attention = config.find("attn");
    if (attention != nullptr && !attention->is_null())
        bad_input("%s is set; attention layers are not supported", config.what("attn").c_str());
    if (const auto epsilon = config.number("norm_eps", 1e-12, 1e-3))
        model.norm_epsilon = static_cast<float>(*epsilon);
    const uint32_t head_dim = config.integer("head_dim", 1, max_d_inner).value_or(head_dim_published);
    if (model.d_model % head_dim != 0 || head_dim % tile_size != 0 || head_dim > max_d_state)
        bad_input("%s is %u; a multiple of 8 up to %u is needed that divides hidden_size, %u",
                  config.what("head_dim").c_str(), head_dim, max_d_state, model.d_model);
    const uint32_t d_ffn = config.integer("intermediate_size", 1, max_d_inner).value_or(4 * model.d_model);
    // The formulas for what is not stated differ from each other and from published models: no default.
    const Ranks ranks = {config.needed_integer("decay_low_rank_dim", 1, max_dt_rank),
                         config.needed_integer("a_low_rank_dim", 1, max_dt_rank),
                         config.needed_integer("v_low_rank_dim", 1, max_dt_rank),
                         config.needed_integer("gate_low_rank_dim", 1, max_dt_rank)};
    blinkdl::require_word(config, "spelling", "blinkdl");
    model.input_major = config.string("spelling").has_value();
    make_blocks(&model, head_dim, d_ffn, ranks);
    return model;
}

// ---- Names ----------------------------------------------------------------------------------------------------------

const std::vector<blinkdl::Names> model_names = {{"emb.weight", embedding},
                                                 {"ln_out.weight", "model.norm.weight"},
                                                 {"ln_out.bias", "model.norm.bias"},
                                                 {"head.weight", head}};
// Within a layer: the beginnings.
const std::vector<blinkdl::Names> layer_names = {{"ln0.", "pre_norm."},
                                                 {"ln1.", "attn_norm."},
                                                 {"ln2.", "ffn_norm."},
                                                 {"att.receptance.", "attn.r_proj."},
                                                 {"att.key.", "attn.k_proj."},
                                                 {"att.value.", "attn.v_proj."},
                                                 {"att.output.", "attn.o_proj."},
                                                 {"att.ln_x.", "attn.g_norm."},
                                                 {"att.w0", "attn.w_lora.lora.2.bias"},
                                                 {"att.w1", "attn.w_lora.lora.0.weight"},
                                                 {"att.w2", "attn.w_lora.lora.2.weight"},
                                                 {"att.a0", "attn.a_lora.lora.2.bias"},
                                                 {"att.a1", "attn.a_lora.lora.0.weight"},
                                                 {"att.a2", "attn.a_lora.lora.2.weight"},
                                                 {"att.v0", "attn.v_lora.lora.2.bias"},
                                                 {"att.v1", "attn.v_lora.lora.0.weight"},
                                                 {"att.v2", "attn.v_lora.lora.2.weight"},
                                                 {"att.g1", "attn.g_lora.lora.0.weight"},
                                                 {"att.g2", "attn.g_lora.lora.2.weight"},
                                                 {"att.", "attn."}};

// Of BlinkDL's names those of the library.
std::string rename(const std::string &name) {
    return blinkdl::rename(name, model_names, "model.layers.", layer_names);
}

// Is it a channel mix?
bool is_ffn(const ModelShape &model, uint32_t block) {
    return block != no_block &&
           model.shapes[model.blocks[block].shape].kind == static_cast<uint16_t>(BlockId::rwkv7_ffn);
}

// Without what a role of both kinds of blocks needs to know.
std::string tensor_name(Role role, uint32_t layer) {
    const std::string prefix = layer_prefix(layer), attention = prefix + "attn.";
    switch (role) {
    case Role::embedding: return embedding;
    case Role::head: return head;
    case Role::final_norm: return "model.norm.weight";
    case Role::final_norm_bias: return "model.norm.bias";
    case Role::norm: return prefix + "attn_norm.weight";
    case Role::norm_bias: return prefix + "attn_norm.bias";
    case Role::mix_r: return attention + "x_r";
    case Role::mix_w: return attention + "x_w";
    case Role::mix_k: return attention + "x_k";
    case Role::mix_v:
    case Role::mix_v1: return attention + "x_v";
    case Role::mix_a: return attention + "x_a";
    case Role::mix_g: return attention + "x_g";
    case Role::r_proj: return attention + "r_proj.weight";
    case Role::k_proj: return attention + "k_proj.weight";
    case Role::v_proj: return attention + "v_proj.weight";
    case Role::w1_proj: return attention + "w_lora.lora.0.weight";
    case Role::w2_proj: return attention + "w_lora.lora.2.weight";
    case Role::w2_bias: return attention + "w_lora.lora.2.bias";
    case Role::v1_proj: return attention + "v_lora.lora.0.weight";
    case Role::v2_proj: return attention + "v_lora.lora.2.weight";
    case Role::v2_bias: return attention + "v_lora.lora.2.bias";
    case Role::a1_proj: return attention + "a_lora.lora.0.weight";
    case Role::a2_proj: return attention + "a_lora.lora.2.weight";
    case Role::a2_bias: return attention + "a_lora.lora.2.bias";
    case Role::g1_proj: return attention + "g_lora.lora.0.weight";
    case Role::g2_proj: return attention + "g_lora.lora.2.weight";
    case Role::key_vectors: return attention + "k_k";
    case Role::head_norm: return attention + "g_norm.weight";
    case Role::out_proj: return attention + "o_proj.weight";
    case Role::mix_ffn: return prefix + "ffn.x_k";
    case Role::ffn_key: return prefix + "ffn.key.weight";
    case Role::ffn_value: return prefix + "ffn.value.weight";
    default: return {};
    }
}

std::vector<TensorSpec> tensors(const ModelShape &model) {
    std::vector<TensorSpec> all;
    const uint64_t d = model.d_model;
    const bool flipped = model.input_major;
    const auto add = [&](const std::string &name, std::vector<uint64_t> shape) {
        all.push_back({name, std::move(shape)});
    };
    // What BlinkDL has as [1, 1, d].
    const auto vector = [&](const std::string &name) {
        add(name, flipped ? std::vector<uint64_t>{1, 1, d} : std::vector<uint64_t>{d});
    };
    const auto norm = [&](const std::string &name) {
        add(name + ".weight", {d});
        add(name + ".bias", {d});
    };
    const auto low_rank = [&](const std::string &name, uint64_t rank, bool biased) {
        const std::vector<uint64_t> down = {rank, d}, up = {d, rank};
        add(name + "_lora.lora.0.weight", flipped ? up : down);
        add(name + "_lora.lora.2.weight", flipped ? down : up);
        if (biased) vector(name + "_lora.lora.2.bias");
    };
    add(embedding, {model.vocab_size, d});
    norm(embedding_norm);
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const BlockView view = model.view(block);
        const std::string prefix = layer_prefix(model.blocks[block].layer), attention = prefix + "attn.";
        if (is_ffn(model, block)) {
            const uint64_t d_ffn = view.dims[Dim::d_ffn];
            norm(prefix + "ffn_norm");
            vector(prefix + "ffn.x_k");
            add(prefix + "ffn.key.weight", {d_ffn, d});
            add(prefix + "ffn.value.weight", {d, d_ffn});
            continue;
        }
        norm(prefix + "attn_norm");
        for (const char *mix : {"x_r", "x_w", "x_k", "x_v", "x_a", "x_g"}) add(attention + mix, {1, 1, d});
        vector(attention + "k_k");
        vector(attention + "k_a");
        add(attention + "r_k", {view.dims[Dim::n_head], view.dims[Dim::head_dim]});
        for (const char *matrix : {"r_proj", "k_proj", "v_proj"}) add(attention + matrix + ".weight", {d, d});
        low_rank(attention + "w", view.dims[Dim::w_rank], true);
        low_rank(attention + "a", view.dims[Dim::a_rank], true);
        if (view.shape->flags & shape_value_residual) low_rank(attention + "v", view.dims[Dim::v_rank], true);
        low_rank(attention + "g", view.dims[Dim::g_rank], false);
        norm(attention + "g_norm");
        add(attention + "o_proj.weight", {d, d});
    }
    norm("model.norm");
    add(head, {model.vocab_size, d});
    return all;
}

// ---- Files without a config.json -------------------------------------------------------------------------------------

// Is it a tensor of an RWKV-7 block, as BlinkDL names it, without the block's prefix? By what it would be called here.
bool is_of_block(const std::string &name) {
    static const std::vector<std::string> all = [] {
        std::vector<std::string> names = {"pre_norm.weight",  "pre_norm.bias",   "attn_norm.weight",
                                          "attn_norm.bias",   "ffn_norm.weight", "ffn_norm.bias",
                                          "attn.g_norm.bias", "attn.k_a",        "attn.r_k",
                                          "ffn.x_k",          "ffn.key.weight",  "ffn.value.weight"};
        for (uint16_t role = 1; role < role_end; ++role) {
            const std::string known = tensor_name(static_cast<Role>(role), 0);
            if (known.compare(0, layer_prefix(0).size(), layer_prefix(0)) == 0)
                names.push_back(known.substr(layer_prefix(0).size()));
        }
        return names;
    }();
    const std::string renamed = rename("blocks.0." + name).substr(layer_prefix(0).size());
    return std::find(all.begin(), all.end(), renamed) != all.end();
}

std::string config_from_tensors(const TensorFiles &files) {
    const uint32_t n_layer = blinkdl::count_blocks(files, is_of_block, [](const std::string &rest) {
        const char *const variant = rest.compare(0, 9, "ffn.s_emb") == 0
                                        ? "RWKV-7a, with tables of its own for each token"
                                    : rest.compare(0, 4, "qkv.") == 0 ? "RWKV-7b, with attention"
                                                                      : "a variant of RWKV-7, or RWKV-8";
        return std::string(variant) + "; RWKV-7 (x070) alone is supported";
    });
    const std::string attention = "blocks.0.att.";
    JsonWriter json;
    json.begin_object().key("model_type").value("rwkv7").key("spelling").value("blinkdl");
    json.key("vocab_size").value(blinkdl::extent_in(files, "emb.weight", 0));
    json.key("hidden_size").value(blinkdl::extent_in(files, "emb.weight", 1));
    json.key("num_hidden_layers").value(n_layer);
    json.key("head_dim").value(blinkdl::extent_in(files, attention + "r_k", 1));
    json.key("intermediate_size").value(blinkdl::extent_in(files, "blocks.0.ffn.key.weight", 0));
    json.key("decay_low_rank_dim").value(blinkdl::extent_in(files, attention + "w1", 1));
    json.key("a_low_rank_dim").value(blinkdl::extent_in(files, attention + "a1", 1));
    // The first layer's own is not used, and may be missing.
    json.key("v_low_rank_dim")
        .value(n_layer > 1 ? blinkdl::extent_in(files, "blocks.1.att.v1", 1) : uint64_t{1});
    json.key("gate_low_rank_dim").value(blinkdl::extent_in(files, attention + "g1", 1));
    // Token 0 ends a document, and begins one.
    json.key("bos_token_id").value(0).key("eos_token_id").value(0);
    return json.end_object().text();
}

// ---- GGUF (conversion/rwkv.py) ----------------------------------------------------------------------------------------

std::string gguf_config(const GgufKeys &keys) {
    keys.require("token_shift_count", 2);
    JsonWriter json;
    keys.begin("rwkv7", &json);
    keys.copy({{"wkv.head_size", "head_dim"},
               {"feed_forward_length", "intermediate_size"},
               {"attention.decay_lora_rank", "decay_low_rank_dim"},
               {"attention.iclr_lora_rank", "a_low_rank_dim"},
               {"attention.value_residual_mix_lora_rank", "v_low_rank_dim"},
               {"attention.gate_lora_rank", "gate_low_rank_dim"},
               {"attention.layer_norm_epsilon", "norm_eps", GgufMember::Kind::number}},
              &json);
    return json.end_object().text();
}

// Low-rank matrices lie there as here. The first layer's values have copies of a0, a1 and a2, which nothing is computed with.
const GgufForm gguf = {
    "rwkv7",
    gguf_config,
    {{"token_embd.weight", embedding},
     {"token_embd_norm.weight", "model.layers.0.pre_norm.weight"},
     {"token_embd_norm.bias", "model.layers.0.pre_norm.bias"},
     {"output_norm.weight", "model.norm.weight"},
     {"output_norm.bias", "model.norm.bias"},
     {"output.weight", head}},
    "model.layers.",
    {{"attn_norm.weight", "attn_norm.weight"},
     {"attn_norm.bias", "attn_norm.bias"},
     {"attn_norm_2.weight", "ffn_norm.weight"},
     {"attn_norm_2.bias", "ffn_norm.bias"},
     {"time_mix_lerp_fused.weight", "attn.x_r attn.x_w attn.x_k attn.x_v attn.x_a attn.x_g", GgufShape::rows},
     {"time_mix_w0.weight", "attn.w_lora.lora.2.bias", GgufShape::vector},
     {"time_mix_w1.weight", "attn.w_lora.lora.0.weight"},
     {"time_mix_w2.weight", "attn.w_lora.lora.2.weight"},
     {"time_mix_a0.weight", "attn.a_lora.lora.2.bias", GgufShape::vector},
     {"time_mix_a1.weight", "attn.a_lora.lora.0.weight"},
     {"time_mix_a2.weight", "attn.a_lora.lora.2.weight"},
     {"time_mix_v0.weight", "attn.v_lora.lora.2.bias", GgufShape::vector},
     {"time_mix_v1.weight", "attn.v_lora.lora.0.weight"},
     {"time_mix_v2.weight", "attn.v_lora.lora.2.weight"},
     {"time_mix_g1.weight", "attn.g_lora.lora.0.weight"},
     {"time_mix_g2.weight", "attn.g_lora.lora.2.weight"},
     {"time_mix_k_k.weight", "attn.k_k", GgufShape::vector},
     {"time_mix_k_a.weight", "attn.k_a", GgufShape::vector},
     {"time_mix_r_k.weight", "attn.r_k", GgufShape::heads},
     {"time_mix_receptance.weight", "attn.r_proj.weight"},
     {"time_mix_key.weight", "attn.k_proj.weight"},
     {"time_mix_value.weight", "attn.v_proj.weight"},
     {"time_mix_output.weight", "attn.o_proj.weight"},
     {"time_mix_ln.weight", "attn.g_norm.weight"},
     {"time_mix_ln.bias", "attn.g_norm.bias"},
     {"channel_mix_lerp_k.weight", "ffn.x_k", GgufShape::vector},
     {"channel_mix_key.weight", "ffn.key.weight"},
     {"channel_mix_value.weight", "ffn.value.weight"}},
    [](const GgufKeys &keys) { return static_cast<uint64_t>(keys.integer("wkv.head_size")); }};

// ---- Weights --------------------------------------------------------------------------------------------------------

// With the norm in front of the channel mix.
std::string name_of(const ModelShape &model, Role role, uint32_t block) {
    if (block == no_block) return tensor_name(role, 0);
    const std::string prefix = layer_prefix(model.blocks[block].layer);
    if (is_ffn(model, block) && role == Role::norm) return prefix + "ffn_norm.weight";
    if (is_ffn(model, block) && role == Role::norm_bias) return prefix + "ffn_norm.bias";
    return tensor_name(role, model.blocks[block].layer);
}

DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    const Extent extent = extent_of(model, role, block);
    const std::string name = name_of(model, role, block),
                      attention = layer_prefix(model.blocks[block].layer) + "attn.";
    switch (role) {
    case Role::norm:
    case Role::norm_bias: return backbone::read(files, name, 1);
    case Role::mix_r:
    case Role::mix_w:
    case Role::mix_k:
    case Role::mix_v:
    case Role::mix_v1:
    case Role::mix_a:
    case Role::mix_g:
    case Role::mix_ffn: return blinkdl::read_mix(files, name, false);
    case Role::key_vectors:
        return blinkdl::read_all(files, {attention + "k_k", attention + "k_a", attention + "r_k"});
    case Role::head_norm:
        return blinkdl::read_all(files, {attention + "g_norm.weight", attention + "g_norm.bias"});
    case Role::w1_proj:
    case Role::w2_proj:
    case Role::a1_proj:
    case Role::a2_proj:
    case Role::v1_proj:
    case Role::v2_proj:
    case Role::g1_proj:
    case Role::g2_proj:
        return model.input_major ? blinkdl::transposed(backbone::read(files, name, extent.rows))
                                 : backbone::read(files, name, extent.cols);
    default: return backbone::read(files, name, extent.cols);
    }
}

// ---- Recipes --------------------------------------------------------------------------------------------------------

void tune(const ModelShape &, Recipe *recipe) {
    blinkdl::tune(recipe, {Role::r_proj, Role::k_proj, Role::v_proj, Role::ffn_key},
                  {Role::w1_proj, Role::a1_proj, Role::v1_proj, Role::g1_proj},
                  {Role::w2_proj, Role::a2_proj, Role::v2_proj, Role::g2_proj});
}

// ---- make-random ----------------------------------------------------------------------------------------------------

// The ranks of the published models; between them those of the next smaller one.
Ranks ranks_like(uint32_t d_model) {
    if (d_model >= 4096) return {128, 128, 96, 480};
    if (d_model >= 2560) return {96, 96, 64, 320};
    if (d_model >= 2048) return {96, 96, 64, 256};
    if (d_model >= 768) return {64, 64, 32, 128};
    return {32, 32, 32, 96};
}

ModelShape shape_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, false);
    const uint32_t head_dim = like.d_model % head_dim_published == 0 ? head_dim_published : tile_size;
    if (like.d_model % head_dim != 0)
        fail(ExitCode::usage, "--like: an RWKV-7 has heads of a multiple of 8 channels, and d_model is %u",
             like.d_model);
    make_blocks(&model, head_dim, 4 * like.d_model, ranks_like(like.d_model));
    return model;
}

void write_config(const ModelShape &model, JsonWriter *json) {
    const BlockView time = model.view(model.n_layer > 1 ? 2 : 0), channel = model.view(1);
    backbone::write_config(model, "RWKV7ForCausalLM", json);
    json->key("head_dim").value(time.dims[Dim::head_dim]);
    json->key("intermediate_size").value(channel.dims[Dim::d_ffn]);
    json->key("decay_low_rank_dim").value(time.dims[Dim::w_rank]);
    json->key("a_low_rank_dim").value(time.dims[Dim::a_rank]);
    json->key("v_low_rank_dim").value(time.dims[Dim::v_rank]);
    json->key("gate_low_rank_dim").value(time.dims[Dim::g_rank]);
    json->key("norm_eps").value(model.norm_epsilon);
    json->key("norm_first").value(true);
    json->key("norm_bias").value(true);
    json->key("hidden_act").value("sqrelu");
    json->key("tie_word_embeddings").value(false);
}

// Of the size of those in the authors' training code (RWKV-LM, RWKV-v7/train_temp/src/model.py), without their dependence on
// channel and layer; output matrices, which begin as zeros there, as the others.
Initial initial(const TensorSpec &tensor, const ModelShape &) {
    const auto is = [&](const char *end) { return backbone::ends_with(tensor.name, end); };
    if (is("norm.weight") || is("attn.k_a")) return {Initial::Kind::one};
    if (is("norm.bias") || is("attn.r_k")) return {Initial::Kind::uniform, 0.1};
    if (is("attn.k_k")) return {Initial::Kind::uniform, 1};
    if (is("lora.2.bias")) return {Initial::Kind::uniform, 2};
    if (is("x_r") || is("x_w") || is("x_k") || is("x_v") || is("x_a") || is("x_g"))
        return {Initial::Kind::uniform, 1};
    if (is("embeddings.weight") || is("lm_head.weight")) return {Initial::Kind::bell, 0.02};
    return {Initial::Kind::uniform, 1 / std::sqrt(static_cast<double>(tensor.shape.back()))};
}

const Family rwkv7 = {"rwkv7",
                      "rwkv7",
                      nullptr,
                      BlockId::rwkv7,
                      0,
                      recognises,
                      read_shape,
                      rename,
                      tensors,
                      name_of,
                      read,
                      tune,
                      shape_like,
                      write_config,
                      initial,
                      {// BlinkDL/rwkv7-g1
                       {"rwkv7-0.1b", 768, 12, 65536},
                       {"rwkv7-0.4b", 1024, 24, 65536},
                       {"rwkv7-1.5b", 2048, 24, 65536},
                       {"rwkv7-2.9b", 2560, 32, 65536}},
                      config_from_tensors,
                      {"7"},
                      embedding_norm,
                      // The first layer's values go into the others', and take none themselves.
                      {layer_prefix(0) + "attn.v_lora.lora.0.weight",
                       layer_prefix(0) + "attn.v_lora.lora.2.weight",
                       layer_prefix(0) + "attn.v_lora.lora.2.bias"},
                      &gguf};

}  // namespace

const std::vector<const Family *> rwkv7_families = {&rwkv7};

}  // namespace adder

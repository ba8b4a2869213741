// Falcon-H1 (TII, arXiv 2507.22448), in transformers' layout: a mixer of Mamba-2 and attention beside it on one input, then an MLP.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/gqa_hybrid.h"
#include "converter/families/gqa_layers.h"
#include "converter/families/mamba2_mixer.h"
#include "converter/families/rope.h"

namespace adder {
namespace {

// What ModelShape::multipliers holds.
enum Multiplier : uint8_t {
    attention_in,
    attention_out,
    key,
    ssm_in,
    ssm_out,
    ssm_z,
    ssm_x,
    ssm_B,
    ssm_C,
    ssm_dt,
    mlp_gate,
    mlp_down,
    multiplier_count
};
// In config.json: numbers, and two lists.
struct MultiplierKey {
    const char *name;
    Multiplier first;
    uint32_t count;
};
constexpr MultiplierKey multiplier_keys[] = {
    {"attention_in_multiplier", attention_in, 1},
    {"attention_out_multiplier", attention_out, 1},
    {"key_multiplier", key, 1},
    {"ssm_in_multiplier", ssm_in, 1},
    {"ssm_out_multiplier", ssm_out, 1},
    {"ssm_multipliers", ssm_z, 5},
    {"mlp_multipliers", mlp_gate, 2},
};

// ---- config.json ----------------------------------------------------------------------------------------------------

std::vector<double> read_multipliers(const ConfigReader &config) {
    std::vector<double> all(multiplier_count, 1.0);
    const auto check = [&](const char *name, double value) {
        if (!(value >= 1e-6 && value <= 1e6))
            bad_input("%s has %g; 0.000001 to 1000000 is needed", config.what(name).c_str(), value);
        return value;
    };
    for (const MultiplierKey &one : multiplier_keys) {
        const Json *const found = config.find(one.name);
        if (found == nullptr) continue;
        if (one.count == 1) {
            all[one.first] = check(one.name, found->number(config.what(one.name)));
            continue;
        }
        const std::vector<Json> &list = found->array(config.what(one.name));
        if (list.size() != one.count)
            bad_input("%s has %zu numbers; %u are needed", config.what(one.name).c_str(), list.size(),
                      one.count);
        for (uint32_t i = 0; i < one.count; ++i)
            all[one.first + i] = check(one.name, list[i].number(config.what(one.name)));
    }
    return all;
}

// Three blocks for each layer: two on one input, and the MLP.
void make_blocks(ModelShape *model, BlobShape mixer, const gqa_layers::Heads &heads, uint32_t mlp_width) {
    mixer.flags |= shape_keeps_input;
    BlobShape attention = gqa_layers::attention_shape(*model, heads);
    attention.flags |= shape_beside;
    const BlobShape mlp = gqa_layers::mlp_shape(*model, mlp_width);
    for (uint32_t layer = 0; layer < model->n_layer; ++layer)
        for (const BlobShape &shape : {mixer, attention, mlp}) gqa_layers::add_block(model, shape, layer);
    model->number_blocks();
}

bool recognises(const ConfigReader &config) { return config.string("model_type") == "falcon_h1"; }

ModelShape read_shape(const ConfigReader &config) {
    ModelShape model = hybrid::read_common(config, false);
    gqa_layers::refuse_set(config, {"mamba_proj_bias", "projectors_bias"});
    gqa_layers::Heads heads = gqa_layers::read_heads(config, model);
    heads.pairs = rope::read_pairs(config, heads.head_dim, 1, &model);
    const uint32_t mlp_width = config.integer("intermediate_size", 1, max_d_inner).value_or(14336);
    model.embedding_scale = static_cast<float>(config.number("embedding_multiplier", 1e-6, 1e6).value_or(1));
    model.logit_scale = config.number("lm_head_multiplier", 1e-6, 1e6).value_or(1);
    model.multipliers = read_multipliers(config);
    const auto d_ssm = config.integer("mamba_d_ssm", 1, max_d_inner);
    BlobShape mixer = mamba2_mixer::read_hybrid_shape(
        config, d_ssm ? *d_ssm : backbone::expanded(config, model.d_model), &model);
    if (!config.boolean("mamba_rms_norm").value_or(false))
        dim_of(mixer, Dim::n_norm_group) = 0;
    else if (config.boolean("mamba_norm_before_gate").value_or(true))
        bad_input("%s is true, with mamba_rms_norm; a norm behind the gate is needed",
                  config.what("mamba_norm_before_gate").c_str());
    make_blocks(&model, mixer, heads, mlp_width);
    gqa_layers::check_shapes(config, model);
    return model;
}

// ---- Tensors --------------------------------------------------------------------------------------------------------

// Every multiplier is one of the rows of a matrix.
DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    DenseTensor dense = hybrid::read(hybrid::feed_forward_spelling, files, model, role, block);
    const BlockView view = model.view(block);
    const std::vector<double> &by = model.multipliers;
    uint32_t row = 0;
    const auto scale = [&](double factor, uint32_t rows) {
        gqa_layers::scale_rows(factor, row, rows, &dense);
        row += rows;
    };
    switch (role) {
    case Role::in_proj:
        for (const Multiplier part : {ssm_z, ssm_x}) scale(by[ssm_in] * by[part], view.dims[Dim::d_inner]);
        break;
    case Role::bcdt_proj:
        for (const Multiplier part : {ssm_B, ssm_C}) scale(by[ssm_in] * by[part], view.dims[Dim::d_bc]);
        scale(by[ssm_in] * by[ssm_dt], view.dims[Dim::n_head]);
        break;
    case Role::out_proj: scale(by[ssm_out], dense.rows); break;
    case Role::o_proj: scale(by[attention_out], dense.rows); break;
    case Role::q_proj: scale(by[attention_in], dense.rows); break;
    case Role::kv_proj:
        scale(by[attention_in] * by[key], view.dims[Dim::d_kv]);
        scale(by[attention_in], view.dims[Dim::d_kv]);
        break;
    case Role::gate_proj: scale(by[mlp_gate], dense.rows); break;
    case Role::down_proj: scale(by[mlp_down], dense.rows); break;
    default: break;
    }
    return dense;
}

// ---- GGUF -----------------------------------------------------------------------------------------------------------

// conversion/falcon_h1.py. Every multiplier is in the weights already; without output.weight the head is the embedding
// with its multiplier, as llama.cpp computes it.
std::string gguf_config(const GgufKeys &keys) {
    JsonWriter json;
    keys.begin("falcon_h1", &json);
    gqa_layers::write_gguf_config(keys, true, "intermediate_size", &json);
    hybrid::write_gguf_mixer(keys, &json);
    keys.copy("ssm.inner_size", "mamba_d_ssm", &json);
    json.key("mamba_d_head").value(keys.quotient("ssm.inner_size", "ssm.time_step_rank"));
    json.key("projectors_bias").value(keys.has_in_layers("ssm_out.bias"));
    json.key("mamba_rms_norm").value(keys.has_in_layers("ssm_norm.weight"));
    json.key("mamba_norm_before_gate").value(false);
    return json.end_object().text();
}

const GgufForm gguf = {"falcon-h1", gguf_config, hybrid::gguf_whole(hybrid::feed_forward_spelling),
                       hybrid::feed_forward_spelling.layers,
                       hybrid::gguf_within(hybrid::feed_forward_spelling)};

// ---- make-random ----------------------------------------------------------------------------------------------------

// The multipliers of Falcon-H1-0.5B.
ModelShape shape_like(const PublishedShape &like) {
    ModelShape model =
        backbone::shape_like(like, like.d_model < 1024);  // the larger ones have a head of their own
    model.embedding_scale = 5.656854249492381f;
    model.logit_scale = 0.0390625;
    model.multipliers = {1,
                         0.9375,
                         0.390625,
                         1.25,
                         0.23570226039551587,
                         0.3535533905932738,
                         0.25,
                         0.3535533905932738,
                         0.5,
                         0.3535533905932738,
                         0.8838834764831844,
                         0.5859375};
    model.rope_base = 1e11;
    const bool large = like.d_model >= 2048, middle = like.d_model >= 1024;
    gqa_layers::Heads heads{};
    heads.head_dim = large ? 128 : middle || like.d_model >= 512 ? 64 : 2 * tile_size;
    heads.n_head = 8;
    heads.n_kv_head = 2;
    heads.pairs = heads.head_dim / 2;
    heads.context = large ? 131072 : middle ? 16384 : 262144;
    heads.scale = 1 / std::sqrt(static_cast<double>(heads.head_dim));
    const uint32_t d_inner = round_up_to_tile(like.d_model / 2 * 3);
    BlobShape mixer = hybrid::mixer_like(&model, d_inner, large ? 48 : 24,
                                         large    ? 256
                                         : middle ? 128
                                                  : 64,
                                         1);
    dim_of(mixer, Dim::n_norm_group) = 0;
    make_blocks(&model, mixer, heads,
                large    ? like.d_model / 4 * 9
                : middle ? 2 * like.d_model
                         : like.d_model / 2 * 3);
    return model;
}

void write_config(const ModelShape &model, JsonWriter *json) {
    const auto dim = [&](BlockId kind, Dim which) { return gqa_layers::dim_of_kind(model, kind, which); };
    backbone::write_config(model, "FalconH1ForCausalLM", json);
    json->key("num_attention_heads").value(dim(BlockId::gqa, Dim::n_head));
    json->key("num_key_value_heads").value(dim(BlockId::gqa, Dim::n_group));
    json->key("head_dim").value(dim(BlockId::gqa, Dim::head_dim));
    json->key("max_position_embeddings").value(dim(BlockId::gqa, Dim::context));
    json->key("rope_theta").value(model.rope_base);
    json->key("intermediate_size").value(dim(BlockId::gqa_mlp, Dim::d_inner));
    json->key("mamba_d_ssm").value(dim(BlockId::mamba2, Dim::d_inner));
    json->key("mamba_n_heads").value(dim(BlockId::mamba2, Dim::n_head));
    json->key("mamba_d_state").value(dim(BlockId::mamba2, Dim::d_state));
    json->key("mamba_n_groups").value(1);
    json->key("mamba_rms_norm").value(false);
    json->key("mamba_norm_before_gate").value(false);
    json->key("embedding_multiplier").value(model.embedding_scale);
    json->key("lm_head_multiplier").value(model.logit_scale);
    for (const MultiplierKey &one : multiplier_keys) {
        json->key(one.name);
        if (one.count > 1) json->begin_array();
        for (uint32_t i = 0; i < one.count; ++i) json->value(model.multipliers[one.first + i]);
        if (one.count > 1) json->end_array();
    }
    json->key("rms_norm_eps").value(model.norm_epsilon);
    json->key("hidden_act").value("silu");
    json->key("tie_word_embeddings").value(model.tied);
}

}  // namespace

const Family falcon_h1 = {"falcon-h1",
                          "falcon_h1",
                          nullptr,
                          BlockId::gqa,
                          shape_beside,
                          recognises,
                          read_shape,
                          hybrid::same_name,
                          hybrid::tensors_of<hybrid::feed_forward_spelling>,
                          hybrid::tensor_name_of<hybrid::feed_forward_spelling>,
                          read,
                          gqa_layers::tune,
                          shape_like,
                          write_config,
                          hybrid::initial,
                          {// tiiuae/NAME-Base
                           {"falcon-h1-tiny-90m", 512, 24, 32768},
                           {"falcon-h1-0.5b", 1024, 36, 32784},
                           {"falcon-h1-1.5b", 2048, 24, 65537}},
                          nullptr,
                          {},
                          nullptr,
                          {},
                          &gguf};

}  // namespace adder

// Layers of attention and gated MLPs.
// SPDX-License-Identifier: MIT
#include "converter/families/gqa_layers.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/rope.h"
#include "kernels/scalar/hadamard.h"

namespace adder::gqa_layers {

Heads read_heads(const ConfigReader &config, const ModelShape &model) {
    Heads heads{};
    heads.n_head = config.needed_integer("num_attention_heads", 1, max_d_inner);
    heads.n_kv_head = config.integer("num_key_value_heads", 1, max_d_inner).value_or(heads.n_head);
    const auto head_dim = config.integer("head_dim", 1, max_d_inner);
    if (!head_dim && model.d_model % heads.n_head != 0)
        bad_input("%s is %u, which does not divide hidden_size %u",
                  config.what("num_attention_heads").c_str(), heads.n_head, model.d_model);
    heads.head_dim = head_dim.value_or(model.d_model / heads.n_head);
    if (uint64_t{heads.head_dim} * heads.n_head > max_d_inner)
        bad_input("%s: %u heads of %u channels are more than %u", config.name().c_str(), heads.n_head,
                  heads.head_dim, max_d_inner);
    heads.context = config.integer("max_position_embeddings", 1, 1 << 24).value_or(2048);
    heads.scale = 1 / std::sqrt(static_cast<double>(heads.head_dim));
    return heads;
}

BlobShape attention_shape(const ModelShape &model, const Heads &heads) {
    constexpr double log2_e = 1.4426950408889634;
    BlobShape shape{};
    shape.kind = static_cast<uint16_t>(BlockId::gqa);
    shape.flags = static_cast<uint16_t>((heads.pairs > 0 ? shape_turns : 0) |
                                        (heads.norms ? shape_head_norms : 0) | (heads.gate ? shape_gate : 0));
    dim_of(shape, Dim::d_inner) = heads.n_head * heads.head_dim;
    dim_of(shape, Dim::n_head) = heads.n_head;
    dim_of(shape, Dim::n_group) = heads.n_kv_head;
    dim_of(shape, Dim::n_turn) = heads.pairs;
    dim_of(shape, Dim::context) = heads.context;
    param_of(shape, Param::norm_epsilon) = model.norm_epsilon;
    if (heads.norms) param_of(shape, Param::mixer_norm_epsilon) = model.norm_epsilon;
    param_of(shape, Param::attention_scale) = static_cast<float>(heads.scale * log2_e);
    return shape;
}

BlobShape mlp_shape(const ModelShape &model, uint32_t width, BlockId kind) {
    BlobShape shape{};
    shape.kind = static_cast<uint16_t>(kind);
    dim_of(shape, Dim::d_inner) = width;
    param_of(shape, Param::norm_epsilon) = model.norm_epsilon;
    return shape;
}

void make_blocks(ModelShape *model, const BlobShape &mixer, const Heads &heads, uint32_t mlp_width,
                 const std::vector<bool> &attends) {
    const BlobShape attention = attention_shape(*model, heads), mlp = mlp_shape(*model, mlp_width);
    for (uint32_t layer = 0; layer < model->n_layer; ++layer) {
        add_block(model, attends[layer] ? attention : mixer, layer);
        add_block(model, mlp, layer);
    }
    model->number_blocks();
}

std::optional<std::vector<bool>> read_layer_types(const ConfigReader &config, uint32_t n_layer,
                                                  const char *mixer) {
    const Json *const types = config.find("layer_types");
    if (types == nullptr) return std::nullopt;
    const std::string what = config.what("layer_types");
    const std::vector<Json> &list = types->array(what);
    if (list.size() != n_layer)
        bad_input("%s has %zu layers; num_hidden_layers is %u", what.c_str(), list.size(), n_layer);
    std::vector<bool> attends;
    for (const Json &type : list) {
        const std::string &word = type.string(what);
        if (word != mixer && word != "full_attention")
            bad_input("%s has %s; \"%s\" and \"full_attention\" are needed", what.c_str(),
                      json_quote(word).c_str(), mixer);
        attends.push_back(word == "full_attention");
    }
    return attends;
}

void add_block(ModelShape *model, const BlobShape &shape, uint32_t layer) {
    size_t place = 0;
    while (place < model->shapes.size() && std::memcmp(&model->shapes[place], &shape, sizeof shape) != 0)
        ++place;
    if (place == model->shapes.size()) model->shapes.push_back(shape);
    model->blocks.push_back({static_cast<uint16_t>(place), static_cast<uint16_t>(layer), 0, 0});
}

void check_shapes(const ConfigReader &config, const ModelShape &model) {
    for (const BlobShape &shape : model.shapes) {
        const BlockView view = shape_view(model.architecture(), shape);
        uint32_t value = 0;
        if (view.kind->fault == nullptr) continue;
        if (const char *const fault = view.kind->fault(shape, view.dims, &value))
            bad_input("%s: %u cannot be the %s, with %u channels", config.name().c_str(), value, fault,
                      view.dims[Dim::d_inner]);
    }
}

void require_silu(const ConfigReader &config) {
    if (const auto activation = config.string("hidden_act"))
        if (*activation != "silu" && *activation != "swish")
            bad_input("%s is %s; \"silu\" is needed", config.what("hidden_act").c_str(),
                      json_quote(*activation).c_str());
}

void refuse_set(const ConfigReader &config, std::initializer_list<const char *> keys) {
    for (const char *key : keys)
        if (config.boolean(key).value_or(false))
            bad_input("%s is true, which is not supported", config.what(key).c_str());
}

uint32_t dim_of_kind(const ModelShape &model, BlockId kind, Dim which) {
    for (const BlobShape &shape : model.shapes)
        if (shape.kind == static_cast<uint16_t>(kind))
            return shape_view(model.architecture(), shape).dims[which];
    return 0;
}

std::string layer_of(const ModelShape &model, uint32_t block, const char *layers) {
    return format("%s%u.", layers, uint32_t{model.blocks[block].layer});
}

std::string tensor_name(const Names &names, Role role, const std::string &layer) {
    const std::string attention = layer + names.attention;
    switch (role) {
    case Role::q_proj:
    case Role::g_proj: return attention + "q_proj.weight";
    case Role::kv_proj: return attention + "k_proj.weight";  // and v_proj
    case Role::out_proj:
    case Role::o_proj: return attention + names.out;
    case Role::q_norm: return attention + names.q_norm;
    case Role::k_norm: return attention + names.k_norm;
    case Role::gate_proj: return layer + names.gate;
    case Role::up_proj: return layer + names.up;
    case Role::down_proj: return layer + names.down;
    default: return {};
    }
}

void add_tensors(const Names &names, const ModelShape &model, uint32_t block, const std::string &layer,
                 std::vector<TensorSpec> *tensors) {
    const BlockView view = model.view(block);
    const uint64_t d_inner = view.dims[Dim::d_inner], d_kv = view.dims[Dim::d_kv];
    const auto add = [&](const std::string &name, uint64_t rows, uint64_t cols) {
        tensors->push_back({name, {rows, cols}});
    };
    if (view.kind->id == BlockId::gqa) {
        add(tensor_name(names, Role::q_proj, layer), view.shape->flags & shape_gate ? 2 * d_inner : d_inner,
            model.d_model);
        add(tensor_name(names, Role::kv_proj, layer), d_kv, model.d_model);
        add(layer + names.attention + "v_proj.weight", d_kv, model.d_model);
        if (view.shape->flags & shape_head_norms)
            for (const Role norm : {Role::q_norm, Role::k_norm})
                tensors->push_back({tensor_name(names, norm, layer), {view.dims[Dim::head_dim]}});
        add(tensor_name(names, Role::out_proj, layer), model.d_model, d_inner);
    } else {
        if (view.kind->id == BlockId::gqa_mlp)
            add(layer + names.gate, names.joins_gate() ? 2 * d_inner : d_inner, model.d_model);
        if (!names.joins_gate()) add(layer + names.up, d_inner, model.d_model);
        add(layer + names.down, model.d_model, d_inner);
    }
}

// Of rows in runs of so many the first, the third, ..., or the others.
static DenseTensor every_second(const DenseTensor &dense, uint32_t run, bool others) {
    DenseTensor some{dense.rows / 2, dense.cols, {}};
    some.values.reserve(dense.values.size() / 2);
    const size_t count = size_t{run} * dense.cols;
    for (size_t first = others ? count : 0; first < dense.values.size(); first += 2 * count)
        some.values.insert(some.values.end(), &dense.values[first], &dense.values[first] + count);
    return some;
}

DenseTensor read(const Names &names, const TensorFiles &files, const ModelShape &model, Role role,
                 uint32_t block, const std::string &layer) {
    const Extent extent = extent_of(model, role, block);
    if (role == Role::turns || role == Role::turns_low)
        return rope::turn_steps(model.rope_base, extent.rows, role == Role::turns_low);
    const std::string name = tensor_name(names, role, layer);
    if ((role == Role::gate_proj || role == Role::up_proj) && names.joins_gate())
        return backbone::read_rows(files, name, extent.cols, role == Role::gate_proj ? 0 : extent.rows,
                                   extent.rows);
    DenseTensor dense = backbone::read(files, name, extent.cols);
    const BlockView view = model.view(block);
    if ((role == Role::q_proj || role == Role::g_proj) && (view.shape->flags & shape_gate) != 0)
        return every_second(dense, view.dims[Dim::head_dim], role == Role::g_proj);
    if (role != Role::kv_proj) return dense;
    const DenseTensor values = backbone::read(files, layer + names.attention + "v_proj.weight", extent.cols);
    dense.rows += values.rows;
    dense.values.insert(dense.values.end(), values.values.begin(), values.values.end());
    return dense;
}

uint64_t gguf_head_dim(const GgufKeys &keys) {
    if (const auto length = keys.find_integer("attention.key_length")) {
        keys.require("attention.value_length", *length);
        return static_cast<uint64_t>(*length);
    }
    return static_cast<uint64_t>(keys.quotient("embedding_length", "attention.head_count"));
}

void write_gguf_config(const GgufKeys &keys, bool turns, const char *mlp_width, JsonWriter *json) {
    const auto experts = keys.find_integer("expert_count");
    if (experts.value_or(0) != 0)
        keys.refuse("expert_count", format("is %lld; mixtures of experts are not supported",
                                           static_cast<long long>(*experts)));
    keys.require("attention.sliding_window", 0);
    if (!keys.boolean("attention.causal", true)) keys.refuse("attention.causal", "is false; true is needed");
    const auto head_dim = static_cast<int64_t>(gguf_head_dim(keys));
    keys.copy({{"attention.head_count", "num_attention_heads", GgufMember::Kind::alike},
               {"attention.head_count_kv", "num_key_value_heads", GgufMember::Kind::alike},
               {"feed_forward_length", mlp_width, GgufMember::Kind::alike},
               {"context_length", "max_position_embeddings"}},
              json);
    json->key("head_dim").value(head_dim);
    const auto any = [&](std::initializer_list<const char *> names) {
        bool found = false;
        for (const char *name : names) found = found || keys.has_in_layers(name);
        return found;
    };
    json->key("attention_bias").value(any({"attn_q.bias", "attn_k.bias", "attn_v.bias", "attn_output.bias"}));
    json->key("mlp_bias").value(any({"ffn_gate.bias", "ffn_up.bias", "ffn_down.bias"}));
    json->key("tie_word_embeddings").value(!keys.has_tensor("output.weight"));
    if (!turns) return;
    const std::string_view scaling = keys.string("rope.scaling.type");
    if (!scaling.empty() && scaling != "none")
        keys.refuse("rope.scaling.type",
                    "is " + json_quote(std::string(scaling)) + "; angles that are scaled are not supported");
    if (keys.has_tensor("rope_freqs.weight"))
        keys.refuse("rope.freq_base", "comes with a tensor \"rope_freqs.weight\", which is not supported");
    keys.copy({{"rope.freq_base", "rope_theta", GgufMember::Kind::number_if_there}}, json);
    // All of a head's channels where it is not there, whatever the family's default is.
    json->key("partial_rotary_factor")
        .value(static_cast<double>(keys.find_integer("rope.dimension_count").value_or(head_dim)) /
               static_cast<double>(std::max<int64_t>(head_dim, 1)));
}

std::vector<GgufName> gguf_names(const Names &names, GgufShape heads) {
    const std::string attention = names.attention;
    std::vector<GgufName> all = {{"attn_q.weight", attention + "q_proj.weight", heads},
                                 {"attn_k.weight", attention + "k_proj.weight", heads},
                                 {"attn_v.weight", attention + "v_proj.weight"},
                                 {"attn_output.weight", attention + names.out},
                                 {"ffn_up.weight", names.up},
                                 {"ffn_down.weight", names.down}};
    if (names.gate != nullptr) all.push_back({"ffn_gate.weight", names.gate});
    if (names.q_norm != nullptr) all.push_back({"attn_q_norm.weight", attention + names.q_norm});
    if (names.k_norm != nullptr) all.push_back({"attn_k_norm.weight", attention + names.k_norm});
    return all;
}

void scale(double factor, DenseTensor *dense) { scale_rows(factor, 0, dense->rows, dense); }

void scale_rows(double factor, uint32_t first, uint32_t count, DenseTensor *dense) {
    if (factor == 1) return;
    for (size_t i = size_t{first} * dense->cols; i < size_t{first + count} * dense->cols; ++i)
        dense->values[i] = static_cast<float>(static_cast<double>(dense->values[i]) * factor);
}

void tune(const ModelShape &model, Recipe *recipe) {
    LinearPlan &out = recipe->of(Role::out_proj);
    bool fits = true;
    for (const BlobShape &shape : model.shapes)
        fits = fits && shape_view(model.architecture(), shape).dims[Dim::d_inner] % hadamard_size == 0;
    if (out.input == Input::token && fits) {
        out.input = Input::hadamard;
        out.alpha = 0.6f;
    }
    const LinearPlan &in = recipe->of(Role::in_proj);
    for (const Role role : {Role::q_proj, Role::kv_proj, Role::g_proj, Role::gate_proj, Role::up_proj})
        recipe->of(role) = in;
    for (const Role role : {Role::down_proj, Role::o_proj}) recipe->of(role) = out;
}

}  // namespace adder::gqa_layers

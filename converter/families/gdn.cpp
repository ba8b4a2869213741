// Qwen3.5, its text part, and Qwen3-Next without experts (Gated DeltaNet, arXiv 2412.06464, and gated attention), in transformers'
// layouts: config.json, tensors, recipes, initial weights.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/gqa_layers.h"
#include "converter/families/rope.h"

namespace adder {
namespace {

constexpr char embedding[] = "model.embed_tokens.weight";
constexpr char final_norm[] = "model.norm.weight";
constexpr char head[] = "lm_head.weight";
constexpr gqa_layers::Names names = {"self_attn.",         "o_proj.weight",        "mlp.gate_proj.weight",
                                     "mlp.up_proj.weight", "mlp.down_proj.weight", "q_norm.weight",
                                     "k_norm.weight"};

// ---- config.json ----------------------------------------------------------------------------------------------------

// Of keys and queries, and of values.
struct DeltaNet {
    uint32_t n_key_head, key_dim, n_value_head, value_dim;
    uint32_t d_conv;
};

BlobShape delta_shape(const ModelShape &model, const DeltaNet &net) {
    BlobShape shape{};
    shape.kind = static_cast<uint16_t>(BlockId::gdn);
    dim_of(shape, Dim::d_inner) = net.n_value_head * net.value_dim;
    dim_of(shape, Dim::d_state) = net.key_dim;
    dim_of(shape, Dim::d_conv) = net.d_conv;
    dim_of(shape, Dim::n_head) = net.n_value_head;
    dim_of(shape, Dim::n_group) = net.n_key_head;
    param_of(shape, Param::norm_epsilon) = model.norm_epsilon;
    param_of(shape, Param::mixer_norm_epsilon) = model.norm_epsilon;
    return shape;
}

DeltaNet read_delta_net(const ConfigReader &config) {
    DeltaNet net{};
    net.n_key_head = config.needed_integer("linear_num_key_heads", 1, 1024);
    net.key_dim = config.needed_integer("linear_key_head_dim", 1, max_d_state);
    net.n_value_head = config.needed_integer("linear_num_value_heads", 1, max_d_inner);
    net.value_dim = config.needed_integer("linear_value_head_dim", 1, max_d_inner);
    net.d_conv = config.integer("linear_conv_kernel_dim", 1, max_d_conv).value_or(4);
    if (uint64_t{net.n_value_head} * net.value_dim > max_d_inner)
        bad_input("%s: linear_num_value_heads %u times linear_value_head_dim %u is more than %u",
                  config.name().c_str(), net.n_value_head, net.value_dim, max_d_inner);
    return net;
}

// layer_types, or every so many.
std::vector<bool> read_layers(const ConfigReader &config, uint32_t n_layer) {
    if (auto types = gqa_layers::read_layer_types(config, n_layer, "linear_attention"))
        return *std::move(types);
    const uint32_t interval = config.integer("full_attention_interval", 1, max_n_layer).value_or(4);
    std::vector<bool> attends(n_layer);
    for (uint32_t layer = interval - 1; layer < n_layer; layer += interval) attends[layer] = true;
    return attends;
}

// Qwen3-Next's experts, in all layers but those of mlp_only_layers and those that decoder_sparse_step passes over.
void refuse_experts(const ConfigReader &config, const std::string &type, uint32_t n_layer) {
    const bool may_have = type == "qwen3_next";
    const uint32_t experts = config.integer("num_experts", 0, 1 << 20).value_or(may_have ? 512 : 0);
    const uint32_t step = config.integer("decoder_sparse_step", 1, max_n_layer).value_or(1);
    std::vector<bool> dense(n_layer);
    if (const Json *const layers = config.find("mlp_only_layers"))
        for (const Json &layer : layers->array(config.what("mlp_only_layers"))) {
            const int64_t number = layer.integer(config.what("mlp_only_layers"), 0, max_n_layer);
            if (number < n_layer) dense[static_cast<size_t>(number)] = true;
        }
    for (uint32_t layer = 0; layer < n_layer && experts > 0; ++layer)
        if (!dense[layer] && (layer + 1) % step == 0)
            bad_input("%s is %u: layer %u has experts, which are not supported",
                      config.what("num_experts").c_str(), experts, layer);
}

bool recognises(const ConfigReader &config) {
    const auto type = config.string("model_type");
    return type == "qwen3_5" || type == "qwen3_5_text" || type == "qwen3_next" || type == "qwen3_5_moe" ||
           type == "qwen3_5_moe_text";
}

ModelShape read_text(const ConfigReader &whole, const ConfigReader &config) {
    const std::string type = config.string("model_type").value_or("qwen3_5_text");
    if (type.find("_moe") != std::string::npos)
        bad_input("%s is %s: a model with experts, which are not supported",
                  config.what("model_type").c_str(), json_quote(type).c_str());
    ModelShape model;
    model.d_model = config.needed_integer("hidden_size", 1, max_d_model);
    model.n_layer = config.needed_integer("num_hidden_layers", 1, max_n_layer);
    model.vocab_size = config.needed_integer("vocab_size", 1, max_vocab_size);
    const auto tied = whole.boolean("tie_word_embeddings");
    model.tied = tied ? *tied : config.boolean("tie_word_embeddings").value_or(false);
    model.norm_epsilon = static_cast<float>(config.number("rms_norm_eps", 1e-12, 1).value_or(1e-6));
    // norms_have_one and linear_value_heads_in_turns: of GGUF files (gguf_config).
    model.norms_less_one = !config.boolean("norms_have_one").value_or(false);
    model.joined_heads = type == "qwen3_next";
    model.values_in_turns = config.boolean("linear_value_heads_in_turns").value_or(false);
    model.bos_token_id = config.integer("bos_token_id", 0, int64_t{model.vocab_size} - 1);
    model.eos_token_ids = config.token_ids("eos_token_id", model.vocab_size);
    gqa_layers::require_silu(config);
    gqa_layers::refuse_set(config, {"attention_bias"});
    if (!config.boolean("attn_output_gate").value_or(true))
        bad_input("%s is false, which is not supported", config.what("attn_output_gate").c_str());
    refuse_experts(config, type, model.n_layer);
    gqa_layers::Heads heads = gqa_layers::read_heads(config, model);
    heads.norms = heads.gate = true;
    heads.pairs = rope::read_pairs(config, heads.head_dim, 0.25, &model);
    gqa_layers::make_blocks(&model, delta_shape(model, read_delta_net(config)), heads,
                            config.needed_integer("intermediate_size", 1, max_d_inner),
                            read_layers(config, model.n_layer));
    gqa_layers::check_shapes(config, model);
    if (const uint32_t further = config.integer("mtp_num_hidden_layers", 0, max_n_layer).value_or(0))
        model.notes.push_back(format("%s is %u: what guesses a further token was left out",
                                     config.what("mtp_num_hidden_layers").c_str(), further));
    return model;
}

// Of a model that sees as well the text part, whose numbers stand in an object of their own.
ModelShape read_shape(const ConfigReader &config) {
    const Json *const text = config.find("text_config");
    if (text == nullptr) return read_text(config, config);
    const std::string name = config.what("text_config");
    if (config.find("quantization_config") == nullptr && text->find("quantization_config") != nullptr)
        bad_input(
            "%s: quantization_config is set: the weights are quantized already; the original ones are needed",
            name.c_str());
    ModelShape model = read_text(config, ConfigReader(*text, name));
    if (config.find("vision_config") != nullptr)
        model.notes.push_back(
            config.what("vision_config") +
            " is set: the model sees, and its text part alone was converted, without model.visual");
    return model;
}

// ---- Tensors --------------------------------------------------------------------------------------------------------

// "model.language_model.layers..." of a model that sees.
std::string rename(const std::string &name) {
    static const std::string prefix = "model.language_model.";
    return name.compare(0, prefix.size(), prefix) == 0 ? "model." + name.substr(prefix.size()) : name;
}

bool is_delta(const BlockView &view) { return view.kind->id == BlockId::gdn; }

std::string mixer_of(const ModelShape &model, uint32_t block) {
    return gqa_layers::layer_of(model, block) + "linear_attn.";
}

std::string delta_tensor_name(const ModelShape &model, Role role, uint32_t block) {
    const std::string mixer = mixer_of(model, block);
    const bool joined = model.joined_heads;
    switch (role) {
    case Role::in_proj: return mixer + (joined ? "in_proj_qkvz.weight" : "in_proj_qkv.weight");
    case Role::z_proj: return mixer + (joined ? "in_proj_qkvz.weight" : "in_proj_z.weight");
    case Role::ab_proj: return mixer + (joined ? "in_proj_ba.weight" : "in_proj_a.weight");  // and in_proj_b
    case Role::ab_bias: return mixer + "dt_bias";
    case Role::conv_weight: return mixer + "conv1d.weight";
    case Role::A2: return mixer + "A_log";
    case Role::gate_norm: return mixer + "norm.weight";
    case Role::out_proj: return mixer + "out_proj.weight";
    default: return {};
    }
}

std::string tensor_name(const ModelShape &model, Role role, uint32_t block) {
    if (role == Role::embedding) return embedding;
    if (role == Role::head) return head;
    if (role == Role::final_norm) return final_norm;
    const BlockView view = model.view(block);
    const std::string layer = gqa_layers::layer_of(model, block);
    if (role == Role::norm)
        return layer + (view.kind->id == BlockId::gqa_mlp ? "post_attention_layernorm.weight"
                                                          : "input_layernorm.weight");
    return is_delta(view) ? delta_tensor_name(model, role, block)
                          : gqa_layers::tensor_name(names, role, layer);
}

void add_delta_tensors(const ModelShape &model, uint32_t block, std::vector<TensorSpec> *all) {
    const BlockView view = model.view(block);
    const uint64_t d = model.d_model, d_inner = view.dims[Dim::d_inner], n_head = view.dims[Dim::n_head];
    const uint64_t convolved = d_inner + 2 * uint64_t{view.dims[Dim::d_bc]};
    const auto add = [&](Role role, std::vector<uint64_t> shape) {
        all->push_back({delta_tensor_name(model, role, block), std::move(shape)});
    };
    if (model.joined_heads) {
        add(Role::in_proj, {convolved + d_inner, d});
        add(Role::ab_proj, {2 * n_head, d});
    } else {
        add(Role::in_proj, {convolved, d});
        add(Role::z_proj, {d_inner, d});
        add(Role::ab_proj, {n_head, d});
        all->push_back({mixer_of(model, block) + "in_proj_b.weight", {n_head, d}});
    }
    add(Role::ab_bias, {n_head});
    add(Role::conv_weight, {convolved, 1, view.dims[Dim::d_conv]});
    add(Role::A2, {n_head});
    add(Role::gate_norm, {view.dims[Dim::head_dim]});
    add(Role::out_proj, {d, d_inner});
}

std::vector<TensorSpec> tensors(const ModelShape &model) {
    std::vector<TensorSpec> all{{embedding, {model.vocab_size, model.d_model}}};
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        all.push_back({tensor_name(model, Role::norm, block), {model.d_model}});
        if (is_delta(model.view(block)))
            add_delta_tensors(model, block, &all);
        else
            gqa_layers::add_tensors(names, model, block, gqa_layers::layer_of(model, block), &all);
    }
    all.push_back({final_norm, {model.d_model}});
    if (!model.tied) all.push_back({head, {model.vocab_size, model.d_model}});
    return all;
}

// Behind what `dense` has, of each of `runs` equal runs of rows `count` rows from row `first` of it on.
void append_rows(const DenseTensor &from, uint32_t runs, uint32_t first, uint32_t count, DenseTensor *dense) {
    const size_t cols = from.cols, run = from.rows / runs;
    for (uint32_t i = 0; i < runs; ++i) {
        const float *const begin = &from.values[(run * i + first) * cols];
        dense->values.insert(dense->values.end(), begin, begin + count * cols);
    }
    dense->rows += runs * count;
}

// A tensor of a mixer as a folder has it: the heads of values of one head of keys stand behind each other. In a GGUF file those that are
// the first of their head of keys come first, then those that are the second. It is so with rows of z, of v, which stands behind q and
// k, and of what is one number a head, and with columns of what leaves the mixer.
DenseTensor read_grouped(const TensorFiles &files, const ModelShape &model, const BlockView &view, Role role,
                         const std::string &name, uint32_t cols) {
    DenseTensor dense = backbone::read(files, name, cols);
    if (!model.values_in_turns || role == Role::gate_norm) return dense;
    const size_t n_head = view.dims[Dim::n_head], n_group = view.dims[Dim::n_group],
                 head_dim = view.dims[Dim::head_dim];
    size_t first = 0, width = cols;  // in floats: where values begin, and one of their heads
    if (role == Role::in_proj || role == Role::conv_weight) first = size_t{2} * view.dims[Dim::d_bc] * cols;
    if (role == Role::in_proj || role == Role::conv_weight || role == Role::z_proj) width = head_dim * cols;
    if (role == Role::out_proj) width = head_dim;
    std::vector<float> turns(n_head * width);
    for (size_t at = first; at < dense.values.size(); at += turns.size()) {
        std::copy_n(&dense.values[at], turns.size(), turns.begin());
        for (size_t i = 0; i < n_head; ++i) {
            const size_t group = i / (n_head / n_group), place = i % (n_head / n_group);
            std::copy_n(&turns[(place * n_group + group) * width], width, &dense.values[at + i * width]);
        }
    }
    return dense;
}

// [v | q | k], z, or [a | b]: a checkpoint has q, k, v in this order, or, joined, for each head of keys q, k, the values and z's of
// its heads, and b before a.
DenseTensor read_projection(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    const BlockView view = model.view(block);
    const auto read = [&](const std::string &name) {
        return read_grouped(files, model, view, role, name, model.d_model);
    };
    const DenseTensor found = read(delta_tensor_name(model, role, block));
    const uint32_t d_inner = view.dims[Dim::d_inner], d_bc = view.dims[Dim::d_bc],
                   n_head = view.dims[Dim::n_head];
    // In runs of one head of keys each, or in one.
    const uint32_t runs = model.joined_heads ? view.dims[Dim::n_group] : 1, keys = d_bc / runs,
                   values = d_inner / runs, heads = n_head / runs;
    DenseTensor dense{0, model.d_model, {}};
    if (role == Role::in_proj) {
        append_rows(found, runs, 2 * keys, values, &dense);
        append_rows(found, runs, 0, keys, &dense);
        append_rows(found, runs, keys, keys, &dense);
    } else if (role == Role::z_proj) {
        append_rows(found, runs, model.joined_heads ? 2 * keys + values : 0, values, &dense);
    } else if (model.joined_heads) {
        append_rows(found, runs, heads, heads, &dense);
        append_rows(found, runs, 0, heads, &dense);
    } else {
        append_rows(found, 1, 0, n_head, &dense);
        append_rows(read(mixer_of(model, block) + "in_proj_b.weight"), 1, 0, n_head, &dense);
    }
    return dense;
}

DenseTensor read_delta(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    const BlockView view = model.view(block);
    const Extent extent = extent_of(model, role, block);
    const double width = view.dims[Dim::d_state];
    const std::string name = delta_tensor_name(model, role, block);
    switch (role) {
    case Role::in_proj:
    case Role::z_proj:
    case Role::ab_proj: return read_projection(files, model, role, block);
    case Role::conv_bias: return backbone::filled(extent.rows, 1, 0.0f);
    // Of a norm that divides by the root of the mean of squares, and of attention's scale.
    case Role::q_norm: return backbone::filled(extent.rows, 1, static_cast<float>(1 / width));
    case Role::k_norm: return backbone::filled(extent.rows, 1, static_cast<float>(1 / std::sqrt(width)));
    default: break;
    }
    DenseTensor dense = read_grouped(files, model, view, role, name, extent.cols);
    if (role == Role::A2) backbone::make_A2(files, name, &dense);
    if (role == Role::ab_bias) {
        dense.rows = extent.rows;
        dense.values.resize(extent.rows);  // b has none
    }
    if (role == Role::conv_weight)
        std::rotate(dense.values.begin(),
                    dense.values.begin() + ptrdiff_t{2} * view.dims[Dim::d_bc] * dense.cols,
                    dense.values.end());
    if (role == Role::gate_norm) {
        const DenseTensor one = dense;
        dense = {0, 1, {}};
        for (uint32_t i = 0; i < view.dims[Dim::n_head]; ++i) append_rows(one, 1, 0, one.rows, &dense);
    }
    return dense;
}

DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    const bool of_stream = role == Role::norm;
    if (!of_stream && is_delta(model.view(block))) return read_delta(files, model, role, block);
    DenseTensor dense =
        of_stream ? backbone::read(files, tensor_name(model, role, block), 1)
                  : gqa_layers::read(names, files, model, role, block, gqa_layers::layer_of(model, block));
    if (model.norms_less_one && (of_stream || role == Role::q_norm || role == Role::k_norm))
        for (float &weight : dense.values) weight += 1.0f;
    return dense;
}

// ---- GGUF -----------------------------------------------------------------------------------------------------------

// conversion/qwen.py. Norms have 1 added but for the mixer's own, and heads of values are in turns (read_grouped).
std::string gguf_config(const GgufKeys &keys) {
    JsonWriter json;
    keys.begin("qwen3_5_text", &json);
    gqa_layers::write_gguf_config(keys, true, "intermediate_size", &json);
    keys.copy({{"ssm.conv_kernel", "linear_conv_kernel_dim"},
               {"ssm.state_size", "linear_key_head_dim"},
               {"ssm.group_count", "linear_num_key_heads"},
               {"ssm.time_step_rank", "linear_num_value_heads"},
               {"attention.layer_norm_rms_epsilon", "rms_norm_eps", GgufMember::Kind::number}},
              &json);
    json.key("linear_value_head_dim").value(keys.quotient("ssm.inner_size", "ssm.time_step_rank"));
    if (keys.has("attention.recurrent_layers")) {
        const std::vector<bool> recurrent = keys.layer_flags("attention.recurrent_layers");
        json.key("layer_types").begin_array();
        for (size_t layer = 0; layer < recurrent.size() && static_cast<int64_t>(layer) < keys.own_layers();
             ++layer)
            json.value(recurrent[layer] ? "linear_attention" : "full_attention");
        json.end_array();
    } else if (keys.has("full_attention_interval")) {
        keys.copy("full_attention_interval", "full_attention_interval", &json);
    }
    json.key("norms_have_one").value(true);
    json.key("linear_value_heads_in_turns").value(true);
    if (keys.further_layers() > 0) json.key("mtp_num_hidden_layers").value(keys.further_layers());
    return json.end_object().text();
}

std::vector<GgufName> gguf_within() {
    std::vector<GgufName> all = gqa_layers::gguf_names(names);
    for (const GgufName &one : {GgufName{"attn_norm.weight", "input_layernorm.weight"},
                                GgufName{"post_attention_norm.weight", "post_attention_layernorm.weight"},
                                GgufName{"attn_qkv.weight", "linear_attn.in_proj_qkv.weight"},
                                GgufName{"attn_gate.weight", "linear_attn.in_proj_z.weight"},
                                GgufName{"ssm_alpha.weight", "linear_attn.in_proj_a.weight"},
                                GgufName{"ssm_beta.weight", "linear_attn.in_proj_b.weight"},
                                GgufName{"ssm_dt.bias", "linear_attn.dt_bias"},
                                GgufName{"ssm_conv1d.weight", "linear_attn.conv1d.weight", GgufShape::taps},
                                GgufName{"ssm_a", "linear_attn.A_log", GgufShape::vector, true},
                                GgufName{"ssm_norm.weight", "linear_attn.norm.weight"},
                                GgufName{"ssm_out.weight", "linear_attn.out_proj.weight"}})
        all.push_back(one);
    return all;
}

const GgufForm gguf = {
    "qwen35",
    gguf_config,
    {{"token_embd.weight", embedding}, {"output_norm.weight", final_norm}, {"output.weight", head}},
    "model.layers.",
    gguf_within(),
    nullptr,
    true};

// ---- Recipes --------------------------------------------------------------------------------------------------------

// The gate as what it gates. Rows of decay and rate are few, and stay int8. What lengths are taken of passes on every error of its
// input: where the recipe is not static throughout, mixers have a scale per token, which loses a fifth to a third less of the mean
// square, and where it has int4 weights, queries, keys and values stay int8 in small, and what leaves a mixer or heads in all three.
// docs/quantization.md has figures.
void tune(const ModelShape &model, Recipe *recipe) {
    LinearPlan &in = recipe->of(Role::in_proj), &out = recipe->of(Role::out_proj);
    const bool by_token = out.input == Input::token;
    gqa_layers::tune(model, recipe);
    if (by_token) in.input = Input::token;
    recipe->of(Role::z_proj) = in;
    // Where all are int4, they were asked for.
    if (out.weights != Dtype::int4 || recipe->of(Role::ab_proj).weights == Dtype::int4) return;
    out.weights = Dtype::int8;
    if (recipe->name == "small") in.weights = Dtype::int8;
}

// ---- make-random ----------------------------------------------------------------------------------------------------

// As published from a width of 1024 on; smaller models have heads of 64 channels, or of 8.
DeltaNet delta_like(uint32_t d_model) {
    if (d_model >= 1024) return {16, 128, 16, 128, 4};
    const uint32_t width = d_model % 64 == 0 ? 64 : tile_size;
    const uint32_t heads = std::max(d_model / width, 1u);
    return {heads, width, heads, width, 4};
}

ModelShape shape_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, true);
    model.norm_epsilon = 1e-6f;
    model.norms_less_one = true;
    model.rope_base = 10000000;
    const bool large = like.d_model >= 1024;
    gqa_layers::Heads heads{};
    heads.head_dim = large ? 256 : like.d_model % 64 == 0 ? 64 : tile_size;
    heads.n_head = large ? 8 : std::max(like.d_model / heads.head_dim, 1u);
    heads.n_kv_head = heads.n_head % 4 == 0 ? heads.n_head / 4 : 1;
    heads.pairs = heads.head_dim / 8;
    heads.context = 262144;
    heads.scale = 1 / std::sqrt(static_cast<double>(heads.head_dim));
    heads.norms = heads.gate = true;
    std::vector<bool> attends(like.n_layer);
    for (uint32_t layer = 3; layer < like.n_layer; layer += 4) attends[layer] = true;
    if (like.n_layer < 4) attends.back() = true;
    gqa_layers::make_blocks(&model, delta_shape(model, delta_like(like.d_model)), heads,
                            like.d_model == 1024 ? 3584 : 3 * like.d_model, attends);
    return model;
}

void write_config(const ModelShape &model, JsonWriter *json) {
    const auto dim = [&](BlockId kind, Dim which) { return gqa_layers::dim_of_kind(model, kind, which); };
    backbone::write_config(model, "Qwen3_5ForCausalLM", json);
    json->key("num_attention_heads").value(dim(BlockId::gqa, Dim::n_head));
    json->key("num_key_value_heads").value(dim(BlockId::gqa, Dim::n_group));
    json->key("head_dim").value(dim(BlockId::gqa, Dim::head_dim));
    json->key("max_position_embeddings").value(dim(BlockId::gqa, Dim::context));
    json->key("intermediate_size").value(dim(BlockId::gqa_mlp, Dim::d_inner));
    const DeltaNet net = delta_like(model.d_model);
    json->key("linear_num_key_heads").value(net.n_key_head);
    json->key("linear_key_head_dim").value(net.key_dim);
    json->key("linear_num_value_heads").value(net.n_value_head);
    json->key("linear_value_head_dim").value(net.value_dim);
    json->key("linear_conv_kernel_dim").value(net.d_conv);
    json->key("rms_norm_eps").value(model.norm_epsilon);
    json->key("rope_parameters").begin_object();
    json->key("rope_type").value("default");
    json->key("rope_theta").value(model.rope_base);
    json->key("partial_rotary_factor").value(0.25);
    json->end_object();
    json->key("layer_types").begin_array();
    for (uint32_t block = 0; block < model.block_count(); block += 2)
        json->value(is_delta(model.view(block)) ? "linear_attention" : "full_attention");
    json->end_array();
    json->key("hidden_act").value("silu");
    json->key("attention_bias").value(false);
    json->key("attn_output_gate").value(true);
    json->key("tie_word_embeddings").value(model.tied);
}

// Norms, less 1, are 0, but for that of the delta rule's output.
Initial initial(const TensorSpec &tensor, const ModelShape &) {
    const auto is = [&](const char *end) { return backbone::ends_with(tensor.name, end); };
    if (is("linear_attn.norm.weight")) return {Initial::Kind::one};
    if (is("norm.weight")) return {Initial::Kind::uniform, 0};
    if (is(".A_log")) return {Initial::Kind::log_uniform, 16};
    if (is(".dt_bias")) return {Initial::Kind::steps};
    if (tensor.name == embedding || tensor.name == head) return {Initial::Kind::bell, 0.02};
    return {Initial::Kind::uniform, 1 / std::sqrt(static_cast<double>(tensor.shape.back()))};
}

const Family qwen35 = {"qwen3.5",
                       "qwen3_5_text",
                       nullptr,
                       BlockId::gdn,
                       0,
                       recognises,
                       read_shape,
                       rename,
                       tensors,
                       tensor_name,
                       read,
                       tune,
                       shape_like,
                       write_config,
                       initial,
                       {// Qwen/NAME
                        {"qwen3.5-0.8b", 1024, 24, 248320},
                        {"qwen3.5-2b", 2048, 24, 248320}},
                       nullptr,
                       {},
                       nullptr,
                       // What sees, and what guesses a token more.
                       {"model.visual.", "mtp."},
                       &gguf};

}  // namespace

const std::vector<const Family *> gdn_families = {&qwen35};

}  // namespace adder

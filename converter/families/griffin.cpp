// Griffin and RecurrentGemma (De and others, arXiv 2402.19427; Botev and others, arXiv 2404.07839), in transformers' layout
// (recurrent_gemma): config.json, tensors, recipes, initial weights.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstring>

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/gqa_layers.h"
#include "converter/families/rope.h"
#include "kernels/scalar/hadamard.h"

namespace adder {
namespace {

constexpr char embedding[] = "model.embed_tokens.weight";
constexpr char final_norm[] = "model.final_norm.weight";
constexpr double log2_e_exact = 1.4426950408889634;

// ---- config.json ----------------------------------------------------------------------------------------------------

bool recognises(const ConfigReader &config) { return config.string("model_type") == "recurrent_gemma"; }

// The bfloat16 next to it, as the authors' code multiplies the embedding by.
float round_to_bf16(double value) {
    const float single = static_cast<float>(value);
    uint32_t bits;
    std::memcpy(&bits, &single, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    float rounded;
    std::memcpy(&rounded, &bits, sizeof rounded);
    return rounded;
}

enum Shape : uint16_t { recurrent, attention, mlp };

struct Sizes {
    uint32_t lru_width, d_conv, n_head, n_kv_head, head_dim, window, pairs, mlp_width;
};

BlobShape empty_shape(const ModelShape &model, BlockId kind, uint32_t d_inner) {
    BlobShape shape{};
    shape.kind = static_cast<uint16_t>(kind);
    dim_of(shape, Dim::d_inner) = d_inner;
    param_of(shape, Param::norm_epsilon) = model.norm_epsilon;
    return shape;
}

// Two blocks for each layer: `is_attention(layer)` says what the first is. Shapes that no block has are left out.
template <typename IsAttention>
void make_blocks(ModelShape *model, const Sizes &sizes, const IsAttention &is_attention) {
    BlobShape lru = empty_shape(*model, BlockId::griffin, sizes.lru_width);
    dim_of(lru, Dim::d_conv) = sizes.d_conv;
    dim_of(lru, Dim::n_head) = sizes.n_head;
    BlobShape heads = empty_shape(*model, BlockId::griffin_attention, sizes.n_head * sizes.head_dim);
    dim_of(heads, Dim::n_head) = sizes.n_head;
    dim_of(heads, Dim::n_group) = sizes.n_kv_head;
    dim_of(heads, Dim::window) = sizes.window;
    dim_of(heads, Dim::n_turn) = sizes.pairs;
    param_of(heads, Param::attention_scale) =
        static_cast<float>(log2_e_exact / std::sqrt(static_cast<double>(sizes.head_dim)));
    const BlobShape gated = empty_shape(*model, BlockId::griffin_mlp, sizes.mlp_width);
    const BlobShape all[] = {lru, heads, gated};
    const auto place_of = [&](Shape shape) {
        const uint16_t kind = all[shape].kind;
        for (size_t i = 0; i < model->shapes.size(); ++i)
            if (model->shapes[i].kind == kind) return static_cast<uint16_t>(i);
        model->shapes.push_back(all[shape]);
        return static_cast<uint16_t>(model->shapes.size() - 1);
    };
    model->shapes.clear();
    model->blocks.clear();
    for (uint32_t layer = 0; layer < model->n_layer; ++layer)
        for (const Shape shape : {is_attention(layer) ? attention : recurrent, mlp})
            model->blocks.push_back({place_of(shape), static_cast<uint16_t>(layer), 0, 0});
    model->number_blocks();
}

// "recurrent", "recurrent", "attention", and again.
std::vector<bool> attention_pattern(const ConfigReader &config) {
    const char *const key = config.find("block_types") != nullptr ? "block_types" : "_block_types";
    const Json *const types = config.find(key);
    if (types == nullptr) return {false, false, true};
    std::vector<bool> pattern;
    for (const Json &type : types->array(config.what(key))) {
        const std::string &word = type.string(config.what(key));
        if (word != "recurrent" && word != "attention")
            bad_input("%s has %s; \"recurrent\" and \"attention\" are needed", config.what(key).c_str(),
                      json_quote(word).c_str());
        pattern.push_back(word == "attention");
    }
    if (pattern.empty()) bad_input("%s is empty; at least one is needed", config.what(key).c_str());
    return pattern;
}

// The defaults are those of transformers' RecurrentGemmaConfig.
ModelShape read_shape(const ConfigReader &config) {
    ModelShape model;
    model.d_model = config.integer("hidden_size", 1, max_d_model).value_or(2560);
    model.n_layer = config.integer("num_hidden_layers", 1, max_n_layer).value_or(26);
    model.vocab_size = config.integer("vocab_size", 1, max_vocab_size).value_or(256000);
    model.tied = config.boolean("tie_word_embeddings").value_or(true);
    model.norm_epsilon = static_cast<float>(config.number("rms_norm_eps", 1e-12, 1).value_or(1e-6));
    model.norms_less_one = true;
    model.embedding_scale = round_to_bf16(std::sqrt(static_cast<double>(model.d_model)));
    model.logit_softcap = static_cast<float>(config.number("logits_soft_cap", 1e-3, 1e6).value_or(30));
    if (const auto activation = config.string("hidden_activation"))
        if (*activation != "gelu_pytorch_tanh")
            bad_input("%s is %s; \"gelu_pytorch_tanh\" is needed", config.what("hidden_activation").c_str(),
                      json_quote(*activation).c_str());
    if (config.boolean("attention_bias").value_or(false))
        bad_input("%s is true, which is not supported", config.what("attention_bias").c_str());
    Sizes sizes{};
    sizes.lru_width = config.integer("lru_width", 1, max_d_inner).value_or(model.d_model);
    sizes.d_conv = config.integer("conv1d_width", 1, max_d_conv).value_or(4);
    sizes.n_head = config.integer("num_attention_heads", 1, max_d_inner).value_or(10);
    sizes.n_kv_head = config.integer("num_key_value_heads", 1, max_d_inner).value_or(sizes.n_head);
    const auto head_dim = config.integer("head_dim", 1, max_d_inner);
    if (!head_dim && model.d_model % sizes.n_head != 0)
        bad_input("%s is %u, which does not divide hidden_size %u",
                  config.what("num_attention_heads").c_str(), sizes.n_head, model.d_model);
    sizes.head_dim = head_dim.value_or(model.d_model / sizes.n_head);
    if (uint64_t{sizes.head_dim} * sizes.n_head > max_d_inner)
        bad_input("%s: %u heads of %u channels are more than %u", config.name().c_str(), sizes.n_head,
                  sizes.head_dim, max_d_inner);
    // Half of it is the gate's, half what is gated (transformers, RecurrentGemmaMlp).
    const uint32_t intermediate =
        config.integer("intermediate_size", 2, 2 * max_d_inner).value_or(3 * 2560 * 2);
    if (intermediate % 2 != 0)
        bad_input("%s is %u; twice the width of the MLP is needed", config.what("intermediate_size").c_str(),
                  intermediate);
    sizes.mlp_width = intermediate / 2;
    const uint32_t stated = config.integer("attention_window_size", 1, 65535).value_or(2048);
    const auto keys = config.integer("attention_window_keys", 1, 65536);
    sizes.window = keys.value_or(stated);
    sizes.pairs = rope::read_pairs(config, sizes.head_dim, 0.5, &model);
    const std::vector<bool> pattern = attention_pattern(config);
    make_blocks(&model, sizes, [&](uint32_t layer) { return pattern[layer % pattern.size()]; });
    gqa_layers::check_shapes(config, model);
    if (!keys && model.dim(Dim::window) != 0)
        model.notes.push_back(format(
            "%s: attention_window_size is %u. A token sees so many keys, its own included, as transformers computes it; for "
            "a model that DeepMind's recurrentgemma trained, where it sees one more, add \"attention_window_keys\": %u to "
            "the file",
            config.name().c_str(), stated, stated + 1));
    return model;
}

// ---- Tensors --------------------------------------------------------------------------------------------------------

std::string same_name(const std::string &name) { return name; }

std::string tensor_name(const ModelShape &model, Role role, uint32_t block) {
    if (role == Role::embedding) return embedding;
    if (role == Role::head) return "lm_head.weight";
    if (role == Role::final_norm) return final_norm;
    const BlockView view = model.view(block);
    const std::string layer = format("model.layers.%u.", uint32_t{model.blocks[block].layer});
    const std::string temporal = layer + "temporal_block.", channel = layer + "mlp_block.";
    const bool attends = view.kind->id == BlockId::griffin_attention;
    switch (role) {
    case Role::norm:
        return layer + (view.kind->id == BlockId::griffin_mlp ? "channel" : "temporal") + "_pre_norm.weight";
    case Role::in_proj: return temporal + "linear_y.weight";  // and linear_x
    case Role::in_proj_bias: return temporal + "linear_y.bias";
    case Role::conv_weight: return temporal + "conv_1d.weight";
    case Role::conv_bias: return temporal + "conv_1d.bias";
    case Role::lru_gates: return temporal + "rg_lru.input_gate_weight";  // and recurrent_gate_weight
    case Role::lru_bias: return temporal + "rg_lru.input_gate_bias";
    case Role::A2: return temporal + "rg_lru.recurrent_param";
    case Role::q_proj: return temporal + "q_proj.weight";
    case Role::kv_proj: return temporal + "k_proj.weight";  // and v_proj
    case Role::out_proj: return temporal + (attends ? "o_proj.weight" : "linear_out.weight");
    case Role::out_proj_bias: return temporal + (attends ? "o_proj.bias" : "linear_out.bias");
    case Role::gate_proj: return channel + "gate_proj.weight";
    case Role::gate_bias: return channel + "gate_proj.bias";
    case Role::up_proj: return channel + "up_proj.weight";
    case Role::up_bias: return channel + "up_proj.bias";
    case Role::down_proj: return channel + "down_proj.weight";
    case Role::down_bias: return channel + "down_proj.bias";
    default: return {};
    }
}

// The tensor whose rows come after those of a role that is two in the files; empty for others.
std::string second_name(const std::string &first) {
    const std::pair<const char *, const char *> pairs[] = {
        {"linear_y.", "linear_x."}, {"input_gate_", "recurrent_gate_"}, {"k_proj.", "v_proj."}};
    for (const auto &[one, other] : pairs)
        if (const size_t at = first.find(one); at != std::string::npos)
            return first.substr(0, at) + other + first.substr(at + strlen(one));
    return {};
}

std::vector<uint64_t> shape_in_file(const BlockView &view, const TensorRow &row, uint64_t rows) {
    const uint64_t block = view.dims[Dim::head_dim], heads = view.dims[Dim::n_head];
    if (row.role == Role::lru_gates) return {heads, block, block};
    if (row.role == Role::lru_bias) return {heads, block};
    if (row.role == Role::conv_weight) return {rows, 1, view.dims[row.cols]};
    if (row.cols == Dim::one) return {rows};
    return {rows, view.dims[row.cols]};
}

std::vector<TensorSpec> tensors(const ModelShape &model) {
    std::vector<TensorSpec> all{{embedding, {model.vocab_size, model.d_model}}};
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const BlockView view = model.view(block);
        for (uint32_t i = 0; i < view.kind->tensor_count; ++i) {
            const TensorRow &row = view.kind->tensors[i];
            const std::string name = tensor_name(model, row.role, block);
            if (name.empty()) continue;  // follows from the configuration
            const std::string second = second_name(name);
            const uint64_t rows = row.rows.sum(view.dims) / (second.empty() ? 1 : 2);
            all.push_back({name, shape_in_file(view, row, rows)});
            if (!second.empty()) all.push_back({second, shape_in_file(view, row, rows)});
        }
    }
    all.push_back({final_norm, {model.d_model}});
    if (!model.tied) all.push_back({"lm_head.weight", {model.vocab_size, model.d_model}});
    return all;
}

// The blocks of a gate are [in][out] in the files.
void transpose_blocks(DenseTensor *gates) {
    const size_t n = gates->cols;
    for (size_t first = 0; first < gates->values.size(); first += n * n)
        for (size_t i = 0; i < n; ++i)
            for (size_t j = 0; j < i; ++j)
                std::swap(gates->values[first + i * n + j], gates->values[first + j * n + i]);
}

DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    const Extent extent = extent_of(model, role, block);
    if (role == Role::turns || role == Role::turns_low)
        return rope::turn_steps(model.rope_base, extent.rows, role == Role::turns_low);
    const std::string name = tensor_name(model, role, block), second = second_name(name);
    DenseTensor dense = backbone::read(files, name, extent.cols);
    if (!second.empty()) {
        const DenseTensor rest = backbone::read(files, second, extent.cols);
        dense.rows += rest.rows;
        dense.values.insert(dense.values.end(), rest.values.begin(), rest.values.end());
    }
    if (role == Role::lru_gates) transpose_blocks(&dense);
    if (role == Role::norm)
        for (float &weight : dense.values) weight += 1.0f;
    if (role == Role::A2)
        for (float &value : dense.values) {
            const double a = static_cast<double>(value);
            const double softplus = std::max(a, 0.0) + std::log1p(std::exp(-std::fabs(a)));
            value = static_cast<float>(-8 * softplus * log2_e_exact);
        }
    return dense;
}

// ---- Recipes --------------------------------------------------------------------------------------------------------

// The widths of the inputs of what adds to the stream.
bool hadamard_fits(const ModelShape &model) {
    bool fits = true;
    for (uint32_t block = 0; block < model.block_count(); ++block)
        fits = fits && model.view(block).dims[Dim::d_inner] % hadamard_size == 0;
    return fits;
}

// With a Hadamard transform one static scale loses less in front of what adds to the stream than one per token does. The gates of
// RG-LRU stay int8: their outputs are exponents. Nothing in front of them can smooth their input, which has one scale per token
// where the recipe is not static throughout. docs/quantization.md has figures.
void tune(const ModelShape &model, Recipe *recipe) {
    LinearPlan &out = recipe->of(Role::out_proj);
    const bool by_token = out.input == Input::token;
    if (by_token && hadamard_fits(model)) {
        out.input = Input::hadamard;
        out.alpha = 0.6f;
    }
    const LinearPlan &in = recipe->of(Role::in_proj);
    for (const Role role : {Role::q_proj, Role::kv_proj, Role::gate_proj, Role::up_proj})
        recipe->of(role) = in;
    recipe->of(Role::down_proj) = out;
    if (by_token) recipe->of(Role::lru_gates).input = Input::token;
}

// ---- make-random ----------------------------------------------------------------------------------------------------

ModelShape shape_like(const PublishedShape &like) {
    ModelShape model = backbone::shape_like(like, true);
    model.norm_epsilon = 1e-6f;
    model.norms_less_one = true;
    model.embedding_scale = round_to_bf16(std::sqrt(static_cast<double>(like.d_model)));
    model.logit_softcap = 30;
    model.rope_base = 10000;
    Sizes sizes{};
    sizes.head_dim = like.d_model % 256 == 0 ? 256 : like.d_model % 64 == 0 ? 64 : tile_size;
    if (like.d_model % sizes.head_dim != 0)
        fail(ExitCode::usage, "--like: a Griffin has heads of a multiple of 8 channels, and d_model is %u",
             like.d_model);
    sizes.lru_width = like.d_model;
    sizes.d_conv = 4;
    sizes.n_head = like.d_model / sizes.head_dim;
    sizes.n_kv_head = 1;
    sizes.window = 2048;
    sizes.pairs = sizes.head_dim / 4;
    sizes.mlp_width = 3 * like.d_model;
    make_blocks(&model, sizes, [](uint32_t layer) { return layer % 3 == 2; });
    return model;
}

void write_config(const ModelShape &model, JsonWriter *json) {
    backbone::write_config(model, "RecurrentGemmaForCausalLM", json);
    const auto dim = [&](BlockId kind, Dim which) {
        for (const BlobShape &shape : model.shapes)
            if (shape.kind == static_cast<uint16_t>(kind))
                return shape_view(model.architecture(), shape).dims[which];
        return 0u;
    };
    // A model of one or two layers has no attention, whose numbers are then the published ones.
    const uint32_t n_head = dim(BlockId::griffin, Dim::n_head),
                   window = dim(BlockId::griffin_attention, Dim::window);
    json->key("intermediate_size").value(2 * dim(BlockId::griffin_mlp, Dim::d_inner));
    json->key("num_attention_heads").value(n_head);
    json->key("num_key_value_heads").value(1);
    json->key("head_dim").value(model.d_model / n_head);
    json->key("lru_width").value(dim(BlockId::griffin, Dim::d_inner));
    json->key("attention_window_size").value(window != 0 ? window : 2048);
    json->key("conv1d_width").value(dim(BlockId::griffin, Dim::d_conv));
    json->key("logits_soft_cap").value(model.logit_softcap);
    json->key("rms_norm_eps").value(model.norm_epsilon);
    json->key("hidden_activation").value("gelu_pytorch_tanh");
    json->key("partial_rotary_factor").value(0.5);
    json->key("rope_theta").value(model.rope_base);
    json->key("block_types").begin_array().value("recurrent").value("recurrent").value("attention").end_array();
    json->key("attention_bias").value(false);
    json->key("tie_word_embeddings").value(model.tied);
}

// google-deepmind/recurrentgemma, torch/modules.py and layers.py: normal weights of variance 1 / fan-in, of what adds to the
// stream 2 / layers of that, of the convolution 0.01; norms, less 1, and biases 0; the decay softplus(a) of 0.001 to 0.1.
Initial initial(const TensorSpec &tensor, const ModelShape &model) {
    const auto is = [&](const char *end) { return backbone::ends_with(tensor.name, end); };
    if (is("norm.weight") || is("bias")) return {Initial::Kind::uniform, 0};
    if (is("recurrent_param")) return {Initial::Kind::steps};
    if (tensor.name == embedding || is("lm_head.weight"))
        return {Initial::Kind::bell, 1 / std::sqrt(static_cast<double>(model.d_model))};
    const double fan_in = static_cast<double>(tensor.shape.back());
    const double scale = is("conv_1d.weight") ? 0.01
                         : is("o_proj.weight") || is("linear_out.weight") || is("down_proj.weight")
                             ? 2.0 / model.n_layer
                             : 1.0;
    return {Initial::Kind::bell, std::sqrt(scale / fan_in)};
}

const Family griffin = {"griffin",
                        "recurrent_gemma",
                        nullptr,
                        BlockId::griffin,
                        0,
                        recognises,
                        read_shape,
                        same_name,
                        tensors,
                        tensor_name,
                        read,
                        tune,
                        shape_like,
                        write_config,
                        initial,
                        {// google/NAME
                         {"recurrentgemma-2b", 2560, 26, 256000},
                         {"recurrentgemma-9b", 4096, 38, 256000}}};

}  // namespace

const std::vector<const Family *> griffin_families = {&griffin};

}  // namespace adder

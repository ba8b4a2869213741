// Mamba and Falcon-Mamba: config.json, tensors, recipes, initial weights.
// SPDX-License-Identifier: MIT
#include "converter/base/error.h"
#include "converter/families/backbone.h"

namespace adder {
namespace {

// The defaults are those of transformers' MambaConfig.
constexpr uint32_t default_d_state = 16, default_d_conv = 4;

uint32_t time_step_rank(const ConfigReader &config, const char *key, uint32_t d_model) {
    const Json *const value = config.find(key);
    if (value == nullptr || (value->is_string() && value->string("") == "auto")) return (d_model + 15) / 16;
    if (value->is_string())
        bad_input("%s is %s; \"auto\" or an integer from 1 to %u is needed", config.what(key).c_str(),
                  json_quote(value->string("")).c_str(), max_dt_rank);
    return static_cast<uint32_t>(value->integer(config.what(key), 1, max_dt_rank));
}

BlobShape block_shape(const ModelShape &model, uint32_t d_inner, uint32_t d_state, uint32_t d_conv,
                      uint32_t dt_rank, bool bias) {
    BlobShape shape{};
    shape.kind = static_cast<uint16_t>(BlockId::mamba1);
    shape.flags = bias ? shape_projection_bias : 0;
    dim_of(shape, Dim::d_inner) = d_inner;
    dim_of(shape, Dim::d_state) = d_state;
    dim_of(shape, Dim::d_conv) = d_conv;
    dim_of(shape, Dim::dt_rank) = dt_rank;
    param_of(shape, Param::norm_epsilon) = model.norm_epsilon;
    return shape;
}

BlobShape transformers_block(const ConfigReader &config, const ModelShape &model) {
    const auto intermediate_size = config.integer("intermediate_size", 1, max_d_inner);
    return block_shape(
        model, intermediate_size ? *intermediate_size : backbone::expanded(config, model.d_model),
        config.integer("state_size", 1, max_d_state).value_or(default_d_state),
        config.integer("conv_kernel", 1, max_d_conv).value_or(default_d_conv),
        time_step_rank(config, "time_step_rank", model.d_model), config.boolean("use_bias").value_or(false));
}

bool recognises_mamba(const ConfigReader &config) {
    if (backbone::is_state_spaces(config)) return backbone::state_spaces_layer(config) == "Mamba1";
    return config.string("model_type") == "mamba";
}

ModelShape read_mamba(const ConfigReader &config) {
    ModelShape model;
    if (!backbone::is_state_spaces(config)) {
        model = backbone::transformers_shape(config, true);
        repeat_shape(&model, transformers_block(config, model));
        return model;
    }
    model = backbone::state_spaces_shape(config, 8);
    backbone::with_ssm_cfg(config, [&](const ConfigReader &options) {
        repeat_shape(&model, block_shape(model, backbone::expanded(options, model.d_model),
                                         options.integer("d_state", 1, max_d_state).value_or(default_d_state),
                                         options.integer("d_conv", 1, max_d_conv).value_or(default_d_conv),
                                         time_step_rank(options, "dt_rank", model.d_model),
                                         options.boolean("bias").value_or(false)));
    });
    return model;
}

bool recognises_falcon_mamba(const ConfigReader &config) {
    return config.string("model_type") == "falcon_mamba";
}

// As Mamba, and dt, B and C are normalized, without weights (transformers, modeling_falcon_mamba.py: rms_forward).
ModelShape read_falcon_mamba(const ConfigReader &config) {
    ModelShape model = backbone::transformers_shape(config, true);
    BlobShape shape = transformers_block(config, model);
    shape.flags |= shape_mixer_norms;
    param_of(shape, Param::mixer_norm_epsilon) =
        static_cast<float>(config.number("mixer_rms_eps", 1e-12, 1).value_or(1e-6));
    repeat_shape(&model, shape);
    return model;
}

std::string tensor_name(Role role, uint32_t layer) {
    const std::string mixer = backbone::mixer_prefix(layer);
    switch (role) {
    case Role::x_proj: return mixer + "x_proj.weight";
    case Role::dt_proj: return mixer + "dt_proj.weight";
    case Role::dt_bias: return mixer + "dt_proj.bias";
    default: return backbone::tensor_name(role, layer);
    }
}

std::vector<TensorSpec> tensors(const ModelShape &model) {
    std::vector<TensorSpec> all;
    backbone::add_first(model, &all);
    for (uint32_t block = 0; block < model.block_count(); ++block) {
        const BlockView view = model.view(block);
        for (uint32_t i = 0; i < view.kind->tensor_count; ++i) {
            const TensorRow &row = view.kind->tensors[i];
            const std::string name = tensor_name(row.role, block);
            if (name.empty() || !is_present(row, view.shape->flags)) continue;
            if (row.role == Role::conv_bias && !model.conv_bias) continue;
            std::vector<uint64_t> shape{row.rows.sum(view.dims)};
            if (row.role == Role::conv_weight) shape.push_back(1);
            if (row.cols != Dim::one) shape.push_back(view.dims[row.cols]);
            all.push_back({name, shape});
        }
    }
    backbone::add_last(model, &all);
    return all;
}

DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    const Extent extent = extent_of(model, role, block);
    const std::string name = tensor_name(role, block);
    if (name.empty()) return backbone::filled(extent.rows, 1, 1.0f);  // Falcon-Mamba's norms
    if (role == Role::conv_bias && !model.conv_bias) return backbone::filled(extent.rows, 1, 0.0f);
    DenseTensor dense = backbone::read(files, name, extent.cols);
    if (role == Role::A2) backbone::make_A2(files, name, &dense);
    return dense;
}

// For messages. There is a block for each layer.
std::string name_of(const ModelShape &, Role role, uint32_t block) { return tensor_name(role, block); }

// Both families' (conversion/mamba.py). The epsilon of the norms of delta, B and C is not in the file, and transformers' default is
// what the published models have.
std::string gguf_config(const GgufKeys &keys) {
    JsonWriter json;
    keys.begin(keys.boolean("ssm.dt_b_c_rms") ? "falcon_mamba" : "mamba", &json);
    keys.copy("ssm.inner_size", "intermediate_size", &json);
    keys.copy("ssm.time_step_rank", "time_step_rank", &json);
    backbone::end_gguf_config(keys, &json);
    return json.text();
}

ModelShape shape_like(const PublishedShape &like, bool tied) {
    ModelShape model = backbone::shape_like(like, tied);
    repeat_shape(&model, block_shape(model, 2 * like.d_model, default_d_state, default_d_conv,
                                     (like.d_model + 15) / 16, false));
    return model;
}

ModelShape mamba_like(const PublishedShape &like) { return shape_like(like, true); }

ModelShape falcon_mamba_like(const PublishedShape &like) {
    ModelShape model = shape_like(like, false);
    BlobShape shape = model.shapes[0];
    shape.flags |= shape_mixer_norms;
    param_of(shape, Param::mixer_norm_epsilon) = 1e-6f;
    repeat_shape(&model, shape);
    return model;
}

void write_config(const ModelShape &model, const char *architecture, JsonWriter *json) {
    const BlobShape &shape = model.shapes[0];
    const BlockView view = model.view(0);
    backbone::write_config(model, architecture, json);
    json->key("state_size").value(view.dims[Dim::d_state]);
    json->key("conv_kernel").value(view.dims[Dim::d_conv]);
    json->key("intermediate_size").value(view.dims[Dim::d_inner]);
    json->key("expand").value(view.dims[Dim::d_inner] / model.d_model);
    json->key("time_step_rank").value(view.dims[Dim::dt_rank]);
    json->key("layer_norm_epsilon").value(model.norm_epsilon);
    if (shape.flags & shape_mixer_norms)
        json->key("mixer_rms_eps").value(view.param(Param::mixer_norm_epsilon));
    backbone::write_config_end(model, json);
}

void write_mamba(const ModelShape &model, JsonWriter *json) { write_config(model, "MambaForCausalLM", json); }
void write_falcon_mamba(const ModelShape &model, JsonWriter *json) {
    write_config(model, "FalconMambaForCausalLM", json);
}

// state-spaces/mamba, mamba_simple.py and mixer_seq_simple.py: linear layers and convolution uniform in +-1/sqrt(fan-in),
// out_proj divided by sqrt(n_layer), A_log = log(1..d_state), D = 1, dt_proj.bias the inverse softplus of steps.
Initial initial(const TensorSpec &tensor, const ModelShape &model) {
    if (backbone::ends_with(tensor.name, "mixer.A_log")) return {Initial::Kind::log_index};
    if (backbone::ends_with(tensor.name, "dt_proj.bias")) return {Initial::Kind::steps};
    return backbone::initial(tensor, model, model.dim(Dim::d_conv));
}

const GgufForm gguf = {"mamba", gguf_config, backbone::gguf_whole(), "backbone.layers.",
                       backbone::gguf_within({{"ssm_x.weight", "mixer.x_proj.weight"},
                                              {"ssm_dt.weight", "mixer.dt_proj.weight"},
                                              {"ssm_dt.bias", "mixer.dt_proj.bias"},
                                              {"ssm_a", "mixer.A_log", GgufShape::plain, true}})};

const Family mamba = {"mamba",
                      "mamba",
                      "Mamba1",
                      BlockId::mamba1,
                      0,
                      recognises_mamba,
                      read_mamba,
                      backbone::rename,
                      tensors,
                      name_of,
                      read,
                      nullptr,
                      mamba_like,
                      write_mamba,
                      initial,
                      {// state-spaces/NAME-hf
                       {"mamba-130m", 768, 24, 50280},
                       {"mamba-370m", 1024, 48, 50280},
                       {"mamba-790m", 1536, 48, 50280},
                       {"mamba-1.4b", 2048, 48, 50280},
                       {"mamba-2.8b", 2560, 64, 50280}},
                      nullptr,
                      {},
                      nullptr,
                      {},
                      &gguf};

const Family falcon_mamba = {"falcon-mamba",
                             "falcon_mamba",
                             nullptr,
                             BlockId::mamba1,
                             shape_mixer_norms,
                             recognises_falcon_mamba,
                             read_falcon_mamba,
                             backbone::rename,
                             tensors,
                             name_of,
                             read,
                             nullptr,
                             falcon_mamba_like,
                             write_falcon_mamba,
                             initial,
                             {{"falcon-mamba-7b", 4096, 64, 65024}}};

}  // namespace

const std::vector<const Family *> mamba1_families = {&mamba, &falcon_mamba};

}  // namespace adder

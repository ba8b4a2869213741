// The mixer of Mamba-2, as transformers names and orders its tensors.
// SPDX-License-Identifier: MIT
#include "converter/families/mamba2_mixer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/base/error.h"
#include "converter/families/backbone.h"

namespace adder::mamba2_mixer {
namespace {

// The checkpoint's in_proj has rows [z: d_inner, x: d_inner, B: d_bc, C: d_bc, dt: n_head] (state-spaces/mamba,
// modules/mamba2.py). Here in_proj is [z, x] and bcdt_proj the rest, so that each can have bits of its own.
struct InProj {
    uint32_t d_inner, bcdt;
};
InProj in_proj_rows(const ModelShape &model, const BlockView &view) {
    const uint32_t head_dim = model.mixer_head_dim > 0 ? model.mixer_head_dim : view.dims[Dim::head_dim];
    return {view.dims[Dim::n_head] * head_dim, 2 * view.dims[Dim::d_bc] + view.dims[Dim::n_head]};
}

// Heads of the blob's width: behind the rows of each of the checkpoint's zeros, `heads` times; then the rows that are left.
void widen_heads(const ModelShape &model, const BlockView &view, uint32_t heads, DenseTensor *dense) {
    const uint32_t from = model.mixer_head_dim, to = view.dims[Dim::head_dim];
    if (from == 0) return;
    const size_t cols = dense->cols, rest = dense->values.size() - size_t{heads} * from * cols;
    DenseTensor wide{dense->rows + heads * (to - from), dense->cols, {}};
    wide.values.resize(wide.rows * cols);
    const float *in = dense->values.data();
    float *out = wide.values.data();
    for (uint32_t head = 0; head < heads; ++head, in += from * cols, out += to * cols)
        std::copy_n(in, from * cols, out);
    std::copy_n(in, rest, out);
    *dense = std::move(wide);
}

// ... and of the columns.
void widen_head_columns(const ModelShape &model, const BlockView &view, DenseTensor *dense) {
    const uint32_t from = model.mixer_head_dim, to = view.dims[Dim::head_dim];
    if (from == 0) return;
    DenseTensor wide{dense->rows, view.dims[Dim::d_inner], {}};
    wide.values.resize(size_t{wide.rows} * wide.cols);
    for (size_t row = 0; row < dense->rows; ++row)
        for (uint32_t i = 0; i < dense->cols; ++i)
            wide.values[row * wide.cols + i / from * to + i % from] = dense->values[row * dense->cols + i];
    *dense = std::move(wide);
}

// A number or inf, which is written as Infinity, in quotes or not, or as {"__float__": "Infinity"} by transformers.
double limit_of(const Json &value, const std::string &what) {
    const Json *const text = value.is_object() ? value.find("__float__") : &value;
    if (text != nullptr && text->is_string()) {
        const std::string &word = text->string(what);
        if (word == "Infinity" || word == "inf") return std::numeric_limits<double>::infinity();
    }
    const double limit = value.number(what);
    if (!(limit >= 0)) bad_input("%s is %g; a number from 0 on is needed", what.c_str(), limit);
    return limit;
}

}  // namespace

void read_limits(const ConfigReader &config, const char *key, BlobShape *shape) {
    param_of(*shape, Param::dt_low) = 0;
    param_of(*shape, Param::dt_high) = std::numeric_limits<float>::infinity();
    const Json *const value = config.find(key);
    if (value == nullptr) return;
    const std::vector<Json> &limits = value->array(config.what(key));
    if (limits.size() != 2)
        bad_input("%s has %zu numbers; two are needed", config.what(key).c_str(), limits.size());
    param_of(*shape, Param::dt_low) = static_cast<float>(limit_of(limits[0], config.what(key)));
    param_of(*shape, Param::dt_high) = static_cast<float>(limit_of(limits[1], config.what(key)));
    if (param_of(*shape, Param::dt_low) > param_of(*shape, Param::dt_high))
        bad_input("%s is from %g to %g; the first may not be above the second", config.what(key).c_str(),
                  static_cast<double>(param_of(*shape, Param::dt_low)),
                  static_cast<double>(param_of(*shape, Param::dt_high)));
}

BlobShape make_shape(ModelShape *model, const Sizes &sizes) {
    const uint32_t head_dim = sizes.d_inner / sizes.n_head;
    uint32_t padded = round_up_to_tile(head_dim);
    // What cannot be is left to the table of the kind.
    if (head_dim * sizes.n_head != sizes.d_inner || uint64_t{padded} * sizes.n_head > max_d_inner)
        padded = head_dim;
    model->mixer_head_dim = padded == head_dim ? 0 : head_dim;
    BlobShape shape{};
    shape.kind = static_cast<uint16_t>(BlockId::mamba2);
    shape.flags = sizes.bias ? shape_projection_bias : 0;
    dim_of(shape, Dim::d_inner) = padded == head_dim ? sizes.d_inner : sizes.n_head * padded;
    dim_of(shape, Dim::d_state) = sizes.d_state;
    dim_of(shape, Dim::d_conv) = sizes.d_conv;
    dim_of(shape, Dim::n_head) = sizes.n_head;
    dim_of(shape, Dim::n_group) = sizes.n_group;
    dim_of(shape, Dim::n_norm_group) = sizes.n_group;
    param_of(shape, Param::norm_epsilon) = model->norm_epsilon;
    param_of(shape, Param::mixer_norm_epsilon) =
        model->norm_epsilon * static_cast<float>(head_dim) / static_cast<float>(padded);
    param_of(shape, Param::dt_high) = std::numeric_limits<float>::infinity();
    return shape;
}

BlobShape read_hybrid_shape(const ConfigReader &config, uint32_t d_inner, ModelShape *model) {
    model->conv_bias = config.boolean("mamba_conv_bias").value_or(true);
    Sizes sizes{};
    sizes.d_inner = d_inner;
    sizes.n_head = config.integer("mamba_n_heads", 1, max_d_inner).value_or(128);
    uint32_t head_dim = sizes.d_inner / sizes.n_head;
    if (const Json *const given = config.find("mamba_d_head"); given != nullptr && !given->is_string())
        head_dim = config.needed_integer("mamba_d_head", 1, max_d_inner);
    if (uint64_t{sizes.n_head} * head_dim != sizes.d_inner)
        bad_input("%s: mamba_n_heads %u times mamba_d_head %u is not the mixer's width, %u",
                  config.name().c_str(), sizes.n_head, head_dim, sizes.d_inner);
    sizes.d_state = config.integer("mamba_d_state", 1, max_d_state).value_or(256);
    sizes.d_conv = config.integer("mamba_d_conv", 1, max_d_conv).value_or(4);
    sizes.n_group = config.integer("mamba_n_groups", 1, 1024).value_or(1);
    sizes.bias = config.boolean("mamba_proj_bias").value_or(false);
    BlobShape shape = make_shape(model, sizes);
    read_limits(config, "time_step_limit", &shape);
    return shape;
}

// transformers normalizes the gated output over its whole width (modeling_mamba2.py: MambaRMSNormGated), mamba_ssm in n_groups
// groups (modules/mamba2.py: group_size); they agree for one.
void read_norm_groups(const ConfigReader &config, const char *n_group, ModelShape *model, BlobShape *shape) {
    const uint32_t groups = dim_of(*shape, Dim::n_group);
    const auto norm_groups = config.integer("norm_groups", 1, 1024);
    dim_of(*shape, Dim::n_norm_group) = norm_groups.value_or(1);
    if (groups > 1 && !norm_groups)
        model->notes.push_back(format(
            "%s: %s is %u. The gated norm is taken over its whole width, as transformers computes it; for a model that "
            "mamba_ssm trained, which normalizes each group, add \"norm_groups\": %u to the file",
            config.name().c_str(), n_group, groups, groups));
}

void check_shape(const ConfigReader &config, const ModelShape &model, const BlobShape &shape) {
    const BlockView view = shape_view(model.architecture(), shape);
    uint32_t value = 0;
    if (const char *fault = view.kind->fault(shape, view.dims, &value))
        bad_input("%s: %u cannot be the %s, with an inner dimension of %u", config.name().c_str(), value,
                  fault, view.dims[Dim::d_inner]);
}

std::string tensor_name(Role role, const std::string &prefix) {
    switch (role) {
    case Role::in_proj:
    case Role::bcdt_proj: return prefix + "in_proj.weight";
    case Role::in_proj_bias: return prefix + "in_proj.bias";
    case Role::conv_weight: return prefix + "conv1d.weight";
    case Role::conv_bias: return prefix + "conv1d.bias";
    case Role::bcdt_bias: return prefix + "dt_bias";
    case Role::A2: return prefix + "A_log";
    case Role::D: return prefix + "D";
    case Role::gate_norm: return prefix + "norm.weight";
    case Role::out_proj: return prefix + "out_proj.weight";
    case Role::out_proj_bias: return prefix + "out_proj.bias";
    default: return {};
    }
}

void add_tensors(const ModelShape &model, uint32_t block, const std::string &prefix,
                 std::vector<TensorSpec> *tensors) {
    const BlockView view = model.view(block);
    const bool bias = (view.shape->flags & shape_projection_bias) != 0;
    const InProj in = in_proj_rows(model, view);
    const uint64_t d_inner = in.d_inner, n_head = view.dims[Dim::n_head], d_model = model.d_model;
    const uint64_t in_rows = 2 * d_inner + in.bcdt;
    const uint64_t convolved = d_inner + 2 * view.dims[Dim::d_bc];
    const auto add = [&](Role role, std::vector<uint64_t> shape) {
        tensors->push_back({tensor_name(role, prefix), std::move(shape)});
    };
    add(Role::in_proj, {in_rows, d_model});
    if (bias) add(Role::in_proj_bias, {in_rows});
    add(Role::conv_weight, {convolved, 1, view.dims[Dim::d_conv]});
    if (model.conv_bias) add(Role::conv_bias, {convolved});
    add(Role::bcdt_bias, {n_head});
    add(Role::A2, {n_head});
    add(Role::D, {n_head});
    if (view.dims[Dim::n_norm_group] > 0) add(Role::gate_norm, {d_inner});
    add(Role::out_proj, {d_model, d_inner});
    if (bias) add(Role::out_proj_bias, {d_model});
}

std::vector<GgufName> gguf_names(const std::string &prefix, const std::vector<GgufName> &own) {
    std::vector<GgufName> all = backbone::gguf_mixer(prefix);
    all.push_back({"ssm_dt.bias", prefix + "dt_bias"});
    all.push_back({"ssm_a", prefix + "A_log", GgufShape::vector, true});
    all.push_back({"ssm_norm.weight", prefix + "norm.weight", GgufShape::vector});
    all.insert(all.end(), own.begin(), own.end());
    return all;
}

DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block,
                 const std::string &prefix) {
    const Extent extent = extent_of(model, role, block);
    const std::string name = tensor_name(role, prefix);
    const BlockView view = model.view(block);
    const uint32_t heads = view.dims[Dim::n_head];
    const InProj in = in_proj_rows(model, view);
    if (role == Role::conv_bias && !model.conv_bias) return backbone::filled(extent.rows, 1, 0.0f);
    if (role == Role::gate_norm && view.dims[Dim::n_norm_group] == 0)
        return backbone::filled(extent.rows, 1, 1.0f);
    if (role == Role::in_proj || role == Role::in_proj_bias) {
        DenseTensor dense = backbone::read_rows(files, name, extent.cols, 0, uint64_t{2} * in.d_inner);
        widen_heads(model, view, 2 * heads, &dense);
        return dense;
    }
    if (role == Role::bcdt_proj)
        return backbone::read_rows(files, name, extent.cols, uint64_t{2} * in.d_inner, extent.rows);
    if (role == Role::bcdt_bias) {
        // Of B, C and dt that of in_proj, if there is one; of dt dt_bias besides.
        DenseTensor bias = view.shape->flags & shape_projection_bias
                               ? backbone::read_rows(files, tensor_name(Role::in_proj_bias, prefix), 1,
                                                     uint64_t{2} * in.d_inner, extent.rows)
                               : backbone::filled(extent.rows, 1, 0.0f);
        const DenseTensor dt_bias = backbone::read(files, name, 1);
        for (uint32_t i = 0; i < dt_bias.rows; ++i)
            bias.values[extent.rows - dt_bias.rows + i] += dt_bias.values[i];
        return bias;
    }
    DenseTensor dense = backbone::read(files, name, role == Role::out_proj ? in.d_inner : extent.cols);
    if (role == Role::A2) backbone::make_A2(files, name, &dense);
    if (role == Role::conv_weight || role == Role::conv_bias || role == Role::gate_norm)
        widen_heads(model, view, heads, &dense);
    if (role == Role::gate_norm && model.mixer_head_dim > 0) {
        // The mean of squares is taken over zeros, too.
        const double part = static_cast<double>(in.d_inner) / extent.rows;
        for (float &weight : dense.values) weight = static_cast<float>(weight * std::sqrt(part));
    }
    if (role == Role::out_proj) widen_head_columns(model, view, &dense);
    return dense;
}

}  // namespace adder::mamba2_mixer

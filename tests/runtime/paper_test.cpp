// Logits of float models against a second forward pass, written from the papers in double precision and from the checkpoint's
// own tensors: nothing of the library's arithmetic, tables or layouts, nor of the converter's.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "tests/support/blob_builder.h"

namespace adder::test {
namespace {

using Vector = std::vector<double>;

double silu(double x) { return x / (1 + std::exp(-x)); }
double softplus(double x) { return std::log1p(std::exp(x)); }

// The model of a specification, token by token from an empty state.
class PaperModel {
  public:
    explicit PaperModel(const CheckpointSpec &spec) : c_(spec.config), layers_(c_.n_layer) {
        for (const Tensor &tensor : checkpoint_tensors(spec)) {
            std::vector<float> values(tensor.data.size() / 4);
            std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
            tensors_[tensor.name] = Vector(values.begin(), values.end());
        }
    }
    double dt_low = 0, dt_high = INFINITY;  // Mamba-2's time_step_limit

    Vector step(int32_t token) {
        const Vector &embedding = tensors_.at("backbone.embeddings.weight");
        Vector x(c_.d_model);
        for (uint32_t i = 0; i < c_.d_model; ++i)
            x[i] = embedding[static_cast<uint32_t>(token) * c_.d_model + i];
        for (uint32_t layer = 0; layer < c_.n_layer; ++layer) {
            prefix_ = "backbone.layers." + std::to_string(layer) + ".";
            const Vector in = norm(x, own("norm.weight"), c_.norm_epsilon);
            const Vector out =
                c_.model_type == "mamba2" ? mamba2(in, layers_[layer]) : mamba(in, layers_[layer]);
            for (uint32_t i = 0; i < c_.d_model; ++i) x[i] += out[i];
        }
        const Vector last = norm(x, tensors_.at("backbone.norm_f.weight"), c_.norm_epsilon);
        return product(c_.tie_word_embeddings ? embedding : tensors_.at("lm_head.weight"), last);
    }

  private:
    struct Layer {
        std::vector<Vector> inputs;  // of the convolution, the latest first
        std::vector<Vector> h;       // [channel][d_state]
    };

    const Vector &own(const std::string &name) const { return tensors_.at(prefix_ + name); }
    Vector mixer(const std::string &name) const {
        const auto found = tensors_.find(prefix_ + "mixer." + name);
        return found == tensors_.end() ? Vector() : found->second;
    }

    // Of width groups each by itself; without weights all are 1.
    static Vector norm(const Vector &x, const Vector &weight, double epsilon, size_t groups = 1) {
        Vector out = x;
        const size_t width = x.size() / groups;
        for (size_t group = 0; group < groups; ++group) {
            double sum = 0;
            for (size_t i = group * width; i < (group + 1) * width; ++i) sum += x[i] * x[i];
            const double scale = 1 / std::sqrt(sum / static_cast<double>(width) + epsilon);
            for (size_t i = group * width; i < (group + 1) * width; ++i)
                out[i] *= scale * (weight.empty() ? 1 : weight[i]);
        }
        return out;
    }

    static Vector product(const Vector &matrix, const Vector &x, const Vector &bias = {}) {
        Vector out(matrix.size() / x.size());
        for (size_t row = 0; row < out.size(); ++row) {
            out[row] = bias.empty() ? 0 : bias[row];
            for (size_t i = 0; i < x.size(); ++i) out[row] += matrix[row * x.size() + i] * x[i];
        }
        return out;
    }

    static Vector part(const Vector &from, size_t begin, size_t count) {
        const auto first = from.begin() + static_cast<std::ptrdiff_t>(begin);
        return {first, first + static_cast<std::ptrdiff_t>(count)};
    }

    Vector convolution(const Vector &x, Layer &layer) const {
        layer.inputs.insert(layer.inputs.begin(), x);
        const Vector weight = mixer("conv1d.weight"), bias = mixer("conv1d.bias");
        Vector out(x.size());
        for (size_t channel = 0; channel < x.size(); ++channel) {
            double sum = bias.empty() ? 0 : bias[channel];
            for (size_t back = 0; back < c_.d_conv && back < layer.inputs.size(); ++back)
                sum += weight[channel * c_.d_conv + c_.d_conv - 1 - back] * layer.inputs[back][channel];
            out[channel] = silu(sum);
        }
        return out;
    }

    // arXiv 2312.00752, algorithm 2; Falcon-Mamba (arXiv 2410.05355) normalizes dt, B and C.
    Vector mamba(const Vector &in, Layer &layer) const {
        const size_t width = c_.d_inner, states = c_.d_state, rank = c_.dt_rank;
        const Vector xz = product(mixer("in_proj.weight"), in, mixer("in_proj.bias"));
        const Vector x = convolution(part(xz, 0, width), layer), z = part(xz, width, width);
        const Vector dbc = product(mixer("x_proj.weight"), x);
        Vector dt = part(dbc, 0, rank), B = part(dbc, rank, states), C = part(dbc, rank + states, states);
        if (c_.model_type == "falcon_mamba") {
            dt = norm(dt, {}, 1e-6);
            B = norm(B, {}, 1e-6);
            C = norm(C, {}, 1e-6);
        }
        const Vector steps = product(mixer("dt_proj.weight"), dt, mixer("dt_proj.bias"));
        const Vector A_log = mixer("A_log"), D = mixer("D");
        layer.h.resize(width, Vector(states));
        Vector y(width);
        for (size_t c = 0; c < width; ++c) {
            const double delta = softplus(steps[c]);
            y[c] = D[c] * x[c];
            for (size_t n = 0; n < states; ++n) {
                double &h = layer.h[c][n];
                h = std::exp(-delta * std::exp(A_log[c * states + n])) * h + delta * B[n] * x[c];
                y[c] += C[n] * h;
            }
            y[c] *= silu(z[c]);
        }
        return product(mixer("out_proj.weight"), y, mixer("out_proj.bias"));
    }

    // arXiv 2405.21060, section 7 and figure 6; rows of in_proj as the authors' implementation has them: z, x, B, C, dt.
    Vector mamba2(const Vector &in, Layer &layer) const {
        const size_t width = c_.d_inner, states = c_.d_state, heads = c_.n_head, groups = c_.n_group;
        const Vector all = product(mixer("in_proj.weight"), in, mixer("in_proj.bias"));
        const Vector z = part(all, 0, width);
        const Vector xbc = convolution(part(all, width, width + 2 * groups * states), layer);
        const Vector dt = part(all, 2 * width + 2 * groups * states, heads);
        const Vector dt_bias = mixer("dt_bias"), A_log = mixer("A_log"), D = mixer("D");
        layer.h.resize(width, Vector(states));
        Vector y(width);
        for (size_t head = 0; head < heads; ++head) {
            const double delta = std::min(std::max(softplus(dt[head] + dt_bias[head]), dt_low), dt_high);
            const double decay = std::exp(-delta * std::exp(A_log[head]));
            const size_t group = head * groups / heads;
            for (size_t c = head * width / heads; c < (head + 1) * width / heads; ++c) {
                y[c] = D[head] * xbc[c];
                for (size_t n = 0; n < states; ++n) {
                    double &h = layer.h[c][n];
                    h = decay * h + delta * xbc[width + group * states + n] * xbc[c];
                    y[c] += xbc[width + (groups + group) * states + n] * h;
                }
                y[c] *= silu(z[c]);
            }
        }
        y = norm(y, mixer("norm.weight"), c_.norm_epsilon, c_.norm_groups);
        return product(mixer("out_proj.weight"), y, mixer("out_proj.bias"));
    }

    const ModelConfig c_;
    std::map<std::string, Vector> tensors_;
    std::vector<Layer> layers_;
    std::string prefix_;
};

struct Case {
    const char *name, *model_type;
    uint32_t d_model, d_inner, d_state, d_conv, dt_rank, n_head, n_group, norm_groups;
    bool tied, bias, conv_bias;
    double dt_low, dt_high;
    double tolerance = 1e-4;
    StateType state = StateType::f32;
};

const Case cases[] = {
    {"mamba", "mamba", 12, 20, 3, 4, 3, 0, 0, 0, true, true, true, 0, 0},
    {"falcon", "falcon_mamba", 12, 20, 3, 4, 5, 0, 0, 0, false, false, true, 0, 0},
    {"falcon_bias", "falcon_mamba", 9, 16, 11, 2, 9, 0, 0, 0, true, true, false, 0, 0},
    {"mamba2", "mamba2", 12, 24, 3, 4, 0, 3, 1, 1, true, false, true, 0, INFINITY},
    {"mamba2_groups", "mamba2", 12, 96, 5, 3, 0, 6, 3, 2, false, true, true, 0, INFINITY},
    {"mamba2_norm_groups", "mamba2", 9, 64, 17, 4, 0, 4, 2, 2, true, true, false, 0, INFINITY},
    {"mamba2_limits", "mamba2", 12, 32, 8, 4, 0, 2, 2, 4, false, false, true, 0.5, 2},
    {"mamba2_halves", "mamba2", 12, 64, 9, 4, 0, 4, 2, 2, false, true, true, 0, INFINITY, 2e-2, StateType::f16},
};

class Paper : public testing::TestWithParam<Case> {};

BlobSpec spec_of(const Case &one) {
    BlobSpec spec;
    spec.recipe = recipe_named("float");
    spec.state = one.state;
    spec.checkpoint.scale = 0.5f;
    // Steps of the order of 1, and heads, channels and groups that differ in all that they have.
    spec.checkpoint.edit = [](const std::string &name, std::vector<float> &values) {
        const auto has = [&](const char *part) { return name.find(part) != std::string::npos; };
        for (size_t i = 0; i < values.size(); ++i) {
            const float share = static_cast<float>(i) / static_cast<float>(values.size());
            if (has("dt_proj.bias") || has("dt_bias")) values[i] = 3 * share - 1;
            if (has("mixer.D") || has("norm.weight")) values[i] += share;
            if (has("A_log")) values[i] -= 2 * share;
        }
    };
    ModelConfig &c = spec.checkpoint.config;
    c.model_type = one.model_type;
    c.d_model = one.d_model, c.d_inner = one.d_inner, c.d_state = one.d_state, c.d_conv = one.d_conv;
    c.dt_rank = one.dt_rank, c.n_head = one.n_head, c.n_group = one.n_group, c.norm_groups = one.norm_groups;
    c.tie_word_embeddings = one.tied, c.use_bias = one.bias, c.use_conv_bias = one.conv_bias;
    if (one.dt_high > 0 && std::isfinite(one.dt_high))
        spec.checkpoint.config_members["time_step_limit"] =
            "[" + std::to_string(one.dt_low) + ", " + std::to_string(one.dt_high) + "]";
    return spec;
}

// The formulas' logits of some tokens.
std::vector<Vector> logits_of(const Case &one, const BlobSpec &spec, const Tokens &tokens) {
    PaperModel paper(spec.checkpoint);
    if (one.dt_high > 0) {
        paper.dt_low = one.dt_low;
        paper.dt_high = one.dt_high;
    }
    std::vector<Vector> logits;
    for (const int32_t token : tokens) logits.push_back(paper.step(token));
    return logits;
}

TEST_P(Paper, LogitsAreThoseOfTheFormulas) {
    const Case &one = GetParam();
    const BlobSpec spec = spec_of(one);
    const Tokens tokens = random_tokens(24, spec.checkpoint.config.vocab_size, 3);
    const std::vector<Vector> expected = logits_of(one, spec, tokens);
    const AlignedBytes blob = build_blob(spec);
    TestSession session(blob);
    double largest = 0;
    for (size_t t = 0; t < tokens.size(); ++t) {
        const std::vector<float> found = session.step(tokens[t]);
        ASSERT_EQ(found.size(), expected[t].size());
        for (size_t i = 0; i < found.size(); ++i) {
            ASSERT_NEAR(found[i], expected[t][i], one.tolerance) << "token " << t << ", logit " << i;
            largest = std::max(largest, std::fabs(expected[t][i]));
        }
    }
    EXPECT_GT(largest, 1);
}

// Quantized ones are near to them: no scale, row or input is another's.
TEST_P(Paper, LogitsOfEveryRecipeAreNear) {
    const Case &one = GetParam();
    BlobSpec spec = spec_of(one);
    const Tokens tokens = random_tokens(40, spec.checkpoint.config.vocab_size, 7);
    const std::vector<Vector> expected = logits_of(one, spec, tokens);
    Recipe mixed = recipe_named("smooth"), mixed4 = recipe_named("smooth");
    for (Role role : {Role::bcdt_proj, Role::dt_proj, Role::out_proj}) mixed.of(role).weights = Dtype::f32;
    for (Role role : {Role::in_proj, Role::x_proj}) mixed4.of(role).weights = Dtype::f32;
    for (Role role : {Role::bcdt_proj, Role::out_proj}) mixed4.of(role).weights = Dtype::int4;
    for (Recipe recipe :
         {recipe_named("best"), recipe_named("smooth"), recipe_named("static"), mixed, mixed4}) {
        Input &input = recipe.of(Role::out_proj).input;
        if (input == Input::hadamard && one.d_inner % 64 != 0) input = Input::fixed;
        spec.recipe = recipe;
        const AlignedBytes blob = build_blob(spec);
        TestSession session(blob);
        double error = 0, all = 0;
        for (size_t t = 0; t < tokens.size(); ++t) {
            const std::vector<float> found = session.step(tokens[t]);
            for (size_t i = 0; i < found.size(); ++i) {
                error += (found[i] - expected[t][i]) * (found[i] - expected[t][i]);
                all += expected[t][i] * expected[t][i];
            }
        }
        const bool int4 = recipe.of(Role::out_proj).weights == Dtype::int4;
        EXPECT_LT(std::sqrt(error / all), int4 ? 0.3 : 0.1) << recipe.name;
    }
}

INSTANTIATE_TEST_SUITE_P(Families, Paper, testing::ValuesIn(cases),
                         [](const auto &test) { return std::string(test.param.name); });

}  // namespace
}  // namespace adder::test

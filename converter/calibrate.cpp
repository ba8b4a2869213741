// Static calibration: ranges of all channels, smoothing factors, searched scales.
// SPDX-License-Identifier: MIT
#include "converter/calibrate.h"

#include <algorithm>
#include <cmath>

#include "converter/error.h"
#include "converter/gptq.h"
#include "converter/hessian.h"
#include "converter/names.h"
#include "converter/plan_rules.h"
#include "converter/progress.h"
#include "converter/quantize.h"
#include "converter/scale_search.h"
#include "converter/smoothing.h"
#include "converter/weight_grid.h"
#include "converter/weights.h"
#include "kernels/scalar/hadamard.h"

namespace adder {

const InputScales &Calibration::Layer::of(Role role) const {
    return role == Role::in_proj   ? in_proj
           : role == Role::x_proj  ? x_proj
           : role == Role::dt_proj ? dt_proj
                                   : out_proj;
}
InputScales &Calibration::Layer::of(Role role) {
    return const_cast<InputScales &>(static_cast<const Layer *>(this)->of(role));
}
const InputScales &Calibration::of(Role role, uint32_t layer) const {
    return role == Role::head || role == Role::embedding ? head : layers[layer].of(role);
}
InputScales &Calibration::of(Role role, uint32_t layer) {
    return const_cast<InputScales &>(static_cast<const Calibration *>(this)->of(role, layer));
}

namespace {

// The inputs of a linear layer for a chunk of tokens: [tokens][stride], the first `width` of each.
struct Rows {
    const float *values;
    uint32_t width, stride, tokens;
};

// Where layer_forward leaves them, without padding.
Rows rows_of(Role role, const ModelConfig &config, const Shape &shape, const ChunkBuffers &b,
             uint32_t tokens) {
    const uint32_t d_inner = shape.d_inner_padded;
    switch (role) {
    case Role::in_proj: return {b.in_floats, config.d_model, shape.d_model_padded, tokens};
    case Role::x_proj: return {b.xz, config.d_inner, 2 * d_inner, tokens};
    case Role::dt_proj: return {b.x_proj, config.dt_rank, shape.x_proj_padded, tokens};
    default: return {b.xz + d_inner, config.d_inner, 2 * d_inner, tokens};
    }
}

// Calls visit(role, layer, sequence, rows, member) for the inputs of all linear layers, for every chunk of every
// sequence; and after_layer(layer), on the calling thread, when all sequences are through.
template <typename Visit, typename AfterLayer>
void visit_inputs(FloatModel &model, const std::vector<Tokens> &sequences, Progress &progress,
                  const Visit &visit, const AfterLayer &after_layer) {
    const ModelConfig &config = model.checkpoint().config();
    FloatModel::Visitor visitor;
    visitor.layer = [&](uint32_t layer, size_t sequence, uint32_t, const ChunkBuffers &b, uint32_t tokens,
                        uint32_t member) {
        for (Role role : layer_linear_roles)
            visit(role, layer, sequence, rows_of(role, config, model.shape(), b, tokens), member);
    };
    visitor.head_input = [&](size_t sequence, const float *input, uint32_t tokens, uint32_t member) {
        visit(Role::head, 0u, sequence, Rows{input, config.d_model, model.shape().d_model_padded, tokens},
              member);
    };
    visitor.layer_done = [&](uint32_t layer) {
        after_layer(layer);
        progress.advance();
    };
    model.run(sequences, visitor);
}

// The linear layers of the model, numbered in order; the head comes last.
size_t site_of(Role role, uint32_t layer, uint32_t n_layer) {
    if (role == Role::head) return size_t{4} * n_layer;
    return size_t{4} * layer +
           static_cast<size_t>(std::find(std::begin(layer_linear_roles), std::end(layer_linear_roles), role) -
                               std::begin(layer_linear_roles));
}

using ChannelRanges = std::vector<std::vector<float>>;  // [sites][channels], absmax

ChannelRanges find_ranges(FloatModel &model, const std::vector<Tokens> &sequences, Progress &progress) {
    const uint32_t n_layer = model.shape().n_layer, members = model.members();
    std::vector<ChannelRanges> parts(members, ChannelRanges(size_t{4} * n_layer + 1));
    const auto see = [&](Role role, uint32_t layer, size_t, const Rows &rows, uint32_t member) {
        std::vector<float> &range = parts[member][site_of(role, layer, n_layer)];
        range.resize(rows.width, 0.0f);
        for (uint32_t t = 0; t < rows.tokens; ++t) {
            const float *v = rows.values + size_t{t} * rows.stride;
            for (uint32_t i = 0; i < rows.width; ++i) {
                const float magnitude = std::fabs(v[i]);
                range[i] = magnitude <= range[i] ? range[i] : magnitude;  // a NaN takes the place
            }
        }
    };
    visit_inputs(model, sequences, progress, see, [](uint32_t) {});
    for (uint32_t m = 1; m < members; ++m)  // a maximum has no order
        for (size_t site = 0; site < parts[0].size(); ++site) {
            std::vector<float> &into = parts[0][site];
            const std::vector<float> &from = parts[m][site];
            if (into.size() < from.size()) into.resize(from.size(), 0.0f);
            for (size_t i = 0; i < from.size(); ++i)
                if (!(from[i] <= into[i])) into[i] = from[i];
        }
    return parts[0];
}

void require_finite(const std::vector<float> &range, const std::string &checkpoint, Role role,
                    uint32_t layer) {
    for (size_t i = 0; i < range.size(); ++i) {
        if (std::isfinite(range[i])) continue;
        if (role == Role::head)
            bad_input("%s: the input of the head is not finite in channel %zu on the calibration text",
                      checkpoint.c_str(), i);
        bad_input("%s: the input of %s of layer %u is not finite in channel %zu on the calibration text",
                  checkpoint.c_str(), role_name(role), layer, i);
    }
}

// A channel that the text leaves at zero tells nothing of its range: the scale is that of the others, its factor 1.
void note_dead_channels(const std::vector<float> &range, Role role, uint32_t layer,
                        std::vector<std::string> *notes) {
    const auto dead = static_cast<size_t>(std::count(range.begin(), range.end(), 0.0f));
    if (dead > 0)
        notes->push_back(
            format("%zu of %zu channels of the input of %s are zero on all of the calibration text", dead,
                   range.size(), plan_name(role, layer).c_str()));
}

float scale_of(float highest, float limit) {
    const float scale = highest / limit;
    return scale > 1e-20f ? scale : 1.0f;  // an input that is always zero
}

// A tied head's table is the embedding, too, whose errors have no Hessian: the larger damping keeps its rows close.
constexpr double gptq_damping = 0.01, tied_damping = 0.3;

}  // namespace

Calibration calibrate(FloatModel &model, const std::vector<Tokens> &sequences, const Plan &model_plan,
                      ThreadPool &pool) {
    const uint32_t n_layer = model.shape().n_layer;
    const Checkpoint &checkpoint = model.checkpoint();
    const uint32_t members = model.members();
    bool search = false;
    model_plan.each_linear([&](Role role, uint32_t layer) {
        const LinearPlan &plan = model_plan.of(role, layer);
        search = search || needs_second_pass(plan);
    });
    Progress progress("calibrating", uint64_t{n_layer} * (search ? 2 : 1));
    const ChannelRanges ranges = find_ranges(model, sequences, progress);

    Calibration result;
    result.layers.resize(n_layer);
    const auto each_site = [&](const auto &body) {
        model_plan.each_linear(
            [&](Role role, uint32_t layer) { body(role, layer, site_of(role, layer, n_layer)); });
    };
    each_site([&](Role role, uint32_t layer, size_t site) {
        const LinearPlan &plan = model_plan.of(role, layer);
        require_finite(ranges[site], checkpoint.directory(), role, layer);
        if (plan.input != Input::floats) note_dead_channels(ranges[site], role, layer, &result.notes);
        InputScales &scales = result.of(role, layer);
        if (!has_scale(plan.input)) return;
        if (plan.alpha > 0)
            scales.factors = smoothing_factors(
                ranges[site], column_absmax(read_dense(checkpoint, role, layer)), plan.alpha);
        float highest = 0;
        for (size_t i = 0; i < ranges[site].size(); ++i)
            highest = std::max(highest, scales.factors.empty() ? ranges[site][i]
                                                               : ranges[site][i] / scales.factors[i]);
        scales.scale = scale_of(highest, largest_code(plan.input_bits));
    });
    if (!search) return result;

    std::vector<std::vector<MagnitudeHistogram>> histograms(
        members, std::vector<MagnitudeHistogram>(size_t{4} * n_layer + 1));
    // The inputs of the layer at hand, [role][sequence], for its Hessians.
    std::vector<std::vector<std::vector<float>>> inputs(std::size(linear_roles),
                                                        std::vector<std::vector<float>>(sequences.size()));
    const auto see = [&](Role role, uint32_t layer, size_t sequence, const Rows &rows, uint32_t member) {
        const LinearPlan &plan = model_plan.of(role, layer);
        if (!needs_histogram(plan) && !needs_hessian(plan)) return;
        const std::vector<float> &factors = result.of(role, layer).factors;
        std::vector<float> v(rows.width);
        for (uint32_t t = 0; t < rows.tokens; ++t) {
            std::copy_n(rows.values + size_t{t} * rows.stride, rows.width, v.begin());
            if (!factors.empty())
                for (uint32_t i = 0; i < rows.width; ++i) v[i] /= factors[i];
            if (plan.input == Input::hadamard)
                for (uint32_t block = 0; block + hadamard_size <= rows.width; block += hadamard_size) {
                    hadamard64(&v[block]);
                    for (uint32_t i = 0; i < hadamard_size; ++i) v[block + i] *= 0.125f;
                }
            if (needs_histogram(plan))
                histograms[member][site_of(role, layer, n_layer)].add(v.data(), v.size());
            if (needs_hessian(plan)) {
                std::vector<float> &kept = inputs[site_of(role, 0, 1)][sequence];
                kept.insert(kept.end(), v.begin(), v.end());
            }
        }
    };
    const auto round = [&](Role role, uint32_t layer) {
        const LinearPlan &plan = model_plan.of(role, layer);
        if (!needs_hessian(plan)) return;
        std::vector<std::vector<float>> &kept = inputs[site_of(role, 0, 1)];
        const DenseTensor weights = read_folded(checkpoint, model_plan, result, role, layer);
        if (!find_int4_grid(weights, plan.group)) {
            HessianSum hessian(weights.cols);
            for (const std::vector<float> &sequence : kept)
                hessian.add(sequence.data(), sequence.size() / weights.cols, weights.cols, pool);
            const bool table = role == Role::head && checkpoint.config().tie_word_embeddings;
            const GptqFactor factor(hessian, pool, table ? tied_damping : gptq_damping);
            if (!factor.note().empty())
                result.notes.push_back(
                    format("%s of layer %u: %s", role_name(role), layer, factor.note().c_str()));
            Int4Matrix rounded = round_int4(weights, plan.group, hessian.importance(), pool);
            gptq(weights, factor, pool, &rounded);
            result.of(role, layer).rounded = std::move(rounded);
        }
        for (std::vector<float> &sequence : kept) sequence.clear();
    };
    visit_inputs(model, sequences, progress, see, [&](uint32_t layer) {
        for (Role role : layer_linear_roles) round(role, layer);
    });
    round(Role::head, 0);
    each_site([&](Role role, uint32_t layer, size_t site) {
        const LinearPlan &plan = model_plan.of(role, layer);
        if (!needs_histogram(plan)) return;
        for (uint32_t m = 1; m < members; ++m) histograms[0][site].merge(histograms[m][site]);
        const MagnitudeHistogram &histogram = histograms[0][site];
        const double limit = static_cast<double>(largest_code(plan.input_bits));
        result.of(role, layer).scale = plan.rule == ScaleRule::mse ? mse_scale(histogram, limit)
                                       : plan.rule == ScaleRule::percentile
                                           ? percentile_scale(histogram, plan.percentile, limit)
                                           : absmax_scale(histogram, limit);
    });
    return result;
}

}  // namespace adder

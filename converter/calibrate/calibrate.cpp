// Static calibration: statistics of all channels, and the smoothing factors and scales that follow.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/calibrate.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/calibrate/alpha_search.h"
#include "converter/calibrate/channel_statistics.h"
#include "converter/calibrate/smoothing.h"
#include "converter/calibrate/static_scale.h"
#include "converter/plan/names.h"
#include "converter/plan/rules.h"

namespace adder {

namespace {

// Calls visit(role, block, rows, member) for all inputs of linear layers, under the first role that takes each, for every
// chunk of every sequence, and done(role, block), on the calling thread, when all sequences are through.
template <typename Visit, typename Done>
void visit_inputs(FloatModel &model, const std::vector<Tokens> &sequences, Progress &progress,
                  const Visit &visit, const Done &done) {
    const ModelShape &shape = model.shape();
    const auto owns = [&](Role role, uint32_t block) { return input_owner(shape, role, block) == role; };
    FloatModel::Visitor visitor;
    visitor.input = [&](Role role, uint32_t block, size_t, const LinearInputs &inputs, uint32_t member) {
        if (owns(role, block)) visit(role, block, inputs, member);
    };
    visitor.head_input = [&](size_t, const float *input, uint32_t tokens, uint32_t member) {
        visit(Role::head, uint32_t{no_block},
              LinearInputs{input, shape.d_model, shape.d_model_padded(), tokens}, member);
    };
    visitor.block_done = [&](uint32_t block) {
        for (Role role : linear_roles_of(shape, block))
            if (owns(role, block)) done(role, block);
        progress.advance();
    };
    model.run(sequences, visitor);
    done(Role::head, uint32_t{no_block});
}

void require_finite(const std::vector<float> &range, const Checkpoint &checkpoint, Role role, uint32_t block) {
    for (size_t i = 0; i < range.size(); ++i) {
        if (std::isfinite(range[i])) continue;
        if (role == Role::head)
            bad_input("%s: the input of the head is not finite in channel %zu on the calibration text",
                      checkpoint.path().c_str(), i);
        bad_input("%s: the input of %s of layer %u is not finite in channel %zu on the calibration text",
                  checkpoint.path().c_str(), role_name(role),
                  uint32_t{checkpoint.shape().blocks[block].layer}, i);
    }
}

// A channel that the text leaves at zero tells nothing of its range: the scale is that of the others, its factor 1.
void note_dead_channels(const ChannelStatistics &statistics, const std::string &name,
                        std::vector<std::string> *notes) {
    const std::vector<float> highest = statistics.absmax();
    const auto dead = static_cast<size_t>(std::count(highest.begin(), highest.end(), 0.0f));
    if (dead > 0)
        notes->push_back(
            format("%zu of %zu channels of the input of %s are zero on all of the calibration text", dead,
                   highest.size(), name.c_str()));
}

// From the statistics of one input: its smoothing factors, and its scale unless that is of transformed channels.
InputScales choose_scales(const ChannelStatistics &statistics, const Checkpoint &checkpoint,
                          const LinearPlan &plan, Role role, uint32_t block) {
    InputScales scales;
    const double limit = static_cast<double>(largest_code(plan.input_bits));
    if (!has_scale(plan.input)) return scales;
    // What the transform makes of the channels the statistics do not tell: there the plan's own alpha counts.
    if (plan.search_alpha && plan.input != Input::hadamard) {
        SmoothingChoice choice = search_alpha(statistics, checkpoint.read_sharers(role, block), plan, limit);
        scales.alpha = choice.alpha;
        scales.factors = std::move(choice.factors);
        scales.scale = choice.scale;
        if (plan.rule == ScaleRule::mse) return scales;
    } else if (plan.alpha > 0) {
        scales.alpha = plan.alpha;
        scales.factors = smoothing_factors(statistics.absmax(),
                                           column_absmax(checkpoint.read_sharers(role, block)), plan.alpha);
    }
    if (plan.rule == ScaleRule::mse) {
        scales.scale = channel_mse_scale(statistics, scales.factors, {}, limit, nullptr);
        return scales;
    }
    float highest = 0;
    for (uint32_t i = 0; i < statistics.channels(); ++i)
        highest =
            std::max(highest, statistics.absmax(i) / (scales.factors.empty() ? 1.0f : scales.factors[i]));
    const float scale = highest / static_cast<float>(limit);
    scales.scale = scale > 1e-20f ? scale : 1.0f;  // an input that is always zero
    return scales;
}

// What follows from the statistics of one input.
void decide(const ChannelStatistics &statistics, const Checkpoint &checkpoint, const Plan &plan, Role role,
            uint32_t block, Calibration *result) {
    const LinearPlan &linear = plan.of(role, block);
    require_finite(statistics.absmax(), checkpoint, role, block);
    if (linear.input != Input::floats)
        note_dead_channels(statistics, plan_name(checkpoint.shape(), role, block), &result->notes);
    result->of(role, block) = choose_scales(statistics, checkpoint, linear, role, block);
}

void collect(FloatModel &model, const std::vector<Tokens> &sequences, Progress &progress,
             const StatisticsSink &take) {
    const uint32_t members = model.members();
    std::vector<std::map<Role, ChannelStatistics>> statistics(members);  // of the layer at hand
    for (auto &part : statistics)
        for (Role role : all_linear_roles()) part[role];
    const auto count = [&](Role role, uint32_t, const LinearInputs &rows, uint32_t member) {
        ChannelStatistics &seen = statistics[member].at(role);
        seen.add(rows.values, rows.width, rows.stride, rows.tokens);
    };
    const auto pass_on = [&](Role role, uint32_t block) {
        ChannelStatistics all = std::move(statistics[0].at(role));
        statistics[0].at(role) = ChannelStatistics();
        for (uint32_t m = 1; m < members; ++m) {
            all.merge(statistics[m].at(role));
            statistics[m].at(role) = ChannelStatistics();
        }
        take(role, block, all);
    };
    visit_inputs(model, sequences, progress, count, pass_on);
}

}  // namespace

void collect_statistics(FloatModel &model, const std::vector<Tokens> &sequences, const StatisticsSink &take) {
    Progress progress("calibrating", model.shape().block_count());
    collect(model, sequences, progress, [&](Role role, uint32_t block, const ChannelStatistics &statistics) {
        require_finite(statistics.absmax(), model.checkpoint(), role, block);
        take(role, block, statistics);
    });
}

std::string calibration_json(FloatModel &model, const CalibrationSource &source,
                             const std::vector<Tokens> &sequences) {
    CalibrationFileWriter writer(source);
    collect_statistics(model, sequences, [&](Role role, uint32_t block, const ChannelStatistics &statistics) {
        throw_if_interrupted();
        writer.add(role, block, statistics);
    });
    return writer.finish();
}

Calibration calibrate(const CalibrationFile &file, const Checkpoint &checkpoint, const Plan &plan) {
    Calibration result(checkpoint.shape());
    plan.each_input([&](Role role, uint32_t block) {
        decide(file.statistics(role, block), checkpoint, plan, role, block, &result);
    });
    return result;
}

Calibration calibrate(FloatModel &model, const std::vector<Tokens> &sequences, const Plan &plan,
                      const CalibrationFile *known) {
    const uint32_t blocks = model.shape().block_count(), members = model.members();
    bool transformed = false;
    plan.each_linear([&](Role role, uint32_t block) {
        transformed = transformed || needs_second_pass(plan.of(role, block));
    });
    Calibration result(model.shape());
    if (known != nullptr) result = calibrate(*known, model.checkpoint(), plan);
    Progress progress("calibrating", uint64_t{blocks} * ((known == nullptr) + transformed));
    if (known == nullptr)
        collect(model, sequences, progress,
                [&](Role role, uint32_t block, const ChannelStatistics &statistics) {
                    decide(statistics, model.checkpoint(), plan, role, block, &result);
                });
    if (!transformed) return result;

    std::vector<std::map<Role, MagnitudeHistogram>> histograms(members);  // of the layer at hand
    for (auto &part : histograms)
        for (Role role : all_linear_roles()) part[role];
    const auto count_transformed = [&](Role role, uint32_t block, const LinearInputs &rows, uint32_t member) {
        const LinearPlan &linear = plan.of(role, block);
        if (!needs_second_pass(linear)) return;
        std::vector<float> v(rows.width);
        for (uint32_t t = 0; t < rows.tokens; ++t) {
            std::copy_n(rows.values + size_t{t} * rows.stride, rows.width, v.begin());
            fold_input(linear.input, result.of(role, block).factors, v.data(), rows.width);
            histograms[member].at(role).add(v.data(), v.size());
        }
    };
    const auto choose_transformed = [&](Role role, uint32_t block) {
        const LinearPlan &linear = plan.of(role, block);
        if (!needs_second_pass(linear)) return;
        MagnitudeHistogram all;
        for (auto &part : histograms) {
            all.merge(part.at(role));
            part.at(role) = MagnitudeHistogram();
        }
        const double limit = static_cast<double>(largest_code(linear.input_bits));
        result.of(role, block).scale = linear.rule == ScaleRule::mse ? mse_scale(all, limit)
                                       : linear.rule == ScaleRule::percentile
                                           ? percentile_scale(all, linear.percentile, limit)
                                           : absmax_scale(all, limit);
    };
    visit_inputs(model, sequences, progress, count_transformed, choose_transformed);
    return result;
}

}  // namespace adder

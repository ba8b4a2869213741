// Measuring the inputs, and statistics of their channels.
// SPDX-License-Identifier: MIT
#include "converter/study/outliers.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/plan/names.h"

namespace adder {
namespace {

// Sums of powers of the values seen.
struct Moments {
    double n = 0, sum[4] = {};

    void add(double v) {
        const double square = v * v;
        n += 1;
        sum[0] += v;
        sum[1] += square;
        sum[2] += square * v;
        sum[3] += square * square;
    }
    void add(const Moments &other) {
        n += other.n;
        for (size_t i = 0; i < 4; ++i) sum[i] += other.sum[i];
    }
    double kurtosis() const {
        const double mean = sum[0] / n, m2 = sum[1] / n, m3 = sum[2] / n, m4 = sum[3] / n;
        const double variance = m2 - mean * mean;
        if (!(variance > 1e-12 * m2)) return std::nan("");
        const double fourth = m4 - 4 * mean * m3 + 6 * mean * mean * m2 - 3 * mean * mean * mean * mean;
        return fourth / (variance * variance);
    }
};

// What is seen of one input: sums a sequence, which are added up in the order of the sequences, and ranges a thread,
// whose maximum has no order.
struct Seen {
    std::vector<Moments> moments;
    std::vector<std::vector<float>> absmax;

    Seen(size_t sequences, uint32_t members) : moments(sequences), absmax(members) {}

    void add(const LinearInputs &inputs, size_t sequence, uint32_t member) {
        std::vector<float> &range = absmax[member];
        range.resize(inputs.width, 0.0f);
        for (uint32_t t = 0; t < inputs.tokens; ++t) {
            const float *const v = inputs.values + size_t{t} * inputs.stride;
            for (uint32_t i = 0; i < inputs.width; ++i) {
                const float magnitude = std::fabs(v[i]);
                range[i] = magnitude <= range[i] ? range[i] : magnitude;  // a NaN takes the place
                moments[sequence].add(static_cast<double>(v[i]));
            }
        }
    }

    InputStatistics finish(Role role, uint32_t block, const std::string &checkpoint) const {
        InputStatistics input{role, block, {}};
        Moments values;
        for (const Moments &sequence : moments) values.add(sequence);
        for (const std::vector<float> &range : absmax) {
            if (range.size() > input.absmax.size()) input.absmax.resize(range.size(), 0.0f);
            for (size_t i = 0; i < range.size(); ++i)
                if (!(range[i] <= input.absmax[i])) input.absmax[i] = range[i];
        }
        for (size_t i = 0; i < input.absmax.size(); ++i)
            if (!std::isfinite(input.absmax[i]))
                bad_input("%s: the input of %s of layer %u is not finite in channel %zu on the text",
                          checkpoint.c_str(), role_name(role), block == no_block ? 0 : block, i);
        summarize_channels(&input);
        input.value_kurtosis = values.kurtosis();
        return input;
    }
};

}  // namespace

void summarize_channels(InputStatistics *input) {
    std::vector<double> sorted(input->absmax.begin(), input->absmax.end());
    std::sort(sorted.begin(), sorted.end());
    const size_t n = sorted.size();
    double sum = 0, squares = 0, fourths = 0;
    for (double v : sorted) sum += v;
    input->mean = sum / static_cast<double>(n);
    for (double v : sorted) {
        const double square = (v - input->mean) * (v - input->mean);
        squares += square;
        fourths += square * square;
    }
    const double variance = squares / static_cast<double>(n);
    input->deviation = std::sqrt(variance);
    input->median = n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    input->highest = sorted.back();
    input->absmax_kurtosis =
        variance > 0 ? fourths / static_cast<double>(n) / (variance * variance) : std::nan("");
}

std::vector<Role> roles_of(const std::vector<InputStatistics> &inputs) {
    std::vector<Role> roles;
    for (const InputStatistics &input : inputs)
        if (std::find(roles.begin(), roles.end(), input.role) == roles.end()) roles.push_back(input.role);
    return roles;
}

std::vector<InputStatistics> measure_inputs(FloatModel &model, const std::vector<Tokens> &sequences) {
    const ModelShape &shape = model.shape();
    const std::string &checkpoint = model.checkpoint().path();
    const auto fresh = [&] { return Seen(sequences.size(), model.members()); };
    std::map<Role, Seen> seen;  // of the block at hand
    const auto begin = [&](uint32_t block) {
        seen.clear();
        if (block == shape.block_count()) return;
        for (const Role role : linear_roles_of(shape, block))
            seen.emplace(input_owner(shape, role, block), fresh());
    };
    Seen head = fresh();
    std::vector<InputStatistics> inputs;
    Progress progress("measuring activations", shape.block_count());

    FloatModel::Visitor visitor;
    visitor.input = [&](Role role, uint32_t, size_t sequence, const LinearInputs &rows, uint32_t member) {
        const auto found = seen.find(role);
        if (found != seen.end()) found->second.add(rows, sequence, member);
    };
    visitor.block_done = [&](uint32_t block) {
        for (const Role role : linear_roles_of(shape, block))
            if (seen.count(role) > 0) inputs.push_back(seen.at(role).finish(role, block, checkpoint));
        begin(block + 1);
        progress.advance();
    };
    visitor.head_input = [&](size_t sequence, const float *input, uint32_t tokens, uint32_t member) {
        head.add({input, shape.d_model, shape.d_model_padded(), tokens}, sequence, member);
    };
    begin(0);
    model.run(sequences, visitor);
    inputs.push_back(head.finish(Role::head, no_block, checkpoint));
    return inputs;
}

std::vector<uint32_t> outlier_channels(const InputStatistics &input, double sigma) {
    std::vector<uint32_t> channels;
    for (uint32_t i = 0; i < input.absmax.size(); ++i)
        if (static_cast<double>(input.absmax[i]) > input.threshold(sigma)) channels.push_back(i);
    return channels;
}

std::vector<Persistence> persistence_of(const std::vector<InputStatistics> &inputs, Role role, double sigma) {
    std::map<uint32_t, uint32_t> layers;
    for (const InputStatistics &input : inputs)
        if (input.role == role)
            for (uint32_t channel : outlier_channels(input, sigma)) ++layers[channel];
    std::vector<Persistence> result;
    for (const auto &[channel, count] : layers) result.push_back({channel, count});
    std::stable_sort(result.begin(), result.end(),
                     [](const Persistence &a, const Persistence &b) { return a.layers > b.layers; });
    return result;
}

}  // namespace adder

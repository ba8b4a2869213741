// Static absmax calibration.
// SPDX-License-Identifier: MIT
#include "converter/calibrate.h"

#include <algorithm>
#include <cmath>

#include "converter/error.h"
#include "converter/progress.h"

namespace adder {
namespace {

// The largest magnitude of rows [tokens][stride], the first `width` of each. Not finite if any element is not.
float absmax(const float *values, uint32_t tokens, uint32_t width, uint32_t stride) {
    float highest = 0;
    for (uint32_t t = 0; t < tokens; ++t)
        for (uint32_t i = 0; i < width; ++i) {
            const float magnitude = std::fabs(values[size_t{t} * stride + i]);
            if (!(magnitude <= highest)) highest = magnitude;  // NaN stays, as nothing is less than it
            if (std::isnan(highest)) return highest;
        }
    return highest;
}

void merge(float *into, float value) {
    if (std::isnan(value) || value > *into) *into = value;
}

void require_finite(float value, const std::string &checkpoint, const char *input, int64_t layer) {
    if (std::isfinite(value)) return;
    const std::string place = layer < 0 ? std::string() : format(" of layer %lld", static_cast<long long>(layer));
    bad_input("%s: the input of %s%s is not finite on the calibration text", checkpoint.c_str(), input, place.c_str());
}

}  // namespace

ActivationRanges calibrate(FloatModel &model, const std::vector<Tokens> &sequences) {
    const Shape &shape = model.shape();
    std::vector<ActivationRanges> members(256);  // one a thread, merged at the end: a maximum has no order
    for (ActivationRanges &member : members) member.layers.resize(shape.n_layer);

    Progress progress("calibrating", shape.n_layer);
    FloatModel::Visitor visitor;
    visitor.layer = [&](uint32_t layer, size_t, uint32_t, const ChunkBuffers &b, uint32_t tokens, uint32_t member) {
        ActivationRanges::Layer &range = members[member].layers[layer];
        const uint32_t d_inner = shape.d_inner_padded;
        merge(&range.in_proj, absmax(b.in_floats, tokens, shape.d_model_padded, shape.d_model_padded));
        merge(&range.x_proj, absmax(b.xz, tokens, d_inner, 2 * d_inner));
        merge(&range.dt_proj, absmax(b.x_proj, tokens, shape.dt_rank_padded, shape.x_proj_padded));
        merge(&range.out_proj, absmax(b.xz + d_inner, tokens, d_inner, 2 * d_inner));
    };
    visitor.head_input = [&](const float *input, uint32_t tokens, uint32_t member) {
        merge(&members[member].head, absmax(input, tokens, shape.d_model_padded, shape.d_model_padded));
    };
    visitor.layer_done = [&] { progress.advance(); };
    model.run(sequences, visitor);

    ActivationRanges result;
    result.layers.resize(shape.n_layer);
    const std::string &name = model.checkpoint().directory();
    for (const ActivationRanges &member : members) {
        for (uint32_t layer = 0; layer < shape.n_layer; ++layer) {
            ActivationRanges::Layer &into = result.layers[layer];
            const ActivationRanges::Layer &from = member.layers[layer];
            merge(&into.in_proj, from.in_proj);
            merge(&into.x_proj, from.x_proj);
            merge(&into.dt_proj, from.dt_proj);
            merge(&into.out_proj, from.out_proj);
        }
        merge(&result.head, member.head);
    }
    for (uint32_t layer = 0; layer < shape.n_layer; ++layer) {
        require_finite(result.layers[layer].in_proj, name, "in_proj", layer);
        require_finite(result.layers[layer].x_proj, name, "x_proj", layer);
        require_finite(result.layers[layer].dt_proj, name, "dt_proj", layer);
        require_finite(result.layers[layer].out_proj, name, "out_proj", layer);
    }
    require_finite(result.head, name, "the head", -1);
    return result;
}

}  // namespace adder

// Rounding the state.
// SPDX-License-Identifier: MIT
#include "converter/study/state_rounding.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "converter/plan/model_shape.h"

namespace adder {
namespace {

constexpr float f16_max = 65504.0f;
constexpr float f16_least_normal = 6.103515625e-5f;  // 2^-14
constexpr uint32_t exponent_mask = 0x7f800000;

// Of a number from 0 to 2^22.
float nearest_even(float value) {
    constexpr float magic = 8388608.0f;  // 2^23: sums from there on have no fraction
    return (value + magic) - magic;
}

class RoundedScorer : public Scorer {
  public:
    RoundedScorer(CheckpointScorer &base, const StateRounding &rounding) : base_(base), rounding_(rounding) {}
    const ModelFacts &facts() const override { return base_.facts(); }
    uint32_t vocab_size() const override { return base_.vocab_size(); }
    Tokens tokenize(std::string_view text, const std::string &name) const override {
        return base_.tokenize(text, name);
    }
    void score(const std::vector<Sequence> &sequences, const Callback &callback,
               const Advance &advance) override {
        const ModelShape &shape = base_.model().shape();
        const FloatModel::StateVisitor edit = [&](uint32_t block, uint8_t *state) {
            const BlockView view = shape.view(block);
            for (uint32_t i = 0; i < view.kind->state_count; ++i) {
                const StateRow &row = view.kind->states[i];
                if (row.name == rounding_.part)
                    round_state(rounding_.type, reinterpret_cast<float *>(state),
                                row.channels.padded(view.dims) / tile_size, view.dims[row.count]);
                state += state_part_bytes(row, *view.shape, view.dims);
            }
        };
        struct Rounded {  // whatever happens, the base is as it was afterwards
            FloatModel &model;
            ~Rounded() { model.each_token(nullptr); }
        } rounded{base_.model()};
        rounded.model.each_token(&edit);
        base_.score(sequences, callback, advance);
    }

  private:
    CheckpointScorer &base_;
    const StateRounding rounding_;
};

}  // namespace

const std::vector<std::pair<const char *, RoundedType>> &state_types() {
    static const std::vector<std::pair<const char *, RoundedType>> types = {{"float32", RoundedType::f32},
                                                                            {"float16", RoundedType::f16},
                                                                            {"int16", RoundedType::i16},
                                                                            {"int8", RoundedType::i8}};
    return types;
}

std::vector<std::string> state_parts(const ModelShape &shape) {
    std::vector<std::string> parts;
    for (const BlobShape &one : shape.shapes) {
        const BlockKind &kind = *find_block_kind(one.kind);
        for (uint32_t i = kind.state_count; i-- > 0;)  // what feeds a scan stands before it
            if (std::find(parts.begin(), parts.end(), kind.states[i].name) == parts.end())
                parts.emplace_back(kind.states[i].name);
    }
    return parts;
}

bool has_one_number(const ModelShape &shape, const std::string &part) {
    for (uint32_t block = 0; block < shape.block_count(); ++block) {
        const BlockView view = shape.view(block);
        for (uint32_t i = 0; i < view.kind->state_count; ++i)
            if (view.kind->states[i].name == part && view.dims[view.kind->states[i].count] > 1) return false;
    }
    return true;
}

float round_to_f16(float value) {
    const float magnitude = std::fabs(value);
    // One step of a number with 11 significant bits; below the normal numbers it stays as it is there.
    uint32_t bits = 0;
    const float normal = std::max(magnitude, f16_least_normal);
    std::memcpy(&bits, &normal, sizeof bits);
    const uint32_t step_bits = (bits & exponent_mask) - (10u << 23), inverse_bits = (254u << 23) - step_bits;
    float step = 0, inverse = 0;
    std::memcpy(&step, &step_bits, sizeof step);
    std::memcpy(&inverse, &inverse_bits, sizeof inverse);
    const float rounded = std::min(nearest_even(magnitude * inverse) * step, f16_max);
    return std::isnan(value) ? value : std::copysign(magnitude < f16_max ? rounded : f16_max, value);
}

void round_state(RoundedType type, float *values, uint32_t tiles, uint32_t n) {
    const size_t count = size_t{tiles} * n * tile_size;
    if (type == RoundedType::f32) return;
    if (type == RoundedType::f16) {
        for (size_t i = 0; i < count; ++i) values[i] = round_to_f16(values[i]);
        return;
    }
    const float limit = type == RoundedType::i16 ? 32767.0f : 127.0f;
    for (uint32_t tile = 0; tile < tiles; ++tile) {
        float *const channels = values + size_t{tile} * n * tile_size;  // [n][8]
        float scale[tile_size] = {};
        for (uint32_t i = 0; i < n; ++i)
            for (uint32_t lane = 0; lane < tile_size; ++lane)
                scale[lane] = std::max(scale[lane], std::fabs(channels[i * tile_size + lane]));
        for (float &one : scale) one /= limit;
        for (uint32_t i = 0; i < n; ++i)
            for (uint32_t lane = 0; lane < tile_size; ++lane) {
                float &value = channels[i * tile_size + lane];
                const float code = value / scale[lane];
                // What is all zero, or too small to divide by, stays.
                if (scale[lane] > 0) value = std::copysign(nearest_even(std::fabs(code)), code) * scale[lane];
            }
    }
}

std::unique_ptr<Scorer> rounded_scorer(CheckpointScorer &base, const StateRounding &rounding) {
    return std::make_unique<RoundedScorer>(base, rounding);
}

}  // namespace adder

// Folds through a whole model: the float model of the folded weights computes what the checkpoint's own computes.
// SPDX-License-Identifier: MIT
#include "converter/blob/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "converter/calibrate/calibrate.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/temporary_directory.h"

namespace adder {
namespace {

// [tokens][vocab_size]
std::vector<float> logits_of(FloatModel &model, const Tokens &tokens) {
    const uint32_t vocab = model.checkpoint().config().vocab_size;
    std::vector<float> logits(tokens.size() * vocab);
    FloatModel::Visitor visitor;
    visitor.logits = [&](size_t, uint32_t position, const float *row, uint32_t) {
        std::copy_n(row, vocab, &logits[size_t{position} * vocab]);
    };
    model.run(std::vector<Tokens>{tokens}, visitor);
    return logits;
}

// The largest difference, in units of the largest magnitude.
double difference(const std::vector<float> &a, const std::vector<float> &b) {
    float highest = 0, largest = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        highest = std::max(highest, std::fabs(a[i]));
        largest = std::max(largest, std::fabs(a[i] - b[i]));
    }
    return static_cast<double>(largest / highest);
}

// A checkpoint with outliers behind its norms, its calibration, and copies of it with some tensors folded.
class Folds : public testing::Test {
  protected:
    Folds() {
        spec_.config.tie_word_embeddings = false;
        spec_.config.dt_rank = 5;  // a single channel has the factor 1
        spec_.edit = [](const std::string &name, std::vector<float> &values) {
            if (name.find("norm") != std::string::npos) values[3] *= 30;
            // Steps that depend on the input, and that the logits show.
            for (const char *part : {"in_proj", "x_proj", "dt_proj.weight", "out_proj"})
                if (name.find(part) != std::string::npos)
                    for (float &value : values) value *= 8;
        };
        test::write_checkpoint(directory_.path(), spec_);
        checkpoint_.emplace(directory_.path());
        model_.emplace(*checkpoint_, pool_);
        for (int32_t t = 0; t < 80; ++t)
            tokens_.push_back(t * 7 % static_cast<int32_t>(spec_.config.vocab_size));
        Recipe recipe = recipe_named("naive");
        // Those whose division goes into another weight; that of x_proj and out_proj goes into multipliers.
        for (LinearPlan *plan : {&recipe.in_proj, &recipe.dt_proj, &recipe.head}) plan->alpha = 0.5f;
        plan_.emplace(recipe, spec_.config);
        calibration_ = calibrate(*model_, {tokens_}, *plan_);
    }

    std::vector<float> folded_logits(const std::set<Role> &roles) {
        const test::TemporaryDirectory directory;
        test::CheckpointSpec folded = spec_;
        folded.edit = [&](const std::string &name, std::vector<float> &values) {
            spec_.edit(name, values);
            for (const Role role : roles)
                for (uint32_t layer = 0; layer < spec_.config.n_layer; ++layer)
                    if (name == tensor_name(*checkpoint_, role, layer))
                        values = read_folded(*checkpoint_, *plan_, calibration_, role, layer).values;
        };
        test::write_checkpoint(directory.path(), folded);
        const Checkpoint checkpoint(directory.path());
        FloatModel model(checkpoint, pool_);
        return logits_of(model, tokens_);
    }

    test::TemporaryDirectory directory_;
    test::CheckpointSpec spec_;
    ThreadPool pool_{2};
    std::optional<Checkpoint> checkpoint_;
    std::optional<FloatModel> model_;
    Tokens tokens_;
    std::optional<Plan> plan_;
    Calibration calibration_;
};

TEST_F(Folds, LeaveWhatTheModelComputes) {
    const std::vector<float> expected = logits_of(*model_, tokens_);
    EXPECT_LT(difference(expected, folded_logits({Role::norm, Role::in_proj, Role::x_proj, Role::dt_proj,
                                                  Role::final_norm, Role::head})),
              1e-5);
    // Each of the three by itself, and what half of it would do.
    const std::pair<Role, Role> folds[] = {
        {Role::norm, Role::in_proj}, {Role::x_proj, Role::dt_proj}, {Role::final_norm, Role::head}};
    for (const auto &[producer, consumer] : folds) {
        EXPECT_LT(difference(expected, folded_logits({producer, consumer})), 1e-5)
            << tensor_name(*checkpoint_, consumer, 0);
        for (const Role half : {producer, consumer})
            EXPECT_GT(difference(expected, folded_logits({half})), 1e-4)
                << tensor_name(*checkpoint_, half, 0);
    }
}

}  // namespace
}  // namespace adder

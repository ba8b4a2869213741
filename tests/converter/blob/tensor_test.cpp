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
#include "converter/plan/names.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/temporary_directory.h"

namespace adder {
namespace {

// [tokens][vocab_size]
std::vector<float> logits_of(FloatModel &model, const Tokens &tokens) {
    const uint32_t vocab = model.checkpoint().shape().vocab_size;
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
    explicit Folds(const char *model_type = "mamba") {
        spec_.config.model_type = model_type;
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
        for (const Role role : {Role::in_proj, Role::dt_proj, Role::head}) recipe.of(role).alpha = 0.5f;
        if (spec_.config.model_type == "mamba2") recipe.of(Role::out_proj).alpha = 0.5f;
        plan_.emplace(recipe, checkpoint_->shape());
        calibration_ = calibrate(*model_, {tokens_}, *plan_);
    }

    std::vector<float> folded_logits(const std::set<Role> &roles) {
        const test::TemporaryDirectory directory;
        test::CheckpointSpec folded = spec_;
        folded.edit = [&](const std::string &name, std::vector<float> &values) {
            spec_.edit(name, values);
            const auto fold = [&](Role role, uint32_t block) {
                if (name == checkpoint_->tensor_name(role, block))
                    values = read_folded(*checkpoint_, *plan_, calibration_, role, block).values;
            };
            for (const Role role : roles) {
                if (role == Role::final_norm || role == Role::head)
                    fold(role, no_block);
                else
                    for (uint32_t block = 0; block < spec_.config.n_layer; ++block) fold(role, block);
            }
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

// Mamba-2: in_proj and bcdt_proj are rows of one tensor of the checkpoint, with one input that a norm makes; so is
// out_proj's.
class FoldsOfMamba2 : public Folds {
  protected:
    FoldsOfMamba2() : Folds("mamba2") {}
    // The checkpoint with the roles' tensors folded, in_proj's rows those of in_proj and of bcdt_proj.
    std::vector<float> folded(const std::set<Role> &roles) {
        const test::TemporaryDirectory directory;
        test::CheckpointSpec changed = spec_;
        changed.edit = [&](const std::string &name, std::vector<float> &values) {
            spec_.edit(name, values);
            for (uint32_t block = 0; block < spec_.config.n_layer; ++block)
                for (const Role role : roles) {
                    if (name != checkpoint_->tensor_name(role, block)) continue;
                    const DenseTensor fold = read_folded(*checkpoint_, *plan_, calibration_, role, block);
                    const bool last = role == Role::bcdt_proj;
                    std::copy(fold.values.begin(), fold.values.end(),
                              last ? values.end() - static_cast<ptrdiff_t>(fold.values.size())
                                   : values.begin());
                }
        };
        test::write_checkpoint(directory.path(), changed);
        const Checkpoint checkpoint(directory.path());
        FloatModel model(checkpoint, pool_);
        return logits_of(model, tokens_);
    }
};

TEST_F(FoldsOfMamba2, LeaveWhatTheModelComputes) {
    const std::vector<float> expected = logits_of(*model_, tokens_);
    const std::vector<Role> in = {Role::norm, Role::in_proj, Role::bcdt_proj},
                            out = {Role::gate_norm, Role::out_proj};
    for (const std::vector<Role> &all : {in, out}) {
        EXPECT_LT(difference(expected, folded({all.begin(), all.end()})), 1e-5);
        for (const Role one : all) {
            EXPECT_GT(difference(expected, folded({one})), 1e-4) << role_name(one);
            std::set<Role> others(all.begin(), all.end());
            others.erase(one);
            EXPECT_GT(difference(expected, folded(others)), 1e-4) << "without " << role_name(one);
        }
    }
    EXPECT_EQ(calibration_.of(Role::in_proj, 1).factors, calibration_.of(Role::bcdt_proj, 1).factors);
    EXPECT_GT(calibration_.of(Role::in_proj, 1).factors[3], 2.0f);
}

TEST_F(Folds, LeaveWhatTheModelComputes) {
    const std::vector<float> expected = logits_of(*model_, tokens_);
    EXPECT_LT(difference(expected, folded_logits({Role::norm, Role::in_proj, Role::x_proj, Role::dt_proj,
                                                  Role::final_norm, Role::head})),
              1e-5);
    // Each of the three by itself, and what half of it would do.
    const std::pair<Role, Role> folds[] = {
        {Role::norm, Role::in_proj}, {Role::x_proj, Role::dt_proj}, {Role::final_norm, Role::head}};
    for (const auto &[producer, consumer] : folds) {
        EXPECT_LT(difference(expected, folded_logits({producer, consumer})), 1e-5) << role_name(consumer);
        for (const Role half : {producer, consumer})
            EXPECT_GT(difference(expected, folded_logits({half})), 1e-4) << role_name(half);
    }
}

}  // namespace
}  // namespace adder

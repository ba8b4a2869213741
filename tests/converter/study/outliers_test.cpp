// A trained model with outliers put in that leave its function as it was: what they cost each recipe, and that the folds
// which cure them change nothing.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "converter/base/paths.h"
#include "converter/blob/tensor.h"
#include "converter/calibrate/calibrate.h"
#include "converter/calibrate/default_text.h"
#include "converter/convert/convert.h"
#include "converter/eval/report.h"
#include "converter/import/safetensors_writer.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/families.h"
#include "tests/support/shared.h"
#include "tests/support/temporary_directory.h"

namespace adder {
namespace {

// By a power of two weights and products keep their digits: the changed model computes the same bits.
constexpr float outlier = 128;

std::vector<Tokens> sequences_of(uint32_t vocab_size) {
    std::vector<Tokens> sequences(4);
    uint32_t state = 5;
    for (Tokens &tokens : sequences)
        for (int t = 0; t < 64; ++t) {
            state = state * 1664525u + 1013904223u;
            tokens.push_back(static_cast<int32_t>((state >> 8) % vocab_size));
        }
    return sequences;
}

std::vector<float> logits_of(const std::string &directory) {
    ThreadPool pool(1);
    const Checkpoint checkpoint(directory);
    FloatModel model(checkpoint, pool);
    std::vector<float> logits;
    FloatModel::Visitor visitor;
    visitor.logits = [&](size_t, uint32_t, const float *row, uint32_t) {
        logits.insert(logits.end(), row, row + checkpoint.shape().vocab_size);
    };
    model.run(sequences_of(checkpoint.shape().vocab_size), visitor);
    return logits;
}

using Edit = std::function<void(const TensorSpec &spec, std::vector<float> &values)>;

// The checkpoint with its tensors edited, the other files as they are.
void rewrite(const std::string &from, const std::string &to, DType dtype, const Edit &edit) {
    const Checkpoint checkpoint(from);
    std::filesystem::create_directory(to);
    for (const auto &entry : std::filesystem::directory_iterator(from))
        if (entry.path().extension() == ".json")
            test::write_text(to + "/" + entry.path().filename().string(),
                             test::read_text(entry.path().string()));
    const std::vector<TensorSpec> specs = checkpoint.shape().family->tensors(checkpoint.shape());
    SafetensorsWriter writer(to + "/model.safetensors", dtype, specs);
    for (const TensorSpec &spec : specs) {
        std::vector<float> values(static_cast<size_t>(element_count(spec)));
        checkpoint.files().read(checkpoint.files().tensor(spec.name), values.data());
        edit(spec, values);
        writer.append(values.data(), values.size());
    }
    writer.commit();
}

bool names(const TensorSpec &spec, const char *part) { return spec.name.find(part) != std::string::npos; }

void scale_row(std::vector<float> &values, size_t cols, size_t row, float factor) {
    for (size_t i = 0; i < cols; ++i) values[row * cols + i] *= factor;
}
void scale_column(std::vector<float> &values, size_t cols, size_t column, float factor) {
    for (size_t i = column; i < values.size(); i += cols) values[i] *= factor;
}

size_t columns_of(const TensorSpec &spec) { return static_cast<size_t>(spec.shape.back()); }

// In all layers: a channel of the norm and, divided, its column of in_proj. What comes behind SiLU, the inputs of x_proj
// and out_proj, no such pair reaches.
void before_in_proj(const TensorSpec &spec, std::vector<float> &values) {
    if (names(spec, ".norm.weight")) values[7] *= outlier;
    if (names(spec, "in_proj.weight")) scale_column(values, columns_of(spec), 7, 1 / outlier);
}

// In all layers: a row of x_proj that is an input of dt_proj, and, divided, its column there.
void before_dt_proj(const TensorSpec &spec, std::vector<float> &values) {
    if (names(spec, "x_proj.weight")) scale_row(values, columns_of(spec), 1, outlier);
    if (names(spec, "dt_proj.weight")) scale_column(values, columns_of(spec), 1, 1 / outlier);
}

class Outliers : public testing::Test {
  protected:
    // Calibrated on one part of the built-in text, measured on the other.
    void SetUp() override {
        const std::string_view text = default_calibration_text();
        test::write_text(directory_.file("calib.txt"), std::string(text.substr(0, text.size() / 3)));
        test::write_text(directory_.file("valid.txt"), std::string(text.substr(text.size() / 3)));
    }

    // What a recipe adds to the perplexity, in percent.
    double cost(const std::string &checkpoint, const std::string &recipe) {
        ConvertOptions options;
        options.checkpoint = checkpoint;
        options.output = directory_.file("blob.adder");
        options.recipe = recipe_named(recipe);
        options.calibration_files = {directory_.file("calib.txt")};
        options.calibration_tokens = 4096;
        options.quality.texts = {directory_.file("valid.txt")};
        options.quality.tokens = 8192;
        const double percent = convert(options, pool_).quality->at(0).change_percent.value;
        RecordProperty(file_name(checkpoint) + "_" + recipe, std::to_string(percent));
        return percent;
    }

    test::TemporaryDirectory directory_;
    ThreadPool pool_{2};
    const std::string plain_ = test::model_directory("adder-1m-int4");
};

// The changed model computes what it did.
TEST_F(Outliers, BeforeInProjHurtNaiveAndNotBest) {
    const std::string changed = directory_.file("changed");
    rewrite(plain_, changed, DType::bf16, before_in_proj);
    ASSERT_EQ(logits_of(changed), logits_of(plain_));
    EXPECT_GT(cost(changed, "naive"), cost(plain_, "naive") + 100);
    EXPECT_LT(cost(changed, "best"), cost(plain_, "best") + 1);
}

TEST_F(Outliers, BeforeDtProjHurtNaiveAndNotBest) {
    const std::string changed = directory_.file("changed");
    rewrite(plain_, changed, DType::bf16, before_dt_proj);
    ASSERT_EQ(logits_of(changed), logits_of(plain_));
    EXPECT_GT(cost(changed, "naive"), cost(plain_, "naive") + 10);
    EXPECT_LT(cost(changed, "best"), cost(plain_, "best") + 1);
}

// Everything that can be smoothed: through the mixtures in front of the projections, through a matrix in front of another,
// and, with a Hadamard transform, through the multipliers of the codes.
void smooth_all(const ModelShape &shape, bool hadamard, Recipe *recipe) {
    uint32_t smoothed = 0;
    for (uint32_t block = 0; block < shape.block_count(); ++block)
        for (const Role role : linear_roles_of(shape, block)) {
            LinearPlan &plan = recipe->of(role);
            const bool last = role == linear_roles_of(shape, block).back();
            plan.input = last && hadamard ? Input::hadamard : Input::fixed;
            plan.alpha = 0.7f;
            smoothed += can_smooth(shape, role, block, plan.input);
        }
    // Of a first time mix r, w, k, v, a, g, a2 and out; of another v1 and v2 as well; of a channel mix key, and value where
    // there are multipliers.
    ASSERT_EQ(smoothed, 8u + 10u + 2 * (hadamard ? 2u : 1u));
}

// What divides the outputs of a matrix or a vector's channels: the factors of those inputs that it makes.
std::vector<float> divisors_of(const Checkpoint &checkpoint, const Plan &plan, const Calibration &calibration,
                               Role maker, uint32_t block, uint32_t rows) {
    const ModelShape &shape = checkpoint.shape();
    std::vector<float> divisors(rows, 1.0f);
    for (const Role role : linear_roles_of(shape, block))
        if (input_owner(shape, role, block) == role && input_maker(shape, role, block) == maker &&
            plan.of(role, block).input != Input::hadamard)
            for (size_t i = 0, count = calibration.of(role, block).factors.size(); i < rows && count > 0; ++i)
                if (i < count || maker == Role::head_norm)  // whose biases are behind its weights
                    divisors[i] = calibration.of(role, block).factors[i % count];
    return divisors;
}

// What makes an input is what it was, divided by the factors.
void expect_divided_makers(const Checkpoint &checkpoint, const Plan &plan, const Calibration &calibration) {
    const ModelShape &shape = checkpoint.shape();
    for (uint32_t block = 0; block < shape.block_count(); ++block)
        for (const Role role : linear_roles_of(shape, block)) {
            const Role maker = input_maker(shape, role, block);
            if (maker == Role::none || is_matrix(maker)) continue;  // of matrices the products are compared
            const DenseTensor plain = checkpoint.read(maker, block),
                              folded = read_folded(checkpoint, plan, calibration, maker, block);
            const std::vector<float> divisors =
                divisors_of(checkpoint, plan, calibration, maker, block, plain.rows);
            for (size_t i = 0; i < plain.values.size(); ++i)
                EXPECT_FLOAT_EQ(folded.values[i] * divisors[i / plain.cols], plain.values[i])
                    << block << ", role " << static_cast<int>(maker);
        }
}

// Each fold, as the converter makes it, on the inputs that a model has: W x and what is folded of both.
void expect_exact_folds(const std::string &directory) {
    ThreadPool pool(1);
    const Checkpoint checkpoint(directory);
    const ModelShape &shape = checkpoint.shape();
    const bool hadamard = shape.dim(Dim::d_inner) % 64 == 0;
    Recipe recipe = recipe_named("best");
    recipe.of(Role::dt_proj).alpha = recipe.of(Role::out_proj).alpha = 0.7f;
    recipe.of(Role::out_proj).input = hadamard ? Input::hadamard : Input::fixed;
    recipe.of(Role::down_proj).alpha = 0.7f;
    if (shape.family->kind == BlockId::rwkv7) smooth_all(shape, hadamard, &recipe);
    const Plan plan(recipe, shape);
    FloatModel model(checkpoint, pool);
    const std::vector<Tokens> sequences = sequences_of(shape.vocab_size);
    const Calibration calibration = calibrate(model, sequences, plan);
    expect_divided_makers(checkpoint, plan, calibration);
    FloatModel::Visitor visitor;
    visitor.input = [&](Role role, uint32_t block, size_t sequence, const LinearInputs &rows, uint32_t) {
        if (sequence != 1) return;
        const DenseTensor plain = checkpoint.read(role, block);
        // A matrix in front of another is divided for it, as its input is: of x_proj the dt rows are.
        const std::vector<float> divisors =
            divisors_of(checkpoint, plan, calibration, role, block, plain.rows);
        const DenseTensor folded = read_folded(checkpoint, plan, calibration, role, block);
        const std::vector<float> &factors = calibration.of(role, block).factors;
        const bool smooth = plan.of(role, block).alpha > 0;
        ASSERT_EQ(factors.size(), smooth ? plain.cols : 0) << block;
        double largest = 0, difference = 0;
        for (uint32_t t = 0; t < rows.tokens; ++t) {
            const float *const x = rows.values + size_t{t} * rows.stride;
            std::vector<float> v(x, x + rows.width);
            fold_input(plan.of(role, block).input, factors, v.data(), rows.width);
            for (uint32_t row = 0; row < plain.rows; ++row) {
                double expected = 0, found = 0;
                for (uint32_t i = 0; i < plain.cols; ++i) {
                    const size_t at = size_t{row} * plain.cols + i;
                    expected += static_cast<double>(plain.values[at]) * static_cast<double>(x[i]);
                    found += static_cast<double>(folded.values[at]) * static_cast<double>(v[i]);
                }
                found *= static_cast<double>(divisors[row]);
                largest = std::max(largest, std::fabs(expected));
                difference = std::max(difference, std::fabs(expected - found));
            }
        }
        EXPECT_LT(difference, 1e-5 * largest)
            << directory << ": block " << block << ", role " << static_cast<int>(role);
        EXPECT_GT(largest, 0.0);
    };
    model.run(sequences, visitor);
}

// The same for the logits, of the folds that a checkpoint can hold: in_proj's into the norm, dt_proj's into x_proj.
void expect_same_logits(const std::string &directory, const std::string &changed) {
    const auto factor = [](size_t i) { return std::exp(static_cast<float>(i * 37 % 11) - 5.0f); };
    rewrite(directory, changed, DType::f32, [&](const TensorSpec &spec, std::vector<float> &values) {
        const size_t cols = columns_of(spec);
        const auto columns = [&] {
            for (size_t i = 0; i < cols; ++i) scale_column(values, cols, i, factor(i));
        };
        if (names(spec, ".norm.weight"))
            for (size_t i = 0; i < values.size(); ++i) values[i] /= factor(i);
        if (names(spec, "in_proj.weight") || names(spec, "dt_proj.weight")) columns();
        if (names(spec, "x_proj.weight"))
            for (size_t i = 0; i < Checkpoint(directory).shape().dim(Dim::dt_rank); ++i)
                scale_row(values, cols, i, 1 / factor(i));
    });
    const std::vector<float> expected = logits_of(directory), found = logits_of(changed);
    ASSERT_EQ(found.size(), expected.size());
    float largest = 0, difference = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
        largest = std::max(largest, std::fabs(expected[i]));
        difference = std::max(difference, std::fabs(expected[i] - found[i]));
    }
    EXPECT_LT(difference, 1e-4f * largest);
    EXPECT_GT(difference, 0.0f);
}

TEST_F(Outliers, FoldsOfATrainedModelAreExact) {
    expect_exact_folds(plain_);
    expect_same_logits(plain_, directory_.file("folded"));
}

TEST(ToyFolds, OfTheOtherFamiliesAreExact) {
    for (const std::string &model_type : test::other_model_types())
        for (const uint32_t d_inner : {64u, 72u}) {  // with a Hadamard transform and without
            const test::TemporaryDirectory directory;
            test::CheckpointSpec spec;
            spec.config.model_type = model_type;
            spec.config.d_model = test::is_rwkv(model_type) ? d_inner : 36;  // which has heads of d_model
            spec.config.d_inner = d_inner;
            spec.config.n_head = d_inner / 8;
            spec.config.dt_rank = 3;
            spec.scale = 0.4f;
            test::write_checkpoint(directory.path(), spec);
            expect_exact_folds(directory.path());
        }
}

TEST(ToyFolds, AreExact) {
    const test::TemporaryDirectory directory;
    test::CheckpointSpec spec;
    spec.config.d_model = 32;
    spec.config.d_inner = 64;
    spec.scale = 0.4f;
    std::filesystem::create_directory(directory.file("toy"));
    test::write_checkpoint(directory.file("toy"), spec);
    expect_exact_folds(directory.file("toy"));
    expect_same_logits(directory.file("toy"), directory.file("folded"));
}

}  // namespace
}  // namespace adder

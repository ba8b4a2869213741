// Zeroing channels and evaluating what is left.
// SPDX-License-Identifier: MIT
#include "converter/study/zeroing.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/base/random.h"
#include "converter/plan/names.h"

namespace adder {
namespace {

// `count` of the channels that are not in `taken` (ascending), ascending; all of them if there are fewer.
std::vector<uint32_t> draw_channels(uint32_t channels, const std::vector<uint32_t> &taken, size_t count,
                                    uint64_t seed) {
    std::vector<uint32_t> rest;
    for (uint32_t i = 0; i < channels; ++i)
        if (!std::binary_search(taken.begin(), taken.end(), i)) rest.push_back(i);
    count = std::min(count, rest.size());
    RandomNumbers random(seed);
    for (size_t i = 0; i < count; ++i) std::swap(rest[i], rest[i + random.below(rest.size() - i)]);
    rest.resize(count);
    std::sort(rest.begin(), rest.end());
    return rest;
}

class ZeroedScorer : public Scorer {
  public:
    ZeroedScorer(CheckpointScorer &base, const ZeroingCase &zeroed)
        : base_(base), columns_(zeroed.columns), facts_(base.facts()) {
        facts_.path += ", " + zeroed.name();
    }
    const ModelFacts &facts() const override { return facts_; }
    uint32_t vocab_size() const override { return base_.vocab_size(); }
    Tokens tokenize(std::string_view text, const std::string &name) const override {
        return base_.tokenize(text, name);
    }
    void score(const std::vector<Sequence> &sequences, const Callback &callback,
               const Advance &advance) override {
        struct Zeroed {  // whatever happens, the base is whole again afterwards
            FloatModel &model;
            ~Zeroed() { model.zero(nullptr); }
        } zeroed{base_.model()};
        zeroed.model.zero(&columns_);
        base_.score(sequences, callback, advance);
    }

  private:
    CheckpointScorer &base_;
    const ZeroedColumns columns_;
    ModelFacts facts_;
};

}  // namespace

std::string ZeroingCase::name() const {
    return format("%s, %s %g sigma", role ? role_name(*role) : "all inputs",
                  random ? "as many random channels as are beyond" : "outliers beyond", sigma);
}

std::vector<ZeroingCase> zeroing_cases(const std::vector<InputStatistics> &inputs,
                                       const std::vector<double> &sigmas, uint64_t seed) {
    std::vector<std::optional<Role>> roles;
    for (const Role role : roles_of(inputs)) roles.push_back(role);
    roles.push_back(std::nullopt);
    const double lowest = *std::min_element(sigmas.begin(), sigmas.end());
    std::vector<ZeroingCase> cases;
    for (const std::optional<Role> &role : roles)
        for (double sigma : sigmas)
            for (bool random : {false, true}) {
                ZeroingCase zeroed{role, sigma, random, {}};
                for (size_t i = 0; i < inputs.size(); ++i) {
                    const InputStatistics &input = inputs[i];
                    if (role && input.role != *role) continue;
                    std::vector<uint32_t> columns = outlier_channels(input, sigma);
                    if (random)
                        columns = draw_channels(static_cast<uint32_t>(input.absmax.size()),
                                                outlier_channels(input, lowest), columns.size(),
                                                seed * 1000003 + i);
                    if (!columns.empty()) zeroed.columns.set(input.role, input.block, std::move(columns));
                }
                cases.push_back(std::move(zeroed));
            }
    return cases;
}

std::unique_ptr<Scorer> zeroed_scorer(CheckpointScorer &base, const ZeroingCase &zeroed) {
    return std::make_unique<ZeroedScorer>(base, zeroed);
}

ZeroingTest run_zeroing(CheckpointScorer &base, std::vector<ZeroingCase> cases, const EvalOptions &options,
                        ThreadPool &pool, Scorer *recorded) {
    std::vector<std::unique_ptr<Scorer>> zeroed;
    std::vector<Scorer *> models = {recorded ? recorded : &base};
    std::vector<size_t> model_of;  // each case's; 0, the float model, where nothing is zeroed
    for (const ZeroingCase &c : cases) {
        model_of.push_back(c.columns.count() == 0 ? 0 : models.size());
        if (c.columns.count() == 0) continue;
        zeroed.push_back(zeroed_scorer(base, c));
        models.push_back(zeroed.back().get());
    }
    ZeroingTest test{evaluate(models, 0, options, pool), {}};
    if (test.evaluation.interrupted) throw_if_interrupted();
    for (size_t c = 0; c < cases.size(); ++c) {
        ZeroingResult result{std::move(cases[c]), {}, {}};
        for (size_t t = 0; t < options.texts.size(); ++t) {
            result.texts.push_back(text_figures(test.evaluation, model_of[c], t));
            if (model_of[c] == 0) {
                result.texts.back().change_percent = result.texts.back().kl_mean = {0, 0};
                result.texts.back().same_top1 = {1, 0};
            }
        }
        for (size_t t = 0; t < options.tasks.size(); ++t)
            result.tasks.push_back(task_figures(test.evaluation, model_of[c], t));
        test.results.push_back(std::move(result));
    }
    return test;
}

}  // namespace adder

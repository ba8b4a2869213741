// What the sentences of a study say of figures that are known.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "converter/study/tables.h"
#include "tests/support/error_of.h"

namespace adder::test {
namespace {

TextFinding text_of(double change, double error, double kl) {
    TextFinding text{};
    text.change_percent = {change, error};
    text.kl_mean = {kl, kl / 10};
    return text;
}

// A study that is made row by row, of two texts with the same figures.
class MadeUp {
  public:
    explicit MadeUp(const std::string &name) { study_.settings.checkpoint = name; }
    StudyFinding &add(const char *experiment, const std::string &series, const std::string &at, double change,
                      double error, double kl) {
        StudyFinding finding;
        finding.row.experiment = experiment;
        finding.row.series = series;
        finding.row.at = at;
        finding.texts = {text_of(change, error, kl), text_of(change, error, kl)};
        study_.findings.push_back(finding);
        return study_.findings.back();
    }
    MadeUp &table(double naive, double cured, double error = 0.1, double weights = 0.2) {
        add("table", "naive", "W8", weights, error, 0.001);
        add("table", "naive", "W8A8", naive, error, 0.1);
        add("table", "cured", "W8A8", cured, error, 0.01);
        return *this;
    }
    const Study &study() const { return study_; }

  private:
    Study study_;
};

std::string said(const std::vector<Study> &studies, const std::string &name) {
    for (const Experiment &experiment : experiments()) {
        if (experiment.name != name) continue;
        std::string all;
        for (const std::string &sentence : study_conclusions(studies, experiment)) all += sentence + "\n";
        return all;
    }
    ADD_FAILURE() << name;
    return {};
}

TEST(Conclusions, ACureIsOneOnlyWhereItIs) {
    const auto table = [](double naive, double cured, double error = 0.1, double weights = 0.2) {
        return said({MadeUp("a").table(naive, cured, error, weights).study()}, "table");
    };
    EXPECT_HAS(table(20, 1), "Naive W8A8 costs +20.00 % perplexity and cured +1.00 %, which mends 95 % of it");
    EXPECT_HAS(table(20, 1), "so that the inputs carry the loss");
    EXPECT_HAS(table(20, 1, 0.1, 15), "so that the weights carry the loss");
    EXPECT_HAS(table(20, 0.1),
               "cured +0.10 %, which is no more than chance, with a standard error of 0.07 points");
    EXPECT_HAS(table(20, 19.9), "which does not cure it");
    EXPECT_HAS(table(2, 25), "which does not cure it");
    const std::string nothing = table(0.5, 0.3, 1);
    EXPECT_HAS(nothing, "there is nothing to cure");
    EXPECT_EQ(nothing.find("carry the loss"), std::string::npos) << nothing;
    EXPECT_EQ(nothing.find("mends"), std::string::npos) << nothing;
}

TEST(Conclusions, OneModelStandsApartOrNoneDoes) {
    const auto all = [](double a, double b, double c, double error) {
        return said({MadeUp("a").table(a, 0.5, error).study(), MadeUp("b").table(b, 0.4, error).study(),
                     MadeUp("c").table(c, 0.3, error).study()},
                    "table");
    };
    const std::string one = all(1.5, 20, 2, 0.1);
    EXPECT_HAS(one, "All: naive W8A8 costs from +1.50 % (a) to +20.00 % (b); b stands apart in that, as the "
                    "next, c, loses +2.00 %. Cured it costs from +0.30 % (c) to +0.50 % (a).");
    EXPECT_HAS(all(1.5, 3, 2, 0.1), "no model stands apart");
    EXPECT_HAS(all(1.5, 20, 2, 20), "no model stands apart");
    EXPECT_HAS(all(-0.1, 5, -0.2, 0.1), "b stands apart in that, as the next, a, loses -0.10 %");
}

TEST(Conclusions, OutliersAreComparedWithRandomChannels) {
    const auto outliers = [](double all, double random, uint64_t channels) {
        MadeUp made("a");
        made.add("outliers", "all", "4", all, 0.5, 0.1).channels = channels;
        made.add("outliers", "all, random", "4", random, 0.5, 0.1).channels = channels;
        return said({made.study()}, "outliers");
    };
    EXPECT_HAS(outliers(40, 4, 25),
               "Without the 25 channels beyond 4 sigma perplexity changes by +40.00 %, without as many random "
               "ones by +4.00 %: they are worth more than others.");
    EXPECT_HAS(outliers(4, 4.5, 25), "the difference is no more than chance");
    EXPECT_HAS(outliers(4, 40, 25), "they are worth less than others");
    EXPECT_HAS(outliers(0, 0, 0), "No channel is beyond 4 sigma");
}

TEST(Conclusions, SmoothingMendsTheInputThatLosesMost) {
    const auto alpha = [](double worst, double half, double one) {
        MadeUp made("a");
        made.add("alpha", "in_proj", "0", 0, 0.1, 0.01);
        made.add("alpha", "in_proj", "0.5", 0, 0.1, 0.001);
        made.add("alpha", "out_proj", "0", 0, 0.1, worst);
        made.add("alpha", "out_proj", "0.5", 0, 0.1, half);
        made.add("alpha", "out_proj", "1", 0, 0.1, one);
        return said({made.study()}, "alpha");
    };
    EXPECT_HAS(alpha(0.2, 0.05, 0.02), "The input of out_proj loses most without smoothing, KL 0.2000; alpha 1 "
                                       "leaves 0.0200 of it.");
    EXPECT_HAS(alpha(0.2, 0.05, 0.06), "alpha 0.5 leaves 0.0500 of it");
    EXPECT_HAS(alpha(0.2, 0.3, 0.25), "no alpha makes it less");
    EXPECT_HAS(alpha(0.005, 0.3, 0.25), "The input of in_proj loses most");
}

TEST(Conclusions, TheMostSensitiveIsNamed) {
    MadeUp made("a");
    for (int layer = 0; layer < 4; ++layer)
        made.add("layers", "W4", std::to_string(layer), 0, 0.1, layer == 2 ? 0.07 : 0.01);
    made.add("tensors", "int8 input", "in_proj", 0, 0.1, 0.001);
    made.add("tensors", "int8 input", "out_proj", 0, 0.1, 0.19);
    made.add("tensors", "int8 input", "x_proj", 0, 0.1, 0.002);
    made.add("tensors", "int8 input", "dt_proj", 0, 0.1, 9).impossible = "it cannot be";
    EXPECT_EQ(said({made.study()}, "layers"), "W4 loses most in layer 2, 70 % of the sum of all.\n");
    EXPECT_EQ(said({made.study()}, "tensors"),
              "int8 input: most of all out_proj, KL 0.1900, then x_proj, 0.0020.\n");
}

TEST(Conclusions, GrowthOfAStatesErrorIsThatOfTheSecondHalf) {
    MadeUp made("a");
    StudyFinding &finding = made.add("state", "scan", "int8", 0, 0.1, 0.004);
    finding.row.state = StateRounding{"scan", RoundedType::i8};
    for (size_t text = 0; text < 2; ++text) {
        finding.positions.emplace_back();
        for (const double kl : {0.001, 0.002, 0.004, 0.008})
            finding.positions[text].push_back({0, 256, text_of(0, 0.1, kl)});
    }
    EXPECT_EQ(
        said({made.study()}, "state"),
        "Rounded after every token, 'scan' costs KL 0.004 in int8 codes, int8 at the end of a window 4.0 times "
        "what it costs at its middle.\n");
}

TEST(Conclusions, AChangeOfTasksIsSaidToBeChanceWhereItIs) {
    const auto tasks = [](double change) {
        MadeUp made("a");
        for (const char *series : {"naive", "cured"}) {
            StudyFinding &finding = made.add("tasks", series, "W8A8", 0, 0, 0);
            const TaskFinding task{{0.4 + change, 0.05}, {0.4, 0.05}, {change, 0.02}};
            finding.tasks = {task, task};
        }
        return said({made.study()}, "tasks");
    };
    EXPECT_HAS(tasks(-0.1),
               "The mean is 40.0 % in float, 30.0 % naive W8A8 and 30.0 % cured; the change of the "
               "last, -10.00 points with a standard error of 1.41, is more than chance.");
    EXPECT_HAS(tasks(-0.02), "is within chance");
}

}  // namespace
}  // namespace adder::test

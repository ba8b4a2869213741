// Every family but the first through every command, as a user calls them.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "adder/adder.h"
#include "converter/blob/file.h"
#include "converter/model/checkpoint.h"
#include "converter/plan/names.h"
#include "converter/study/outliers.h"
#include "converter/study/study.h"
#include "converter/study/zeroing.h"
#include "converter/text/json.h"
#include "tests/converter/eval/toy.h"
#include "tests/support/blob_builder.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/families.h"
#include "tests/support/well_formed.h"

namespace adder::test {
namespace {

std::string text_of(const Json &object, const char *key) {
    const Json *const value = object.find(key);
    return value != nullptr && value->is_string() ? value->string(key) : "(no text)";
}
double number_of(const Json &object, const char *key) {
    const Json *const value = object.find(key);
    return value != nullptr && value->is_number() ? value->number(key) : std::nan("");
}

class FamilyCommands : public testing::TestWithParam<std::string> {
  protected:
    FamilyCommands() : toy_(1, GetParam().c_str()) {}

    const BlockKind &kind() const { return *shape().view(0).kind; }  // of its first block
    bool may_be_halves() const { return kind().state_types >= StateType::f16; }
    ModelShape shape() const { return Checkpoint(toy_.checkpoint()).shape(); }
    // The linear layers of all blocks, a name once, and how often it is there.
    std::vector<std::string> linear() const {
        std::vector<std::string> names;
        for (const auto &[name, count] : counts()) names.push_back(name);
        return names;
    }
    std::map<std::string, uint32_t> counts() const {
        std::map<std::string, uint32_t> counts;
        const ModelShape model = shape();
        for (uint32_t block = 0; block < model.block_count(); ++block)
            for (const Role role : linear_roles_of(model, block)) ++counts[role_name(role)];
        return counts;
    }
    // Those that have an input of their own, block by block.
    std::vector<std::string> owners() const {
        std::vector<std::string> names;
        const ModelShape model = shape();
        for (uint32_t block = 0; block < model.block_count(); ++block)
            for (const Role role : linear_roles_of(model, block))
                if (input_owner(model, role, block) == role) names.emplace_back(role_name(role));
        return names;
    }
    std::string file(const std::string &name) const { return toy_.file(name); }
    std::string adder(std::vector<std::string> words, int expected = 0) {
        const Outcome outcome = adder_command(std::move(words));
        err_ = outcome.err;
        EXPECT_EQ(outcome.code, expected) << err_;
        return outcome.out;
    }
    Json json(std::vector<std::string> words) {
        words.push_back("--json");
        return Json::parse(adder(std::move(words)), "output");
    }
    std::string convert(const std::string &name, std::vector<std::string> more) {
        more.insert(more.begin(), {"convert", toy_.checkpoint(), "-o", file(name), "-q", "--calib",
                                   file("text.txt"), "--calib-tokens", "1024"});
        adder(more);
        return file(name);
    }
    // The words of the linear layers' names in a list of tensors.
    static std::set<std::string> roles_of(const std::vector<Json> &tensors) {
        std::set<std::string> roles;
        for (const Json &tensor : tensors) {
            const std::string role =
                text_of(tensor, "role") != "(no text)" ? text_of(tensor, "role") : text_of(tensor, "name");
            roles.insert(role.substr(role.rfind('.') + 1));
        }
        return roles;
    }

    EvalToy toy_;
    std::string err_;
};

TEST_P(FamilyCommands, EveryRecipeConvertsVerifiesAndRuns) {
    for (const std::string &recipe : recipe_names()) {
        std::vector<std::string> options = {"--recipe", recipe};
        if (recipe == "static") {  // the toy is too narrow for a Hadamard transform, which is said
            adder({"convert", toy_.checkpoint(), "-o", file("x.adder"), "-q", "--recipe", "static"}, 3);
            EXPECT_HAS(err_, "transforms the input of layers.0.out_proj in blocks of 64, and d_inner is " +
                                 std::to_string(shape().dim(Dim::d_inner)));
            options.insert(options.end(), {"--set", "layers.*.*=input=static"});
        }
        const std::string blob = convert("toy.adder", options);
        adder({"verify", blob, "--against", toy_.checkpoint(), "--ids", "1,2,3"});
        const std::string ids =
            adder({"run", blob, "--ids", "1,2,3", "-n", "6", "--ignore-eos", "-q", "--temp", "0"});
        EXPECT_EQ(adder({"run", blob, "--ids", "1,2,3", "-n", "6", "--ignore-eos", "-q", "--temp", "0", "-t",
                         "2", "--isa", "scalar"}),
                  ids)
            << recipe;
    }
}

TEST_P(FamilyCommands, VerifyComparesLayersOfPlainAndRotatedBlobs) {
    for (const bool rotate : {false, true}) {
        if (rotate && shape().layer_norm) {
            adder({"convert", toy_.checkpoint(), "-o", file("x.adder"), "-q", "--rotate"}, 3);
            EXPECT_HAS(err_, "toy/config.json: a residual stream in front of LayerNorms cannot be rotated");
            EXPECT_FALSE(std::filesystem::exists(file("x.adder")));
            continue;
        }
        std::vector<std::string> options = {"--recipe", "float"};
        if (rotate) options.push_back("--rotate");
        const std::string blob = convert("float.adder", options);
        const Json result = json({"verify", blob, "--against", toy_.checkpoint(), "--ids", "1,2,3,4,5,6,7"});
        const std::vector<Json> &layers = result.find("layers")->array("layers");
        ASSERT_EQ(layers.size(), shape().block_count());
        for (const Json &layer : layers) EXPECT_LE(number_of(layer, "relative_rms"), rotate ? 1e-4 : 0.0);
        EXPECT_LE(number_of(*result.find("logits"), "relative_rms"), rotate ? 1e-4 : 0.0);
        const std::string best =
            convert("best.adder", rotate ? std::vector<std::string>{"--rotate"} : std::vector<std::string>{});
        const Json quantized =
            json({"verify", best, "--against", toy_.checkpoint(), "--ids", "1,2,3,4,5,6,7"});
        EXPECT_GT(number_of(*quantized.find("logits"), "relative_rms"), 0);
        EXPECT_LT(number_of(*quantized.find("logits"), "relative_rms"), 0.1);
    }
}

TEST_P(FamilyCommands, ADryRunIsWhatHappens) {
    for (const char *recipe : {"best", "small", "float"}) {
        const Json dry = json({"convert", toy_.checkpoint(), "--dry-run", "-q", "--recipe", recipe});
        const Json real =
            json({"convert", toy_.checkpoint(), "-o", file("real.adder"), "-q", "--recipe", recipe});
        EXPECT_EQ(number_of(dry, "blob_bytes"), number_of(real, "bytes")) << recipe;
        EXPECT_EQ(number_of(dry, "blob_bytes"),
                  static_cast<double>(std::filesystem::file_size(file("real.adder"))));
        for (const char *key : {"parameters", "arena_bytes", "bits_per_weight"})
            EXPECT_EQ(number_of(dry, key), number_of(real, key)) << key;
        const Json inspected = json({"inspect", file("real.adder"), "--tensors"});
        const std::vector<Json> &planned = dry.find("tensors")->array(""),
                                &written = inspected.find("tensors")->array("");
        ASSERT_EQ(planned.size(), written.size());
        for (size_t i = 0; i < planned.size(); ++i)
            EXPECT_EQ(text_of(planned[i], "weights"), text_of(written[i], "dtype")) << i;
        EXPECT_EQ(number_of(inspected, "arena_bytes"), number_of(real, "arena_bytes"));
    }
    const std::string plan = adder({"convert", toy_.checkpoint(), "--dry-run", "-q"});
    for (const std::string &role : linear()) EXPECT_HAS(plan, "." + role + " ");
}

TEST_P(FamilyCommands, InspectSaysWhatItIs) {
    const std::string blob = convert("toy.adder", {});
    const Json found = json({"inspect", blob, "--tensors"});
    // Some have the same blocks; two layers of Nemotron-H have no MLP, which alone tells it from them.
    const bool shared =
        GetParam() == "granitemoehybrid" || GetParam() == "bamba" || GetParam() == "nemotron_h";
    const std::string family = shared ? "hybrid" : shape().family->name;
    EXPECT_EQ(text_of(found, "architecture"), family);
    const bool as_wide = is_rwkv(GetParam()) || GetParam() == "lfm2";
    EXPECT_EQ(number_of(found, "d_inner"), as_wide ? 16 : 32);  // d_model there
    EXPECT_EQ(text_of(found, "state_type"), may_be_halves() ? "f32" : "(no text)");
    EXPECT_EQ(number_of(found, "state_bytes"), static_cast<double>(adder_state_size(BlobFile(blob).model())));
    for (uint32_t dim = 0; dim < stored_dims; ++dim) {
        const char *const name = dim_name(static_cast<Dim>(dim));
        const double value = shape().dim(static_cast<Dim>(dim));
        if (value > 0) {
            EXPECT_EQ(number_of(found, name), value) << name;
        } else {
            EXPECT_TRUE(std::isnan(number_of(found, name))) << name;
        }
    }
    const std::string words = adder({"inspect", blob, "--tensors"});
    EXPECT_HAS(words, family + ", d_model 16, layers 2, vocabulary 300");
    for (uint32_t i = 0; i < kind().tensor_count; ++i)
        if (is_present(kind().tensors[i], shape().shapes[0].flags)) {
            EXPECT_HAS(words, role_name(kind().tensors[i].role));
        }
    EXPECT_EQ(words.find("float16"), std::string::npos);
    const Json before = json({"inspect", toy_.checkpoint()});
    EXPECT_EQ(text_of(before, "architecture"), text_of(found, "architecture"));
    EXPECT_EQ(number_of(before, "arena_bytes"), number_of(found, "arena_bytes"));
    EXPECT_EQ(number_of(before, "state_bytes") + 64,
              number_of(found, "state_bytes"));  // with a saved state's header
}

TEST_P(FamilyCommands, TheStateMayBeHalfAsWideInSomeAlone) {
    std::vector<std::string> words = {"convert", toy_.checkpoint(), "-o", file("half.adder"),
                                      "-q",      "--state",         "f16"};
    if (!may_be_halves()) {
        adder(words, 2);
        EXPECT_HAS(err_, std::string("--state f16: the state of ") + kind_name(kind().id) +
                             " is small and stays in float32; it is for Mamba-2");
        EXPECT_FALSE(std::filesystem::exists(file("half.adder")));
        words.push_back("--dry-run");
        adder(words, 2);
        return;
    }
    adder(words);
    const std::string full = convert("full.adder", {"--state", "f32"}),
                      half = convert("half.adder", {"--state", "f16"});
    const Json a = json({"inspect", full}), b = json({"inspect", half});
    EXPECT_EQ(text_of(b, "state_type"), "f16");
    EXPECT_HAS(adder({"inspect", half}), "state float16");
    // d_inner by d_state, two bytes less a number, in two layers or, of hybrids, in one.
    uint32_t layers = 0;
    for (uint32_t block = 0; block < shape().block_count(); ++block)
        layers += shape().view(block).kind == &kind();
    EXPECT_EQ(layers, trained_context(shape().architecture()) > 0 && GetParam() != "falcon_h1" ? 1u : 2u);
    const uint32_t bytes = layers * 32 * shape().dim(Dim::d_state) * 2;
    EXPECT_EQ(number_of(a, "state_bytes") - number_of(b, "state_bytes"), bytes);
    EXPECT_EQ(number_of(a, "arena_bytes") - number_of(b, "arena_bytes"), bytes);
    EXPECT_EQ(
        number_of(json({"convert", toy_.checkpoint(), "--dry-run", "-q", "--state", "f16"}), "arena_bytes"),
        number_of(b, "arena_bytes"));
    const Json against = json({"verify", half, "--against", toy_.checkpoint(), "--ids", "1,2,3,4,5,6,7,8"});
    EXPECT_LT(number_of(*against.find("logits"), "relative_rms"), 0.1);
    adder({"convert", toy_.checkpoint(), "-o", file("x.adder"), "--state", "f8"}, 2);
    EXPECT_HAS(err_, "--state");
}

TEST_P(FamilyCommands, ExportedAndEvaluated) {
    const std::string blob = convert("toy.adder", {});
    adder({"export-c", blob, "-o", file("c"), "--name", "voice"});
    EXPECT_EQ(read_text(file("c/voice.adder")), read_text(blob));
    const Json eval = json({"eval", blob, "--base", toy_.checkpoint(), "--ppl", file("text.txt"), "--window",
                            "64", "--task", "toy=" + file("task.jsonl"), "-q"});
    const Json &text = eval.find("models")->array("")[0].find("perplexity")->array("")[0];
    EXPECT_GT(number_of(text, "token"), 1);
    EXPECT_GT(number_of(text, "kl_mean"), 0);
    EXPECT_LT(number_of(text, "kl_mean"), 0.01);
    const Json same = json({"eval", convert("float.adder", {"--recipe", "float"}), "--base",
                            toy_.checkpoint(), "--ppl", file("text.txt"), "--window", "64", "-q"});
    const Json &exact = same.find("models")->array("")[0].find("perplexity")->array("")[0];
    EXPECT_EQ(number_of(exact, "kl_mean"), 0) << "the float blob computes the checkpoint's bits";
}

TEST_P(FamilyCommands, CalibrationFilesGiveTheBlobsOfTheText) {
    const auto calibrate = [&](const char *name, const std::vector<std::string> &texts) {
        std::vector<std::string> words = {"calibrate",
                                          toy_.checkpoint(),
                                          "-o",
                                          file(name),
                                          "-q",
                                          "--calib-tokens",
                                          std::to_string(1024 * texts.size())};
        for (const std::string &text : texts) words.insert(words.end(), {"--calib", text});
        adder(words);
        return read_text(file(name));
    };
    const std::string one = calibrate("c.json", {file("text.txt")});
    const Json source = Json::parse(one, "c.json");
    const bool first_kind = kind().id == all_kinds().front()->id;  // is not named
    const bool several = shape().shapes.size() > 1;                // which are in a list
    EXPECT_EQ(text_of(*source.find("checkpoint"), "kind"),
              first_kind || several ? "(no text)" : kind_name(kind().id));
    EXPECT_EQ(source.find("inputs")->array("").size(), owners().size() + 1);
    for (const std::vector<std::string> &recipe :
         {std::vector<std::string>{"naive"}, {"smooth"}, {"best"}, {"best", "--smooth", "auto"}}) {
        std::vector<std::string> words = {
            "convert",          toy_.checkpoint(), "--name",       "x",       "-q", "-o",
            file("with.adder"), "--calibration",   file("c.json"), "--recipe"};
        words.insert(words.end(), recipe.begin(), recipe.end());
        adder(words);
        words = {"--name", "x", "--recipe"};
        words.insert(words.end(), recipe.begin(), recipe.end());
        EXPECT_TRUE(read_text(convert("without.adder", words)) == read_text(file("with.adder")))
            << recipe.back();
    }
    write_text(file("more.txt"), read_text(file("text.txt")).substr(100) + " and something else\n");
    calibrate("b.json", {file("more.txt")});
    const std::string both = calibrate("both.json", {file("text.txt"), file("more.txt")});
    adder({"calibrate", "--merge", file("c.json"), file("b.json"), "-o", file("merged.json"), "-q"});
    EXPECT_EQ(read_text(file("merged.json")), both);
    if (!first_kind) {
        std::vector<std::string> kinds;
        for (const BlockKind *each : all_kinds()) kinds.emplace_back(kind_name(each->id));
        const std::string kind_word = std::string("\"kind\": \"") + kind_name(kind().id) + "\"";
        const auto damaged = [&](const std::string &from, const char *to) {
            std::string changed = one;
            changed.replace(changed.find(from), from.size(), to);
            write_text(file("damaged.json"), changed);
            adder({"convert", toy_.checkpoint(), "-o", file("x.adder"), "--calibration", file("damaged.json")},
                  3);
            return err_;
        };
        EXPECT_HAS(damaged(kind_word, "\"kind\": \"nobodys\""),
                   std::string(several ? "checkpoint: shapes: " : "checkpoint: ") + "kind is \"nobodys\"; " +
                       listed(kinds, " or ") + " is needed");
        const bool flagged = one.find("flags", one.find(kind_word)) < one.find('}', one.find(kind_word));
        EXPECT_HAS(damaged(kind_word, "\"kind\": \"mamba1\""),
                   flagged ? "of mamba1 bits of 0 are known" : "has no dt_rank");
        EXPECT_HAS(damaged("layers.0.out_proj", "layers.0.other_proj"),
                   "its place is taken by \"layers.0.other_proj\"");
        // Blocks of a kind that differ in their linear layers say in what.
        const std::string flags = "\"flags\": 16";
        EXPECT_EQ(one.find(flags) != std::string::npos, GetParam() == "rwkv7");
        if (one.find(flags) != std::string::npos) {
            EXPECT_HAS(damaged(flags, "\"flags\": 17"),
                       "checkpoint: shapes: flags is 17; of rwkv7 bits of 16 are known");
            EXPECT_HAS(damaged(flags, "\"flags\": 0"), "inputs are 27; with n_layer 2 there are 25");
        }
    }
    // Of another kind of block.
    const EvalToy mamba;
    adder({"convert", mamba.checkpoint(), "-o", file("x.adder"), "--calibration", file("c.json")}, 3);
    EXPECT_HAS(err_, first_kind ? "c.json is of checkpoint \"toy\", whose weights have CRC-32"
                                : std::string("c.json is of checkpoint \"toy\" with kind ") +
                                      kind_name(kind().id) + "; that of ");
    adder({"calibrate", mamba.checkpoint(), "-o", file("m.json"), "-q"});
    adder({"calibrate", "--merge", file("c.json"), file("m.json"), "-o", file("x.json"), "-q"}, 3);
    EXPECT_HAS(err_, "they are not of one checkpoint");
}

// An input that no tensor in front of it can be divided for takes no strength of smoothing.
TEST_P(FamilyCommands, SmoothingOfWhatNothingMakesIsRefused) {
    size_t found = 0;
    for (uint32_t block = 0; block < shape().block_count(); ++block)
        for (const Role role : linear_roles_of(shape(), block)) {
            if (input_owner(shape(), role, block) != role) continue;
            if (can_smooth(shape(), role, block, static_input_of(shape(), role, block))) continue;
            ++found;
            const std::string name = plan_name(shape(), role, block);
            adder({"convert", toy_.checkpoint(), "-o", file("x.adder"), "-q", "--recipe=smooth", "--set",
                   name + "=input=static,alpha=0.5"},
                  2);
            EXPECT_HAS(err_, "nothing that makes the input of " + name + " can smooth it: it takes alpha=off");
        }
    EXPECT_EQ(found > 0, is_rwkv(GetParam()) || GetParam() == "recurrent_gemma" ||
                             trained_context(shape().architecture()) > 0);  // what heads attend to
}

TEST_P(FamilyCommands, AStudyHasItsRows) {
    adder({"study", toy_.checkpoint(), "--calib", file("text.txt"), "--valid", file("lambada.jsonl"), "--out",
           file("s"), "--window", "64", "--state-window", "512", "--calib-tokens", "1024", "--quick", "-q",
           "-t", "2"});
    const Study study = read_study(read_text(file("s/study.json")), "study.json");
    const std::vector<StudyRow> rows = study_rows(Checkpoint(toy_.checkpoint()).shape());
    ASSERT_EQ(study.findings.size(), rows.size());
    bool zeroed = false;
    for (size_t i = 0; i < rows.size(); ++i) {
        const StudyFinding &f = study.findings[i];
        EXPECT_TRUE(same_row(f.row, rows[i])) << f.row.name();
        bool hadamard = f.row.series.find("Hadamard") != std::string::npos;
        for (const std::string &word : f.row.convert) hadamard |= word.find("hadamard") != std::string::npos;
        EXPECT_EQ(f.impossible.empty(), !hadamard) << f.row.name() << ": " << f.impossible;
        if (hadamard) continue;
        if (f.row.input) {  // what its inputs are like, of the float model
            EXPECT_TRUE(f.texts.empty()) << f.row.name();
            ASSERT_TRUE(f.input) << f.row.name();
            EXPECT_GT(f.input->channels, 0u) << f.row.name();
            EXPECT_GT(f.input->layers, 0u) << f.row.name();
            continue;
        }
        ASSERT_EQ(f.texts.size(), 1u) << f.row.name();
        EXPECT_GE(f.texts[0].kl_mean.value, 0) << f.row.name();
        if (f.row.zeroing) {
            EXPECT_EQ(f.texts[0].kl_mean.value > 0, f.channels > 0) << f.row.name();
        }
        zeroed |= f.row.zeroing && f.channels > 0;
        if (f.row.state && f.row.at == "float32") {
            EXPECT_EQ(f.texts[0].kl_mean.value, 0);
        }
        if (f.row.state && f.row.at == "int8") {
            EXPECT_GT(f.texts[0].kl_mean.value, 0) << f.row.name();
        }
    }
    // A number with a scale of its own would be rounded to itself: codes are of parts with more than one a channel.
    const auto rounds = [&](const std::string &part, const std::string &type) {
        return std::any_of(rows.begin(), rows.end(), [&](const StudyRow &row) {
            return row.state && row.state->part == part && row.at == type;
        });
    };
    std::map<std::string, bool> has_codes;  // by part
    const ModelShape shape = Checkpoint(toy_.checkpoint()).shape();
    for (uint32_t block = 0; block < shape.block_count(); ++block) {
        const BlockView view = shape.view(block);
        for (uint32_t i = 0; i < view.kind->state_count; ++i)
            has_codes[view.kind->states[i].name] |= view.dims[view.kind->states[i].count] > 1;
    }
    for (const auto &[part, has] : has_codes) {
        EXPECT_TRUE(rounds(part, "float16")) << part;
        EXPECT_EQ(rounds(part, "int8"), has) << part;
        EXPECT_EQ(rounds(part, "int16"), has) << part;
    }
    EXPECT_EQ(xml_error(read_text(file("s/study.html"))), "");
    for (const std::string &role : linear()) EXPECT_HAS(read_text(file("s/study.html")), role);
}

TEST_P(FamilyCommands, OutliersAreThoseOfTheInputs) {
    const Json report = json({"outliers", toy_.checkpoint(), "--calib", file("text.txt"), "--zero", "--valid",
                              file("text.txt"), "--window", "64", "--sigma", "3", "-q"});
    std::vector<std::string> inputs;
    for (const Json &input : report.find("inputs")->array("")) inputs.push_back(text_of(input, "input"));
    std::vector<std::string> expected = owners();
    const std::set<std::string> names(expected.begin(), expected.end());
    expected.push_back("head");
    EXPECT_EQ(inputs, expected);
    EXPECT_EQ(report.find("zeroing")->find("rows")->array("").size(), 2 * (names.size() + 2));
}

TEST_P(FamilyCommands, MatricesAndStepsAreTimed) {
    const std::string blob = convert("toy.adder", {});
    const auto report = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "bench");
        words.insert(words.end(), {"-o", "json", "-q", "-r", "1"});
        return Json::parse(adder(words), "bench");
    };
    std::set<std::string> linear_layers{"head"};
    for (const std::string &role : linear()) linear_layers.insert(role);
    std::set<std::string> matrices, steps;
    double products = 0, all = 0;
    const Json bare = report({"kernels", "--model", blob, "--isa", "scalar", "-t", "1"});
    const Json whole = report({blob, "-p", "16", "-n", "8"});
    for (const Json &row : bare.find("matrices")->array("matrices")) {
        if (text_of(row, "role") == "all") {
            all = number_of(row, "products_per_token");
            continue;
        }
        matrices.insert(text_of(row, "role"));
        products += number_of(row, "products_per_token");
        const std::string role = text_of(row, "role");
        EXPECT_EQ(number_of(row, "matrices"), role == "head" ? 1 : counts()[role]);
    }
    EXPECT_EQ(matrices, linear_layers);
    EXPECT_EQ(products, all);
    for (const Json &row : whole.find("steps")->array("steps")) steps.insert(text_of(row, "step"));
    for (const std::string &step : linear_layers) EXPECT_EQ(steps.count(step), 1u) << step;
    for (const char *step : {"scan", "norm", "all"}) EXPECT_EQ(steps.count(step), 1u) << step;
    bool convolves = false;
    for (uint32_t block = 0; block < shape().block_count(); ++block)
        convolves |= find_row(*shape().view(block).kind, Role::conv_weight) != nullptr;
    EXPECT_EQ(steps.count("conv"), convolves ? 1u : 0u);
    for (const Role role : all_linear_roles())
        EXPECT_EQ(steps.count(role_name(role)), linear_layers.count(role_name(role))) << role_name(role);
}

// Zeroing a channel of an input is zeroing its column in all matrices that take it.
TEST_P(FamilyCommands, ZeroingEqualsACheckpointWhoseColumnsAreZero) {
    const Checkpoint toy(toy_.checkpoint());
    const uint32_t last = toy.shape().block_count() - 1;
    const Role owner = linear_roles_of(toy.shape(), last).front();
    std::set<std::string> first;
    for (const Role role : input_sharers(toy.shape(), owner, last)) {
        std::string name = toy.tensor_name(role, last);
        first.insert(name);
        const size_t keys = name.find("k_proj");  // kv_proj is that and v_proj
        if (role == Role::kv_proj) first.insert(name.replace(keys, 1, "v"));
    }
    // RWKV-7's projections take a mixture each: that of one alone is zeroed.
    const std::string mixes = GetParam() == "rwkv7" ? toy.tensor_name(Role::v1_proj, last - 1) : std::string();
    const std::string adds = toy.tensor_name(Role::out_proj, 0);
    const uint32_t width = extent_of(toy.shape(), Role::out_proj, 0).cols;
    CheckpointSpec spec;
    spec.scale = 0.4f;
    spec.config.model_type = GetParam();
    spec.config.vocab_size = 300;
    spec.files["tokenizer.json"] = read_text(toy_.checkpoint() + "/tokenizer.json");
    spec.edit = [&](const std::string &name, std::vector<float> &values) {
        const auto zero = [&](size_t cols, size_t which) {
            for (size_t i = which; i < values.size(); i += cols) values[i] = 0;
        };
        if (first.count(name) != 0) zero(16, 5);  // in all matrices that are rows of it
        if (name == mixes) zero(16, 3);
        if (name == adds) zero(width, width - 2);
    };
    std::filesystem::create_directory(file("zeroed"));
    write_checkpoint(file("zeroed"), spec);
    ThreadPool pool(2);
    CheckpointScorer plain(toy_.checkpoint(), pool), expected(file("zeroed"), pool);
    ZeroingCase zeroed{std::nullopt, 6, false, {}};
    zeroed.columns.set(owner, last, {5});
    if (!mixes.empty()) zeroed.columns.set(Role::v1_proj, last - 1, {3});
    zeroed.columns.set(Role::out_proj, 0, {width - 2});
    const std::unique_ptr<Scorer> actual = zeroed_scorer(plain, zeroed);
    const std::vector<Tokens> windows = {plain.tokenize("hello there, what is it", "text")};
    const auto logits_of = [&](Scorer &scorer) {
        std::vector<float> all;
        scorer.Scorer::score(windows, [&](size_t, uint32_t, const float *logits) {
            all.insert(all.end(), logits, logits + scorer.vocab_size());
        });
        return all;
    };
    const std::vector<float> before = logits_of(plain);
    EXPECT_TRUE(logits_of(*actual) == logits_of(expected));
    EXPECT_FALSE(logits_of(*actual) == before);
}

INSTANTIATE_TEST_SUITE_P(Families, FamilyCommands, testing::ValuesIn(other_model_types()));

}  // namespace
}  // namespace adder::test

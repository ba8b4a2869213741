// run and inspect, as a user calls them, on toy models and on one that speaks.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <functional>

#include "adder/adder.h"
#include "converter/app/cli.h"
#include "converter/blob/file.h"
#include "converter/blob/text.h"
#include "converter/convert/stack_bounds.h"
#include "converter/text/json.h"
#include "tests/support/blob_builder.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/shared.h"
#include "tests/support/temporary_directory.h"

namespace adder {
namespace {

using test::adder_command;
using test::Outcome;

Json json_of(const Outcome &outcome) {
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out, "output");
}

int64_t integer(const Json &object, const char *key) {
    const Json *const value = object.find(key);
    if (value == nullptr) {
        ADD_FAILURE() << key << " is missing";
        return -1;
    }
    return value->integer(key, INT64_MIN, INT64_MAX);
}

std::string text(const Json &object, const char *key) {
    const Json *const value = object.find(key);
    return value != nullptr && value->is_string() ? value->string(key) : "(no text)";
}

std::vector<int64_t> ids(const Json &object, const char *key) {
    std::vector<int64_t> list;
    for (const Json &id : object.find(key)->array(key)) list.push_back(id.integer(key, 0, 1 << 20));
    return list;
}

// A model without a tokenizer, and without tokens that begin or end anything.
class Toy : public testing::Test {
  protected:
    void SetUp() override {
        test::CheckpointSpec spec;
        edit(spec);
        checkpoint_ = directory_.file("toy");
        std::filesystem::create_directory(checkpoint_);
        test::write_checkpoint(checkpoint_, spec);
        blob_ = directory_.file("toy.adder");
        const Outcome outcome = adder_command({"convert", checkpoint_, "-o", blob_, "--acts", "f32", "-q"});
        ASSERT_EQ(outcome.code, 0) << outcome.err;
    }
    virtual void edit(test::CheckpointSpec &) {}
    test::TemporaryDirectory directory_;
    std::string checkpoint_, blob_;
};

TEST_F(Toy, RunPrintsIdsWhereThereIsNoTokenizer) {
    const std::vector<std::string> words = {"run", blob_,    "--ids", "1,2,3",       "-n",
                                            "5",   "--temp", "0",     "--ignore-eos"};
    const Outcome plain = adder_command(words);
    ASSERT_EQ(plain.code, 0) << plain.err;
    std::vector<std::string> with_json = words;
    with_json.push_back("--json");
    const Json json = json_of(adder_command(with_json));
    std::string list;
    for (const int64_t id : ids(json, "generated_ids"))
        list += (list.empty() ? "" : ",") + std::to_string(id);
    EXPECT_EQ(plain.out, list + "\n");
    EXPECT_EQ(ids(json, "prompt_ids"), (std::vector<int64_t>{1, 2, 3}));
    EXPECT_TRUE(json.find("text")->is_null());
    EXPECT_EQ(text(json, "stop"), "length");
    EXPECT_EQ(integer(json, "threads"), 1);
    EXPECT_HAS(plain.err, "generated 5");
    std::vector<std::string> quiet = words;
    quiet.push_back("-q");
    EXPECT_EQ(adder_command(quiet).err, "");
}

TEST_F(Toy, RunIsTheSameWithThreadsChunksAndIsas) {
    std::string first;
    for (const char *threads : {"1", "2", "3"})
        for (const char *chunk : {"1", "2", "16"})
            for (const char *isa : {"", "scalar"}) {
                std::vector<std::string> words = {"run",    blob_,    "--ids",   "1,2,3,4,5", "-n",
                                                  "20",     "--temp", "1",       "-t",        threads,
                                                  "--seed", "9",      "--chunk", chunk,       "--ignore-eos"};
                if (isa[0] != '\0') words.insert(words.end(), {"--isa", isa});
                const Outcome outcome = adder_command(words);
                ASSERT_EQ(outcome.code, 0) << outcome.err;
                if (first.empty()) first = outcome.out;
                EXPECT_EQ(outcome.out, first);
            }
    EXPECT_NE(adder_command({"run", blob_, "--ids", "1,2,3,4,5", "-n", "20", "--temp", "1", "--seed", "10",
                             "--ignore-eos"})
                  .out,
              first);
}

TEST_F(Toy, ASavedStateContinuesWhereItWas) {
    const std::string state = directory_.file("s.state");
    const auto generated = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"run", blob_, "--json", "--temp", "0", "--ignore-eos"});
        return ids(json_of(adder_command(words)), "generated_ids");
    };
    const std::vector<int64_t> whole = generated({"--ids", "1,2,3,4,5,6", "-n", "8"});
    EXPECT_TRUE(generated({"--ids", "1,2,3,4", "--prompt-only", "--state-save", state}).empty());
    EXPECT_EQ(std::filesystem::file_size(state), adder_state_size(BlobFile(blob_).model()));
    EXPECT_EQ(generated({"--ids", "5,6", "-n", "8", "--state-load", state}), whole);
    // A state saved after generating has seen the last token, too.
    const std::vector<int64_t> head = generated({"--ids", "1,2,3,4,5,6", "-n", "4", "--state-save", state});
    EXPECT_EQ(head, std::vector<int64_t>(whole.begin(), whole.begin() + 4));
    const std::string fifth = std::to_string(whole[4]);
    EXPECT_EQ(generated({"--ids", fifth, "-n", "3", "--state-load", state}),
              std::vector<int64_t>(whole.begin() + 5, whole.end()));

    test::write_text(state, test::read_text(state).substr(0, 100));
    const Outcome damaged = adder_command({"run", blob_, "--ids", "1", "--state-load", state});
    EXPECT_EQ(damaged.code, 3);
    EXPECT_HAS(damaged.err, "s.state: ");
}

TEST_F(Toy, RunRefusesWhatItCannotDo) {
    const struct {
        std::vector<std::string> words;
        int code;
        const char *expected;
    } cases[] = {
        {{"-p", "x"}, 3, "carries no tokenizer"},
        {{"--ids", "1", "-p", "x"}, 2, "the prompt comes from one place"},
        {{"--ids", "1,x"}, 2, "is no list of token ids"},
        {{"--ids", "1,,2"}, 2, "is no list of token ids"},
        {{"--ids", "1,"}, 2, "is no list of token ids"},
        {{"--ids", "999999"}, 2, "token id 999999 is outside of the vocabulary, 0 to "},
        {{"--ids", "99999999999"}, 2, "token id 99999999999 is outside"},
        {{"--ids", "-1"}, 2, "is no list of token ids"},
        {{"--ids", "1", "--isa", "mmx"},
         2,
         "the instruction set is not built in or not on this CPU: mmx; usable here: scalar"},
        {{"--ids", "1", "--temp", "-1"}, 2, "--temp is -1"},
        {{"--ids", "1", "--chunk", "0"}, 2, "--chunk is 0"},
        {{"--ids", "1", "--state-load", directory_.file("none")}, 3, "cannot open"},
        {{"--ids", "1", "-n", "1", "--state-save", directory_.file("no/where")}, 1, "cannot create"},
    };
    for (const auto &[options, code, expected] : cases) {
        std::vector<std::string> words = {"run", blob_};
        words.insert(words.end(), options.begin(), options.end());
        const Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, code) << expected;
        EXPECT_HAS(outcome.err, expected);
    }
    setenv("ADDER_ISA", "mmx", 1);
    EXPECT_HAS(adder_command({"run", blob_, "--ids", "1"}).err, "mmx (from ADDER_ISA); usable here: scalar");
    unsetenv("ADDER_ISA");
}

TEST_F(Toy, EveryKindOfPagesGivesTheSame) {
    const std::vector<std::string> words = {"run", blob_, "--ids", "1,2,3", "-n", "5", "--ignore-eos"};
    const Outcome plain = adder_command(words);
    EXPECT_EQ(plain.err.find("KiB pages"), std::string::npos);
    for (const char *option : {"--prefault", "--hugepages"}) {
        std::vector<std::string> more = words;
        more.push_back(option);
        const Outcome outcome = adder_command(more);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(outcome.out, plain.out);
        EXPECT_EQ(outcome.err.find("KiB pages") != std::string::npos, more.back() == "--hugepages");
        EXPECT_EQ(adder_command({"bench", blob_, "-p", "4", "-n", "2", "-r", "1", option}).code, 0);
    }
}

TEST_F(Toy, OutputsReplaceNoInputs) {
    const std::string text = directory_.file("text"), blob = test::read_text(blob_);
    test::write_text(text, "once upon a time");
    const auto refuses = [](const std::vector<std::string> &words) {
        const Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, 2) << outcome.err;
        EXPECT_HAS(outcome.err, "is an input, and would be replaced");
    };
    refuses({"run", blob_, "--ids", "1", "--state-save", directory_.file("toy/../toy.adder")});
    refuses({"convert", checkpoint_, "-o", checkpoint_ + "/model.safetensors"});
    refuses({"convert", checkpoint_, "-o", checkpoint_ + "/config.json"});
    refuses({"convert", checkpoint_, "-o", text, "--calib", text});
    refuses({"convert", checkpoint_, "-o", text, "--gate-text", text});
    EXPECT_EQ(test::read_text(blob_), blob);
    EXPECT_EQ(test::read_text(text), "once upon a time");
    // A blob among the files of the checkpoint is an output like any other.
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(adder_command({"convert", checkpoint_, "-o", checkpoint_ + "/toy.adder", "-q"}).code, 0);
}

TEST_F(Toy, RunKnowsBeforeItBeginsThatItCannotSave) {
    const Outcome outcome =
        adder_command({"run", blob_, "--ids", "1", "-n", "3", "--state-save", directory_.file("no/where")});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_HAS(outcome.err, "cannot create " + directory_.file("no/where") + ": ");
}

TEST_F(Toy, StandardOutputIsNoPlaceForAFile) {
    const std::string before = std::filesystem::current_path();
    std::filesystem::current_path(directory_.path());
    const std::vector<std::vector<std::string>> commands = {
        {"convert", checkpoint_, "-o", "-"},
        {"convert", checkpoint_, "-o", "-", "--dry-run"},
        {"calibrate", checkpoint_, "-o", "-"},
        {"export-c", blob_, "-o", "-"},
        {"make-random", "--like", "8,1,16", "-o", "-"},
        {"outliers", checkpoint_, "-o", "-"},
        {"outliers", checkpoint_, "--html", "-"},
        {"study", checkpoint_, "--valid", blob_, "--out", "-"},
        {"eval", blob_, "--ppl", blob_, "--html", "-"},
        {"run", blob_, "--ids", "1", "--state-save", "-"}};
    for (const std::vector<std::string> &words : commands) {
        const Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, 2) << words[0];
        EXPECT_EQ(outcome.out, "") << words[0];
        EXPECT_HAS(outcome.err, "adder " + words[0] + ": - would be standard output, which cannot take it");
        EXPECT_HAS(outcome.err, "Give the name of a file");
    }
    EXPECT_FALSE(std::filesystem::exists("-"));
    EXPECT_EQ(adder_command({"convert", checkpoint_, "-o", "./-", "-q"}).code, 0);
    EXPECT_TRUE(std::filesystem::exists("-"));
    std::filesystem::current_path(before);
}

// The weights of this checkpoint cannot be read to the end: who comes so far ends with another message.
TEST_F(Toy, AnOutputThatCannotBeWrittenIsRefusedBeforeTheWork) {
    test::CheckpointSpec spec;
    spec.edit = [](const std::string &name, std::vector<float> &values) {
        if (name.find("layers.1.mixer.x_proj") != std::string::npos) values[3] = NAN;
    };
    const std::string checkpoint = directory_.file("odd"), nowhere = directory_.file("no/where");
    std::filesystem::create_directory(checkpoint);
    test::write_checkpoint(checkpoint, spec);
    for (const char *command : {"convert", "calibrate"}) {
        EXPECT_EQ(adder_command({command, checkpoint, "-o", directory_.file("out")}).code, 3);
        const Outcome outcome = adder_command({command, checkpoint, "-o", nowhere});
        EXPECT_EQ(outcome.code, 1);
        EXPECT_EQ(outcome.err, "adder " + std::string(command) + ": cannot create " + nowhere +
                                   ": No such file or directory\n");
    }
    EXPECT_FALSE(std::filesystem::exists(directory_.file("no")));
}

TEST_F(Toy, AFileThatGrowsTooLargeLeavesNothing) {
    const std::string output = directory_.file("large.adder"), state = directory_.file("large.state");
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit little{512, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &little), 0);
    const Outcome outcome = adder_command({"convert", checkpoint_, "-o", output, "-q"});
    const Outcome run = adder_command({"run", blob_, "--ids", "1", "-n", "1", "--state-save", state, "-q"});
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_HAS(outcome.err, "cannot write " + output);
    EXPECT_EQ(run.code, 1);
    EXPECT_HAS(run.err, "cannot write " + state);
    EXPECT_TRUE(!run.out.empty() && run.out.back() == '\n') << run.out;
    for (const auto &entry : std::filesystem::directory_iterator(directory_.path()))
        EXPECT_EQ(entry.path().filename().string().rfind("large", 0), std::string::npos) << entry.path();
}

TEST_F(Toy, AMissingCheckpointIsMissing) {
    const std::string missing = directory_.file("missing"), output = directory_.file("x.adder");
    const Outcome outcome = adder_command({"convert", missing, "-o", output});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_HAS(outcome.err, "cannot open " + missing + ": No such file");
    EXPECT_HAS(adder_command({"convert", blob_, "-o", output}).err, "is not a directory");
}

// What a dry run says is what the conversion then does, and it writes nothing.
TEST_F(Toy, ADryRunTellsWhatAConversionDoes) {
    const std::vector<std::vector<std::string>> plans = {
        {"--recipe", "best"},
        {"--recipe", "small", "--set", "layers.1.in_proj=f32,input=float", "--set", "embedding=int4,row"},
        {"--weights", "int4", "--acts", "int4"},
        {"--recipe", "float"},
    };
    for (const std::vector<std::string> &plan : plans) {
        const std::string blob = directory_.file("planned.adder");
        std::vector<std::string> words = {"convert", checkpoint_, "-o", blob, "--json", "-q"};
        words.insert(words.end(), plan.begin(), plan.end());
        std::vector<std::string> dry_words = words;
        dry_words.push_back("--dry-run");
        const Json dry = json_of(adder_command(dry_words));
        EXPECT_FALSE(std::filesystem::exists(blob));
        const Json real = json_of(adder_command(words));
        EXPECT_EQ(integer(dry, "blob_bytes"), integer(real, "bytes"));
        EXPECT_EQ(integer(dry, "blob_bytes"), static_cast<int64_t>(std::filesystem::file_size(blob)));
        for (const char *key : {"parameters", "arena_bytes", "calibration_tokens"})
            EXPECT_EQ(integer(dry, key), integer(real, key)) << key;
        EXPECT_EQ(dry.find("bits_per_weight")->number(""), real.find("bits_per_weight")->number(""));
        const Json inspected = json_of(adder_command({"inspect", blob, "--tensors", "--json"}));
        const std::vector<Json> &planned = dry.find("tensors")->array(""),
                                &written = inspected.find("tensors")->array("");
        ASSERT_EQ(planned.size(), written.size());
        for (size_t i = 0; i < planned.size(); ++i) {
            EXPECT_EQ(text(planned[i], "weights"), text(written[i], "dtype"));
            const Json *const bits = planned[i].find("input_bits"), *const found =
                                                                        written[i].find("input_bits");
            ASSERT_EQ(bits != nullptr, found != nullptr) << text(planned[i], "name");
            if (bits) {
                EXPECT_EQ(bits->number(""), found->number(""));
                EXPECT_EQ(bits->number(""), plan.back() == "int4" ? 4 : 8);
            }
        }
        EXPECT_GT(dry.find("estimate")->find("seconds")->number(""), 0);
        const bool has_int4 = plan[1] == "small" || plan[1] == "int4";
        for (const StackBound &bound : stack_bounds)
            EXPECT_EQ(integer(*dry.find("stack_bytes"), bound.build), has_int4             ? bound.int4
                                                                      : plan[1] == "float" ? bound.f32
                                                                                           : bound.int8)
                << bound.build << " of " << plan[1];
        std::filesystem::remove(blob);
    }
    EXPECT_HAS(adder_command({"convert", checkpoint_, "--dry-run", "--recipe", "small"}).out,
               "2 048 bytes (microcontroller), 4 096 (scalar), 7 168 (simd), 13 312 (neon), 21 504 (i8mm)");
    // What a conversion would refuse at once, a dry run does, too.
    const Outcome refused =
        adder_command({"convert", checkpoint_, "--dry-run", "--set", "layers.9.in_proj=int4"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_HAS(refused.err, "there is no layer 9");
}

// The blob's record says whether its residual stream is rotated: the checkpoint is opened likewise.
TEST_F(Toy, VerifyFindsTheLayersOfARotatedBlobInItsCheckpoint) {
    const std::string rotated = directory_.file("rotated.adder");
    const Outcome converted =
        adder_command({"convert", checkpoint_, "-o", rotated, "--recipe", "float", "--rotate", "-q"});
    ASSERT_EQ(converted.code, 0) << converted.err;
    const Json json =
        json_of(adder_command({"verify", rotated, "--against", checkpoint_, "--ids", "1,2,3,4,5", "--json"}));
    const std::vector<Json> &layers = json.find("layers")->array("");
    EXPECT_EQ(layers.size(), 2u);
    for (const Json &layer : layers) EXPECT_LT(layer.find("relative_rms")->number(""), 1e-4);
    EXPECT_LT(json.find("logits")->find("relative_rms")->number(""), 1e-4);

    // A rotation that is not this program's is refused, not compared.
    const auto refused = [&](const std::string &from, const std::string &to) {
        std::string bytes = test::read_text(rotated);
        bytes.replace(bytes.find(from), from.size(), to);
        test::fix_checksums(reinterpret_cast<uint8_t *>(bytes.data()), bytes.size());
        test::write_text(directory_.file("other.adder"), bytes);
        const Outcome outcome =
            adder_command({"verify", directory_.file("other.adder"), "--against", checkpoint_, "--ids", "1"});
        EXPECT_EQ(outcome.code, 3);
        return outcome.err;
    };
    EXPECT_HAS(refused("\"block\": 16", "\"block\": 99"),
               "rotated in blocks of 99 channels; 16 channels are rotated in blocks of 16");
    EXPECT_HAS(refused("hadamard", "identity"), "rotation is no Hadamard transform");
    EXPECT_HAS(refused("\"rotation\": {", "\"rotation\": 1,"), "quantization record");
}

TEST_F(Toy, RulesAreReadFromTheCommandLineFirst) {
    const std::string rules = directory_.file("rules.txt");
    test::write_text(rules, "layers.0.in_proj=int8\nlayers.*.in_proj=int4,group=64\n");
    const auto weights = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"convert", checkpoint_, "--dry-run", "--json", "-q"});
        const Json json = json_of(adder_command(words));
        std::string list;
        for (const Json &tensor : json.find("tensors")->array(""))
            if (text(tensor, "name").find("in_proj") != std::string::npos)
                list += text(tensor, "weights") + " ";
        return list;
    };
    EXPECT_EQ(weights({"--rules", rules}), "int8 int4 ");
    EXPECT_EQ(weights({"--rules", rules, "--set", "layers.0.in_proj=f32,input=float"}), "f32 int4 ");
}

TEST_F(Toy, OddWeightsAreListedAndBadOnesRefused) {
    const auto convert_edited =
        [&](const std::function<void(const std::string &, std::vector<float> &)> &edit) {
            const std::string checkpoint = directory_.file("odd");
            std::filesystem::remove_all(checkpoint);
            std::filesystem::create_directory(checkpoint);
            test::CheckpointSpec spec;
            spec.edit = edit;
            test::write_checkpoint(checkpoint, spec);
            return adder_command({"convert", checkpoint, "-o", directory_.file("odd.adder"), "-q"});
        };
    const auto in = [](const std::string &name, const char *part) {
        return name.find(part) != std::string::npos;
    };
    const Outcome zeros = convert_edited([&](const std::string &name, std::vector<float> &values) {
        if (in(name, "layers.1.mixer.x_proj")) std::fill(values.begin(), values.end(), 0.0f);
    });
    EXPECT_EQ(zeros.code, 0) << zeros.err;
    EXPECT_HAS(zeros.err, "warning: all weights of backbone.layers.1.mixer.x_proj.weight are zero");
    EXPECT_HAS(zeros.err,
               "channels of the input of layers.1.dt_proj are zero on all of the calibration text");

    const Outcome dead = convert_edited([&](const std::string &name, std::vector<float> &values) {
        if (in(name, "layers.0.norm.weight")) values[2] = values[5] = 0;
    });
    EXPECT_EQ(dead.code, 0) << dead.err;
    EXPECT_HAS(dead.err, "warning: 2 of ");
    EXPECT_HAS(dead.err, "channels of the input of layers.0.in_proj are zero");

    for (const float bad : {NAN, -INFINITY}) {
        const Outcome refused = convert_edited([&](const std::string &name, std::vector<float> &values) {
            if (in(name, "layers.1.mixer.out_proj")) values[3] = bad;
        });
        EXPECT_EQ(refused.code, 3);
        EXPECT_HAS(refused.err, "layers.1.mixer.out_proj.weight");
        EXPECT_HAS(refused.err, "at index 3");
        EXPECT_FALSE(std::filesystem::exists(directory_.file("odd.adder.tmp")));
    }

    const Outcome infinite = convert_edited([&](const std::string &name, std::vector<float> &values) {
        if (in(name, "layers.0.mixer.in_proj"))
            for (float &value : values) value *= 1e38f;
    });
    EXPECT_EQ(infinite.code, 3);
    EXPECT_HAS(infinite.err, "of layer 0 is not finite in channel");
}

TEST_F(Toy, GateOptionsNeedAGate) {
    const std::vector<std::string> convert = {"convert", checkpoint_, "-o", directory_.file("g.adder"), "-q"};
    for (const std::vector<std::string> &more :
         {std::vector<std::string>{"--gate-keep"}, {"--gate-tokens", "2048"}}) {
        std::vector<std::string> words = convert;
        words.insert(words.end(), more.begin(), more.end());
        EXPECT_EQ(adder_command(words).code, 2) << more[0];
    }
}

TEST_F(Toy, InspectAgreesWithTheLibrary) {
    const BlobFile blob(blob_);
    const Json json = json_of(
        adder_command({"inspect", blob_, "--json", "--chunk", "7", "--logit-rows", "3", "--tensors"}));
    adder_options options{};
    options.chunk = 7;
    options.logit_rows = 3;
    EXPECT_EQ(integer(json, "arena_bytes"), static_cast<int64_t>(adder_arena_size(blob.model(), &options)));
    int64_t regions = 0;
    for (const auto &[name, bytes] : json.find("arena_regions")->object("regions"))
        regions += bytes.integer(name, 0, INT64_MAX);
    EXPECT_EQ(regions, integer(json, "arena_bytes"));
    EXPECT_EQ(text(json, "kind"), "blob");
    EXPECT_EQ(text(json, "checksum"), "ok");
    EXPECT_EQ(text(json, "name"), "toy");
    EXPECT_EQ(integer(json, "state_bytes"), static_cast<int64_t>(adder_state_size(blob.model())));
    EXPECT_EQ(integer(json, "blob_bytes"), static_cast<int64_t>(std::filesystem::file_size(blob_)));
    EXPECT_EQ(integer(json, "bytes_per_token"), static_cast<int64_t>(blob.info().bytes_per_token));
    EXPECT_TRUE(json.find("quantization_record")->is_object());
    EXPECT_TRUE(json.find("tokenizer")->is_null());
    EXPECT_GT(json.find("tensors")->array("tensors").size(), 20u);
    const Outcome words = adder_command({"inspect", blob_, "--tensors"});
    for (const char *part : {"an Adder blob of format version 3", "d_model", "in_proj", "checksum", "arena"})
        EXPECT_HAS(words.out, part);
}

TEST_F(Toy, InspectTellsTheArenaBeforeConverting) {
    const Json before =
        json_of(adder_command({"inspect", checkpoint_, "--json", "--chunk", "5", "--tensors"}));
    EXPECT_EQ(text(before, "kind"), "checkpoint");
    EXPECT_FALSE(before.find("tokenizer")->boolean("tokenizer"));
    EXPECT_EQ(before.find("files")->array("files").size(), 1u);
    EXPECT_GT(integer(before, "arena_bytes"), integer(before, "state_bytes"));
    EXPECT_HAS(adder_command({"inspect", checkpoint_}).out, "Converted with the defaults");
}

TEST_F(Toy, InspectReportsDamageAndStrangers) {
    std::string bytes = test::read_text(blob_);
    bytes[bytes.size() - 100] = static_cast<char>(bytes[bytes.size() - 100] ^ 1);
    const std::string damaged = directory_.file("damaged.adder");
    test::write_text(damaged, bytes);
    Outcome outcome = adder_command({"inspect", damaged});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_HAS(outcome.out, "d_model");
    EXPECT_HAS(outcome.err, "is damaged");
    EXPECT_EQ(adder_command({"run", damaged, "--ids", "1"}).code, 3);

    test::write_text(directory_.file("note.txt"), "hello");
    for (const std::string &stranger : {directory_.file("note.txt"), directory_.path()}) {
        outcome = adder_command({"inspect", stranger});
        EXPECT_EQ(outcome.code, 3);
        EXPECT_HAS(outcome.err, "is neither an Adder blob (FILE.adder) nor a checkpoint");
    }
    outcome = adder_command({"inspect", directory_.file("nothing")});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_HAS(outcome.err, "No such file");
}

TEST_F(Toy, AFullDiskIsNoSuccess) {
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0) GTEST_SKIP() << "NOT TESTED: there is no /dev/full";
    std::fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    const std::vector<Command> commands = {inspect_command()};
    std::vector<std::string> words = {"adder", "inspect", blob_};
    std::vector<char *> argv = {words[0].data(), words[1].data(), words[2].data()};
    testing::internal::CaptureStderr();
    dup2(full, STDOUT_FILENO);
    const int code = cli_main(commands, 3, argv.data());
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(full);
    EXPECT_EQ(code, 1);
    EXPECT_HAS(testing::internal::GetCapturedStderr(),
               "cannot write to standard output: No space left on device");
}

// With a token to begin and to end with.
class EndingToy : public Toy {
  protected:
    void edit(test::CheckpointSpec &spec) override {
        spec.config.bos_token_id = 3;
        spec.config.eos_token_ids = {4};
    }
};

TEST_F(EndingToy, AnEmptyPromptBeginsFromTheBosToken) {
    const Outcome outcome = adder_command({"run", blob_, "--ids", "", "--json", "-n", "2"});
    EXPECT_EQ(ids(json_of(outcome), "prompt_ids"), std::vector<int64_t>{3});
    EXPECT_HAS(outcome.err, "the prompt is empty: beginning from token 3");
}

class Speaking : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        directory_ = new test::TemporaryDirectory;
        blob_ = new std::string(directory_->file("m.adder"));
        const Outcome outcome = adder_command({"convert", test::model_directory("adder-1m-int4"), "-o",
                                               *blob_, "--calib-tokens", "1024", "-q"});
        ASSERT_EQ(outcome.code, 0) << outcome.err;
    }
    static void TearDownTestSuite() {
        delete blob_;
        delete directory_;
    }
    static test::TemporaryDirectory *directory_;
    static std::string *blob_;
};
test::TemporaryDirectory *Speaking::directory_ = nullptr;
std::string *Speaking::blob_ = nullptr;

TEST_F(Speaking, TheTextIsWhatTheIdsSay) {
    const std::vector<std::string> words = {"run", *blob_, "-p",          "Once upon a time",
                                            "-n",  "30",   "--ignore-eos"};
    const Outcome plain = adder_command(words);
    std::vector<std::string> with_json = words;
    with_json.push_back("--json");
    const Json json = json_of(adder_command(with_json));
    EXPECT_EQ(plain.out, text(json, "text") + "\n");
    const BlobFile blob(*blob_);
    TextStream stream(blob, false);
    std::string joined;
    for (const int64_t id : ids(json, "generated_ids")) joined += stream.put(static_cast<int32_t>(id));
    EXPECT_EQ(joined + stream.flush(), text(json, "text"));
    EXPECT_EQ(ids(json, "generated_ids").size(), 30u);
}

TEST_F(Speaking, PromptsFromFilesAndStandardInputAreAlike) {
    const std::string path = directory_->file("prompt.txt");
    test::write_text(path, "The old man");
    const std::vector<int64_t> expected = ids(
        json_of(adder_command({"run", *blob_, "--json", "-n", "4", "-p", "The old man"})), "generated_ids");
    EXPECT_EQ(ids(json_of(adder_command({"run", *blob_, "--json", "-n", "4", "-f", path})), "generated_ids"),
              expected);
    const int saved = dup(STDIN_FILENO);
    for (const bool explicitly : {true, false}) {
        const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        dup2(file, STDIN_FILENO);
        close(file);
        std::vector<std::string> words = {"run", *blob_, "--json", "-n", "4"};
        if (explicitly) words.insert(words.end(), {"-f", "-"});
        EXPECT_EQ(ids(json_of(adder_command(words)), "generated_ids"), expected);
    }
    dup2(saved, STDIN_FILENO);
    close(saved);
}

TEST_F(Speaking, EndTokensSpecialTokensAndThePenalty) {
    // A turn of the user is followed by the assistant's, which ends.
    const std::vector<std::string> chat = {"run", *blob_, "-p",    "<|user|>hello<|end|><|assistant|>",
                                           "-n",  "0",    "--json"};
    std::vector<std::string> special = chat;
    special.push_back("--special");
    const Json json = json_of(adder_command(special));
    EXPECT_EQ(text(json, "stop"), "eos");
    EXPECT_LT(ids(json, "prompt_ids").size(), 8u);
    EXPECT_EQ(text(json, "text").find("<|end|>"), std::string::npos);
    // Without --special the names are text like any other.
    std::vector<std::string> literal = chat;
    literal[5] = "1";
    EXPECT_GT(ids(json_of(adder_command(literal)), "prompt_ids").size(), 10u);

    const Json greedy =
        json_of(adder_command({"run", *blob_, "-p", "a", "-n", "1", "--temp", "0", "--json"}));
    EXPECT_EQ(greedy.find("repetition_penalty")->number("penalty"), 1);
    const Json sampled = json_of(adder_command({"run", *blob_, "-p", "a", "-n", "1", "--json"}));
    EXPECT_NEAR(sampled.find("repetition_penalty")->number("penalty"), 1.1, 1e-6);
    const Json both = json_of(adder_command(
        {"run", *blob_, "-p", "a", "-n", "1", "--temp", "0", "--repeat-penalty", "1.5", "--json"}));
    EXPECT_EQ(both.find("repetition_penalty")->number("penalty"), 1.5);
}

TEST_F(Speaking, InspectShowsTheChatTemplateAndTheArenaToCome) {
    const Json blob = json_of(adder_command({"inspect", *blob_, "--json", "--chunk", "32"}));
    const Json checkpoint = json_of(
        adder_command({"inspect", test::model_directory("adder-1m-int4"), "--json", "--chunk", "32"}));
    EXPECT_EQ(integer(checkpoint, "arena_bytes"), integer(blob, "arena_bytes"));
    EXPECT_EQ(integer(checkpoint, "parameters"), integer(blob, "parameters"));
    EXPECT_TRUE(checkpoint.find("chat_template")->boolean("chat_template"));
    EXPECT_EQ(integer(*blob.find("tokenizer"), "tokens"), 2048);
}

}  // namespace
}  // namespace adder

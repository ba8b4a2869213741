// adder convert and verify as a user calls them: dry runs, rules, odd weights.
// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "converter/convert/stack_bounds.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/support/error_of.h"

namespace adder::test {
namespace {

TEST_F(ToyCommands, AMissingCheckpointIsMissing) {
    const std::string missing = directory_.file("missing"), output = directory_.file("x.adder");
    const Outcome outcome = adder_command({"convert", missing, "-o", output});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_HAS(outcome.err, "cannot open " + missing + ": No such file");
    EXPECT_HAS(adder_command({"convert", blob_, "-o", output}).err, "is not a directory");
}

// What a dry run says is what the conversion then does, and it writes nothing.
TEST_F(ToyCommands, ADryRunTellsWhatAConversionDoes) {
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
        // small leaves the small matrices at int8: where there are several types the largest bound counts.
        for (const StackBound &bound : stack_bounds)
            EXPECT_EQ(integer(*dry.find("stack_bytes"), bound.build), plan[1] == "small"
                                                                          ? std::max(bound.int8, bound.int4)
                                                                      : plan[1] == "int4"  ? bound.int4
                                                                      : plan[1] == "float" ? bound.f32
                                                                                           : bound.int8)
                << bound.build << " of " << plan[1];
        std::filesystem::remove(blob);
    }
    EXPECT_HAS(adder_command({"convert", checkpoint_, "--dry-run", "--recipe", "small"}).out,
               "2 048 bytes (microcontroller), 4 096 (scalar), 7 168 (simd), 24 576 (avx2), 13 312 (neon), "
               "21 504 (i8mm)");
    // What a conversion would refuse at once, a dry run does, too.
    const Outcome refused =
        adder_command({"convert", checkpoint_, "--dry-run", "--set", "layers.9.in_proj=int4"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_HAS(refused.err, "there is no layer 9");
}

// The blob's record says whether its residual stream is rotated: the checkpoint is opened likewise.
TEST_F(ToyCommands, VerifyFindsTheLayersOfARotatedBlobInItsCheckpoint) {
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
        std::string bytes = read_text(rotated);
        bytes.replace(bytes.find(from), from.size(), to);
        fix_checksums(reinterpret_cast<uint8_t *>(bytes.data()), bytes.size());
        write_text(directory_.file("other.adder"), bytes);
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

TEST_F(ToyCommands, RulesAreReadFromTheCommandLineFirst) {
    const std::string rules = directory_.file("rules.txt");
    write_text(rules, "layers.0.in_proj=int8\nlayers.*.in_proj=int4,group=64\n");
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

TEST_F(ToyCommands, OddWeightsAreListedAndBadOnesRefused) {
    const auto convert_edited =
        [&](const std::function<void(const std::string &, std::vector<float> &)> &edit) {
            const std::string checkpoint = directory_.file("odd");
            std::filesystem::remove_all(checkpoint);
            std::filesystem::create_directory(checkpoint);
            CheckpointSpec spec;
            spec.edit = edit;
            write_checkpoint(checkpoint, spec);
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
    EXPECT_HAS(zeros.err, "channels of the input of layers.1.dt_proj are zero on all of the calibration text");

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

TEST_F(ToyCommands, GateOptionsNeedAGate) {
    const std::vector<std::string> convert = {"convert", checkpoint_, "-o", directory_.file("g.adder"), "-q"};
    for (const std::vector<std::string> &more :
         {std::vector<std::string>{"--gate-keep"}, {"--gate-tokens", "2048"}}) {
        std::vector<std::string> words = convert;
        words.insert(words.end(), more.begin(), more.end());
        EXPECT_EQ(adder_command(words).code, 2) << more[0];
    }
}

}  // namespace
}  // namespace adder::test

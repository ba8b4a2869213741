// The logits of real models, and of a toy of each other family, against tests/golden/logits.crc: every kernel table, number of threads, chunk and kind of call.
// SPDX-License-Identifier: MIT
//
//     ADDER_GOLDEN_WRITE=FILE   writes the file anew instead, in one run of the program over all of its tests
//     ADDER_GOLDEN_KEEP=DIR     leaves the converted blobs in this folder
//     ADDER_GOLDEN_BLOBS=DIR    reads those that such a folder has instead of converting: what takes a host seconds takes an
//                               emulated processor minutes
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include "converter/base/file.h"
#include "converter/convert/convert.h"
#include "runtime/crc32.h"
#include "tests/support/blob_builder.h"
#include "tests/support/sample.h"
#include "tests/support/shared.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

struct Model {
    const char *name;
    const char *folder;  // of examples/models, or of those that are not bundled
    size_t tokens;       // of the prompt
    bool all_pairs;      // of threads and chunk; else every value of both
    // Converted as the boards have it; tests/firmware compares their logits with this line as well.
    bool is_firmware;
    const char *toy = nullptr;  // instead of a folder: the type of a model with random weights, made here
    StateType state = StateType::f32;
    bool only_best = false;  // of the recipes: others take long to convert
};

constexpr Model models[] = {
    {"mamba", "conformance/mamba", 70, true, false},
    {"mamba_untied_odd", "conformance/mamba_untied_odd", 70, true, false},
    {"adder-1m", "adder-1m", 33, false, false},
    {"adder-1m-int4", "adder-1m-int4", 33, false, false},
    {"adder-13m", "adder-13m", 17, false, false},
    {"adder-1m-int4-firmware", "adder-1m-int4", 33, false, true},
    {"falcon-toy", "", 70, true, false, "falcon_mamba"},
    {"mamba2-toy", "", 70, true, false, "mamba2"},
    {"mamba2-toy-f16", "", 70, true, false, "mamba2", StateType::f16},
    {"rwkv7", "conformance/rwkv7", 70, true, false},
    {"rwkv7-toy", "", 70, true, false, "rwkv7"},
    {"rwkv4", "conformance/rwkv4", 70, true, false},
    {"rwkv4-toy", "", 70, true, false, "rwkv"},
    {"rwkv5-toy", "", 70, true, false, "rwkv5"},
    {"griffin-toy", "", 70, true, false, "recurrent_gemma"},
    {"granite-toy", "", 70, true, false, "granitemoehybrid"},
    {"lfm2-toy", "", 70, true, false, "lfm2"},
    {"qwen3-5-toy", "", 70, true, false, "qwen3_5_text"},
    {"qwen3-5-toy-f16", "", 70, true, false, "qwen3_5_text", StateType::f16},
    {"falcon-h1-toy", "", 70, true, false, "falcon_h1"},
    {"nemotron-h-toy", "", 70, true, false, "nemotron_h"},
    {"rwkv7-13m", "rwkv7-13m", 17, false, false, nullptr, StateType::f32, true},
    {"griffin-13m", "griffin-13m", 17, false, false, nullptr, StateType::f32, true},
};
constexpr const char *recipes[] = {"naive", "static", "best", "small", "float"};

struct Case {
    Model model;
    std::string recipe;
};

std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const Model &model : models)
        for (const std::string recipe : recipes) {
            const bool no_hadamard =
                model.name == std::string("mamba_untied_odd");  // d_inner is no multiple of 64
            if ((recipe == "static" && no_hadamard) || (recipe != "small" && model.is_firmware) ||
                (recipe != "best" && model.only_best))
                continue;
            cases.push_back({model, recipe});
        }
    return cases;
}

std::ostream &operator<<(std::ostream &out, const Case &one) {
    return out << one.model.name << " " << one.recipe << " " << one.model.tokens;
}

struct Crcs {
    uint32_t all = 0;   // of the logits after each token, one after the other
    uint32_t last = 0;  // of the logits after the last one
    bool operator==(const Crcs &other) const { return all == other.all && last == other.last; }
};

std::ostream &operator<<(std::ostream &out, const Crcs &crcs) {
    char text[20];
    std::snprintf(text, sizeof text, "%08x %08x", crcs.all, crcs.last);
    return out << text;
}

constexpr char heading[] =
    "# CRC-32 of the logits, little-endian floats: tests/golden/golden_test.cpp says how they are made.\n"
    "# ADDER_GOLDEN_WRITE=tests/golden/logits.crc build/bin/adder_golden_test  writes this file.\n"
    "# model recipe tokens: after each token, after the last\n";

using Golden = std::map<std::string, Crcs>;  // by "model recipe tokens"

Golden read_golden() {
    std::ifstream file(ADDER_SOURCE_DIR "/tests/golden/logits.crc");
    Golden golden;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        const size_t colon = line.find(": ");
        Crcs crcs;
        if (colon == std::string::npos ||
            std::sscanf(line.c_str() + colon, ": %8x %8x", &crcs.all, &crcs.last) != 2)
            throw std::runtime_error("logits.crc: " + line);
        golden[line.substr(0, colon)] = crcs;
    }
    return golden;
}

std::string directory_of(const Model &model) { return model_directory(model.folder); }

void convert_to(const std::string &path, const Model &model, const std::string &recipe) {
    ConvertOptions options;
    options.checkpoint = directory_of(model);
    options.output = path;
    options.recipe = recipe_named(recipe);
    if (model.is_firmware)
        options.rules.emplace_back(RuleSource{"embedding=int4", "--set", ExitCode::usage});
    else
        options.calibration_tokens = 1024;
    ThreadPool pool;
    convert(options, pool);
}

AlignedBytes read_blob(const std::string &path) {
    const MappedFile file(path);
    return AlignedBytes(file.data(), file.size());
}

std::string blob_path(const std::string &directory, const Model &model, const std::string &recipe) {
    return directory + "/" + model.name + "-" + recipe + ".adder";
}

AlignedBytes blob_of(const Model &model, const std::string &recipe) {
    if (const char *given = std::getenv("ADDER_GOLDEN_BLOBS")) {
        const std::string path = blob_path(given, model, recipe);
        if (file_exists(path)) return read_blob(path);
    }
    const TemporaryDirectory own;
    const char *keep = std::getenv("ADDER_GOLDEN_KEEP");
    if (keep != nullptr) std::filesystem::create_directories(keep);
    const std::string path = blob_path(keep != nullptr ? keep : own.path(), model, recipe);
    if (model.toy != nullptr) {
        const AlignedBytes blob = build_blob(toy_model(model.toy, recipe_named(recipe), model.state));
        AtomicFile file(path);
        file.write(blob.data(), blob.size());
        file.commit();
        return blob;
    }
    convert_to(path, model, recipe);
    return read_blob(path);
}

// ---- Three ways through the prompt ------------------------------------------------------------------------------------

struct Way {
    const char *isa;
    uint32_t threads, chunk;
};

class Prompted {
  public:
    Prompted(const AlignedBytes &blob, const Way &way)
        : pool_(way.threads), session_(blob, adder_options{way.chunk,
                                                           1 + way.chunk / 3,
                                                           way.threads,
                                                           1,
                                                           ThreadPool::parallel_for,
                                                           &pool_,
                                                           way.isa,
                                                           0,
                                                           0,
                                                           {}}) {}

    Crcs stepped(const Tokens &prompt) {
        reset();
        for (const int32_t token : prompt) {
            float *logits = nullptr;
            EXPECT_EQ(adder_step(session_.get(), token, &logits), ADDER_OK);
            take(logits);
        }
        return crcs_;
    }

    Crcs scored(const Tokens &prompt) {
        reset();
        const auto callback = [](void *self, size_t, const float *logits) {
            static_cast<Prompted *>(self)->take(logits);
        };
        EXPECT_EQ(adder_score(session_.get(), prompt.data(), prompt.size(), callback, this), ADDER_OK);
        return crcs_;
    }

    // The last token alone has logits.
    uint32_t fed(const Tokens &prompt) {
        reset();
        EXPECT_EQ(adder_feed(session_.get(), prompt.data(), prompt.size() - 1), ADDER_OK);
        float *logits = nullptr;
        EXPECT_EQ(adder_step(session_.get(), prompt.back(), &logits), ADDER_OK);
        take(logits);
        return crcs_.last;
    }

  private:
    void reset() {
        adder_state_reset(session_.get());
        crcs_ = {};
    }
    void take(const float *logits) {
        const size_t bytes = session_.info().vocab_size * sizeof(float);
        crcs_.all = crc32(crcs_.all, logits, bytes);
        crcs_.last = crc32(0, logits, bytes);
    }
    ThreadPool pool_;
    TestSession session_;
    Crcs crcs_;
};

class GoldenLogits : public testing::TestWithParam<Case> {};

TEST_P(GoldenLogits, AreTheSameEverywhere) {
    const auto &[model, recipe] = GetParam();
    if (model.toy == nullptr && directory_of(model).empty()) GTEST_SKIP() << shared_missing;
    const AlignedBytes blob = blob_of(model, recipe);
    const Tokens prompt = random_tokens(model.tokens, TestSession(blob).info().vocab_size, 7);
    const std::string key = testing::PrintToString(GetParam());

    if (const char *path = std::getenv("ADDER_GOLDEN_WRITE")) {
        static std::string text = heading;
        std::ostringstream line;
        line << key << ": " << Prompted(blob, {"scalar", 1, 1}).stepped(prompt) << "\n";
        write_text(path, text += line.str());
        return;
    }

    const Golden golden = read_golden();
    ASSERT_EQ(golden.count(key), 1u) << "logits.crc has no line for " << key;
    const Crcs expected = golden.at(key);
    const uint32_t all_threads[] = {1, 2, 3, 4}, all_chunks[] = {1, 2, 3, 7, 16, 64};
    Sample sample(3);
    for (const char *isa : usable_isas())
        for (const uint32_t threads : all_threads) {
            if (sample.takes()) {
                EXPECT_EQ(Prompted(blob, {isa, threads, 1}).stepped(prompt), expected) << isa << ", stepped";
            }
            for (size_t c = 0; c < std::size(all_chunks); ++c) {
                if (!(model.all_pairs && all_combinations()) && c % std::size(all_threads) != threads - 1)
                    continue;
                if (!sample.takes()) continue;
                Prompted run(blob, {isa, threads, all_chunks[c]});
                SCOPED_TRACE(std::string(isa) + ", " + std::to_string(threads) + " threads, chunk " +
                             std::to_string(all_chunks[c]));
                EXPECT_EQ(run.scored(prompt), expected);
                EXPECT_EQ(run.fed(prompt), expected.last);
            }
        }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenLogits, testing::ValuesIn(all_cases()), [](const auto &test) {
    std::string name = test.param.model.name;
    for (char &c : name) c = c == '-' ? '_' : c;
    return name + "_" + test.param.recipe;
});

// The converter on this processor and the one that filled the folder: the same bytes.
TEST(GoldenBlobs, AreTheSameFromEveryHost) {
    const char *given = std::getenv("ADDER_GOLDEN_BLOBS");
    if (given == nullptr) GTEST_SKIP() << "ADDER_GOLDEN_BLOBS names no folder of blobs";
    // The smallest that is there: an emulated processor takes its time.
    const Model &model = directory_of(models[0]).empty() ? models[3] : models[0];
    const TemporaryDirectory own;
    size_t compared = 0;
    for (const std::string recipe : recipes) {
        const std::string theirs = blob_path(given, model, recipe);
        if (!file_exists(theirs)) continue;
        const std::string ours = blob_path(own.path(), model, recipe);
        convert_to(ours, model, recipe);
        EXPECT_TRUE(read_text(ours) == read_text(theirs)) << recipe;
        ++compared;
    }
    if (compared == 0) GTEST_SKIP() << "no blob of " << model.name << " in " << given;
}

}  // namespace
}  // namespace adder::test

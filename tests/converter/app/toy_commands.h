// A toy model, and one that speaks, for tests of commands.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "converter/text/json.h"
#include "tests/support/blob_builder.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/command.h"
#include "tests/support/shared.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {

inline Json json_of(const Outcome &outcome) {
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out, "output");
}

inline int64_t integer(const Json &object, const char *key) {
    const Json *const value = object.find(key);
    if (value == nullptr) {
        ADD_FAILURE() << key << " is missing";
        return -1;
    }
    return value->integer(key, INT64_MIN, INT64_MAX);
}

inline std::string text(const Json &object, const char *key) {
    const Json *const value = object.find(key);
    return value != nullptr && value->is_string() ? value->string(key) : "(no text)";
}

inline std::vector<int64_t> ids(const Json &object, const char *key) {
    std::vector<int64_t> list;
    for (const Json &id : object.find(key)->array(key)) list.push_back(id.integer(key, 0, 1 << 20));
    return list;
}

// A model without a tokenizer, and without tokens that begin or end anything.
class ToyCommands : public testing::Test {
  protected:
    void SetUp() override {
        CheckpointSpec spec;
        edit(spec);
        checkpoint_ = directory_.file("toy");
        std::filesystem::create_directory(checkpoint_);
        write_checkpoint(checkpoint_, spec);
        blob_ = directory_.file("toy.adder");
        const Outcome outcome = adder_command({"convert", checkpoint_, "-o", blob_, "--acts", "f32", "-q"});
        ASSERT_EQ(outcome.code, 0) << outcome.err;
    }
    virtual void edit(CheckpointSpec &) {}
    TemporaryDirectory directory_;
    std::string checkpoint_, blob_;
};

// With a token to begin and to end with.
class EndingToyCommands : public ToyCommands {
  protected:
    void edit(CheckpointSpec &spec) override {
        spec.config.bos_token_id = 3;
        spec.config.eos_token_ids = {4};
    }
};

class SpeakingCommands : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        directory_ = new TemporaryDirectory;
        blob_ = new std::string(directory_->file("m.adder"));
        const Outcome outcome = adder_command(
            {"convert", model_directory("adder-1m-int4"), "-o", *blob_, "--calib-tokens", "1024", "-q"});
        ASSERT_EQ(outcome.code, 0) << outcome.err;
    }
    static void TearDownTestSuite() {
        delete blob_;
        delete directory_;
    }
    static inline TemporaryDirectory *directory_ = nullptr;
    static inline std::string *blob_ = nullptr;
};

}  // namespace adder::test

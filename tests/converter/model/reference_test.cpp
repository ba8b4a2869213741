// Converted models against reference.json: what another implementation (transformers, float32) computed with them.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "converter/blob/file.h"
#include "converter/blob/session.h"
#include "converter/blob/text.h"
#include "converter/convert/convert.h"
#include "converter/eval/math.h"
#include "converter/eval/scorer.h"
#include "converter/text/json.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/shared.h"
#include "tests/support/temporary_directory.h"

namespace adder {
namespace {

class Reference : public testing::TestWithParam<const char *> {
  protected:
    void SetUp() override {
        std::string name = GetParam();
        const std::string end = ".gguf";
        const bool is_gguf = name.size() > end.size() && name.substr(name.size() - end.size()) == end;
        if (is_gguf) name.erase(name.size() - end.size());
        checkpoint_ = test::model_directory(name);
        if (checkpoint_.empty()) GTEST_SKIP() << test::shared_missing;
        if (is_gguf) {
            const std::string folder = checkpoint_;
            checkpoint_ = directory_.file("m.gguf");
            test::write_text(checkpoint_, test::gguf_of_folder(folder).bytes());
        }
        const MappedFile file(test::model_reference(name));
        // Python's mean of nothing, the likelihood of a single token, is written as NaN.
        std::string text(file.text());
        for (size_t at = text.find(": NaN"); at != std::string::npos; at = text.find(": NaN"))
            text.replace(at, 5, ": null");
        reference_ = Json::parse(text, file.path());
    }

    std::string convert_floats() {
        ConvertOptions options;
        options.checkpoint = checkpoint_;
        options.output = directory_.file("float.adder");
        options.recipe = recipe_named("float");
        convert(options, pool_);
        return options.output;
    }

    static Tokens ids_of(const Json &list) {
        Tokens ids;
        for (const Json &id : list.array("ids"))
            ids.push_back(static_cast<int32_t>(id.integer("id", 0, 1 << 20)));
        return ids;
    }

    const std::vector<Json> &cases() const { return reference_.find("cases")->array("cases"); }

    test::TemporaryDirectory directory_;
    ThreadPool pool_{2};
    std::string checkpoint_;
    Json reference_;
};

// Expects the first numbers of `list` in `logits`, within 2e-3 of the largest.
void expect_logits(const Json &list, const float *logits) {
    const std::vector<Json> &expected = list.array("logits");
    double largest = 0;
    for (const Json &value : expected) largest = std::max(largest, std::fabs(value.number("logit")));
    for (size_t i = 0; i < expected.size(); ++i)
        ASSERT_NEAR(logits[i], expected[i].number("logit"), 2e-3 * largest) << "logit " << i;
}

struct Collected {
    std::vector<std::vector<float>> logits;  // after each token
    uint32_t vocab_size;
    static void take(void *context, size_t, const float *logits) {
        Collected &c = *static_cast<Collected *>(context);
        c.logits.emplace_back(logits, logits + c.vocab_size);
    }
};

TEST_P(Reference, TokenIdsAreEqual) {
    const BlobFile blob(convert_floats());
    for (const Json &item : cases()) {
        if (!item.find("text")) continue;
        const std::string &text = item.find("text")->string("text");
        EXPECT_EQ(tokenize(blob, text, true), ids_of(*item.find("ids"))) << text;
    }
}

TEST_P(Reference, FloatBlobComputesTheSame) {
    const BlobFile blob(convert_floats());
    const Session session(blob, adder_options{});
    for (const Json &item : cases()) {
        const Tokens ids = ids_of(*item.find("ids"));
        SCOPED_TRACE(item.find("text") ? item.find("text")->string("text")
                                       : std::to_string(ids.size()) + " ids");
        adder_state_reset(session.get());
        Collected collected{{}, blob.info().vocab_size};
        ASSERT_EQ(adder_score(session.get(), ids.data(), ids.size(), Collected::take, &collected), ADDER_OK);
        ASSERT_EQ(collected.logits.size(), ids.size());

        if (const Json *nll = item.find("token_nll"); nll && ids.size() > 1) {
            double expected = 0, found = 0;
            for (const Json &value : nll->array("token_nll")) expected += value.number("nll");
            for (size_t t = 0; t + 1 < ids.size(); ++t)
                found += log_sum_exp(collected.logits[t].data(), collected.vocab_size) -
                         static_cast<double>(collected.logits[t][static_cast<size_t>(ids[t + 1])]);
            const double scored = static_cast<double>(ids.size() - 1);
            EXPECT_NEAR(found / scored, expected / scored, 2e-4);
        }
        if (const Json *first = item.find("logits_first"))
            expect_logits(*first, collected.logits.front().data());
        for (const char *key : {"logits_last", "last_logits_first64"})
            if (const Json *last = item.find(key)) expect_logits(*last, collected.logits.back().data());

        for (const char *key : {"greedy24", "greedy12"}) {
            const Json *greedy = item.find(key);
            if (!greedy) continue;
            const Tokens expected = ids_of(*greedy);
            std::vector<float> logits = collected.logits.back();
            Tokens found;
            for (size_t i = 0; i < expected.size(); ++i) {
                found.push_back(
                    static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
                float *next = nullptr;
                ASSERT_EQ(adder_step(session.get(), found.back(), &next), ADDER_OK);
                logits.assign(next, next + collected.vocab_size);
            }
            EXPECT_EQ(found, expected);
        }
    }
}

TEST_P(Reference, CheckpointScoresAsItsFloatBlob) {
    const std::unique_ptr<Scorer> checkpoint = open_scorer(checkpoint_, pool_);
    const std::unique_ptr<Scorer> blob = open_scorer(convert_floats(), pool_);
    std::vector<Tokens> sequences;
    for (const Json &item : cases()) sequences.push_back(ids_of(*item.find("ids")));
    const auto logits_of = [&](Scorer &scorer) {
        std::vector<std::vector<float>> all(sequences.size());
        scorer.score(sequences, [&](size_t window, uint32_t, const float *logits) {
            all[window].insert(all[window].end(), logits, logits + scorer.vocab_size());
        });
        return all;
    };
    EXPECT_EQ(logits_of(*checkpoint), logits_of(*blob));  // the same bits
}

INSTANTIATE_TEST_SUITE_P(
    Models, Reference,
    testing::Values("adder-13m", "adder-1m", "adder-1m-int4", "mamba2-13m", "conformance/mamba",
                    "conformance/mamba_untied_odd", "conformance/falcon_mamba", "conformance/mamba2",
                    "conformance/mamba2_groups", "rwkv7-13m", "conformance/rwkv7", "griffin-13m",
                    "conformance/recurrent_gemma", "conformance/rwkv4", "conformance/granitemoehybrid_nope",
                    "conformance/granitemoehybrid_rope", "conformance/bamba", "conformance/lfm2",
                    "conformance/falcon_h1", "conformance/falcon_h1_norm", "conformance/nemotron_h",
                    "conformance/qwen3_5", "conformance/qwen3_next_dense",
                    // the same in GGUF files
                    "conformance/granitemoehybrid_rope.gguf", "conformance/lfm2.gguf",
                    "conformance/falcon_h1.gguf", "conformance/falcon_h1_norm.gguf",
                    "conformance/nemotron_h.gguf", "conformance/qwen3_5.gguf"),
    [](const testing::TestParamInfo<const char *> &model) {
        std::string name = model.param;
        for (char &c : name)
            if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
        return name;
    });

}  // namespace
}  // namespace adder

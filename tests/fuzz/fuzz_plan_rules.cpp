// Fuzz target: the rules of a plan, a line each, applied to a small model.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "converter/plan/rules.h"
#include "tests/support/checkpoint_builder.h"

using namespace adder;

namespace {

// Whatever rules may say, no tensor is left with what the runtime cannot do.
void check_plan(const Plan &plan, bool mamba2) {
    plan.each_linear([&](Role role, uint32_t layer) {
        const LinearPlan &one = plan.of(role, layer);
        const bool by_channel = role == Role::x_proj || (role == Role::out_proj && !mamba2);
        const bool fits = one.input == Input::floats || one.input == Input::token ||
                          (one.input == Input::fixed && !by_channel) ||
                          (one.input == Input::channels && by_channel) ||
                          (one.input == Input::hadamard && role == Role::out_proj);
        if (!fits || (one.input_bits != 8 && one.input_bits != 4) || one.group % 8 != 0) std::abort();
        if (one.granularity != Granularity::row && one.granularity != Granularity::tensor) std::abort();
        if (!(one.alpha >= 0 && one.alpha <= 1) || !(one.percentile > 0 && one.percentile <= 100))
            std::abort();
        if (role == Role::head && plan.tied() && (one.alpha > 0 || one.search_alpha)) std::abort();
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const bool mamba2 = (data[0] & 2) != 0;
    test::ModelConfig config;
    config.model_type = mamba2 ? "mamba2" : "mamba";
    config.n_layer = 3;
    config.d_inner = 64;
    config.tie_word_embeddings = (data[0] & 1) != 0;
    const ModelShape shape = test::shape_of(config);
    const std::string text(reinterpret_cast<const char *>(data + 1), size - 1);
    try {
        std::vector<PlanRule> rules;
        for (size_t begin = 0; begin <= text.size();) {
            const size_t end = std::min(text.find('\n', begin), text.size());
            rules.emplace_back(RuleSource{text.substr(begin, end - begin), "--set", ExitCode::usage});
            begin = end + 1;
        }
        Plan plan(recipe_named("static"), shape);
        apply_rules(rules, shape, &plan);
        check_plan(plan, mamba2);
        // What shares an input takes it in one form.
        for (uint32_t block = 0; mamba2 && block < shape.block_count(); ++block)
            if (!same_input(plan.of(Role::in_proj, block), plan.of(Role::bcdt_proj, block))) std::abort();
    } catch (const Error &error) {
        if (std::strncmp(error.what(), "--set '", 7) != 0) std::abort();
    }
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (const char *text : {
             "1layers.*.{in,out}_proj=int4,group=64,nearest\nembedding=int4,row",
             "0head=int8,tensor,alpha=0.5\nembedding=f32",
             "1layers.0-1,2.x_proj=input=channels,act-bits=4,scale=percentile:99.9",
             "1layers.{0,2}.out_proj=input=hadamard,alpha=auto,scale=mse",
             "0layers.1.*=input=token,int4,gptq\nlayers.*.dt*=f32,input=float",
             "2layers.*.{in,bcdt}_proj=input=token,act-bits=4\nlayers.*.out_proj=int4,input=static",
             "3layers.0.bcdt_proj=int4,group=64,nearest\nlayers.1-2.bcdt_proj=f32",
         }) {
        add(reinterpret_cast<const uint8_t *>(text), std::strlen(text));
    }
}

extern "C" const char *const adder_fuzz_words[] = {
    "layers.",  "*",       "{",         "}",           ",",     "-",     "=",    "\n",
    "in_proj",  "x_proj",  "head",      "bcdt",        "int4",  "group", "row",  "act-bits=",
    "alpha=",   "auto",    "scale=",    "input=",      "token", "mse",   "1023", "static",
    "hadamard", "nearest", "embedding", "percentile:", nullptr};

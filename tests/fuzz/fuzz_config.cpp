// Fuzz target: config.json, read by the family that it belongs to, and what follows from the shape.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "converter/base/error.h"
#include "converter/families/family.h"
#include "converter/plan/plan.h"
#include "runtime/blocks/kinds.h"

using namespace adder;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

// Whatever the file may say, the shape is one that the runtime takes, and every tensor has a name and a size.
void check_shape(const ModelShape &model) {
    require(model.d_model > 0 && model.d_model <= max_d_model && model.vocab_size > 0 &&
            model.vocab_size <= max_vocab_size && model.n_layer > 0 && model.n_layer <= max_n_layer);
    require(model.block_count() >= model.n_layer && !model.shapes.empty());
    require(model.norm_epsilon > 0 && model.norm_epsilon <= 1);
    require(!model.bos_token_id || *model.bos_token_id < model.vocab_size);
    for (const uint32_t id : model.eos_token_ids) require(id < model.vocab_size);
    for (const BlobShape &shape : model.shapes) {
        const BlockView view = shape_view(model.architecture(), shape);
        uint32_t value = 0;
        require(view.kind->fault == nullptr || view.kind->fault(*view.shape, view.dims, &value) == nullptr);
        for (uint32_t i = 0; i < view.kind->dim_count; ++i)
            require(view.dims[view.kind->dims[i].dim] > 0 &&
                    view.dims[view.kind->dims[i].dim] <= view.kind->dims[i].high);
        for (const float param : view.shape->param) require(!(param < 0) && !std::isnan(param));
        require(view.param(Param::dt_low) <= view.param(Param::dt_high) || view.kind->id == BlockId::mamba1);
    }
    for (const TensorSpec &tensor : model.family->tensors(model)) {
        require(!tensor.name.empty() && !tensor.shape.empty());
        for (const uint64_t extent : tensor.shape) require(extent > 0);
        require(model.family->rename(tensor.name) == tensor.name);
    }
    for (uint32_t block = 0; block < model.block_count(); ++block)
        for (const Role role : linear_roles_of(model, block)) {
            const Extent extent = extent_of(model, role, block);
            require(extent.rows > 0 && extent.cols > 0 &&
                    !model.family->tensor_name(model, role, block).empty());
            require(input_sharers(model, role, block).front() == input_owner(model, role, block));
        }
    const Plan plan(recipe_for(model, recipe_named("best")), model);
    require(plan.needs_calibration());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    try {
        ModelShape model;
        model = read_model_shape(Json::parse(text, "config.json", Json::Numbers::infinite), "config.json");
        if (model.n_layer > 16) return 0;  // as slow as they are many
        check_shape(model);
    } catch (const Error &error) {
        require(error.code() == ExitCode::bad_input && std::strncmp(error.what(), "config.json", 11) == 0);
    }
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (const char *text : {
             R"({"model_type":"mamba","hidden_size":16,"num_hidden_layers":2,"vocab_size":32,"state_size":4,)"
             R"("conv_kernel":4,"intermediate_size":32,"expand":2,"time_step_rank":"auto","use_bias":true,)"
             R"("use_conv_bias":false,"layer_norm_epsilon":1e-5,"hidden_act":"silu","bos_token_id":0,"eos_token_id":[1,2]})",
             R"({"model_type":"falcon_mamba","hidden_size":16,"num_hidden_layers":1,"vocab_size":32,"expand":1.5,)"
             R"("time_step_rank":3,"mixer_rms_eps":1e-6,"tie_word_embeddings":false,"rms_norm":true})",
             R"({"model_type":"mamba2","hidden_size":16,"num_hidden_layers":2,"vocab_size":32,"state_size":8,"num_heads":4,)"
             R"("head_dim":8,"n_groups":2,"norm_groups":2,"expand":2,"time_step_limit":[0.0,Infinity],"use_bias":false})",
             R"({"model_type":"mamba2","hidden_size":64,"num_hidden_layers":1,"vocab_size":9,"num_heads":2,"n_groups":1,)"
             R"("time_step_limit":[0.001,{"__float__":"Infinity"}]})",
             R"({"d_model":16,"n_layer":2,"vocab_size":27,"ssm_cfg":{"d_state":8,"dt_rank":"auto"},"rms_norm":true,)"
             R"("pad_vocab_size_multiple":16,"tie_embeddings":true,"attn_layer_idx":[],"d_intermediate":0})",
             R"({"d_model":64,"n_layer":1,"vocab_size":27,"ssm_cfg":{"layer":"Mamba2","headdim":16,"ngroups":4,)"
             R"("expand":2,"d_ssm":128,"D_has_hdim":false,"norm_before_gate":false,"rmsnorm":true,"dt_limit":[0,"inf"]}})",
         }) {
        add(reinterpret_cast<const uint8_t *>(text), std::strlen(text));
    }
}

extern "C" const char *const adder_fuzz_words[] = {"\"mamba\"",
                                                   "\"mamba2\"",
                                                   "\"falcon_mamba\"",
                                                   "\"Mamba2\"",
                                                   "\"Mamba1\"",
                                                   "\"model_type\"",
                                                   "\"ssm_cfg\"",
                                                   "\"layer\"",
                                                   "\"headdim\"",
                                                   "\"num_heads\"",
                                                   "\"expand\"",
                                                   "Infinity",
                                                   "-Infinity",
                                                   "\"inf\"",
                                                   "1e308",
                                                   "1e-300",
                                                   "0.5",
                                                   "131072",
                                                   "1048576",
                                                   "65536",
                                                   "null",
                                                   "true",
                                                   "false",
                                                   "[]",
                                                   "{}",
                                                   "\"auto\"",
                                                   "-1",
                                                   "0",
                                                   "{\"__float__\":\"Infinity\"}",
                                                   nullptr};

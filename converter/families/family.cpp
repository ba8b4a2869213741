// The list of families.
// SPDX-License-Identifier: MIT
#include "converter/families/family.h"

#include "converter/base/error.h"
#include "converter/families/backbone.h"
#include "converter/families/blinkdl.h"
#include "converter/plan/names.h"

namespace adder {

const std::vector<const Family *> &families() {
    static const std::vector<const Family *> all = [] {
        std::vector<const Family *> list;
#define ADDER_FAMILY(name) list.insert(list.end(), name##_families.begin(), name##_families.end());
#include "runtime/blocks/kinds.inc"
        return list;
    }();
    return all;
}

const char *family_name(const Architecture &architecture) {
    const Family *found = families().front();
    bool alone = true;
    // Those that have more flags, or blocks of more kinds, come after those that have fewer.
    for (const Family *family : families())
        for (uint32_t i = 0; i < architecture.shape_count; ++i) {
            const BlobShape &shape = architecture.shapes[i];
            if (static_cast<uint16_t>(family->kind) != shape.kind || (family->flags & ~shape.flags) != 0)
                continue;
            alone =
                family == families().front() || found->kind != family->kind || found->flags != family->flags;
            found = family;
            break;
        }
    return alone ? found->name : "hybrid";
}

const Family &family_of(const ConfigReader &config) {
    for (const Family *family : families())
        if (family->recognises(config)) return *family;
    if (backbone::is_state_spaces(config)) {
        std::vector<std::string> layers;
        for (const Family *family : families())
            if (family->layer != nullptr) layers.push_back(json_quote(family->layer));
        bad_input("%s: layer is %s; %s are supported", config.what("ssm_cfg").c_str(),
                  json_quote(backbone::state_spaces_layer(config)).c_str(), listed(layers).c_str());
    }
    std::string supported;
    for (const Family *family : families())
        supported += format("%s\"%s\"", supported.empty() ? "" : ", ", family->model_type);
    const auto type = config.string("model_type");
    bad_input("%s is %s; supported: %s", config.what("model_type").c_str(),
              type ? json_quote(*type).c_str() : "missing", supported.c_str());
}

std::string config_from_tensors(const TensorFiles &files, const std::string &name) {
    const std::string version = blinkdl::version_of(files);
    if (version.empty())
        bad_input(
            "%s: there is no config.json, and the tensors are of no family that Adder knows by its tensors",
            name.c_str());
    std::vector<std::string> supported;
    for (const Family *family : families())
        for (const std::string &one : family->versions) {
            if (one == version) return family->config_from_tensors(files);
            supported.push_back("RWKV-" + one);
        }
    const size_t space = version.find(' ');  // "6 variant"
    bad_input("%s holds %sRWKV-%s; of BlinkDL's models %s are supported",
              files.tensor("emb.weight").file->c_str(), space == std::string::npos ? "" : "a variant of ",
              version.substr(0, space).c_str(), listed(supported).c_str());
}

ModelShape read_model_shape(const Json &json, const std::string &name) {
    const ConfigReader config(json, name);
    const Family &family = family_of(config);
    if (config.find("quantization_config") != nullptr)
        bad_input("%s is set: the weights are quantized already; the original ones are needed",
                  config.what("quantization_config").c_str());
    ModelShape model = family.read_shape(config);
    model.family = &family;
    if (const auto id = config.integer("bos_token_id", 0, int64_t{model.vocab_size} - 1))
        model.bos_token_id = id;
    if (auto ids = config.token_ids("eos_token_id", model.vocab_size); !ids.empty())
        model.eos_token_ids = std::move(ids);
    return model;
}

Recipe recipe_for(const ModelShape &model, Recipe recipe) {
    if (model.family->tune != nullptr) model.family->tune(model, &recipe);
    return recipe;
}

}  // namespace adder

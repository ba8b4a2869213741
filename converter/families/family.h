// A family of models: how its config.json, its tensors and its recipes become what the library runs.
// SPDX-License-Identifier: MIT
//
// This folder is the only one in which a checkpoint's tensor has a name. The kinds of blocks and their tables are the
// library's (runtime/blocks/); formats of files are those of import/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/import/config.h"
#include "converter/import/tensor_files.h"
#include "converter/plan/model_shape.h"
#include "converter/plan/recipe.h"
#include "converter/quantize/dense.h"
#include "converter/text/json.h"

namespace adder {

struct GgufForm;

// What a model's weights are before its training (make-random).
struct Initial {
    enum class Kind {
        one,
        uniform,     // in [-bound, bound)
        bell,        // of standard deviation `bound`
        steps,       // inverse softplus of steps that are log-uniform in 0.001 .. 0.1
        log_index,   // log(1 + index within the row)
        log_uniform  // log of what is uniform in [1, bound)
    };
    Kind kind;
    double bound = 0;
};

// A shape that people know by a name.
struct PublishedShape {
    const char *name;
    uint32_t d_model, n_layer, vocab_size;
};

struct Family {
    const char *name;        // "mamba"
    const char *model_type;  // of config.json as transformers writes it
    const char *layer;       // of state-spaces' ssm_cfg; null: it has none there
    BlockId kind;            // of a block that the families before it do not have, ...
    uint16_t flags;          // ... or do not with these ShapeFlags: by it its blobs are known

    // Is it this family's config.json, in one of its dialects?
    bool (*recognises)(const ConfigReader &config);
    // Throws Error(bad_input) naming key, value and range, and on what would compute something else than what is
    // implemented.
    ModelShape (*read_shape)(const ConfigReader &config);

    // What a tensor of the files is called in the spelling of transformers, which is the one of all that follows.
    std::string (*rename)(const std::string &name);
    // All tensors that a checkpoint has, in the order in which they are computed with; the head's last, unless it is tied.
    std::vector<TensorSpec> (*tensors)(const ModelShape &model);
    // The one that a role is read from, for messages.
    std::string (*tensor_name)(const ModelShape &model, Role role, uint32_t block);
    // A tensor as the runtime wants it, [rows][cols] without padding, from the checkpoint's. An absent bias is zeros.
    DenseTensor (*read)(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block);

    // What a recipe of this name (recipe.h) means here, beyond what it means anywhere; null: nothing.
    void (*tune)(const ModelShape &model, Recipe *recipe);

    // make-random: the shape and config.json of a model of these dimensions, all else as published; its weights.
    ModelShape (*shape_like)(const PublishedShape &like);
    void (*write_config)(const ModelShape &model, JsonWriter *json);
    Initial (*initial)(const TensorSpec &tensor, const ModelShape &model);
    std::vector<PublishedShape> published;

    // For files that come without a config.json: the text that stands in its place, with its model_type, from the tensors'
    // names and shapes, which are as in the files. Throws Error(bad_input) where they cannot be used. Null: this family's files
    // have a config.json.
    std::string (*config_from_tensors)(const TensorFiles &files) = nullptr;
    // Of which versions such files are (blinkdl.h).
    std::vector<std::string> versions = {};

    // The LayerNorm that the embedding goes through and nothing else does, NAME.weight and NAME.bias: it is folded into the table.
    // Null: there is none.
    const char *embedding_norm = nullptr;

    // Tensors that files may have although nothing is computed with them, or how their names begin: with a dot at the end. Of
    // others the converter warns.
    std::vector<std::string> unused = {};

    // Its models in GGUF files (gguf.h); null: there is no reader of those.
    const GgufForm *gguf = nullptr;

    // The split of texts that a GGUF file's tokenizer.ggml.pre names after this family, by another name of it
    // (converter/import/gguf_splits.cpp). Null: none does.
    const char *gguf_split = nullptr;
};

// All, in the order of the list in kinds.inc; those of a name there are NAME_families of NAME.cpp.
const std::vector<const Family *> &families();
#define ADDER_FAMILY(name) extern const std::vector<const Family *> name##_families;
#include "runtime/blocks/kinds.inc"

// The family that a config.json belongs to, which must outlive the call. Throws Error(bad_input) naming those that are
// supported.
const Family &family_of(const ConfigReader &config);

// What stands in the place of a config.json that is not there: the answer of the family whose tensors they are.
// Throws Error(bad_input) if none does.
std::string config_from_tensors(const TensorFiles &files, const std::string &name);

// The name of the one that a model of these blocks is of; of several whose blocks are the same "hybrid".
const char *family_name(const Architecture &architecture);

// A model's shape by its config.json: the family's reading, and what all have in common.
ModelShape read_model_shape(const Json &json, const std::string &name);

// The recipe, with what it means for this model's family.
Recipe recipe_for(const ModelShape &model, Recipe recipe);

}  // namespace adder

// What the RWKVs have in common whose channel mix has a receptance: layers, and the names of tensors.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "converter/families/family.h"

namespace adder::rwkv_layers {

extern const char embedding_norm[];

// Of config.json what all have: width, layers, vocabulary, epsilon. What they cannot be is refused.
ModelShape read_shape(const ConfigReader &config);

// Layers of these two blocks each; d_ffn channels are the channel mix's.
void make_blocks(ModelShape *model, const BlobShape &time, uint32_t d_ffn);

// BlinkDL's names in the spelling of transformers.
std::string rename(const std::string &name);
std::string name_of(const ModelShape &model, Role role, uint32_t block);
// "rwkv.blocks.3.attention."
std::string attention_of(const ModelShape &model, uint32_t block);

// All tensors. `vectors` and `more` add those of a time mix that only one family has, in front of and behind the others.
using Add = std::function<void(const std::string &name, std::vector<uint64_t> shape)>;
using AddTensors = std::function<void(const Add &add, uint32_t block)>;
std::vector<TensorSpec> tensors(const ModelShape &model, const AddTensors &vectors, const AddTensors &more);

// config.json of a file that has none, but for its end: `title` is the family's in errors, is_of_block says which names tensors of
// a block have.
void begin_config(const TensorFiles &files, const char *model_type, const char *title,
                  const std::function<bool(const std::string &)> &is_of_block, JsonWriter *json);

// config.json of a checkpoint, but for its end and what one family alone has.
void write_config(const ModelShape &model, const char *architecture, JsonWriter *json);

// Of the size of those in the authors' training code (RWKV-LM, RWKV-v4neo/src/model.py and RWKV-v5/src/model.py), without their
// dependence on channel and layer; matrices that begin as zeros there, as the others.
Initial initial(const TensorSpec &tensor, const ModelShape &model);

}  // namespace adder::rwkv_layers

// The mixer of Mamba-2, for all families that have it: shape, tensors, and how they are read.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/families/family.h"
#include "converter/families/gguf.h"

namespace adder::mamba2_mixer {

struct Sizes {
    uint32_t d_inner, d_state, d_conv, n_head, n_group;
    bool bias;  // of in_proj and out_proj
};
// With no limits of delta, and gated norms in as many groups as B and C have. Where the channels of a head are not a multiple of 8,
// the blob's heads have zeros besides, and the norm's epsilon and weights are those that make the same of it: so says
// model->mixer_head_dim.
BlobShape make_shape(ModelShape *model, const Sizes &sizes);

// What a hybrid's config.json says of its mixers of d_inner channels, by keys that begin with "mamba_", and time_step_limit.
BlobShape read_hybrid_shape(const ConfigReader &config, uint32_t d_inner, ModelShape *model);

// Limits of delta, two numbers under a key; without it none.
void read_limits(const ConfigReader &config, const char *key, BlobShape *shape);

// The groups of the gated norm by "norm_groups"; without it one, with a note where n_group says that there may be more.
void read_norm_groups(const ConfigReader &config, const char *n_group, ModelShape *model, BlobShape *shape);

// Throws Error(bad_input), in the words of config.json, for what the table of the kind knows to be wrong.
void check_shape(const ConfigReader &config, const ModelShape &model, const BlobShape &shape);

// A tensor of the mixer: "conv1d.weight" behind the prefix; empty for a role that it does not have.
std::string tensor_name(Role role, const std::string &prefix);

// All tensors of a block but its norm.
void add_tensors(const ModelShape &model, uint32_t block, const std::string &prefix,
                 std::vector<TensorSpec> *tensors);

// GGUF: the names of its tensors within a layer, and those of a family's own.
std::vector<GgufName> gguf_names(const std::string &prefix, const std::vector<GgufName> &own);

// ... as the runtime wants it.
DenseTensor read(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block,
                 const std::string &prefix);

}  // namespace adder::mamba2_mixer

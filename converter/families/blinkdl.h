// What the RWKV families have in common: the files of BlinkDL, who trains them, which have no config.json; token shifts; recipes.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "converter/families/family.h"

namespace adder::blinkdl {

// The version that files are of, by the tensors of their first block: "7", "6", "5.2", "5", "4", or "6 variant". Empty: they are
// not BlinkDL's.
std::string version_of(const TensorFiles &files);

// The name of tensors that are called otherwise.
struct Names {
    const char *theirs, *ours;
};
// "blocks.3.att.key.weight": the number of the block and the name within it; false for other tensors.
bool split_block(const std::string &name, uint32_t *block, std::string *rest);
// Those around the blocks by `whole`, those within them by their beginnings; blocks get this prefix and their number.
std::string rename(const std::string &name, const std::vector<Names> &whole, const char *prefix,
                   const std::vector<Names> &beginnings);

// How many blocks there are. Throws Error(bad_input) on a tensor of a block whose name within it is not `known`, with what
// `variant` says of it.
uint32_t count_blocks(const TensorFiles &files, const std::function<bool(const std::string &)> &known,
                      const std::function<std::string(const std::string &)> &variant);

// Dimension `which` of a tensor that has to be there, of `dimensions` dimensions.
uint64_t extent_in(const TensorFiles &files, const std::string &name, size_t which, size_t dimensions = 2);

// Of config.json: keys that have to be so, if they are there.
void require_word(const ConfigReader &config, const char *key, const char *needed);
void require_truth(const ConfigReader &config, const char *key, bool needed);

// A mixture as the runtime has it, [channels][2]: of a token's input, of what that of the token before is more. `share_of_now`:
// the checkpoint has the token's own share, and what is left to 1 is that of the token before.
DenseTensor read_mix(const TensorFiles &files, const std::string &name, bool share_of_now);

// The vectors, one after the other.
DenseTensor read_all(const TensorFiles &files, const std::vector<std::string> &names);
DenseTensor transposed(const DenseTensor &from);

// What a recipe means for a layer's wide matrices, which take mixtures, for those that begin and that end a low rank, for out_proj
// and for ffn_value.
void tune(Recipe *recipe, const std::vector<Role> &wide, const std::vector<Role> &low_first,
          const std::vector<Role> &low_second);

}  // namespace adder::blinkdl

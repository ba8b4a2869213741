// Which files a checkpoint consists of: those of a folder, or a file of weights and what lies beside it.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace adder {

// Paths are empty where there is no such file. The tokenizer is tokenizer.json or, without one, tokenizer.model
// or, without that, rwkv_vocab_v20230424.txt.
struct CheckpointPaths {
    std::string given;      // as the user named it, for messages
    std::string directory;  // where its files lie; empty: where the program runs
    std::string weights;    // the file of weights, if it was given itself
    std::string config, generation_config, tokenizer, tokenizer_config;
};

// Throws Error(bad_input) if there is neither a folder nor a file of weights at the path.
CheckpointPaths find_checkpoint(const std::string &path);

// A folder, or a file that is named as files of weights are: .safetensors, .pth, .pt, .bin, .gguf.
bool is_checkpoint(const std::string &path);

// A tokenizer.json, a tokenizer.model, a vocabulary of RWKV's World models or a GGUF file that was named itself, or by its folder, with
// the tokenizer_config.json beside it, in the place of the checkpoint's own. Throws Error(bad_input) if there is none. "none" is to
// have none; a file of that name is ./none.
constexpr char no_tokenizer[] = "none";
void choose_tokenizer(CheckpointPaths *paths, const std::string &path);

// The name of a folder, or of a file without what stands behind the last point, or says which of several it is: what
// the model is called.
std::string checkpoint_name(const std::string &path);

}  // namespace adder

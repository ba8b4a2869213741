// Writes GGUF files for tests, sound or damaged, and checkpoints as llama.cpp's converters write them.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "converter/import/gguf.h"
#include "converter/text/json.h"
#include "tests/support/checkpoint_builder.h"

namespace adder::test {

struct GgufTensor {
    std::string name;
    uint32_t type;                // as files number them: 0 is F32
    std::vector<uint64_t> shape;  // outermost first; written the other way round
    std::string data;
};

// What the file says of itself may be a lie.
struct GgufBuilder {
    std::string magic = "GGUF";
    uint32_t version = 3;
    uint64_t alignment = 32;  // that the data is laid out with; general.alignment is a key as others are
    std::vector<std::string> keys;  // name, type and value of each
    std::vector<GgufTensor> tensors;
    // Replace what is true if they are not empty: the number of keys and of tensors; where each tensor lies.
    std::vector<uint64_t> counts, places;

    GgufBuilder &raw(const std::string &key, uint32_t type, const std::string &value);
    GgufBuilder &u32(const std::string &key, uint32_t value);
    GgufBuilder &number(const std::string &key, float value);
    GgufBuilder &boolean(const std::string &key, bool value);
    GgufBuilder &string(const std::string &key, const std::string &value);
    GgufBuilder &strings(const std::string &key, const std::vector<std::string> &values);
    GgufBuilder &integers(const std::string &key, const std::vector<int32_t> &values);
    GgufBuilder &booleans(const std::string &key, const std::vector<bool> &values);
    GgufBuilder &numbers(const std::string &key, const std::vector<float> &values);
    GgufBuilder &tensor(const std::string &name, uint32_t type, std::vector<uint64_t> shape,
                        const std::string &data);
    // Removes a key.
    void drop(const std::string &key);
    GgufTensor &find(const std::string &name);
    std::string bytes() const;
};

std::string gguf_text(const std::string &text);  // its length and itself

// Floats as a block type that is simple to make; the number of values is a multiple of 32.
std::string q8_0_blocks(const std::vector<float> &values);
std::vector<float> floats_of_q8_0(const std::string &blocks);
std::string q4_0_blocks(const std::vector<float> &values);
std::vector<float> floats_of_q4_0(const std::string &blocks);

// Makes Q4_0 of every matrix of a file whose rows are whole blocks, and floats of the same values of those of another.
void make_q4_0(GgufBuilder *quantized, GgufBuilder *dequantized);

// The checkpoint of a specification, which is of a model_type that llama.cpp has. Without a tokenizer.
GgufBuilder gguf_checkpoint(const CheckpointSpec &spec);
// ... of a hybrid by its config.json and its tensors, which are floats.
GgufBuilder gguf_hybrid(const Json &config, const std::vector<Tensor> &tensors);
// ... of a folder that has one.
GgufBuilder gguf_of_folder(const std::string &folder);
// Those model_types, and the architecture that a file has of each.
std::vector<std::string> gguf_model_types();
std::string gguf_architecture(const std::string &model_type);

// An edit (CheckpointSpec::edit) for logarithms of decays: those whose decays, rounded to floats as in GGUF files, give the blob the
// numbers that they give it themselves.
void round_decays(const std::string &name, std::vector<float> &values);

}  // namespace adder::test

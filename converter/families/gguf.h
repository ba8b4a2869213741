// How GGUF files spell a family's models: keys that become a config.json, names and shapes of tensors.
// SPDX-License-Identifier: MIT
//
// Each family has its own table (Family::gguf); what llama.cpp's converters write is in ggml-org/llama.cpp, conversion/ and
// gguf-py/gguf/constants.py.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/import/tensor_files.h"
#include "converter/text/json.h"

namespace adder {

// What becomes of a tensor's shape, which is outermost first here.
enum class GgufShape {
    plain,
    vector,  // all elements in one dimension: [n_head, 1], [n_group, width], [1, 1, d]
    taps,    // [channels, taps]: [channels, 1, taps]
    heads,   // [d]: [n_head, head_dim]
    halves,  // [n_head * head_dim, d], the two halves of a head's rows in turns (TensorView::head_rows)
    rows     // [n, ...]: n tensors of [1, 1, d]
};

struct GgufName {
    const char *theirs;
    std::string ours;  // of `rows` several, with spaces between
    GgufShape shape = GgufShape::plain;
    bool negative_exp = false;  // TensorView's
};

// A key, by what stands behind the architecture, and the member of config.json that it becomes.
struct GgufMember {
    enum class Kind {
        integer,
        number,
        number_if_there,  // left out where the file has no such key
        alike  // an integer, or one for each layer: those that are not 0 have to be equal. Left out where all are 0
    };
    const char *theirs, *ours;
    Kind kind = Kind::integer;
};

// What a file says of a model of its architecture.
class GgufKeys {
  public:
    GgufKeys(const GgufMetadata &metadata, const TensorFiles &files);

    const std::string &architecture() const { return architecture_; }
    bool has_tensor(const std::string &name) const { return files_.find(name) != nullptr; }
    bool has_in_layers(const std::string &name) const;  // "ssm_in.bias", in any of them

    // By what stands behind the architecture: "ssm.state_size". Throw Error(bad_input) if a key is missing.
    int64_t integer(const char *key) const;
    double number(const char *key) const;
    bool boolean(const char *key, bool without = false) const {
        return metadata_.boolean(name(key)).value_or(without);
    }
    // Nothing where it is.
    std::optional<int64_t> find_integer(const char *key) const {
        return metadata_.integer(name(key), 0, INT32_MAX);
    }
    bool has(const char *key) const { return metadata_.find(name(key)) != nullptr; }
    std::string_view string(const char *key) const { return metadata_.string(name(key)).value_or(""); }
    // One integer for each of the layers, or for all.
    std::vector<int64_t> layers(const char *key) const;
    // A flag for each of the layers.
    std::vector<bool> layer_flags(const char *key) const;
    // Of block_count the layers that guess a further token, nextn_predict_layers, which stand behind the model's own; and these.
    int64_t further_layers() const;
    int64_t own_layers() const { return integer("block_count") - further_layers(); }
    // A quotient, of which the second has to divide the first.
    int64_t quotient(const char *key, const char *divisor) const;
    [[noreturn]] void refuse(const char *key, const std::string &why) const {
        metadata_.refuse(name(key), why);
    }
    // Throws where the key is there and not so.
    void require(const char *key, int64_t value) const;

    // Begins a config.json: model_type, width, the model's own layers, vocabulary, tokens that begin and end texts.
    void begin(const char *model_type, JsonWriter *json) const;
    // A member of it that is a key.
    void copy(const char *key, const char *ours, JsonWriter *json) const {
        json->key(ours).value(integer(key));
    }
    void copy_number(const char *key, const char *ours, JsonWriter *json) const;
    void copy(const std::vector<GgufMember> &members, JsonWriter *json) const;
    // The number that times embedding_length and cut to an integer is this.
    void write_expand(const char *ours, int64_t width, JsonWriter *json) const;

  private:
    std::string name(const char *key) const { return architecture_ + "." + key; }
    void check_length(const char *key, size_t length) const;  // one for each of the layers

    const GgufMetadata &metadata_;
    const TensorFiles &files_;
    std::string architecture_;
};

struct GgufForm {
    const char *architecture;  // general.architecture
    // The text of a config.json, with its model_type; names of tensors are those of the file yet.
    std::string (*config)(const GgufKeys &keys);
    std::vector<GgufName> whole;   // outside of layers
    const char *layers;            // what stands in the place of "blk.": "backbone.layers."
    std::vector<GgufName> within;  // of a layer
    uint64_t (*head_dim)(const GgufKeys &keys) = nullptr;  // where a tensor has heads
    bool without_further_layers = false;  // tensors of layers that guess a further token are left out
};

// Those of all families.
std::vector<std::string> gguf_architectures();

// Gives the tensors of a GGUF file the names and shapes of transformers, and returns the text that stands in the place of
// config.json. Throws Error(bad_input) naming those that are supported where no family has such files.
std::string config_from_gguf(TensorFiles *files);

// generation_config.json of what such a file recommends; an empty object if it recommends nothing.
std::string generation_from_gguf(const GgufMetadata &metadata);

}  // namespace adder

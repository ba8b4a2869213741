// What hybrids have in common: layers of attention and gated MLPs, in the words of their config.json and of their tensors.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "converter/families/family.h"
#include "converter/families/gguf.h"

namespace adder::gqa_layers {

struct Heads {
    uint32_t n_head, n_kv_head, head_dim;
    uint32_t pairs;    // of channels that turn; 0: none do
    uint32_t context;  // tokens that the model was made for
    double scale;      // of scores
    bool norms;        // of each head of queries and keys
    bool gate;         // q_proj has the rows of a gate behind those of each head
};
// num_attention_heads, num_key_value_heads, head_dim and max_position_embeddings; the scale is that of the heads' width.
Heads read_heads(const ConfigReader &config, const ModelShape &model);

BlobShape attention_shape(const ModelShape &model, const Heads &heads);
// Of SwiGLU, or of squared ReLUs.
BlobShape mlp_shape(const ModelShape &model, uint32_t width, BlockId kind = BlockId::gqa_mlp);

// Two blocks for each layer, the second of them the MLP; the first attention where it attends, else the mixer.
void make_blocks(ModelShape *model, const BlobShape &mixer, const Heads &heads, uint32_t mlp_width,
                 const std::vector<bool> &attends);
// layer_types, a list of `mixer` and "full_attention": which layers attend. Nothing if there is no such list.
std::optional<std::vector<bool>> read_layer_types(const ConfigReader &config, uint32_t n_layer,
                                                  const char *mixer);

// A block more, of a layer. Equal shapes are one.
void add_block(ModelShape *model, const BlobShape &shape, uint32_t layer);

// Throws Error(bad_input), in the words of config.json, for what the tables of the kinds know to be wrong.
void check_shapes(const ConfigReader &config, const ModelShape &model);
// hidden_act: "silu", or nothing. Keys that have to be false, or not there.
void require_silu(const ConfigReader &config);
void refuse_set(const ConfigReader &config, std::initializer_list<const char *> keys);
// A dimension of the first block of a kind; 0 if there is none.
uint32_t dim_of_kind(const ModelShape &model, BlockId kind, Dim which);

// "model.layers.3."
std::string layer_of(const ModelShape &model, uint32_t block, const char *layers = "model.layers.");

// What the files of a member call the tensors of these blocks, behind the layer's prefix.
struct Names {
    const char *attention;         // "self_attn."
    const char *out;               // "o_proj.weight", behind it
    const char *gate, *up, *down;  // gate and up may be one, rows of the gate first; no gate: null
    const char *q_norm = nullptr, *k_norm = nullptr;  // behind "self_attn.", of those that have such
    bool joins_gate() const { return gate == up; }
};
// The tensor of a role; of kv_proj that of the keys. Empty for roles that are not of these blocks.
std::string tensor_name(const Names &names, Role role, const std::string &layer);
// All tensors of such a block but its norm.
void add_tensors(const Names &names, const ModelShape &model, uint32_t block, const std::string &layer,
                 std::vector<TensorSpec> *tensors);
// ... as the runtime wants it.
DenseTensor read(const Names &names, const TensorFiles &files, const ModelShape &model, Role role,
                 uint32_t block, const std::string &layer);

// GGUF: what of a config.json is about attention and all of a model's layers: heads, rope, unless the architecture has
// none, the gated or ungated MLP's width by a name of its own. Throws Error(bad_input) where the file says what is not
// supported: experts, windows, angles that are scaled, biases.
void write_gguf_config(const GgufKeys &keys, bool turns, const char *mlp_width, JsonWriter *json);
uint64_t gguf_head_dim(const GgufKeys &keys);
// The names of its tensors; halves of heads may lie in turns.
std::vector<GgufName> gguf_names(const Names &names, GgufShape heads = GgufShape::plain);

void scale(double factor, DenseTensor *dense);
// ... of some rows.
void scale_rows(double factor, uint32_t first, uint32_t count, DenseTensor *dense);

// Inputs of attention and MLPs as those of mixers. As measured on models of other families with mixers, attention and gated MLPs
// (docs/quantization.md): in front of what adds to the stream a Hadamard transform with one static scale loses less than one scale
// per token does. Blocks of 64 have to fit.
void tune(const ModelShape &model, Recipe *recipe);

}  // namespace adder::gqa_layers

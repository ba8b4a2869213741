// Hybrids of mixers with a scan, attention and MLPs: what their families have in common besides the layers themselves.
// SPDX-License-Identifier: MIT
#pragma once

#include "converter/families/gqa_layers.h"

namespace adder::hybrid {

// What the files of a family call their tensors.
struct Spelling {
    const char *embedding, *final_norm;
    const char *layers;              // "model.layers."
    const char *norm, *second_norm;  // behind the layer: of its mixers, of its MLP
    const char *mixer;               // "mamba."
    gqa_layers::Names names;
};
constexpr char head[] = "lm_head.weight";
// Of Bamba and Falcon-H1.
inline constexpr Spelling feed_forward_spelling = {
    "model.embed_tokens.weight",
    "model.final_layernorm.weight",
    "model.layers.",
    "input_layernorm.weight",
    "pre_ff_layernorm.weight",
    "mamba.",
    {"self_attn.", "o_proj.weight", "feed_forward.gate_proj.weight", "feed_forward.up_proj.weight",
     "feed_forward.down_proj.weight"}};

bool is_mixer(const BlockView &view);
bool is_mlp(const BlockView &view);

// A member's functions (family.h); two blocks beside each other have one norm in the files. The mixers' last matrices have
// model.residual_scale.
std::string tensor_name(const Spelling &spelling, const ModelShape &model, Role role, uint32_t block);
std::vector<TensorSpec> tensors(const Spelling &spelling, const ModelShape &model);
DenseTensor read(const Spelling &spelling, const TensorFiles &files, const ModelShape &model, Role role,
                 uint32_t block);
template <const Spelling &spelling>
std::string tensor_name_of(const ModelShape &model, Role role, uint32_t block) {
    return tensor_name(spelling, model, role, block);
}
template <const Spelling &spelling>
std::vector<TensorSpec> tensors_of(const ModelShape &model) {
    return tensors(spelling, model);
}
template <const Spelling &spelling>
DenseTensor read_of(const TensorFiles &files, const ModelShape &model, Role role, uint32_t block) {
    return read(spelling, files, model, role, block);
}
inline std::string same_name(const std::string &name) { return name; }

// The keys that all have: hidden_size, num_hidden_layers, unless the layers are known, vocab_size, tie_word_embeddings, hidden_act;
// `tied` is the default.
ModelShape read_common(const ConfigReader &config, bool tied, uint32_t n_layer = 0);

// GGUF: the members of config.json, by their names, that say of mixers with keys "mamba_..." what there is to say; the
// names of tensors.
void write_gguf_mixer(const GgufKeys &keys, JsonWriter *json);
std::vector<GgufName> gguf_whole(const Spelling &spelling);
std::vector<GgufName> gguf_within(const Spelling &spelling, GgufShape heads = GgufShape::plain);

// make-random: mixers of so many heads where their channels come out as a multiple of 8; groups of heads of attention;
// matrices so wide that logits stay moderate.
BlobShape mixer_like(ModelShape *model, uint32_t d_inner, uint32_t n_head, uint32_t d_state, uint32_t n_group);
gqa_layers::Heads heads_like(const PublishedShape &like, uint32_t head_dim, uint32_t heads_per_group,
                             const char *title);
Initial initial(const TensorSpec &tensor, const ModelShape &model);

}  // namespace adder::hybrid

namespace adder {

extern const Family falcon_h1, nemotron_h;

}  // namespace adder

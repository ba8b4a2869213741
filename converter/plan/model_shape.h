// What a model is made of, whatever family and files it came from: what its blob will say of it.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/model.h"

namespace adder {

struct Family;

// The kinds of blocks, in the order of their ids.
const std::vector<const BlockKind *> &all_kinds();

struct ModelShape {
    const Family *family = nullptr;
    uint32_t d_model = 0, n_layer = 0, vocab_size = 0;
    bool tied = true;             // the head's weights are the embedding's
    float norm_epsilon = 1e-5f;   // of the final norm
    float embedding_scale = 1;    // of the embedding's rows, where they are no head
    float logit_softcap = 0;      // 0: none
    double residual_scale = 1;    // of what every block adds to the residual stream: its last matrix has it
    double logit_scale = 1;       // of the logits: the final norm has it
    bool norms_less_one = false;  // the checkpoint's weights of norms are those of the blob less 1
    std::vector<double> multipliers;  // of a family's own, which its reading of tensors knows the order of
    uint32_t mixer_head_dim =
        0;  // channels of a head of a mixer in the checkpoint, where those of the blob have zeros besides; 0: as many
    double rope_base = 0;      // of the steps that channels turn by; 0: none do
    bool conv_bias = true;     // false: the checkpoint has none, and the blob's are zeros
    bool split_gate = false;   // the checkpoint's gate and up are two matrices, where the family's are one
    bool layer_norm = false;   // the final norm is a LayerNorm with a bias
    bool input_major = false;  // the checkpoint's low-rank matrices are [inputs][outputs]
    bool head_decays = false;  // the checkpoint has decays and bonuses of heads, not of channels
    bool head_bonuses_log = false;  // the checkpoint's bonuses are their logarithms
    bool joined_heads = false;  // the checkpoint's projections are rows of q, k, v and z of each head in turns
    bool values_in_turns =
        false;  // the checkpoint's heads of values: of each head of keys the first, then the second, ...
    std::vector<BlobShape> shapes;
    std::vector<BlobBlock> blocks;         // complete with number_blocks()
    std::optional<uint32_t> bos_token_id;  // below vocab_size
    std::vector<uint32_t> eos_token_ids;
    std::string tokenizer;           // whose it is that such files come without; empty: not known
    std::vector<std::string> notes;  // what a user should know of how it was read, a sentence each

    uint32_t block_count() const { return static_cast<uint32_t>(blocks.size()); }
    uint32_t d_model_padded() const { return round_up_to_tile(d_model); }
    uint32_t vocab_padded() const { return round_up_to_tile(vocab_size); }

    // A view that lives as long as this, and is not changed.
    Architecture architecture() const;
    // A block, or what has no block: no_block.
    BlockView view(uint32_t block) const;
    // A dimension of the first block that has it; 0 if none does.
    uint32_t dim(Dim which) const;

    // Fills in what of the blocks follows from their shapes.
    void number_blocks();
};

// One shape for all layers, a block each.
void repeat_shape(ModelShape *model, const BlobShape &shape);

inline uint32_t &dim_of(BlobShape &shape, Dim dim) { return shape.dim[static_cast<uint32_t>(dim)]; }
inline float &param_of(BlobShape &shape, Param param) { return shape.param[static_cast<uint32_t>(param)]; }

// A tensor of a model; block is no_block for the embedding, the final norm and the head.
struct TensorId {
    Role role;
    uint32_t block;
};

// Rows and columns of a tensor without padding.
struct Extent {
    uint32_t rows, cols;
};
Extent extent_of(const ModelShape &model, Role role, uint32_t block);

// The linear layers of a block, in the order of the table; of no_block the head.
std::vector<Role> linear_roles_of(const ModelShape &model, uint32_t block);
// The first of those that take the same input as this one: theirs are one.
Role input_owner(const ModelShape &model, Role role, uint32_t block);
// All that take the input of this one.
std::vector<Role> input_sharers(const ModelShape &model, Role role, uint32_t block);
// The kinds of input that a linear layer can take, and the static one of those.
uint8_t inputs_of(const ModelShape &model, Role role, uint32_t block);
Input static_input_of(const ModelShape &model, Role role, uint32_t block);
// The tensor whose rows are divided by the smoothing factors of an input: a norm's weights or a matrix. Role::none where
// the multipliers of the codes do it.
Role input_maker(const ModelShape &model, Role role, uint32_t block);

// Can an input of this kind be divided by smoothing factors: by the multipliers of the codes, or by the tensor that makes it?
bool can_smooth(const ModelShape &model, Role role, uint32_t block, Input input);

// Is the input of a linear layer made of the residual stream itself: by a norm, or by a mixture of one's channels?
bool takes_stream(const ModelShape &model, Role role, uint32_t block);
// Is its output added to the residual stream, as it is?
bool adds_to_stream(const ModelShape &model, Role role, uint32_t block);

// The bias of the layer whose output is added.
bool is_bias_to_stream(const ModelShape &model, Role role, uint32_t block);
// The bias of a matrix; Role::none if it has none.
Role bias_of(const ModelShape &model, Role role, uint32_t block);
// Is it blocks on a diagonal (inputs_diagonal)? Its columns are then those of one block.
bool is_diagonal(const ModelShape &model, Role role, uint32_t block);

// Is it a matrix, of a linear layer or the embedding? Only these may have int8 or int4 weights.
bool is_matrix(Role role);
// All roles of linear layers that some kind of block has, and the head.
const std::vector<Role> &all_linear_roles();

}  // namespace adder

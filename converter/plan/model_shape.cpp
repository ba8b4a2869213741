// What follows from the tables of a model's kinds of blocks.
// SPDX-License-Identifier: MIT
#include "converter/plan/model_shape.h"

#include <algorithm>

#include "runtime/blocks/kinds.h"

namespace adder {
namespace {

const TensorRow &row_of(const BlockView &view, Role role) { return *find_row(*view.kind, role); }

template <typename Body>
void each_kind(const Body &body) {
    for (const BlockKind *kind : all_kinds()) body(*kind);
    body(model_ends);
}

}  // namespace

const std::vector<const BlockKind *> &all_kinds() {
    static const std::vector<const BlockKind *> all = {
#define ADDER_BLOCK(name) &name##_kind,
#include "runtime/blocks/kinds.inc"
    };
    return all;
}

Architecture ModelShape::architecture() const {
    return {d_model,
            vocab_size,
            (tied ? uint32_t{blob_tied_head} : 0) | (layer_norm ? uint32_t{blob_layer_norm} : 0),
            block_count(),
            static_cast<uint32_t>(shapes.size()),
            shapes.data(),
            blocks.data()};
}

BlockView ModelShape::view(uint32_t block) const {
    return block == no_block ? ends_view(architecture()) : block_view(architecture(), block);
}

uint32_t ModelShape::dim(Dim which) const {
    for (const BlobShape &shape : shapes)
        if (const uint32_t value = shape_view(architecture(), shape).dims[which]) return value;
    return 0;
}

void ModelShape::number_blocks() {
    uint32_t tensor = 1;
    uint64_t state = 0, page = 0;
    for (BlobBlock &block : blocks) {
        const BlockView view = shape_view(architecture(), shapes[block.shape]);
        block.first_tensor = tensor;
        block.state_offset = view.kind->has_cache ? page : state;
        tensor += tensors_of_block(*view.kind, view.shape->flags);
        state += block_state_bytes(*view.kind, *view.shape, view.dims);
        page += block_page_bytes(*view.kind, *view.shape, view.dims);
    }
}

void repeat_shape(ModelShape *model, const BlobShape &shape) {
    model->shapes = {shape};
    model->blocks.clear();
    for (uint32_t layer = 0; layer < model->n_layer; ++layer)
        model->blocks.push_back({0, static_cast<uint16_t>(layer), 0, 0});
    model->number_blocks();
}

Extent extent_of(const ModelShape &model, Role role, uint32_t block) {
    const BlockView view = model.view(block);
    const TensorRow &row = row_of(view, role);
    return {row.rows.sum(view.dims), view.dims[row.cols]};
}

std::vector<Role> linear_roles_of(const ModelShape &model, uint32_t block) {
    if (block == no_block) return {Role::head};
    std::vector<Role> roles;
    const BlockView view = model.view(block);
    for (uint32_t i = 0; i < view.kind->tensor_count; ++i) {
        const TensorRow &row = view.kind->tensors[i];
        if (row.form == Form::matrix && is_present(row, view.shape->flags)) roles.push_back(row.role);
    }
    return roles;
}

std::vector<Role> input_sharers(const ModelShape &model, Role role, uint32_t block) {
    if (block == no_block) return {role};
    const BlockView view = model.view(block);
    std::vector<Role> sharers = linear_roles_of(model, block);
    const uint8_t input = row_of(view, role).input;
    sharers.erase(std::remove_if(sharers.begin(), sharers.end(),
                                 [&](Role other) { return row_of(view, other).input != input; }),
                  sharers.end());
    return sharers;
}

Role input_owner(const ModelShape &model, Role role, uint32_t block) {
    return input_sharers(model, role, block).front();
}

uint8_t inputs_of(const ModelShape &model, Role role, uint32_t block) {
    return row_of(model.view(block), role).inputs;
}

Input static_input_of(const ModelShape &model, Role role, uint32_t block) {
    return inputs_of(model, role, block) & input_bit(Input::fixed) ? Input::fixed : Input::channels;
}

Role input_maker(const ModelShape &model, Role role, uint32_t block) {
    const BlockView view = model.view(block);
    for (const Role maker : view.kind->inputs[row_of(view, role).input].makers) {
        const TensorRow *row = maker == Role::none ? nullptr : find_row(*view.kind, maker);
        if (row != nullptr && is_present(*row, view.shape->flags)) return maker;
    }
    return Role::none;
}

bool can_smooth(const ModelShape &model, Role role, uint32_t block, Input input) {
    return has_multipliers(input) || input_maker(model, role, block) != Role::none;
}

bool takes_stream(const ModelShape &model, Role role, uint32_t block) {
    const Role maker = input_maker(model, role, block);
    return maker == Role::norm || maker == Role::final_norm ||
           (maker != Role::none && row_of(model.view(block), maker).form == Form::channels);
}

bool adds_to_stream(const ModelShape &model, Role role, uint32_t block) {
    return block != no_block && !model.view(block).kind->gates_output &&
           linear_roles_of(model, block).back() == role;
}

Role bias_of(const ModelShape &model, Role role, uint32_t block) {
    const BlockView view = model.view(block);
    const TensorRow *bias = bias_row(*view.kind, row_of(view, role), view.shape->flags);
    return bias != nullptr ? bias->role : Role::none;
}

bool is_bias_to_stream(const ModelShape &model, Role role, uint32_t block) {
    return bias_of(model, linear_roles_of(model, block).back(), block) == role;
}

bool is_diagonal(const ModelShape &model, Role role, uint32_t block) {
    return block != no_block && (row_of(model.view(block), role).inputs & inputs_diagonal) != 0;
}

bool is_matrix(Role role) {
    bool found = false;
    each_kind([&](const BlockKind &kind) {
        const TensorRow *row = find_row(kind, role);
        found = found || (row != nullptr && row->form == Form::matrix);
    });
    return found;
}

const std::vector<Role> &all_linear_roles() {
    static const std::vector<Role> all = [] {
        std::vector<Role> roles;
        each_kind([&](const BlockKind &kind) {
            for (uint32_t i = 0; i < kind.tensor_count; ++i) {
                const Role role = kind.tensors[i].role;
                const bool known = std::find(roles.begin(), roles.end(), role) != roles.end();
                if (kind.tensors[i].form == Form::matrix && role != Role::embedding && !known)
                    roles.push_back(role);
            }
        });
        return roles;
    }();
    return all;
}

}  // namespace adder

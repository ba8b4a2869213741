// Names of the blob's enumerations.
// SPDX-License-Identifier: MIT
#include "converter/plan/names.h"

#include "converter/base/error.h"

namespace adder {

const char *role_name(Role role) {
    switch (role) {
        // clang-format off
#define ADDER_ROLE(name, number) \
    case Role::name: return #name;
#include "runtime/blocks/kinds.inc"
    // clang-format on
    case Role::none: break;
    }
    return "?";
}

const char *weight_type_name(Dtype dtype) {
    switch (dtype) {
    case Dtype::f32: return "f32";
    case Dtype::int8: return "int8";
    case Dtype::int4: return "int4";
    }
    return "?";
}

const char *granularity_name(Granularity granularity) {
    switch (granularity) {
    case Granularity::none: return "none";
    case Granularity::tensor: return "tensor";
    case Granularity::row: return "row";
    case Granularity::group: return "group";
    }
    return "?";
}

const char *input_name(Input input) {
    switch (input) {
    case Input::none: return "none";
    case Input::floats: return "f32";
    case Input::fixed: return "static";
    case Input::channels: return "static, one multiplier per channel";
    case Input::hadamard: return "static, after a Hadamard transform";
    case Input::token: return "one scale per token";
    }
    return "?";
}

const char *kind_name(BlockId kind) {
    switch (kind) {
        // clang-format off
#define ADDER_BLOCK_ID(name, id, title) \
    case BlockId::name: return #name;
#include "runtime/blocks/kinds.inc"
        // clang-format on
    }
    return "?";
}

const char *kind_title(BlockId kind) {
    switch (kind) {
        // clang-format off
#define ADDER_BLOCK_ID(name, id, title) \
    case BlockId::name: return title;
#include "runtime/blocks/kinds.inc"
        // clang-format on
    }
    return "?";
}

const char *slot_name(Slot slot) {
    switch (slot) {
        // clang-format off
#define ADDER_SLOT(name, word, place) \
    case Slot::name: return word;
#include "runtime/blocks/kinds.inc"
    // clang-format on
    case Slot::none:
    case Slot::count: break;
    }
    return "?";
}

std::string kinds_of_half_states() {
    std::vector<std::string> titles;
    for (const BlockKind *kind : all_kinds())
        if (kind->state_types >= StateType::f16 && !kind->has_cache) titles.emplace_back(kind_title(kind->id));
    return listed(titles);
}

std::string listed(const std::vector<std::string> &words, const char *last) {
    std::string text;
    for (size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 < words.size() ? ", " : last;
        text += words[i];
    }
    return text;
}

std::string plan_name(const ModelShape &shape, Role role, uint32_t block) {
    if (block == no_block) return role_name(role);
    return format("layers.%u.%s", uint32_t{shape.blocks[block].layer}, role_name(role));
}

}  // namespace adder

// Parsing and matching of patterns.
// SPDX-License-Identifier: MIT
#include "converter/plan/pattern.h"

#include <algorithm>

#include "converter/plan/names.h"

namespace adder {
namespace {

// "in_proj, x_proj and out_proj; of TITLE in_proj and out_proj"
std::string linear_layers_of_kinds() {
    std::string text;
    for (const BlockKind *kind : all_kinds()) {
        std::vector<std::string> names;
        for (uint32_t i = 0; i < kind->tensor_count; ++i)
            if (kind->tensors[i].form == Form::matrix) names.emplace_back(role_name(kind->tensors[i].role));
        if (!text.empty()) text += std::string("; of ") + kind_title(kind->id) + " ";
        text += listed(names);
    }
    return text;
}

}  // namespace

void RuleSource::refuse(const std::string &why) const {
    fail(code, "%s '%s': %s", where.c_str(), text.c_str(), why.c_str());
}

void RuleSource::refuse_at(size_t place, const std::string &why) const {
    fail(code, "%s '%s', character %zu: %s", where.c_str(), text.c_str(), place + 1, why.c_str());
}

// The places of the text that what was read of the glob leads to are a set: bit i stands for text[i], the highest for
// its end. So nothing is ever tried twice.
bool glob_matches(std::string_view glob, std::string_view text, bool *well_formed) {
    const auto after = [&](char c, uint32_t places) {
        uint32_t next = 0;
        for (size_t i = 0; i < text.size(); ++i)
            if ((places >> i & 1) != 0 && text[i] == c) next |= 2u << i;
        return next;
    };
    *well_formed = true;
    uint32_t places = 1;
    for (size_t i = 0; i < glob.size(); ++i) {
        if (glob[i] == '*') {
            for (size_t k = 0; k < text.size(); ++k) places |= (places >> k & 1) << (k + 1);
        } else if (glob[i] == '{') {
            uint32_t word = places, any = 0;
            for (++i; i < glob.size() && glob[i] != '}'; ++i) {
                if (glob[i] != ',') {
                    word = after(glob[i], word);
                    continue;
                }
                any |= word;
                word = places;
            }
            if (i == glob.size()) return *well_formed = false;
            places = any | word;
        } else {
            places = after(glob[i], places);
        }
    }
    return (places >> text.size() & 1) != 0;
}

TensorPattern::TensorPattern(const RuleSource &source, size_t size) {
    constexpr std::string_view prefix = "layers.";
    const std::string_view pattern = std::string_view(source.text).substr(0, size);
    if (pattern.substr(0, prefix.size()) != prefix) {
        parse_name(source, 0, size);
        return;
    }
    const size_t dot = pattern.find('.', prefix.size());
    if (dot == std::string_view::npos)
        source.refuse_at(size, "the name of a linear layer is missing, as in layers.*.in_proj");
    parse_layers(source, prefix.size(), dot);
    parse_name(source, dot + 1, size);
}

void TensorPattern::parse_layers(const RuleSource &source, size_t begin, size_t end) {
    const std::string &text = source.text;
    if (text.compare(begin, end - begin, "*") == 0) {
        all_layers_ = true;
        return;
    }
    if (begin < end && text[begin] == '{') {
        if (text[end - 1] != '}') source.refuse_at(begin, "the brace is not closed");
        ++begin, --end;
    }
    const auto number = [&](size_t *at) {
        const size_t start = *at;
        uint32_t value = 0;
        for (; *at < end && text[*at] >= '0' && text[*at] <= '9' && value < max_n_layer; ++*at)
            value = value * 10 + static_cast<uint32_t>(text[*at] - '0');
        if (*at == start) source.refuse_at(start, "layers are numbers, ranges as 0-3, or *");
        if (value >= max_n_layer)
            source.refuse_at(start, format("a model has at most %u layers", max_n_layer));
        return value;
    };
    for (size_t at = begin;; ++at) {
        const size_t place = at;
        LayerRange range{number(&at), 0, place};
        range.last = range.first;
        if (at < end && text[at] == '-') range.last = number(&++at);
        if (range.last < range.first) source.refuse_at(place, "the range of layers ends before it begins");
        layers_.push_back(range);
        if (at == end) return;
        if (text[at] != ',') source.refuse_at(at, "layers are numbers, ranges as 0-3, or *");
    }
}

void TensorPattern::parse_name(const RuleSource &source, size_t begin, size_t end) {
    const bool in_layer = begin > 0;
    const std::string_view glob = std::string_view(source.text).substr(begin, end - begin);
    const auto try_role = [&](Role role) {
        bool well_formed = true;
        if (glob_matches(glob, role_name(role), &well_formed)) roles_.push_back(role);
        if (!well_formed) source.refuse_at(begin, "a brace is not closed");
    };
    if (in_layer)
        for (const Role role : all_linear_roles()) {
            if (role != Role::head) try_role(role);
        }
    else
        for (const Role role : {Role::embedding, Role::head}) try_role(role);
    if (roles_.empty())
        source.refuse_at(
            begin, in_layer ? "a layer has " + linear_layers_of_kinds()
                            : "a pattern is embedding, head, or layers.NUMBERS.NAME as layers.*.in_proj");
}

bool TensorPattern::matches(Role role, uint32_t layer) const {
    if (std::find(roles_.begin(), roles_.end(), role) == roles_.end()) return false;
    if (role == Role::embedding || role == Role::head || all_layers_) return true;
    return std::any_of(layers_.begin(), layers_.end(),
                       [&](const LayerRange &range) { return layer >= range.first && layer <= range.last; });
}

void TensorPattern::check_layers(const RuleSource &source, uint32_t n_layer) const {
    for (const LayerRange &range : layers_)
        if (range.last >= n_layer)
            source.refuse_at(range.place, format("there is no layer %u: the model has %u, from 0 to %u",
                                                 range.last, n_layer, n_layer - 1));
}

}  // namespace adder

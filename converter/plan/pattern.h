// Patterns that name tensors of a plan: 'layers.0-3.{in,out}_proj', 'layers.*.dt_proj', 'head', 'embedding'.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/base/error.h"
#include "converter/plan/recipe.h"

namespace adder {

// The text of a rule and where it stands, for errors: "--set", or "rules.txt, line 3".
struct RuleSource {
    std::string text, where;
    ExitCode code;

    [[noreturn]] void refuse(const std::string &why) const;
    [[noreturn]] void refuse_at(size_t place, const std::string &why) const;  // text[place] is what is wrong
};

// pattern  'embedding' | 'head' | 'layers.' layers '.' name
// layers   '*' | numbers and ranges, '0,2,5-7', in braces or not
// name     in_proj, out_proj or another linear layer of a block; '*' stands for any letters, '{in,out}' for either word. The names
//          outside of the layers may be written so, too.
class TensorPattern {
  public:
    // The first `size` characters of the source's text. Throws Error naming the character.
    TensorPattern(const RuleSource &source, size_t size);
    bool matches(Role role, uint32_t layer) const;
    // Throws if a layer that it names is not there.
    void check_layers(const RuleSource &source, uint32_t n_layer) const;

  private:
    void parse_layers(const RuleSource &source, size_t begin, size_t end);
    void parse_name(const RuleSource &source, size_t begin, size_t end);

    struct LayerRange {
        uint32_t first, last;
        size_t place;
    };
    bool all_layers_ = false;
    std::vector<LayerRange> layers_;
    std::vector<Role> roles_;  // that the name matches
};

// Does the glob match all of the text? '*' and '{a,b}', not nested; at most 31 characters of text. Takes time in
// proportion to the glob, whatever is in it. `well_formed` is set to false where a brace is not closed.
bool glob_matches(std::string_view glob, std::string_view text, bool *well_formed);

}  // namespace adder

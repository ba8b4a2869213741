// Cuts a template into text, tags and the tokens inside of tags.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/text/jinja.h"

namespace adder::jinja {

struct Token {
    enum class Kind : uint8_t {
        text,          // of the template, between tags
        output_begin,  // {{
        block_begin,   // {%
        end,           // }} or %}
        name,
        string,
        integer,
        fraction,  // a number with one
        symbol,    // an operator or a bracket
        end_of_template
    };
    Kind kind;
    std::string text;
    uint32_t line, column;
};

// White space is controlled here: `-` and `+` in tags, trim_blocks, lstrip_blocks, and the template's last newline.
// The last token is end_of_template. Throws TemplateError.
std::vector<Token> lex(std::string_view source);

}  // namespace adder::jinja

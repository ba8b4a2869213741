// The sets, as ranges.
// SPDX-License-Identifier: MIT
#include "converter/constrain/code_points.h"

#include "runtime/unicode.h"

namespace adder {

namespace {

constexpr uint32_t bit(GeneralCategory category) { return 1u << static_cast<unsigned>(category); }

uint32_t categories_named(std::string_view name) {
    using C = GeneralCategory;
    constexpr struct {
        std::string_view name;
        uint32_t categories;
    } all[] = {
        {"L", bit(C::Lu) | bit(C::Ll) | bit(C::Lt) | bit(C::Lm) | bit(C::Lo)},
        {"Lu", bit(C::Lu)},
        {"Ll", bit(C::Ll)},
        {"Lt", bit(C::Lt)},
        {"Lm", bit(C::Lm)},
        {"Lo", bit(C::Lo)},
        {"M", bit(C::M)},
        {"N", bit(C::Nd) | bit(C::N)},
        {"Nd", bit(C::Nd)},
        {"P", bit(C::P)},
        {"S", bit(C::S)},
    };
    for (const auto &one : all)
        if (one.name == name) return one.categories;
    return 0;
}

}  // namespace

CodePointRanges digits() { return {{'0', '9'}}; }
CodePointRanges word_characters() { return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}; }
CodePointRanges ascii_spaces() { return {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}; }
CodePointRanges ecma_spaces() {
    return {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
            {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
}
CodePointRanges ecma_line_ends() { return {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}; }

CodePointRanges posix_class(std::string_view name) {
    if (name == "alnum") return {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}};
    if (name == "alpha") return {{'A', 'Z'}, {'a', 'z'}};
    if (name == "ascii") return {{0, 0x7F}};
    if (name == "blank") return {{'\t', '\t'}, {' ', ' '}};
    if (name == "cntrl") return {{0, 0x1F}, {0x7F, 0x7F}};
    if (name == "digit") return digits();
    if (name == "graph") return {{'!', '~'}};
    if (name == "lower") return {{'a', 'z'}};
    if (name == "print") return {{' ', '~'}};
    if (name == "punct") return {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}};
    if (name == "space") return {{'\t', '\r'}, {' ', ' '}};
    if (name == "upper") return {{'A', 'Z'}};
    if (name == "word") return word_characters();
    if (name == "xdigit") return {{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
    return {};
}

CodePointRanges category_named(std::string_view name) {
    struct Run {
        uint32_t first, last, category;  // a bit
    };
    static const std::vector<Run> runs = [] {
        std::vector<Run> made;
        for (uint32_t c = 0; c <= last_code_point; ++c) {
            const uint32_t category = bit(general_category(c));
            if (made.empty() || made.back().category != category) made.push_back({c, c, category});
            made.back().last = c;
        }
        return made;
    }();
    const uint32_t categories = categories_named(name);
    CodePointRanges out;
    for (const Run &run : runs)
        if ((run.category & categories) != 0) out.emplace_back(run.first, run.last);
    return joined(out);
}

}  // namespace adder

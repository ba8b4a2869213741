// Grammars as constraints: what they make, and what is refused.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "converter/constrain/grammar.h"
#include "tests/support/constraint.h"
#include "tests/support/error_of.h"

namespace adder::test {
namespace {

std::vector<uint8_t> constraint_of(const std::string &grammar, uint32_t depth = 8) {
    return write_constraint(make_automaton(parse_grammar(grammar, "g.gbnf", depth), "g.gbnf"), 64, "g.gbnf");
}

TEST(ConstrainGrammar, MakesTexts) {
    const struct {
        const char *grammar;
        std::vector<const char *> texts, others;
    } cases[] = {
        {"root ::= \"yes\" | \"no\"", {"yes", "no"}, {"", "yesno", "y"}},
        {"# moves\nroot ::= move (\" \" move){0,2} # up to three\nmove ::= [a-h] [1-8]\n  | \"O-O\"",
         {"e4", "e4 O-O a1"},
         {"e9", "e4 ", "e4 e4 e4 e4"}},
        {"a-b_1 ::= .\nroot ::= a-b_1+ \"!\"?", {"x", "\xC3\xA9!", "\n!!"}, {""}},
        {"root ::= [^a-c\\]\\n]{2} [-x] [x-]", {"de--", "\xE2\x82\xAC[x-"}, {"dc--", "d]--", "d\nxx", "de-y"}},
        {R"(root ::= "\x41\u00e9\U0001F600\"\\\t" [\[\]\-\^]*)", {"A\xC3\xA9\xF0\x9F\x98\x80\"\\\t[]-^"}, {"A"}},
        {"root ::= (\"a\" |)\n\"b\"", {"ab", "b"}, {"a"}},
        {"root ::= x{2,} y{3} z{,", {}, {}},
        {"root ::= \"x\" # the end", {"x"}, {}},
    };
    for (const auto &one : cases) {
        SCOPED_TRACE(one.grammar);
        if (one.texts.empty()) {
            EXPECT_HAS(error_of([&] { constraint_of(one.grammar); }), "bounds of repetitions");
            continue;
        }
        const std::vector<uint8_t> file = constraint_of(one.grammar);
        for (const char *text : one.texts) EXPECT_TRUE(accepts(file, text)) << text;
        for (const char *text : one.others) EXPECT_FALSE(accepts(file, text)) << text;
    }
}

TEST(ConstrainGrammar, RulesLeadToThemselvesSoOften) {
    const std::string nested = "root ::= \"(\" root \")\" | \"x\"\n";
    for (uint32_t depth = 0; depth < 4; ++depth) {
        const std::vector<uint8_t> file = constraint_of(nested, depth);
        for (uint32_t pairs = 0; pairs < 6; ++pairs)
            EXPECT_EQ(accepts(file, std::string(pairs, '(') + "x" + std::string(pairs, ')')), pairs <= depth);
        EXPECT_FALSE(accepts(file, "(x"));
    }
    const std::vector<uint8_t> left =
        constraint_of("root ::= sum\nsum ::= sum \"+\" one | one\none ::= [0-9]", 2);
    EXPECT_TRUE(accepts(left, "1+2+3"));
    EXPECT_FALSE(accepts(left, "1+2+3+4"));
    const std::string json =
        "root ::= value\nvalue ::= list | \"1\"\nlist ::= \"[\" (value (\",\" value){0,2})? \"]\"";
    EXPECT_TRUE(accepts(constraint_of(json, 3), "[[1,[]],1,[[],1]]"));
    EXPECT_HAS(error_of([&] { constraint_of(json, 12); }), "repetitions and depth make it smaller");
}

TEST(ConstrainGrammar, RefusesByNameAndLine) {
    const struct {
        const char *grammar, *error;
    } cases[] = {
        {"", "g.gbnf: there is no rule root"},
        {"root ::= other", "g.gbnf: there is no rule other"},
        {"root ::= \"a\"\nroot ::= \"b\"",
         "g.gbnf: line 2, at \"root ::= \\\"b\\\"\": there is a rule of this name"},
        {"root = \"a\"", "a rule begins with NAME ::="},
        {"root ::= \"a", "line 1, at the end: a literal or class does not end in its line"},
        {"root ::= \"a\n\"", "does not end in its line"},
        {"root ::= [a", "does not end in its line"},
        {"root ::= (\"a\"", "a group is not closed"},
        {"root ::= \"a\")", "this belongs to no rule"},
        {"root ::= *", "a literal, a class, a name or a group is needed"},
        {"root ::= \"\\q\"", "this escape is not supported"},
        {"root ::= \"\\xZZ\"", "hexadecimal digits are missing"},
        {"root ::= \"\\uD800\"", "this is no code point"},
        {"root ::= [b-a]", "a range goes up"},
        {"root ::= \"a\"{3,2}", "bounds of repetitions"},
        {"root ::= \"a\"{99999}", "bounds of repetitions"},
        {"root ::= \"\xFF\"", "this is not UTF-8"},
        {"root ::= root", "g.gbnf: there is no text that this allows"},
        {"root ::= []", "there is no text that this allows"},
    };
    for (const auto &one : cases) {
        SCOPED_TRACE(one.grammar);
        EXPECT_HAS(error_of([&] { constraint_of(one.grammar); }), one.error);
    }
    EXPECT_HAS(error_of([] { constraint_of("root ::= " + std::string(500, '(')); }), "nested too deeply");
}

}  // namespace
}  // namespace adder::test

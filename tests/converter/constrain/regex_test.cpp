// Regular expressions as constraints: what they match, against lists and against the C++ library; and what is refused.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <regex>

#include "runtime/unicode.h"
#include "tests/support/constraint.h"
#include "tests/support/error_of.h"

namespace adder::test {
namespace {

struct Case {
    const char *pattern;
    std::vector<const char *> matches, others;
};

void expect_matches(const std::vector<Case> &cases, RegexDialect dialect) {
    for (const Case &one : cases) {
        SCOPED_TRACE(one.pattern);
        const std::vector<uint8_t> file = regex_constraint(one.pattern, 64, dialect);
        adder_constraint constraint;
        EXPECT_EQ(adder_constraint_open(&constraint, file.data(), file.size(), nullptr), ADDER_OK);
        for (const char *text : one.matches) EXPECT_TRUE(accepts(file, text)) << text;
        for (const char *text : one.others) EXPECT_FALSE(accepts(file, text)) << text;
    }
}

TEST(ConstrainRegex, MatchesTheWholeText) {
    expect_matches(
        {
            {"", {""}, {"a"}},
            {"abc", {"abc"}, {"", "ab", "abcd", "xabc"}},
            {"^abc$", {"abc"}, {"^abc$"}},
            {"a|bc|", {"a", "bc", ""}, {"b", "abc"}},
            {"^a$|^b", {"a", "b"}, {"ab"}},
            {"(a|b)*c", {"c", "abbac"}, {"", "ab", "cc"}},
            {"a{3}", {"aaa"}, {"aa", "aaaa"}},
            {"a{2,}", {"aa", "aaaaaaa"}, {"a", ""}},
            {"a{0,2}b{1,1}", {"b", "ab", "aab"}, {"aaab", "a"}},
            {"(ab){0}c", {"c"}, {"abc"}},
            {"a{,2}x{", {"a{,2}x{"}, {"aax{"}},
            {"a+?b*?c?\?", {"a", "aaabbc"}, {"", "bc"}},
            {"(?:x(?P<n>y)(?<m>z))", {"xyz"}, {"x"}},
            {".", {"a", "\xC3\xA9", "\xF0\x9F\x98\x80", "\r"}, {"", "\n", "\xC3", "\xFF", "ab"}},
            {"[^a]", {"b", "\n", "\xE2\x82\xAC"}, {"a", ""}},
            {"[a-cx\\-\\]]+", {"abcx-]"}, {"d", "\\", "[", ""}},
            {"[-a]+[b-]", {"-a-", "ab"}, {"b"}},
            {"[[:digit:][:upper:]_]+[[:^space:]]", {"A1_x"}, {"A1_ ", "a1x"}},
            {"\\d\\D\\w\\W\\s\\S", {"1a_- x"}, {"aa_- x", "11_- x", "1a-- x", "1a_a x", "1a_-xx", "1a_-  "}},
            {"\\x41\\x{20AC}\\u00e9\\t\\n\\r\\f\\v\\a\\0?", {"A\xE2\x82\xAC\xC3\xA9\t\n\r\f\v\a"}, {"A"}},
            {"\\.\\*\\\\\\(\\)\\[\\{\\^\\$\\|\\/", {".*\\()[{^$|/"}, {"x"}},
            {"\xC3\xA9+", {"\xC3\xA9\xC3\xA9"}, {"\xC3\xA9\xA9", "e"}},
            {"\\p{Lu}\\pL\\P{L}\\p{^N}\\p{Nd}",
             {"\xC3\x89\xCE\xB1.x7"},
             {"\xC3\xA9\xCE\xB1.x7", "AA.77", "AAAx7"}},
            {"[\\p{L}\\d]{2}[^\\p{L}]",
             {"\xE6\x97\xA5"
              "1-"},
             {"--a"}},
        },
        RegexDialect::whole);
}

TEST(ConstrainRegex, SearchesAsJsonSchemaDoes) {
    expect_matches(
        {
            {"b+", {"b", "abba", "xb\n"}, {"", "aa"}},
            {"^b+", {"b", "bxx"}, {"ab", ""}},
            {"b+$", {"b", "xxb"}, {"ba"}},
            {"^(ab)?$", {"", "ab"}, {"a", "xab"}},
            {"^a|b$", {"axx", "xxb"}, {"xax"}},
            {"^.$", {"a", "\xC3\xA9"}, {"\n", "\r", "\xE2\x80\xA8"}},
            {"^\\s\\S$", {"\xC2\xA0x", "\xEF\xBB\xBFx"}, {"x ", " \xC2\xA0"}},
        },
        RegexDialect::search);
}

TEST(ConstrainRegex, RefusesByName) {
    const struct {
        const char *pattern, *place, *why;
    } cases[] = {
        {"(a)\\1", "byte 4", "back-references are not supported"},
        {"(?<n>a)\\k<n>", "byte 8", "back-references are not supported"},
        {"a(?=b)", "byte 1", "look-around is not supported"},
        {"a(?!b)", "byte 1", "look-around is not supported"},
        {"(?<=b)a", "byte 0", "look-around is not supported"},
        {"(?<!b)a", "byte 0", "look-around is not supported"},
        {"\\bword", "byte 1", "word boundaries are not supported"},
        {"(?i)a", "byte 1", "flags are not"},
        {"a++", "byte 2", "possessive"},
        {"a**", "byte 2", "a repetition already"},
        {"a{2}{3}", "byte 4", "a repetition already"},
        {"*a", "byte 0", "nothing to repeat"},
        {"{2}", "byte 0", "nothing to repeat"},
        {"a{3,2}", "byte 1", "go up from 0"},
        {"a{99999}", "byte 1", "go up from 0"},
        {"(a", "byte 0", "the group is not closed"},
        {"a)", "byte 1", "no group to close"},
        {"[a", "byte 0", "the class is not closed"},
        {"[]", "byte 1", "the class is empty"},
        {"[b-a]", "byte 4", "goes up"},
        {"[\\d-z]", "byte 5", "goes up"},
        {"[[:word2:]]", "byte 7", "no POSIX class"},
        {"\\p{Greek}", "byte 9", "of Unicode's classes only"},
        {"\\xZ1", "byte 2", "hexadecimal digits are missing"},
        {"\\x{D800}", "byte 8", "no code point"},
        {"\\q", "byte 1", "this escape is not supported"},
        {"a\\", "byte 2", "a backslash is the last character"},
        {"a^b", "byte 1", "^ may stand at the start"},
        {"(a$)", "byte 2", "$ may stand at the end"},
        {"a$b", "byte 2", "nothing may come behind $"},
        {"\xFF", "byte 0", "not UTF-8"},
    };
    for (const auto &one : cases) {
        SCOPED_TRACE(one.pattern);
        const std::string text = error_of([&] { parse_regex(one.pattern, "--regex", RegexDialect::whole); });
        EXPECT_HAS(text, "--regex: the pattern ");
        EXPECT_HAS(text, one.place);
        EXPECT_HAS(text, one.why);
    }
    const std::string deep = std::string(1000, '(') + std::string(1000, ')');
    EXPECT_HAS(error_of([&] { parse_regex(deep, "p", RegexDialect::whole); }), "nested too deeply");
}

TEST(ConstrainRegex, NamesTheBoundThatIsPassed) {
    EXPECT_HAS(error_of([] { regex_constraint("(a{1000}){1000}{1}"); }), "a repetition already");
    EXPECT_HAS(error_of([] { regex_constraint("((a{1000}){1000}){10}"); }),
               "may take 8388608; bounds on lengths");
    const Expr large = parse_regex("(a|b)*a(a|b){20}", "p", RegexDialect::whole);
    EXPECT_HAS(error_of([&] { make_automaton(large, "p", 1000); }), "given up at 1000 states");
    EXPECT_HAS(error_of([] { regex_constraint("a{65000}b{600}", 1u << 20); }),
               "has 65601 states, and may have 65536");
    EXPECT_HAS(error_of([] { regex_constraint("a*", 0); }), "texts of any length; --max-bytes N");
    EXPECT_HAS(error_of([] { regex_constraint("a{7}", 6); }), "the shortest text has 7 bytes, and at most 6");
    EXPECT_HAS(error_of([] { regex_constraint("a[^\\x{0}-\\x{10FFFF}]"); }), "no text that this allows");
}

TEST(ConstrainRegex, IsAsSmallAsCanBe) {
    const auto states = [](const char *pattern) {
        return make_automaton(parse_regex(pattern, "p", RegexDialect::whole), "p").states.size();
    };
    EXPECT_EQ(states("abc|abd|xbc|xbd"), 4u);
    EXPECT_EQ(states("(a|b)*abb"), 4u);
    EXPECT_EQ(states("(aa|aaaa)*"), 2u);
    EXPECT_EQ(states("[0-9]{2,4}"), 5u);
    const Automaton bounded = make_automaton(parse_regex("a{2,7}|b", "p", RegexDialect::whole), "p");
    EXPECT_EQ(bounded.longest, 7u);
    EXPECT_EQ(bounded.states[0].lacks, 1u);
    EXPECT_FALSE(bounded.unbounded);
    EXPECT_TRUE(make_automaton(parse_regex("x(ab)*", "p", RegexDialect::whole), "p").unbounded);
}

// Every code point is one character, in one form, and no other bytes are.
TEST(ConstrainRegex, AnyCharacterIsUtf8) {
    const std::vector<uint8_t> any = regex_constraint("[\\x{0}-\\x{10FFFF}]");
    const std::vector<uint8_t> some =
        regex_constraint("[\\x{7E}-\\x{81}\\x{7F0}-\\x{1234}\\x{D000}-\\x{10345}\\x{10FFF0}-\\x{10FFFF}]");
    for (uint32_t c = 0; c <= 0x10FFFF; c += c < 0x20000 ? 1 : 61) {
        const bool surrogate = c >= 0xD800 && c < 0xE000;
        uint8_t bytes[4];
        const std::string text(reinterpret_cast<char *>(bytes), utf8_write(c, bytes));
        ASSERT_EQ(accepts(any, text), !surrogate) << c;
        const bool in = (c >= 0x7E && c <= 0x81) || (c >= 0x7F0 && c <= 0x1234) ||
                        (c >= 0xD000 && c <= 0x10345) || c >= 0x10FFF0;
        ASSERT_EQ(accepts(some, text), in && !surrogate) << c;
    }
    for (const char *text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
                             "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82"})
        EXPECT_FALSE(accepts(any, text));
}

// A pattern of few letters and every operator that both know, as text.
std::string random_pattern(SplitMix *random, int depth) {
    std::string out;
    for (size_t parts = 1 + random->below(3); parts > 0; --parts) {
        std::string part;
        switch (depth == 0 ? random->below(4) : random->below(7)) {
        case 0:
        case 1: part = std::string(1, static_cast<char>('a' + random->below(3))); break;
        case 2: part = random->below(2) ? "[a-b]" : "[^b]"; break;
        case 3: part = "."; break;
        case 4:
            part = "(" + random_pattern(random, depth - 1) + "|" + random_pattern(random, depth - 1) + ")";
            break;
        default: part = "(" + random_pattern(random, depth - 1) + ")"; break;
        }
        static const char *const repeats[] = {"", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}"};
        out += part + repeats[random->below(std::size(repeats))];
    }
    return out;
}

TEST(ConstrainRegex, AgreesWithTheStandardLibrary) {
    SplitMix random(7);
    int matched = 0;
    for (int i = 0; i < 40; ++i) {
        const std::string pattern = random_pattern(&random, 2);
        const std::regex standard(pattern, std::regex::ECMAScript);
        const std::vector<uint8_t> file = regex_constraint(pattern, 200);
        for (int k = 0; k < 20; ++k) {
            std::string text;
            for (size_t size = random.below(7); size > 0; --size)
                text += static_cast<char>('a' + random.below(4));
            if (k < 8) text = random_text(file, &random).substr(0, 12);
            if (text.find_first_of("\r\n") != std::string::npos) continue;  // . differs
            const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; });
            if (!ascii) continue;
            const bool matches = std::regex_match(text, standard);
            matched += matches;
            ASSERT_EQ(accepts(file, text), matches) << pattern << " on " << text;
        }
    }
    EXPECT_GT(matched, 120);
}

}  // namespace
}  // namespace adder::test

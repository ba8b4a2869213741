// Patterns as automata: against a matcher that tries everything as Perl does, what is refused, and the tables' sizes.
// SPDX-License-Identifier: MIT
#include "converter/import/split_automaton.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "converter/base/error.h"
#include "runtime/pretokenizer.h"
#include "tests/support/error_of.h"
#include "tests/support/sample.h"
#include "tests/support/split_kinds.h"

namespace adder::test {
namespace {

using Text = std::u32string;
using Pieces = std::vector<std::pair<size_t, size_t>>;

// A backtracking matcher: a part of a pattern takes a place in the text and what is to match behind it.
class Backtracker {
  public:
    explicit Backtracker(const Text &pattern) : pattern_(pattern) { whole_ = choice(); }

    // The end of the match that begins at `at`, or -1.
    size_t match(const Text &text, size_t at) const {
        size_t end = npos;
        whole_(text, at, [&](size_t place) {
            end = place;
            return true;
        });
        return end;
    }
    Pieces split(const Text &text) const {
        Pieces pieces;
        size_t from = 0;
        for (size_t at = 0; at < text.size();) {
            const size_t end = match(text, at);
            if (end == npos) {
                ++at;
                continue;
            }
            if (from < at) pieces.emplace_back(from, at);
            pieces.emplace_back(at, end);
            from = at = end;
        }
        if (from < text.size()) pieces.emplace_back(from, text.size());
        return pieces;
    }
    static constexpr size_t npos = static_cast<size_t>(-1);

  private:
    using Rest = std::function<bool(size_t)>;
    using Part = std::function<bool(const Text &, size_t, const Rest &)>;
    using Chars = std::function<bool(char32_t)>;

    bool take(char32_t c) { return at_ < pattern_.size() && pattern_[at_] == c && ++at_; }

    Part choice() {
        Part first = sequence();
        if (!take(U'|')) return first;
        Part second = choice();
        return [=](const Text &t, size_t i, const Rest &rest) {
            return first(t, i, rest) || second(t, i, rest);
        };
    }
    Part sequence() {
        if (at_ == pattern_.size() || pattern_[at_] == U'|' || pattern_[at_] == U')')
            return [](const Text &, size_t i, const Rest &rest) { return rest(i); };
        Part first = quantified(), second = sequence();
        return [=](const Text &t, size_t i, const Rest &rest) {
            return first(t, i, [&](size_t j) { return second(t, j, rest); });
        };
    }
    static Part times(const Part &part, size_t least, size_t most) {
        return [=](const Text &t, size_t i, const Rest &rest) {
            std::function<bool(size_t, size_t)> next = [&](size_t j, size_t count) -> bool {
                if (count < most && part(t, j, [&](size_t k) { return next(k, count + 1); })) return true;
                return count >= least && rest(j);
            };
            return next(i, 0);
        };
    }
    Part quantified() {
        const Part part = atom();
        if (take(U'?')) return times(part, 0, 1);
        if (take(U'*')) return times(part, 0, npos);
        if (take(U'+')) return times(part, 1, npos);
        if (!take(U'{')) return part;
        const size_t least = pattern_[at_++] - U'0';
        size_t most = least;
        if (take(U',')) most = pattern_[at_] == U'}' ? npos : pattern_[at_++] - U'0';
        take(U'}');
        return times(part, least, most);
    }
    Part atom() {
        if (take(U'(')) {
            const bool outer = fold_;
            bool ahead = false, wanted = true;
            if (take(U'?')) {
                const char32_t kind = pattern_[at_++];
                if (kind == U'i') fold_ = take(U':');
                ahead = kind == U'!' || kind == U'=';
                wanted = kind != U'!';
            }
            const Part inner = choice();
            take(U')');
            fold_ = outer;
            if (!ahead) return inner;
            return [=](const Text &t, size_t i, const Rest &rest) {
                return inner(t, i, [](size_t) { return true; }) == wanted && rest(i);
            };
        }
        const Chars chars = take(U'[') ? bracket() : single();
        return [=](const Text &t, size_t i, const Rest &rest) {
            return i < t.size() && chars(t[i]) && rest(i + 1);
        };
    }
    Chars bracket() {
        const bool negated = take(U'^');
        Chars all = [](char32_t) { return false; };
        while (!take(U']')) {
            const bool escaped = pattern_[at_] == U'\\';
            const size_t start = at_;
            Chars one = single();
            if (!escaped || std::u32string_view(U"pPsSdD").find(pattern_[start + 1]) == std::u32string::npos) {
                if (at_ + 1 < pattern_.size() && pattern_[at_] == U'-' && pattern_[at_ + 1] != U']') {
                    const char32_t first = last_;
                    ++at_;
                    single();
                    const char32_t last = last_;
                    one = [=](char32_t c) { return c >= first && c <= last; };
                }
            }
            all = [=](char32_t c) { return all(c) || one(c); };
        }
        return [=](char32_t c) { return all(c) != negated; };
    }
    static std::string category(char32_t c) {
        const char *const names[] = {"-", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Nd", "No", "P", "S", "Z"};
        return names[static_cast<size_t>(general_category(c))];
    }
    Chars single() {
        char32_t c = pattern_[at_++];
        if (c == U'\\') {
            c = pattern_[at_++];
            if (c == U's') return [](char32_t x) { return category(x) == "Z"; };
            if (c == U'S') return [](char32_t x) { return category(x) != "Z"; };
            if (c == U'd') return [](char32_t x) { return category(x) == "Nd"; };
            if (c == U'p' || c == U'P') {
                std::string name;
                for (++at_; pattern_[at_] != U'}'; ++at_) name += static_cast<char>(pattern_[at_]);
                ++at_;
                const bool wanted = (c == U'p') != (name[0] == '^');
                if (name[0] == '^') name.erase(0, 1);
                return [=](char32_t x) { return (category(x).compare(0, name.size(), name) == 0) == wanted; };
            }
            if (c == U'r') c = U'\r';
            if (c == U'n') c = U'\n';
            if (c == U't') c = U'\t';
        }
        last_ = c;
        const bool fold = fold_ && c < 0x80 && std::isalpha(static_cast<int>(c)) != 0;
        return [=](char32_t x) {
            if (x == c) return true;
            if (!fold) return false;
            if (x < 0x80) return (x ^ c) == 0x20;
            return (x == 0x17F && (c | 0x20) == U's') || (x == 0x212A && (c | 0x20) == U'k');
        };
    }

    const Text pattern_;
    size_t at_ = 0;
    bool fold_ = false;
    char32_t last_ = 0;
    Part whole_;
};

Text decoded(const std::string &text) {
    Text result;
    const auto *at = reinterpret_cast<const uint8_t *>(text.data()), *const end = at + text.size();
    while (at != end) {
        uint32_t code_point;
        at += utf8_read(at, end, &code_point);
        result += static_cast<char32_t>(code_point);
    }
    return result;
}
std::string encoded(const Text &text) {
    std::string result;
    for (const char32_t c : text) {
        uint8_t bytes[4];
        result.append(reinterpret_cast<char *>(bytes), utf8_write(c, bytes));
    }
    return result;
}

// An automaton, and how much of its text it read again.
struct Automaton {
    std::vector<uint32_t> memory;
    size_t bytes;

    explicit Automaton(const std::string &pattern, bool all_matched = false) {
        const std::vector<uint8_t> pass = compile_split({pattern, "t.json: split", false, all_matched});
        bytes = pass.size();
        const SplitHeader header = {1, static_cast<uint32_t>(bytes), 0, 0, {}};
        memory.resize((sizeof header + bytes) / 4);
        std::memcpy(memory.data(), &header, sizeof header);
        std::memcpy(memory.data() + sizeof header / 4, pass.data(), bytes);
        EXPECT_TRUE(split_valid(this->header())) << pattern;
    }
    const SplitHeader &header() const { return *reinterpret_cast<const SplitHeader *>(memory.data()); }

    Pieces split(const Text &text) const {
        std::vector<int32_t> symbols;
        std::vector<size_t> place;  // of symbols, in the text
        for (size_t i = 0; i < text.size(); ++i) {
            int32_t some[4];
            const uint32_t count = split_symbols(*header().pass(), text[i], some);
            symbols.insert(symbols.end(), some, some + count);
            place.insert(place.end(), count, i);
        }
        place.push_back(text.size());
        SplitWalk walk = {header().pass(), 0, 0, 0, 0, split_read_again * symbols.size()};
        Pieces pieces;
        size_t from = 0;
        SplitStep step;
        while ((step = split_walk(&walk, symbols.data(), symbols.size(), true)) == SplitStep::match) {
            if (from < walk.from) pieces.emplace_back(place[from], place[walk.from]);
            pieces.emplace_back(place[walk.from], place[walk.end]);
            from = walk.end;
            EXPECT_GE(walk.left, walk.at - walk.end);
            walk.left -= walk.at - walk.end;
            split_restart(&walk, from);
        }
        EXPECT_EQ(step, SplitStep::more);
        if (from < symbols.size()) pieces.emplace_back(place[from], text.size());
        return pieces;
    }
};

const Text nasty =
    U"  \t\n\r'sStTrReElLmMvVdDaZ019.,/-_$\u00a0\u0085\u3000\u017f\u212a\u00e9\u00c9\u01c5\u02b0\u00aa\u65e5"
    U"\u05d0\u0301\u0903\u00b2\u2167\u0665\u3002\u20ac\u200d\U0001f600\U0001d538\u0378";

Text random_text(std::mt19937 *random, const Text &alphabet) {
    Text few, text;
    for (int i = 0; i < 5; ++i) few += alphabet[(*random)() % alphabet.size()];
    const Text &from = (*random)() % 2 != 0 ? alphabet : few;
    for (size_t left = (*random)() % 30; left > 0; --left)
        text.append(1 + ((*random)() % 8 == 0 ? (*random)() % 6 : 0), from[(*random)() % from.size()]);
    return text;
}

void agrees(const std::string &pattern, const Text &alphabet, int texts, std::mt19937 *random) {
    const Automaton automaton(pattern);
    const Backtracker backtracker(decoded(pattern));
    for (int i = 0; i < texts; ++i) {
        const Text text = random_text(random, alphabet);
        ASSERT_EQ(automaton.split(text), backtracker.split(text)) << pattern << "\n" << encoded(text);
    }
}

std::vector<std::string> models_patterns() {
    std::vector<std::string> patterns = {
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
        R"([!-/:-@\[-`{-~\p{P}]+)", R"([0-9][0-9][0-9])",
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"};
    for (const SplitKind &kind : split_kinds())
        for (const std::string &pattern : kind.patterns)
            if (pattern[0] != '{') patterns.push_back(pattern);
    return patterns;
}

}  // namespace

TEST(SplitAutomaton, MatchesAsABacktrackerDoes) {
    std::mt19937 random(5);
    const int texts = all_combinations() ? 3000 : 200;
    for (const std::string &pattern : models_patterns()) agrees(pattern, nasty, texts, &random);
    // The first alternative counts, not the longest; what is looked ahead for is not taken.
    for (const char *pattern : {"a|ab|b", "ab|a", "(a|ab)(c|bcd)", "(?:ab?){1,3}c", "a{2,3}b?|a", "a{2,}",
                                "a(?=b)|b+(?!c)|(?=b)b", "[^a]|aa", "(?i:as)|[a-c]", "\\S+(?!\\S)|\\s",
                                "(?:a|b(?!c))+", "(a(b(c)?)?)?a", "[\\p{^L}\\d]+|\\P{N}"})
        agrees(pattern, U"aAabbccsS\u017f 1", texts, &random);
}

TEST(SplitAutomaton, RandomPatternsMatchAsABacktrackerDoes) {
    std::mt19937 random(11);
    std::function<std::string(int)> make = [&](int depth) -> std::string {
        const auto pick = [&](std::initializer_list<const char *> list) {
            return std::string(list.begin()[random() % list.size()]);
        };
        std::string text;
        for (size_t parts = 1 + random() % 3; parts > 0; --parts) {
            if (depth > 0 && random() % 3 == 0)
                text += pick({"(?:", "("}) + make(depth - 1) + ")";
            else
                text += pick({"a", "b", "c", "[ab]", "[^a]", "\\s", "\\S", "[b\\s]"});
            text += pick({"", "", "", "?", "*", "+", "{2}", "{1,2}"});
            if (random() % 6 == 0) text += pick({"(?!a)", "(?=b)", "(?!\\S)"});
            if (random() % 4 == 0) text += "|";
        }
        return text;
    };
    int taken = 0;
    for (int round = 0, rounds = all_combinations() ? 4000 : 300; round < rounds; ++round) {
        const std::string pattern = make(2);
        try {
            compile_split({pattern, "t", false, false});
        } catch (const Error &) {
            continue;
        }
        ++taken;
        agrees(pattern, U"abc ", 20, &random);
    }
    EXPECT_GT(taken, 50);
}

TEST(SplitAutomaton, IsSmall) {
    // Bytes, and states: what docs/format.md says of them.
    const auto size = [](size_t kind) { return Automaton(split_kinds()[kind].patterns[0]).bytes; };
    EXPECT_EQ(size(0), 720u);  // Llama 3
    EXPECT_EQ(size(2), 656u);  // Qwen 2
    EXPECT_EQ(size(3), 684u);  // Qwen 3.5
    EXPECT_EQ(size(4), 468u);  // Tekken
    EXPECT_EQ(Automaton("[0-9][0-9][0-9]").header().pass()->states, 4u);
}

// The hexdump of an automaton in docs/format.md is this one's.
TEST(SplitAutomaton, WritesTheDocumentedBytes) {
    std::string dump;
    for (const uint8_t byte : compile_split({R"(1?a|\s+(?!\S)|\S)", "t", false, false}))
        dump += format("%02x", byte);
    const auto times = [](size_t count, const std::string &byte) {
        std::string bytes;
        while (count-- > 0) bytes += byte;
        return bytes;
    };
    EXPECT_EQ(dump, "0400040001000100" + times(9, "00") + times(5, "01") + times(18, "00") + "01" +
                        times(16, "00") + "02" + times(47, "00") + "03" + times(30, "00") +  // unit
                        times(11, "00") + "01" + times(4, "00") +                            // row
                        times(8, "00") +                                                     // interval
                        "01000200030001000000" + "00800080008000800080" +                    // next
                        "00000280000000000080" + "00800080008001800080");
}

TEST(SplitAutomaton, RefusesWhatItIsNot) {
    const auto refused = [](const std::string &pattern, const std::string &why, bool all_matched = false) {
        const std::string error = error_of([&] {
            compile_split({pattern, "t.json: split", false, all_matched});
        });
        EXPECT_HAS(error, "t.json: split: the pattern ");
        EXPECT_HAS(error, why);
    };
    refused("a+?b", R"("a+?b" is not supported, at byte 2, "?b": lazy)");
    refused("a++b", "at byte 2, \"+b\": lazy, possessive and doubled");
    refused("a{1,3}+", "possessive");
    refused("(?<=a)b", "at byte 0, \"(?<=a)b\": only ( (?: (?i: (?= and (?! are");
    refused("(?<!a)b", "only (");
    refused("(?>a)b", "only (");
    refused("(?i)a", "only (");
    refused("a(?!bc)", "looking ahead for anything but one character");
    refused("a(?!b|c)", "looking ahead");
    refused("a$", "at byte 1, \"$\": this character");
    refused("^a", "this character");
    refused("a.", "this character");
    refused("a\\b", "at byte 1, \"\\\\b\": this escape");
    refused("(a)\\1", "this escape");
    refused("\\w+", "this escape");
    refused("\\x41", "this escape");
    refused("\\p{Han}+", "of categories only");
    refused("\\p{L", "of categories only");
    refused("\\p{}", "of categories only");
    refused("[a-z&&[^b]]", "what classes have in common");
    refused("[a[b]]", "a class within a class");
    refused("[[:alpha:]]", "a class within a class");
    refused("[]a]", "begins with ]");
    refused("[abc", "not closed");
    refused("[a-", "a character is needed here");
    refused("[b-a]", "ends before it begins");
    refused("[\\s-a]", "begins with a class");
    refused("[a-\\s]", "ends with a class");
    refused("(ab", "not closed");
    refused("ab)", "a ) that nothing opened");
    refused("a|*", "this character");
    refused("a{2,1}", "this repetition");
    refused("a{0}b", "this repetition");
    refused("a{,3}", "a number is needed");
    refused("a{1001}", "more than 1000");
    refused("a{99999999999999999999}", "more than 1000");
    refused("(?:a?)*b", "repeating what may be empty");
    refused("(?i:ss)", "ignoring the case of ss");
    refused("(?i:\u00e9)", "ignoring the case of anything");
    refused("(?i:[a-z])", "ignoring the case of anything");
    refused("(?i:\\p{Lu})", "ignoring the case of a category");
    refused("a\\", "a backslash at the end");
    refused("a\xff", "no UTF-8");
    refused("", "may match nothing");
    refused("a*", "may match nothing");
    refused("\\s*(?!\\S)", "may match nothing");
    refused(std::string(50, '(') + "a" + std::string(50, ')'), "too deep");
    refused("(?:(?:a{1000}){1000}){1000}", "is too large");
    refused("(?:a|b)*a(?:a|b){12}c", "more than 2000 states");
    // What would be read again and again.
    refused("a*b|a", "again and again");
    refused("[ab]*c|[ab]", "again and again");
    refused("a(?:bbbbbbbbbbbbbbbbbbbc)?", "again and again");
    // With behavior Removed what is between matches would vanish.
    refused("\\p{L}+", "leaves text out", true);
    refused("\\p{L}+|[^\\p{L}]a|a", "leaves text out", true);
    EXPECT_NO_THROW(compile_split({"\\p{L}+|\\P{L}", "t", false, true}));
    EXPECT_HAS(error_of([] {
                   compile_split({std::string(10000, 'a'), "t", false, false});
               }),
               "the limit is 8192");
}

TEST(SplitAutomaton, KnowsGpt2sLetters) {
    for (unsigned byte = 0; byte < 256; ++byte)
        EXPECT_EQ(encoded(Text(1, byte_letter(static_cast<uint8_t>(byte)))),
                  byte_letters(std::string(1, static_cast<char>(byte))));
}

}  // namespace adder::test

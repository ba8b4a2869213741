// Makes a pattern's program deterministic, as RE2 does for what Perl would match: a state is the list of places that the program
// may be at, in the order in which Perl would try them, and what stands behind a match in the list is never tried.
// SPDX-License-Identifier: MIT
#include "converter/import/split_automaton.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "converter/base/error.h"
#include "converter/import/split_pattern.h"
#include "runtime/pretokenizer.h"

namespace adder {

namespace {

constexpr size_t max_states = 2000, max_steps = 1u << 26, max_pairs = 1u << 22;

// Code points that no set tells apart are represented by one.
struct Unit {
    uint32_t code_point;
    GeneralCategory category;
};

using Places = std::vector<uint32_t>;
using Row = std::vector<uint16_t>;  // [classes + 1], as SplitPass::next

class Compiler {
  public:
    explicit Compiler(const SplitSource &source)
        : source_(source), program_(parse_split_pattern(source.pattern, source.where)) {}

    std::vector<uint8_t> run() {
        find_classes();
        find_states();
        merge_states();
        if (source_.all_matched) check_all_matched();
        check_time();
        return written();
    }

  private:
    [[noreturn]] void refuse(const std::string &why) const {
        refuse_pattern(source_.pattern, source_.where, why);
    }

    // ---- classes ----

    uint8_t class_of(const Unit &unit) {
        std::vector<bool> in(program_.sets.size());
        for (size_t i = 0; i < in.size(); ++i)
            in[i] = program_.sets[i].contains(unit.code_point, unit.category);
        const auto [known, is_new] = classes_.emplace(std::move(in), classes_.size());
        if (is_new) {
            if (classes_.size() > split_max_classes)
                refuse(format("tells more than %u kinds of characters apart", split_max_classes));
            in_set_.push_back(&known->first);
        }
        return static_cast<uint8_t>(known->second);
    }

    void find_classes() {
        if (source_.of_bytes) {
            for (unsigned byte = 0; byte < 256; ++byte) {
                const uint32_t letter = byte_letter(static_cast<uint8_t>(byte));
                unit_.push_back(class_of({letter, general_category(letter)}));
            }
            return;
        }
        for (uint32_t c = 0; c < 128; ++c) unit_.push_back(class_of({c, general_category(c)}));
        std::set<uint32_t> starts = {0};
        for (const CodePointSet &set : program_.sets)
            for (const CodePointSet::Item &item : set.items) {
                if (item.first > item.last) continue;
                if (item.first > 128) starts.insert(item.first);
                if (item.last >= 128) starts.insert(item.last + 1);
            }
        std::map<std::vector<uint8_t>, uint32_t> rows;
        for (auto start = starts.begin(); start != starts.end(); ++start) {
            const auto following = std::next(start);
            const std::vector<uint8_t> row =
                interval_row(*start, following == starts.end() ? invalid_byte + 256 : *following);
            const auto [known, is_new] = rows.emplace(row, rows.size());
            if (is_new) rows_.insert(rows_.end(), row.begin(), row.end());
            if (intervals_.empty() || intervals_.back().row != known->second)
                intervals_.push_back({*start, known->second});
        }
    }

    // The classes of an interval's categories. Of a small one, categories that it has none of are left as the first.
    std::vector<uint8_t> interval_row(uint32_t first, uint32_t end) {
        constexpr uint32_t small = 0x8000;
        const uint32_t start = std::max(first, 128u);  // below 128 the table of units counts
        std::vector<bool> has(split_row, end > start + small);
        for (uint32_t c = start; c < end && c < start + small; ++c)
            has[static_cast<size_t>(general_category(c))] = true;
        std::vector<uint8_t> row(split_row, 0);
        size_t some = split_row;
        for (size_t i = 0; i <= static_cast<size_t>(GeneralCategory::Z); ++i) {
            if (!has[i]) continue;
            row[i] = class_of({start, static_cast<GeneralCategory>(i)});
            if (some == split_row) some = i;
        }
        for (size_t i = 0; i < split_row; ++i)
            if (i > static_cast<size_t>(GeneralCategory::Z) || !has[i])
                row[i] = some < split_row ? row[some] : uint8_t{0};
        return row;
    }

    // ---- states ----

    bool is_in(uint32_t set, size_t kind) const {
        return kind < in_set_.size() && (*in_set_[kind])[set];  // the end is in no set
    }

    // Follows the program from `place` on, where the next code point is of class `kind`, and adds the places in front of
    // sets. True if that leads to a match: nothing that comes later is tried then.
    bool follow(uint32_t place, size_t kind, std::vector<bool> *seen, Places *found) {
        Places left = {place};
        while (!left.empty()) {
            ++steps_;
            const uint32_t at = left.back();
            left.pop_back();
            if ((*seen)[at]) continue;
            (*seen)[at] = true;
            const SplitProgram::Instruction &step = program_.code[at];
            switch (step.kind) {
            case SplitProgram::Kind::set: found->push_back(at); break;
            case SplitProgram::Kind::go: left.push_back(step.a); break;
            case SplitProgram::Kind::either:
                left.push_back(step.b);
                left.push_back(step.a);
                break;
            case SplitProgram::Kind::ahead:
                if (is_in(step.a, kind) != (step.b != 0)) left.push_back(at + 1);
                break;
            case SplitProgram::Kind::match: return true;
            }
        }
        return false;
    }

    void find_states() {
        std::map<Places, uint16_t> numbers;
        std::vector<Places> states = {{0}};
        const size_t kinds = in_set_.size();
        for (size_t state = 0; state < states.size(); ++state) {
            Row row;
            for (size_t kind = 0; kind <= kinds; ++kind) {
                std::vector<bool> seen(program_.code.size());
                Places found, next;
                bool matched = false;
                for (size_t i = 0; i < states[state].size() && !matched; ++i)
                    matched = follow(states[state][i], kind, &seen, &found);
                std::vector<bool> taken(program_.code.size() + 1);
                for (const uint32_t at : found)
                    if (is_in(program_.code[at].a, kind) && !taken[at + 1]) {
                        taken[at + 1] = true;
                        next.push_back(at + 1);
                    }
                uint32_t entry = matched ? split_match : 0;
                if (steps_ > max_steps) refuse("is too large: its states take too many steps");
                if (!next.empty()) {
                    const auto [known, is_new] = numbers.emplace(next, static_cast<uint16_t>(states.size()));
                    if (is_new) {
                        if (states.size() == max_states)
                            refuse(format("needs more than %zu states", max_states));
                        states.push_back(next);
                    }
                    entry |= known->second;
                }
                row.push_back(static_cast<uint16_t>(entry));
            }
            next_.push_back(std::move(row));
        }
    }

    // States that no text tells apart become one (Moore); not the start, which no entry may lead to.
    void merge_states() {
        std::vector<uint16_t> block(next_.size(), 1);
        block[0] = 0;
        for (size_t blocks = next_.size() > 1 ? 2 : 1;;) {
            std::map<std::pair<uint16_t, Row>, uint16_t> known;
            std::vector<uint16_t> finer;
            for (size_t state = 0; state < next_.size(); ++state) {
                Row row = renamed(next_[state], block);
                finer.push_back(known
                                    .emplace(std::make_pair(block[state], std::move(row)),
                                             static_cast<uint16_t>(known.size()))
                                    .first->second);
            }
            block = finer;
            if (known.size() == blocks) break;
            blocks = known.size();
        }
        std::vector<Row> merged;
        for (size_t state = 0; state < next_.size(); ++state)
            if (block[state] == merged.size()) merged.push_back(renamed(next_[state], block));
        next_ = std::move(merged);
    }
    static Row renamed(const Row &row, const std::vector<uint16_t> &block) {
        Row result;
        for (const uint16_t entry : row) {
            const unsigned state = entry & ~split_match;
            result.push_back(static_cast<uint16_t>((state != 0 ? block[state] : 0) | (entry & split_match)));
        }
        return result;
    }

    // ---- what patterns must fulfil ----

    // That no text leads from the start to an end without a match on its way.
    void check_all_matched() const {
        std::vector<bool> seen(next_.size());
        Places left = {0};
        while (!left.empty()) {
            const uint32_t state = left.back();
            left.pop_back();
            if (seen[state]) continue;
            seen[state] = true;
            for (size_t kind = 0; kind < next_[state].size(); ++kind) {
                const uint16_t entry = next_[state][kind];
                if ((entry & split_match) != 0 || (state == 0 && kind == in_set_.size())) continue;
                if (entry == 0)
                    refuse("leaves text out, which behavior Removed would drop; this is not supported");
                left.push_back(entry);
            }
        }
    }

    // Follows all texts that may be read past a match's end, and beside it the automaton that begins there: how far its own last
    // match is behind where the first one is over without another match.
    void check_time() const {
        struct Pair {
            uint32_t ahead, again, behind;
            bool operator<(const Pair &other) const {
                return std::tie(ahead, again, behind) < std::tie(other.ahead, other.again, other.behind);
            }
        };
        constexpr uint32_t over = 0x7FFF;
        std::set<Pair> seen;
        std::vector<Pair> left;
        size_t pairs = 0;
        const size_t kinds = in_set_.size();
        const auto add = [&](Pair pair) {
            pair.behind = std::min(pair.behind, split_max_behind + 1);
            const Row &row = next_[pair.ahead];
            if (pair.behind > split_max_behind && std::find(row.begin(), row.end(), 0) != row.end())
                refuse(
                    "is not supported: what it reads past the end of a match it would have to read again and "
                    "again");
            if (++pairs > max_pairs) refuse("is too large for a proof that it needs little time");
            if (seen.insert(pair).second) left.push_back(pair);
        };
        const auto step = [&](uint32_t state, size_t kind, uint32_t behind) {
            const uint32_t entry = state == over ? 0 : next_[state][kind];
            const uint32_t next = entry & ~split_match;
            return std::make_pair(next == 0 ? over : next, (entry & split_match) != 0 ? 1 : behind + 1);
        };
        const auto begin = [&](uint32_t ahead, size_t kind) {
            const auto [again, behind] = step(0, kind, 0);
            add({ahead, again, behind});
        };
        for (size_t state = 0; state < next_.size(); ++state)
            for (size_t kind = 0; kind < kinds; ++kind) {
                const uint32_t next = next_[state][kind] & ~split_match;
                if (next == 0) continue;
                if ((next_[state][kind] & split_match) != 0) begin(next, kind);
                // Or there is no match, and what is read again begins behind the first code point.
                if (state == 0)
                    for (size_t second = 0; second < kinds; ++second)
                        if (const uint32_t entry = next_[next][second]; entry != 0 && entry < split_match)
                            begin(entry, second);
            }
        while (!left.empty()) {
            const Pair pair = left.back();
            left.pop_back();
            for (size_t kind = 0; kind < kinds; ++kind) {
                const uint32_t ahead = next_[pair.ahead][kind];
                if (ahead == 0 || ahead >= split_match)
                    continue;  // over, or a match: nothing of this is read again
                const auto [again, behind] = step(pair.again, kind, pair.behind);
                add({ahead, again, behind});
            }
        }
    }

    // ---- the bytes ----

    std::vector<uint8_t> written() const {
        std::vector<uint8_t> out;
        const auto number = [&](size_t value, unsigned bytes) {
            for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(value >> 8 * i));
        };
        for (const size_t value : {next_.size(), in_set_.size(), rows_.size() / split_row, intervals_.size()})
            number(value, 2);
        out.insert(out.end(), unit_.begin(), unit_.end());
        out.insert(out.end(), rows_.begin(), rows_.end());
        for (const SplitInterval &interval : intervals_) {
            number(interval.first, 4);
            number(interval.row, 4);
        }
        for (const Row &row : next_)
            for (const uint16_t entry : row) number(entry, 2);
        if (out.size() % 4 != 0) number(0, 2);
        return out;
    }

    const SplitSource &source_;
    const SplitProgram program_;
    std::map<std::vector<bool>, size_t> classes_;
    std::vector<const std::vector<bool> *> in_set_;  // [classes], which sets have them
    std::vector<uint8_t> unit_, rows_;
    std::vector<SplitInterval> intervals_;
    std::vector<Row> next_;
    size_t steps_ = 0;
};

}  // namespace

std::vector<uint8_t> compile_split(const SplitSource &source) { return Compiler(source).run(); }

// Printable Latin-1 is itself, the others follow from U+0100 on (bytes_to_unicode in openai/gpt-2, src/encoder.py).
uint32_t byte_letter(uint8_t byte) {
    const auto printable = [](uint32_t b) {
        return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    };
    if (printable(byte)) return byte;
    uint32_t letter = 0x100;
    for (uint32_t b = 0; b < byte; ++b) letter += !printable(b);
    return letter;
}

}  // namespace adder

// docs/memory.md as tests read it: its tables, and the formulas in them.
// SPDX-License-Identifier: MIT
#pragma once

#include <cctype>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace adder::test {

using Variables = std::map<std::string, uint64_t>;

// Sums, differences and products of numbers, variables, parentheses and r8(...).
class Formula {
  public:
    Formula(const std::string &text, const Variables &variables) : at_(text.c_str()), variables_(variables) {}
    uint64_t value() {
        const uint64_t result = sum();
        if (*at_ != '\0') throw std::runtime_error(std::string("formula: cannot read ") + at_);
        return result;
    }

  private:
    bool take(char c) {
        while (*at_ == ' ') ++at_;
        if (*at_ != c) return false;
        ++at_;
        return true;
    }
    uint64_t sum() {
        uint64_t result = product();
        for (;;) {
            if (take('+'))
                result += product();
            else if (take('-'))
                result -= product();
            else
                return result;
        }
    }
    uint64_t product() {
        uint64_t result = factor();
        while (take('*')) result *= factor();
        return result;
    }
    uint64_t factor() {
        if (take('(')) {
            const uint64_t result = sum();
            if (!take(')')) throw std::runtime_error("formula: a parenthesis is missing");
            return result;
        }
        std::string name;
        while (std::isalnum(static_cast<unsigned char>(*at_)) || *at_ == '_') name += *at_++;
        if (name == "r8") return (factor() + 7) / 8 * 8;
        if (name == "r64") return (factor() + 63) / 64;
        if (!name.empty() && std::isdigit(static_cast<unsigned char>(name[0]))) return std::stoull(name);
        return variables_.at(name);
    }
    const char *at_;
    const Variables &variables_;
};

inline std::string trimmed(const std::string &text) {
    const size_t first = text.find_first_not_of(" `"), last = text.find_last_not_of(" `");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

// The rows of the tables whose headers begin with `| first |`, as cells.
inline std::vector<std::vector<std::string>> table(const std::string &first) {
    const std::string page = read_text(std::string(ADDER_SOURCE_DIR) + "/docs/memory.md");
    const std::string header = "\n| " + first + " |";
    std::vector<std::vector<std::string>> rows;
    for (size_t at = page.find(header); at != std::string::npos; at = page.find(header, at)) {
        for (int line = 0; at != std::string::npos && page[at + 1] == '|'; ++line) {
            const size_t end = page.find('\n', at + 1);
            std::vector<std::string> cells;
            for (size_t bar = at + 1; bar + 1 < end;) {
                const size_t next = page.find('|', bar + 1);
                cells.push_back(trimmed(page.substr(bar + 1, next - bar - 1)));
                bar = next;
            }
            if (line >= 2) rows.push_back(cells);
            at = end;
        }
    }
    return rows;
}

}  // namespace adder::test

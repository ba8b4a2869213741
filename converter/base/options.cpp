// Sorting of words, and the values of options.
// SPDX-License-Identifier: MIT
#include "converter/base/options.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <numeric>

#include "converter/base/error.h"

namespace adder {

class WordParser {
  public:
    WordParser(const char *command, const std::vector<Option> &options)
        : command_(command), options_(options) {}

    Arguments parse(const std::vector<std::string> &words) {
        arguments_.words_ = words;
        bool only_positional = false;
        for (size_t i = 0; i < words.size(); ++i) {
            const std::string &word = words[i];
            if (!only_positional && word == "--") {
                only_positional = true;
            } else if (!only_positional && word.size() > 1 && word[0] == '-') {
                i = take_option(words, i);
            } else {
                arguments_.positional_.push_back(word);
            }
        }
        return arguments_;
    }

  private:
    const Option *find(const std::string &word) const {
        for (const Option &option : options_) {
            if (word == std::string("--") + option.name) return &option;
            if (option.short_name != 0 && word == std::string("-") + option.short_name) return &option;
        }
        return nullptr;
    }

    const Option &get(const std::string &word) const {
        if (const Option *const option = find(word)) return *option;
        std::vector<std::string> names;
        for (const Option &option : options_) names.push_back(std::string("--") + option.name);
        const std::string guess = word.compare(0, 2, "--") == 0 ? nearest(word, names) : std::string();
        if (guess.empty())
            fail(ExitCode::usage, "there is no option %s; see `adder %s --help`", word.c_str(), command_);
        fail(ExitCode::usage, "there is no option %s; did you mean %s?", word.c_str(), guess.c_str());
    }

    // Takes the option at words[i] and its argument; returns the index of the last word taken.
    size_t take_option(const std::vector<std::string> &words, size_t i) {
        const std::string &word = words[i];
        const size_t equals = word.compare(0, 2, "--") == 0 ? word.find('=') : std::string::npos;
        const std::string name = word.substr(0, equals);
        const Option &option = get(name);
        std::string value;
        if (equals != std::string::npos) {
            if (option.argument == nullptr) fail(ExitCode::usage, "%s takes no argument", name.c_str());
            value = word.substr(equals + 1);
        } else if (option.argument != nullptr) {
            // An option's name is no argument: `-o --force` is a slip. `--output=--force` says that it is meant.
            if (i + 1 == words.size() || find(words[i + 1]) != nullptr || words[i + 1] == "--")
                fail(ExitCode::usage, "%s needs an argument: %s", name.c_str(), option.argument);
            value = words[++i];
        }
        arguments_.options_.emplace_back(option.name, value);
        return i;
    }

    const char *command_;
    const std::vector<Option> &options_;
    Arguments arguments_;
};

Arguments parse_words(const char *command, const std::vector<Option> &options,
                      const std::vector<std::string> &words) {
    return WordParser(command, options).parse(words);
}

bool Arguments::has(const std::string &name) const {
    return std::any_of(options_.begin(), options_.end(),
                       [&](const auto &option) { return option.first == name; });
}

std::string Arguments::text(const std::string &name, const std::string &fallback) const {
    const auto last = std::find_if(options_.rbegin(), options_.rend(),
                                   [&](const auto &option) { return option.first == name; });
    return last != options_.rend() ? last->second : fallback;
}

std::vector<std::string> Arguments::all(const std::string &name) const {
    std::vector<std::string> values;
    for (const auto &[option, value] : options_)
        if (option == name) values.push_back(value);
    return values;
}

int64_t Arguments::integer(const std::string &name, int64_t fallback, int64_t low, int64_t high) const {
    if (!has(name)) return fallback;
    const std::string value = text(name);
    char *end = nullptr;
    errno = 0;
    const long long number = std::strtoll(value.c_str(), &end, 10);
    const bool is_number =
        !value.empty() && *end == '\0' && std::isspace(static_cast<unsigned char>(value[0])) == 0;
    if (!is_number || errno == ERANGE || number < low || number > high)
        fail(ExitCode::usage, "--%s is %s; an integer from %lld to %lld is needed", name.c_str(),
             value.c_str(), static_cast<long long>(low), static_cast<long long>(high));
    return number;
}

double Arguments::number(const std::string &name, double fallback, double low, double high) const {
    if (!has(name)) return fallback;
    const std::string value = text(name);
    char *end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    const bool is_number =
        !value.empty() && *end == '\0' && std::isspace(static_cast<unsigned char>(value[0])) == 0;
    if (!is_number || !(number >= low && number <= high))
        fail(ExitCode::usage, "--%s is %s; a number from %g to %g is needed", name.c_str(), value.c_str(),
             low, high);
    return number;
}

std::string Arguments::choice(const std::string &name, const std::string &fallback,
                              const std::vector<std::string> &choices) const {
    if (!has(name)) return fallback;
    const std::string value = text(name);
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
    std::string list;
    for (const std::string &choice : choices) list += (list.empty() ? "" : ", ") + choice;
    fail(ExitCode::usage, "--%s is %s; one of these is needed: %s", name.c_str(), value.c_str(), list.c_str());
}

std::string nearest(const std::string &word, const std::vector<std::string> &candidates) {
    std::string best;
    size_t best_distance = 1 + std::max<size_t>(1, word.size() / 3);
    for (const std::string &candidate : candidates) {
        if (word.size() >= 2 && candidate.compare(0, word.size(), word) == 0)
            return candidate;  // a beginning of it
        // Edit distance, with swapped neighbours as one edit (optimal string alignment).
        const size_t n = candidate.size();
        std::vector<size_t> before(n + 1), last(n + 1), row(n + 1);
        std::iota(last.begin(), last.end(), size_t{0});
        for (size_t i = 1; i <= word.size(); ++i) {
            row[0] = i;
            for (size_t k = 1; k <= n; ++k) {
                const bool same = word[i - 1] == candidate[k - 1];
                row[k] = std::min({last[k] + 1, row[k - 1] + 1, last[k - 1] + (same ? 0u : 1u)});
                if (i > 1 && k > 1 && word[i - 1] == candidate[k - 2] && word[i - 2] == candidate[k - 1])
                    row[k] = std::min(row[k], before[k - 2] + 1);
            }
            before = last;
            last = row;
        }
        if (last[n] < best_distance) {
            best_distance = last[n];
            best = candidate;
        }
    }
    return best;
}

}  // namespace adder

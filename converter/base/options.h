// Options of a command: what there are, and what was given.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace adder {

struct Option {
    const char *name;      // "calib", used as --calib
    char short_name;       // 'o' for -o; 0 for none
    const char *argument;  // "FILE"; null for a switch
    bool repeatable;
    const char *help;  // one sentence, with the default
};

class Arguments {
  public:
    const std::vector<std::string> &words() const { return words_; }  // as they were given
    const std::vector<std::string> &positional() const { return positional_; }
    bool has(const std::string &name) const;
    // The last value given, or `fallback`.
    std::string text(const std::string &name, const std::string &fallback = {}) const;
    std::vector<std::string> all(const std::string &name) const;
    // Throw Error(usage) naming option, value and range.
    int64_t integer(const std::string &name, int64_t fallback, int64_t low, int64_t high) const;
    double number(const std::string &name, double fallback, double low, double high) const;
    // One of `choices`, else Error(usage) listing them.
    std::string choice(const std::string &name, const std::string &fallback,
                       const std::vector<std::string> &choices) const;

  private:
    friend class WordParser;
    std::vector<std::string> words_, positional_;
    std::vector<std::pair<std::string, std::string>> options_;
};

// Sorts words, as they stand after a command's name, into options and arguments. Throws Error(usage) naming the word;
// `command` stands in what it says: "convert".
Arguments parse_words(const char *command, const std::vector<Option> &options,
                      const std::vector<std::string> &words);

// The candidate that `word` most likely meant, or an empty text if none is near.
std::string nearest(const std::string &word, const std::vector<std::string> &candidates);

}  // namespace adder

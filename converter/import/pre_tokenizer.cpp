// Reads a pre_tokenizer; all of them that split become patterns.
// SPDX-License-Identifier: MIT
#include "converter/import/pre_tokenizer.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/import/tokenizer_json.h"
#include "runtime/pretokenizer.h"

namespace adder {

namespace {

constexpr const char *gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// What Punctuation takes for such: of ASCII also what Unicode calls symbols.
constexpr const char *punctuation_pattern = R"([!-/:-@\[-`{-~\p{P}])";

class Reader : TokenizerJson {
  public:
    explicit Reader(const std::string &path) : TokenizerJson(path, 0) {}

    PreTokenizer run(const Json *value) {
        const std::string root = "pre_tokenizer";
        for (const Part &part : parts_of(value, root, "pretokenizers")) {
            const std::string type = type_of(*part.value, part.name);
            if (type == "Split")
                read_split(*part.value, part.name);
            else if (type == "Digits")
                add(flag(*part.value, "individual_digits", false, part.name) ? R"(\p{N})" : R"(\p{N}+)",
                    part.name);
            else if (type == "Punctuation")
                read_punctuation(*part.value, part.name);
            else if (type == "ByteLevel")
                read_byte_level(*part.value, part.name);
            else
                refuse(part.name, "pre-tokenizer " + quoted_text(type) +
                                      " is not supported, only Split, Digits, Punctuation and ByteLevel");
            if (result_.splits.size() > split_max_passes)
                refuse(part.name,
                       format("a text that is split more than %u times is not supported", split_max_passes));
        }
        if (!is_bytes_) refuse(root, "has no ByteLevel, which is needed");
        return std::move(result_);
    }

  private:
    void add(const std::string &pattern, const std::string &name, bool all_matched = false) {
        // Splitting by GPT-2's pattern twice changes nothing.
        if (pattern == gpt2_pattern && is_gpt2(result_) && !is_bytes_ && !result_.splits.empty()) return;
        result_.splits.push_back({pattern, item(name), is_bytes_, all_matched});
    }

    void read_split(const Json &value, const std::string &name) {
        const Json &pattern = need(value, "pattern", name + ".pattern");
        const Json *regex = pattern.find("Regex");
        if (!regex) refuse(name + ".pattern", "only a regular expression is supported");
        const std::string &behavior = text(value, "behavior", name);
        const bool inverted = flag(value, "invert", false, name);
        const bool removed = behavior == "Removed" && inverted;
        if (!removed && (behavior != "Isolated" || inverted))
            refuse(
                name,
                "only behavior \"Isolated\" with invert false and \"Removed\" with invert true are supported");
        add(regex->string(item(name + ".pattern.Regex")), name, removed);
    }

    void read_punctuation(const Json &value, const std::string &name) {
        const Json *given = value.find("behavior");
        const std::string behavior = absent(given) ? "Isolated" : given->string(item(name + ".behavior"));
        if (behavior != "Isolated" && behavior != "Contiguous")
            refuse(name, "only behavior \"Isolated\" and \"Contiguous\" are supported");
        add(std::string(punctuation_pattern) + (behavior == "Contiguous" ? "+" : ""), name);
    }

    void read_byte_level(const Json &value, const std::string &name) {
        const bool use_regex = flag(value, "use_regex", true, name);
        if (is_bytes_) refuse(name, "a second ByteLevel is not supported");
        if (!use_regex && result_.splits.empty())
            refuse(name, "use_regex false, text that is not split, is not supported");
        result_.prefix_space = flag(value, "add_prefix_space", true, name);
        if (result_.prefix_space && !result_.splits.empty())
            refuse(name, "add_prefix_space after a Split is not supported");
        if (use_regex) add(gpt2_pattern, name);
        is_bytes_ = true;  // what comes now splits what ByteLevel wrote
    }

    PreTokenizer result_;
    bool is_bytes_ = false;
};

}  // namespace

PreTokenizer read_pre_tokenizer(const Json *pre_tokenizer, const std::string &path) {
    return Reader(path).run(pre_tokenizer);
}

bool is_gpt2(const PreTokenizer &pre_tokenizer) {
    return std::all_of(pre_tokenizer.splits.begin(), pre_tokenizer.splits.end(), [](const SplitSource &source) {
        return source.pattern == gpt2_pattern && !source.of_bytes;
    });
}

}  // namespace adder

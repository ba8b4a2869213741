// What readers of tokenizer.json share: its members with their names, sequences, added tokens and merges.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "converter/import/tokenizer_section.h"
#include "converter/text/json.h"

namespace adder {

// Text from a file, shortened for a message.
std::string quoted_text(const std::string &text);

class TokenizerJson {
  protected:
    TokenizerJson(const std::string &path, uint32_t model_vocab_size)
        : path_(path), model_vocab_size_(model_vocab_size) {}

    // "tokenizer.json: model.vocab"
    std::string item(const std::string &name) const { return path_ + ": " + name; }
    static std::string nth(const std::string &name, size_t i) { return name + "[" + std::to_string(i) + "]"; }
    [[noreturn]] void refuse(const std::string &name, const std::string &why) const;

    static bool absent(const Json *value) { return !value || value->is_null(); }
    const Json &need(const Json &object, const char *key, const std::string &name) const;
    std::string type_of(const Json &object, const std::string &name) const;
    bool flag(const Json &object, const char *key, bool otherwise, const std::string &name) const;
    const std::string &text(const Json &object, const char *key, const std::string &name) const;

    // The parts of a Sequence, with their names; of anything else, itself.
    struct Part {
        const Json *value;
        std::string name;
    };
    std::vector<Part> parts_of(const Json *value, const std::string &name, const char *list) const;

    // What is the same for all of them: BPE, and nothing that no reader knows. Members in `unknown` must be null.
    void check_model(const Json &model, std::initializer_list<const char *> unknown) const;

    uint32_t read_id(const Json &value, const std::string &name) const;

    // Makes room for a token and gives it its bytes.
    void place(uint32_t id, const std::string &content, std::string bytes);

    struct AddedEntry {
        std::string name;  // "added_tokens[3]"
        const std::string *content;
        uint32_t id, flags;
        bool normalized;
    };
    // Each with a text and an id that no other has; `added_` knows them. They are not placed.
    std::vector<AddedEntry> read_added_tokens(const Json *list);

    // A TemplateProcessing: the text, and perhaps one token in front of it, which is `begin` then. Tokens are known.
    void read_template(const Json &processor, const std::string &name);

    void check_vocabulary(const std::vector<Json::Member> &members) const;
    // True if the token of model.vocab is an added one as well.
    bool is_added(const std::string &content, uint32_t id) const;
    void read_merges(const Json &list);
    uint32_t find_id(const std::string &token, const std::string &name) const;

    const std::string &path_;
    const uint32_t model_vocab_size_;
    SectionSource section_;
    std::unordered_map<std::string, uint32_t> ids_;    // of model.vocab
    std::unordered_map<std::string, uint32_t> added_;  // of added_tokens

  private:
    void collect(const Json &value, const std::string &name, const char *list, std::vector<Part> *parts) const;
    uint32_t special_token(const Json &processor, const std::string &part, const Json &special) const;
    std::array<std::string_view, 2> read_pair(const Json &merge, const std::string &name) const;

    std::vector<const std::string *> owners_;  // [ids], what an id was given to
};

}  // namespace adder

// Finds what a tokenizer.json says, and says where it does not.
// SPDX-License-Identifier: MIT
#include "converter/import/tokenizer_json.h"

#include <algorithm>

#include "converter/base/error.h"
#include "runtime/tokenizer.h"

namespace adder {

std::string quoted_text(const std::string &text) {
    constexpr size_t most = 60;
    size_t size = std::min(text.size(), most);
    while (size < text.size() && size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0) == 0x80) --size;
    return '"' + text.substr(0, size) + (size < text.size() ? "..." : "") + '"';
}

void TokenizerJson::refuse(const std::string &name, const std::string &why) const {
    bad_input("%s: %s: %s", path_.c_str(), name.c_str(), why.c_str());
}

const Json &TokenizerJson::need(const Json &object, const char *key, const std::string &name) const {
    const Json *value = object.find(key);
    if (!value) refuse(name, "missing");
    return *value;
}

std::string TokenizerJson::type_of(const Json &object, const std::string &name) const {
    object.object(item(name));
    return text(object, "type", name);
}

bool TokenizerJson::flag(const Json &object, const char *key, bool otherwise, const std::string &name) const {
    const Json *value = object.find(key);
    return value && !value->is_null() ? value->boolean(item(name + "." + key)) : otherwise;
}

const std::string &TokenizerJson::text(const Json &object, const char *key, const std::string &name) const {
    const std::string whole = name + "." + key;
    return need(object, key, whole).string(item(whole));
}

void TokenizerJson::collect(const Json &value, const std::string &name, const char *list,
                            std::vector<Part> *parts) const {
    if (type_of(value, name) != "Sequence") {
        parts->push_back({&value, name});
        return;
    }
    const std::string inner = name + "." + list;
    const std::vector<Json> &items = need(value, list, inner).array(item(inner));
    for (size_t i = 0; i < items.size(); ++i) collect(items[i], nth(inner, i), list, parts);
}

std::vector<TokenizerJson::Part> TokenizerJson::parts_of(const Json *value, const std::string &name,
                                                         const char *list) const {
    std::vector<Part> parts;
    if (!absent(value)) collect(*value, name, list, &parts);
    return parts;
}

void TokenizerJson::check_model(const Json &model, std::initializer_list<const char *> unknown) const {
    model.object(item("model"));
    // Files older than the type member are BPE if they have merges.
    const Json *type = model.find("type");
    if (!absent(type) && type->string(item("model.type")) != "BPE")
        refuse("model.type", quoted_text(type->string("")) + " is not supported, only BPE");
    for (const char *key : unknown) {
        const Json *value = model.find(key);
        const bool nothing = absent(value) || (value->is_string() && value->string("").empty()) ||
                             (value->is_number() && value->number("") == 0);
        if (!nothing) refuse(std::string("model.") + key, "must be null: it is not supported");
    }
}

uint32_t TokenizerJson::read_id(const Json &value, const std::string &name) const {
    const int64_t id = value.integer(item(name), 0, int64_t{1} << 31);
    if (id >= model_vocab_size_)
        bad_input("%s: %s: id %lld does not fit the model, whose vocab_size is %u", path_.c_str(),
                  name.c_str(), static_cast<long long>(id), model_vocab_size_);
    if (id >= tokenizer_max_vocabulary)
        bad_input("%s: %s: id %lld is above the limit of %u tokens", path_.c_str(), name.c_str(),
                  static_cast<long long>(id), tokenizer_max_vocabulary);
    return static_cast<uint32_t>(id);
}

void TokenizerJson::place(uint32_t id, const std::string &content, std::string bytes) {
    if (id >= section_.texts.size()) {
        section_.texts.resize(id + size_t{1});
        owners_.resize(id + size_t{1}, nullptr);
    }
    if (owners_[id])
        bad_input("%s: id %u is given to both %s and %s", path_.c_str(), id,
                  quoted_text(*owners_[id]).c_str(), quoted_text(content).c_str());
    owners_[id] = &content;
    section_.texts[id] = std::move(bytes);
}

std::vector<TokenizerJson::AddedEntry> TokenizerJson::read_added_tokens(const Json *list) {
    std::vector<AddedEntry> entries;
    if (absent(list)) return entries;
    const std::vector<Json> &tokens = list->array(item("added_tokens"));
    for (size_t i = 0; i < tokens.size(); ++i) {
        const std::string name = nth("added_tokens", i);
        const Json &token = tokens[i];
        token.object(item(name));
        const std::string &content = text(token, "content", name);
        const uint32_t id = read_id(need(token, "id", name + ".id"), name + ".id");
        if (content.empty()) refuse(name, "the token has no text");
        if (content.size() > tokenizer_max_added_length)
            bad_input("%s: %s: %s has %zu bytes, the limit is %u", path_.c_str(), name.c_str(),
                      quoted_text(content).c_str(), content.size(), tokenizer_max_added_length);
        if (flag(token, "single_word", false, name))
            refuse(name, quoted_text(content) + " has single_word set, which is not supported");
        const bool special = flag(token, "special", false, name);
        const bool normalized = flag(token, "normalized", !special, name);
        const uint32_t flags = (special ? added_special : 0) |
                               (flag(token, "lstrip", false, name) ? added_lstrip : 0) |
                               (flag(token, "rstrip", false, name) ? added_rstrip : 0);
        if (!added_.emplace(content, id).second) refuse(name, quoted_text(content) + " is listed twice");
        entries.push_back({name, &content, id, flags, normalized});
    }
    return entries;
}

void TokenizerJson::read_template(const Json &processor, const std::string &name) {
    const std::string single = name + ".single";
    const std::vector<Json> &pieces = need(processor, "single", single).array(item(single));
    for (size_t i = 0; i < pieces.size(); ++i) {
        const Json *special = pieces[i].find("SpecialToken");
        if (special == nullptr && !pieces[i].find("Sequence"))
            refuse(nth(single, i), "is neither Sequence nor SpecialToken");
        if ((i + 1 < pieces.size()) != (special != nullptr) || i > 1)
            refuse(single, "must be the text, once, and at most one token in front of it");
        if (special != nullptr) section_.begin = special_token(processor, name, *special);
    }
    if (pieces.empty()) refuse(single, "must be the text, once");
}

uint32_t TokenizerJson::special_token(const Json &processor, const std::string &part,
                                      const Json &special) const {
    const std::string &id = text(special, "id", part + ".single[0].SpecialToken");
    const Json *entry = need(processor, "special_tokens", part + ".special_tokens").find(id);
    const std::string name = part + ".special_tokens." + quoted_text(id);
    if (entry == nullptr) refuse(name, "missing");
    const std::vector<Json> &ids = need(*entry, "ids", name + ".ids").array(item(name + ".ids"));
    if (ids.size() != 1) refuse(name + ".ids", "must be one token");
    const uint32_t token = read_id(ids[0], name + ".ids[0]");
    if (token >= section_.texts.size()) refuse(name + ".ids[0]", "is no token of this vocabulary");
    return token;
}

void TokenizerJson::check_vocabulary(const std::vector<Json::Member> &members) const {
    if (members.size() > model_vocab_size_)
        bad_input("%s: model.vocab has %zu tokens, but the model's vocab_size is %u", path_.c_str(),
                  members.size(), model_vocab_size_);
}

bool TokenizerJson::is_added(const std::string &content, uint32_t id) const {
    const auto added = added_.find(content);
    if (added == added_.end()) return false;
    if (added->second != id)
        bad_input("%s: %s has id %u in model.vocab, but %u in added_tokens", path_.c_str(),
                  quoted_text(content).c_str(), id, added->second);
    return true;
}

// "a b", or ["a", "b"] since tokenizers 0.20.
std::array<std::string_view, 2> TokenizerJson::read_pair(const Json &merge, const std::string &name) const {
    if (merge.is_string()) {
        const std::string &text = merge.string(item(name));
        const size_t blank = text.find(' ');
        if (blank == std::string::npos || text.find(' ', blank + 1) != std::string::npos)
            refuse(name, quoted_text(text) + " is not two tokens with a space between");
        return {std::string_view(text).substr(0, blank), std::string_view(text).substr(blank + 1)};
    }
    const std::vector<Json> &pair = merge.array(item(name));
    if (pair.size() != 2) refuse(name, "is not a pair of tokens");
    return {pair[0].string(item(name)), pair[1].string(item(name))};
}

void TokenizerJson::read_merges(const Json &list) {
    const std::vector<Json> &merges = list.array(item("model.merges"));
    if (merges.size() > tokenizer_max_merges)
        bad_input("%s: model.merges has %zu entries, the limit is %u", path_.c_str(), merges.size(),
                  tokenizer_max_merges);
    section_.merges.reserve(merges.size());
    std::string text;
    for (size_t i = 0; i < merges.size(); ++i) {
        const std::string name = nth("model.merges", i);
        const auto [left, right] = read_pair(merges[i], name);
        text.assign(left).append(right);
        section_.merges.push_back({find_id(std::string(left), name), find_id(std::string(right), name),
                                   static_cast<uint32_t>(i), find_id(text, name)});
    }
}

uint32_t TokenizerJson::find_id(const std::string &token, const std::string &name) const {
    const auto found = ids_.find(token);
    if (found == ids_.end()) refuse(name, "names " + quoted_text(token) + ", which is not in model.vocab");
    return found->second;
}

}  // namespace adder

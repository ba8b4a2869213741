// Reads tokenizer.json: what the runtime does alike is taken over, everything else is refused by name.
// SPDX-License-Identifier: MIT
#include "converter/import/tokenizer.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include "converter/base/error.h"
#include "converter/import/tokenizer_section.h"
#include "runtime/nfc.h"
#include "runtime/tokenizer.h"
#include "runtime/unicode.h"

namespace adder {

namespace {

constexpr const char *gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

const uint8_t *as_bytes(std::string_view text) { return reinterpret_cast<const uint8_t *>(text.data()); }

// The characters that GPT-2 writes bytes as: printable Latin-1 as itself, the others from U+0100 on
// (bytes_to_unicode in openai/gpt-2, src/encoder.py).
class ByteAlphabet {
  public:
    ByteAlphabet() {
        characters_.fill(-1);
        uint32_t next = 0x100;
        for (uint32_t byte = 0; byte < 256; ++byte) {
            const bool printable =
                (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
            characters_[printable ? byte : next++] = static_cast<int16_t>(byte);
        }
    }
    // Appends the bytes that `text` stands for; false if a character stands for none.
    bool decode(std::string_view text, std::string *bytes) const {
        const uint8_t *at = as_bytes(text), *const end = at + text.size();
        while (at != end) {
            uint32_t code_point;
            at += utf8_read(at, end, &code_point);
            if (code_point >= characters_.size() || characters_[code_point] < 0) return false;
            bytes->push_back(static_cast<char>(characters_[code_point]));
        }
        return true;
    }

  private:
    std::array<int16_t, 0x100 + 68> characters_;
};

// Text from the file, shortened for a message.
std::string quoted(const std::string &text) {
    constexpr size_t most = 60;
    size_t size = std::min(text.size(), most);
    while (size < text.size() && size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0) == 0x80) --size;
    return '"' + text.substr(0, size) + (size < text.size() ? "..." : "") + '"';
}

bool is_nfc(const std::string &text) {
    CodePointReader raw, normalized;
    raw.open(as_bytes(text), as_bytes(text) + text.size(), false);
    normalized.open(raw.at, raw.end, true);
    uint32_t a = 0, b = 0;
    for (;;) {
        const bool more = raw.next(&a);
        if (normalized.next(&b) != more || (more && a != b)) return false;
        if (!more) return true;
    }
}

class Importer {
  public:
    Importer(const std::string &path, uint32_t model_vocab_size)
        : path_(path), model_vocab_size_(model_vocab_size) {}

    std::vector<uint8_t> run(const Json &file) {
        file.object(path_);
        read_normalizer(file.find("normalizer"), "normalizer");
        read_pre_tokenizer(file.find("pre_tokenizer"));
        read_post_processor(file.find("post_processor"), "post_processor");
        read_decoder(file.find("decoder"), "decoder");
        const Json &model = need(file, "model", "model");
        read_model_options(model);
        read_added_tokens(file.find("added_tokens"));
        read_vocabulary(need(model, "vocab", "model.vocab"));
        read_merges(need(model, "merges", "model.merges"));
        return write_tokenizer_section(section_, path_);
    }

  private:
    // "tokenizer.json: model.vocab"
    std::string item(const std::string &name) const { return path_ + ": " + name; }

    [[noreturn]] void refuse(const std::string &name, const std::string &why) const {
        bad_input("%s: %s: %s", path_.c_str(), name.c_str(), why.c_str());
    }

    const Json &need(const Json &object, const char *key, const std::string &name) const {
        const Json *value = object.find(key);
        if (!value) refuse(name, "missing");
        return *value;
    }

    std::string type_of(const Json &object, const std::string &name) const {
        object.object(item(name));
        return need(object, "type", name + ".type").string(item(name + ".type"));
    }

    bool flag(const Json &object, const char *key, bool otherwise, const std::string &name) const {
        const Json *value = object.find(key);
        return value && !value->is_null() ? value->boolean(item(name + "." + key)) : otherwise;
    }

    static bool absent(const Json *value) { return !value || value->is_null(); }

    static std::string nth(const std::string &name, size_t i) { return name + "[" + std::to_string(i) + "]"; }

    // The parts of a Sequence, with their names; of anything else, itself.
    struct Part {
        const Json *value;
        std::string name;
    };
    void collect(const Json &value, const std::string &name, const char *list, std::vector<Part> *parts) const {
        if (type_of(value, name) != "Sequence") {
            parts->push_back({&value, name});
            return;
        }
        const std::string inner = name + "." + list;
        const std::vector<Json> &items = need(value, list, inner).array(item(inner));
        for (size_t i = 0; i < items.size(); ++i) collect(items[i], nth(inner, i), list, parts);
    }
    std::vector<Part> parts_of(const Json *value, const std::string &name, const char *list) const {
        std::vector<Part> parts;
        if (!absent(value)) collect(*value, name, list, &parts);
        return parts;
    }

    void read_normalizer(const Json *value, const std::string &root) {
        for (const Part &part : parts_of(value, root, "normalizers")) {
            const std::string type = type_of(*part.value, part.name);
            if (type != "NFC")
                refuse(part.name, "normalizer " + quoted(type) + " is not supported, only NFC");
            section_.flags |= tokenizer_nfc;
        }
    }

    void read_pre_tokenizer(const Json *value) {
        const std::string root = "pre_tokenizer";
        const std::vector<Part> parts = parts_of(value, root, "pretokenizers");
        bool split = false, done = false;
        for (const Part &part : parts) {
            const std::string type = type_of(*part.value, part.name);
            if (done) refuse(part.name, quoted(type) + " after ByteLevel is not supported");
            if (type == "Split") {
                read_split(*part.value, part.name);
                split = true;
            } else if (type == "ByteLevel") {
                const bool use_regex = flag(*part.value, "use_regex", true, part.name);
                const bool prefix_space = flag(*part.value, "add_prefix_space", true, part.name);
                if (!use_regex && !split)
                    refuse(part.name, "use_regex false, text that is not split, is not supported");
                if (prefix_space && split)
                    refuse(part.name, "add_prefix_space after a Split is not supported");
                if (prefix_space) section_.flags |= tokenizer_prefix_space;
                done = true;
            } else {
                refuse(part.name, "pre-tokenizer " + quoted(type) + " is not supported, only ByteLevel");
            }
        }
        if (!done) refuse(root, "missing; only ByteLevel is supported");
    }

    // Only the pattern that ByteLevel itself would use; splitting by it twice changes nothing.
    void read_split(const Json &value, const std::string &name) {
        const Json &pattern = need(value, "pattern", name + ".pattern");
        const Json *regex = pattern.find("Regex");
        if (!regex) refuse(name + ".pattern", "only the regular expression of GPT-2 is supported");
        const std::string &text = regex->string(item(name + ".pattern.Regex"));
        if (text != gpt2_pattern)
            bad_input("%s: %s: splitting by %s is not supported, only by GPT-2's pattern", path_.c_str(),
                      name.c_str(), text.c_str());
        if (need(value, "behavior", name + ".behavior").string(item(name + ".behavior")) != "Isolated" ||
            flag(value, "invert", false, name))
            refuse(name, "only behavior \"Isolated\" with invert false is supported");
    }

    void read_post_processor(const Json *value, const std::string &root) {
        for (const Part &part : parts_of(value, root, "processors")) {
            const std::string type = type_of(*part.value, part.name);
            if (type == "ByteLevel") continue;  // moves offsets only
            if (type != "TemplateProcessing")
                refuse(part.name, "post-processor " + quoted(type) + " is not supported");
            const std::string single = part.name + ".single";
            const std::vector<Json> &pieces = need(*part.value, "single", single).array(item(single));
            for (size_t i = 0; i < pieces.size(); ++i) {
                const Json *special = pieces[i].find("SpecialToken");
                const Json *id = special ? special->find("id") : nullptr;
                if (id)
                    refuse(part.name, "adds the token " + quoted(id->string(item(nth(single, i) + ".id"))) +
                                          " to every text, which is not supported");
                if (!pieces[i].find("Sequence"))
                    refuse(nth(single, i), "is neither Sequence nor SpecialToken");
            }
            if (pieces.size() != 1) refuse(single, "must be the text, once");
        }
    }

    void read_decoder(const Json *value, const std::string &root) {
        const std::vector<Part> parts = parts_of(value, root, "decoders");
        for (const Part &part : parts)
            if (const std::string type = type_of(*part.value, part.name); type != "ByteLevel")
                refuse(part.name, "decoder " + quoted(type) + " is not supported, only ByteLevel");
        if (parts.empty()) refuse(root, "missing; only ByteLevel is supported");
    }

    void read_model_options(const Json &model) {
        model.object(item("model"));
        // Files older than the type member are BPE if they have merges.
        const Json *type = model.find("type");
        if (!absent(type) && type->string(item("model.type")) != "BPE")
            refuse("model.type", quoted(type->string("")) + " is not supported, only BPE");
        for (const char *key : {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"}) {
            const Json *value = model.find(key);
            const bool nothing = absent(value) || (value->is_string() && value->string("").empty()) ||
                                 (value->is_number() && value->number("") == 0);
            if (!nothing) refuse(std::string("model.") + key, "must be null: it is not supported");
        }
        for (const char *key : {"byte_fallback", "ignore_merges", "fuse_unk"})
            if (flag(model, key, false, "model"))
                refuse(std::string("model.") + key, "must be false: it is not supported");
    }

    uint32_t read_id(const Json &value, const std::string &name) const {
        const int64_t id = value.integer(item(name), 0, int64_t{1} << 31);
        if (id >= model_vocab_size_)
            bad_input("%s: %s: id %lld does not fit the model, whose vocab_size is %u", path_.c_str(),
                      name.c_str(), static_cast<long long>(id), model_vocab_size_);
        if (id >= tokenizer_max_vocabulary)
            bad_input("%s: %s: id %lld is above the limit of %u tokens", path_.c_str(), name.c_str(),
                      static_cast<long long>(id), tokenizer_max_vocabulary);
        return static_cast<uint32_t>(id);
    }

    // Makes room for a token and gives it its bytes.
    void place(uint32_t id, const std::string &content, std::string bytes) {
        if (id >= section_.texts.size()) {
            section_.texts.resize(id + size_t{1});
            owners_.resize(id + size_t{1}, nullptr);
        }
        if (owners_[id])
            bad_input("%s: id %u is given to both %s and %s", path_.c_str(), id, quoted(*owners_[id]).c_str(),
                      quoted(content).c_str());
        owners_[id] = &content;
        section_.texts[id] = std::move(bytes);
    }

    void read_added_tokens(const Json *list) {
        if (absent(list)) return;
        const std::vector<Json> &tokens = list->array(item("added_tokens"));
        for (size_t i = 0; i < tokens.size(); ++i) {
            const std::string name = nth("added_tokens", i);
            const Json &token = tokens[i];
            token.object(item(name));
            const std::string &content =
                need(token, "content", name + ".content").string(item(name + ".content"));
            const uint32_t id = read_id(need(token, "id", name + ".id"), name + ".id");
            if (content.empty()) refuse(name, "the token has no text");
            if (content.size() > tokenizer_max_added_length)
                bad_input("%s: %s: %s has %zu bytes, the limit is %u", path_.c_str(), name.c_str(),
                          quoted(content).c_str(), content.size(), tokenizer_max_added_length);
            if (flag(token, "single_word", false, name))
                refuse(name, quoted(content) + " has single_word set, which is not supported");
            SectionSource::Added added;
            added.id = id;
            const bool special = flag(token, "special", false, name);
            added.normalized = flag(token, "normalized", !special, name);
            added.flags = (special ? added_special : 0) |
                          (flag(token, "lstrip", false, name) ? added_lstrip : 0) |
                          (flag(token, "rstrip", false, name) ? added_rstrip : 0);
            if (added.normalized && (section_.flags & tokenizer_nfc) != 0 && !is_nfc(content))
                refuse(name, quoted(content) + " has normalized set but its text is not in NFC");
            if (!added_.emplace(content, id).second) refuse(name, quoted(content) + " is listed twice");
            place(id, content, content);
            section_.added.push_back(added);
        }
    }

    void read_vocabulary(const Json &vocabulary) {
        const std::vector<Json::Member> &members = vocabulary.object(item("model.vocab"));
        if (members.size() > model_vocab_size_)
            bad_input("%s: model.vocab has %zu tokens, but the model's vocab_size is %u", path_.c_str(),
                      members.size(), model_vocab_size_);
        ids_.reserve(members.size());
        for (const auto &[content, value] : members) {
            const std::string name = "model.vocab." + quoted(content);
            const uint32_t id = read_id(value, name);
            ids_.emplace(content, id);
            std::string bytes;
            const bool decoded = alphabet_.decode(content, &bytes);
            const auto added = added_.find(content);
            if (added != added_.end()) {  // the same token; its text is meant literally
                if (added->second != id)
                    bad_input("%s: %s has id %u in model.vocab, but %u in added_tokens", path_.c_str(),
                              quoted(content).c_str(), id, added->second);
                if (bytes.size() == 1 && bytes != content)
                    refuse(name, "stands for a byte, and for another text in added_tokens");
            } else {
                if (!decoded) refuse(name, "has a character outside the byte-level alphabet");
                if (bytes.empty()) refuse(name, "the token has no text");
                place(id, content, bytes);
            }
            if (decoded && bytes.size() == 1) section_.byte_ids[static_cast<uint8_t>(bytes[0])] = id;
        }
    }

    // "a b", or ["a", "b"] since tokenizers 0.20.
    std::array<std::string_view, 2> read_pair(const Json &merge, const std::string &name) const {
        if (merge.is_string()) {
            const std::string &text = merge.string(item(name));
            const size_t blank = text.find(' ');
            if (blank == std::string::npos || text.find(' ', blank + 1) != std::string::npos)
                refuse(name, quoted(text) + " is not two tokens with a space between");
            return {std::string_view(text).substr(0, blank), std::string_view(text).substr(blank + 1)};
        }
        const std::vector<Json> &pair = merge.array(item(name));
        if (pair.size() != 2) refuse(name, "is not a pair of tokens");
        return {pair[0].string(item(name)), pair[1].string(item(name))};
    }

    void read_merges(const Json &list) {
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

    uint32_t find_id(const std::string &token, const std::string &name) const {
        const auto found = ids_.find(token);
        if (found == ids_.end()) refuse(name, "names " + quoted(token) + ", which is not in model.vocab");
        return found->second;
    }

    const std::string &path_;
    const uint32_t model_vocab_size_;
    const ByteAlphabet alphabet_;
    SectionSource section_;
    std::vector<const std::string *> owners_;          // [ids], what an id was given to
    std::unordered_map<std::string, uint32_t> ids_;    // of model.vocab
    std::unordered_map<std::string, uint32_t> added_;  // of added_tokens
};

}  // namespace

std::vector<uint8_t> import_tokenizer(const Json &tokenizer_json, const std::string &path,
                                      uint32_t model_vocab_size) {
    return Importer(path, model_vocab_size).run(tokenizer_json);
}

}  // namespace adder

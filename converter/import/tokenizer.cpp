// Reads tokenizer.json: what the runtime does alike is taken over, everything else is refused by name.
// SPDX-License-Identifier: MIT
#include "converter/import/tokenizer.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "converter/base/error.h"
#include "converter/import/pre_tokenizer.h"
#include "converter/import/sentencepiece_json.h"
#include "converter/import/tokenizer_json.h"
#include "runtime/bpe.h"
#include "runtime/nfc.h"
#include "runtime/tokenizer.h"
#include "runtime/unicode.h"

namespace adder {

namespace {

const uint8_t *as_bytes(std::string_view text) { return reinterpret_cast<const uint8_t *>(text.data()); }

// The characters that GPT-2 writes bytes as.
class ByteAlphabet {
  public:
    ByteAlphabet() {
        characters_.fill(-1);
        for (uint32_t byte = 0; byte < 256; ++byte)
            characters_[byte_letter(static_cast<uint8_t>(byte))] = static_cast<int16_t>(byte);
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

class Importer : TokenizerJson {
  public:
    Importer(const std::string &path, uint32_t model_vocab_size) : TokenizerJson(path, model_vocab_size) {}

    std::vector<uint8_t> run(const Json &file) {
        file.object(path_);
        read_normalizer(file.find("normalizer"), "normalizer");
        const PreTokenizer split = read_pre_tokenizer(file.find("pre_tokenizer"), path_);
        if (split.prefix_space) section_.flags |= tokenizer_prefix_space;
        read_decoder(file.find("decoder"), "decoder");
        const Json &model = need(file, "model", "model");
        read_model_options(model);
        read_added(file.find("added_tokens"));
        read_vocabulary(need(model, "vocab", "model.vocab"));
        read_merges(need(model, "merges", "model.merges"));
        read_post_processor(file.find("post_processor"), "post_processor");
        if (ignores_merges_) find_whole_tokens();
        if (is_gpt2(split) && section_.begin == tokenizer_none && section_.whole.empty())
            return write_tokenizer_section(section_, path_);
        for (const SplitSource &source : split.splits) section_.splits.push_back(compile_split(source));
        check_added();
        return write_split_section(section_, path_);
    }

  private:
    void read_normalizer(const Json *value, const std::string &root) {
        for (const Part &part : parts_of(value, root, "normalizers")) {
            const std::string type = type_of(*part.value, part.name);
            if (type != "NFC")
                refuse(part.name, "normalizer " + quoted_text(type) + " is not supported, only NFC");
            section_.flags |= tokenizer_nfc;
        }
    }

    void read_post_processor(const Json *value, const std::string &root) {
        for (const Part &part : parts_of(value, root, "processors")) {
            const std::string type = type_of(*part.value, part.name);
            if (type == "ByteLevel") continue;  // moves offsets only
            if (type != "TemplateProcessing" || section_.begin != tokenizer_none)
                refuse(part.name, "post-processor " + quoted_text(type) + " is not supported");
            read_template(*part.value, part.name);
        }
    }

    void read_decoder(const Json *value, const std::string &root) {
        const std::vector<Part> parts = parts_of(value, root, "decoders");
        for (const Part &part : parts)
            if (const std::string type = type_of(*part.value, part.name); type != "ByteLevel")
                refuse(part.name, "decoder " + quoted_text(type) + " is not supported, only ByteLevel");
        if (parts.empty()) refuse(root, "missing; only ByteLevel is supported");
    }

    void read_model_options(const Json &model) {
        check_model(model, {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"});
        ignores_merges_ = flag(model, "ignore_merges", false, "model");
        for (const char *key : {"byte_fallback", "fuse_unk"})
            if (flag(model, key, false, "model"))
                refuse(std::string("model.") + key, "must be false: it is not supported");
    }

    void read_added(const Json *list) {
        for (const AddedEntry &entry : read_added_tokens(list)) {
            if (entry.normalized && (section_.flags & tokenizer_nfc) != 0 && !is_nfc(*entry.content))
                refuse(entry.name,
                       quoted_text(*entry.content) + " has normalized set but its text is not in NFC");
            place(entry.id, *entry.content, *entry.content);
            section_.added.push_back({entry.id, entry.flags, entry.normalized});
        }
    }

    void read_vocabulary(const Json &vocabulary) {
        const std::vector<Json::Member> &members = vocabulary.object(item("model.vocab"));
        check_vocabulary(members);
        ids_.reserve(members.size());
        for (const auto &[content, value] : members) {
            const std::string name = "model.vocab." + quoted_text(content);
            const uint32_t id = read_id(value, name);
            ids_.emplace(content, id);
            std::string bytes;
            const bool decoded = alphabet_.decode(content, &bytes);
            if (is_added(content, id)) {  // the same token; its text is meant literally
                if (bytes.size() == 1 && bytes != content)
                    refuse(name, "stands for a byte, and for another text in added_tokens");
            } else {
                if (!decoded) refuse(name, "has a character outside the byte-level alphabet");
                if (bytes.empty()) refuse(name, "the token has no text");
                place(id, content, bytes);
                if (ignores_merges_) section_.whole.push_back(id);
            }
            if (decoded && bytes.size() == 1) section_.byte_ids[static_cast<uint8_t>(bytes[0])] = id;
        }
    }

    // With ignore_merges a word that is a token is that token. Of most tokens that is what merges make as well; the others are
    // left in `whole`.
    void find_whole_tokens() {
        SectionSource merging = section_;
        merging.added.clear();
        const std::vector<uint8_t> section = write_tokenizer_section(merging, path_);
        Tokenizer tokenizer;
        if (tokenizer_open(&tokenizer, section.data(), section.size()) != TokenizeStatus::ok)
            bad_input("%s: the tokenizer cannot be represented", path_.c_str());
        std::vector<int32_t> symbols, scratch;
        const auto is_merged = [&](uint32_t id) {
            symbols.clear();
            for (const char c : section_.texts[id]) {
                const uint32_t byte = section_.byte_ids[static_cast<uint8_t>(c)];
                if (byte >= section_.texts.size()) return false;
                symbols.push_back(static_cast<int32_t>(byte));
            }
            scratch.resize(bpe_long_scratch(symbols.size()));
            return bpe_long(tokenizer, symbols.data(), symbols.size(), scratch.data()) == 1 &&
                   symbols[0] == static_cast<int32_t>(id);
        };
        std::vector<uint32_t> &whole = section_.whole;
        whole.erase(std::remove_if(whole.begin(), whole.end(), is_merged), whole.end());
    }

    // A match of such a split may have ended with the white space that lstrip would take.
    void check_added() const {
        for (const SectionSource::Added &token : section_.added)
            if (token.normalized && (token.flags & added_lstrip) != 0)
                refuse("added_tokens",
                       quoted_text(section_.texts[token.id]) +
                           " has normalized and lstrip set, which is not supported with this pre_tokenizer");
    }

    const ByteAlphabet alphabet_;
    bool ignores_merges_ = false;
};

}  // namespace

std::vector<uint8_t> import_tokenizer(const Json &tokenizer_json, const std::string &path,
                                      uint32_t model_vocab_size) {
    if (is_sentencepiece(tokenizer_json))
        return import_sentencepiece_json(tokenizer_json, path, model_vocab_size);
    return Importer(path, model_vocab_size).run(tokenizer_json);
}

}  // namespace adder

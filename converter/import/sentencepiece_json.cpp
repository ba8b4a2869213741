// Reads a tokenizer.json of SentencePiece's kind: what the runtime does alike is taken over, everything else is refused by name.
// SPDX-License-Identifier: MIT
#include "converter/import/sentencepiece_json.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/import/sentencepiece.h"
#include "converter/import/tokenizer_json.h"
#include "runtime/tokenizer.h"

namespace adder {

namespace {

class Importer : TokenizerJson {
  public:
    Importer(const std::string &path, uint32_t model_vocab_size) : TokenizerJson(path, model_vocab_size) {}

    std::vector<uint8_t> run(const Json &file) {
        read_normalizer(file.find("normalizer"));
        read_pre_tokenizer(file.find("pre_tokenizer"));
        read_decoder(file.find("decoder"));
        const Json &model = need(file, "model", "model");
        check_model(model, {"dropout", "continuing_subword_prefix", "end_of_word_suffix"});
        if (flag(model, "ignore_merges", false, "model"))
            refuse("model.ignore_merges", "must be false: it is not supported with byte_fallback");
        if (flag(model, "fuse_unk", false, "model")) section_.flags |= tokenizer_fuse_unknown;
        read_added(file.find("added_tokens"));
        read_vocabulary(need(model, "vocab", "model.vocab"));
        if (const Json *unknown = model.find("unk_token"); !absent(unknown))
            section_.unknown = find_id(unknown->string(item("model.unk_token")), "model.unk_token");
        read_merges(need(model, "merges", "model.merges"));
        check_merges();
        find_neighbours(pieces_, &section_);
        read_post_processor(file.find("post_processor"));
        return write_characters_section(section_, path_);
    }

  private:
    static bool is_space_pattern(const Json *pattern, const char *space) {
        const Json *text = pattern != nullptr ? pattern->find("String") : nullptr;
        return text != nullptr && text->is_string() && text->string("") == space;
    }

    void read_normalizer(const Json *value) {
        for (const Part &part : parts_of(value, "normalizer", "normalizers")) {
            const std::string type = type_of(*part.value, part.name);
            if (type == "Prepend" && (section_.flags & tokenizer_prefix_always) == 0) {
                const std::string &prefix = text(*part.value, "prepend", part.name);
                if (prefix != written_space)
                    refuse(part.name, "puts " + quoted_text(prefix) + " in front, only " +
                                          quoted_text(written_space) + " is supported");
                section_.flags |= tokenizer_prefix_always;
            } else if (type == "Replace" && !replaces_) {
                if (!is_space_pattern(part.value->find("pattern"), " ") ||
                    text(*part.value, "content", part.name) != written_space)
                    refuse(part.name, "only \" \" is supported, replaced by " + quoted_text(written_space));
                replaces_ = true;
            } else {
                refuse(part.name, "normalizer " + quoted_text(type) +
                                      " is not supported here, only Prepend and Replace, each once");
            }
        }
    }

    void read_pre_tokenizer(const Json *value) {
        const std::string root = "pre_tokenizer";
        const std::vector<Part> parts = parts_of(value, root, "pretokenizers");
        for (const Part &part : parts) {
            const std::string type = type_of(*part.value, part.name);
            if (type == "Split" && replaces_) {
                // By the spaces that the normalizer leaves none of.
                if (!is_space_pattern(part.value->find("pattern"), " ") ||
                    flag(*part.value, "invert", false, part.name))
                    refuse(part.name, "only a Split by \" \" with invert false is supported");
            } else if (type == "Metaspace" && parts.size() == 1 && !replaces_) {
                read_metaspace(*part.value, part.name);
            } else {
                refuse(part.name, "pre-tokenizer " + quoted_text(type) + " is not supported here");
            }
        }
        if (!replaces_ && !metaspace_)
            refuse(root, "neither it nor the normalizer replaces spaces by " + quoted_text(written_space) +
                             ", which is needed");
    }

    void read_metaspace(const Json &value, const std::string &name) {
        if (text(value, "replacement", name) != written_space)
            refuse(name, "replacement must be " + quoted_text(written_space));
        if (flag(value, "split", true, name)) refuse(name, "split true is not supported");
        if ((section_.flags & tokenizer_prefix_always) != 0)
            refuse(name, "a normalizer that prepends a space is not supported with it");
        // Files older than prepend_scheme have add_prefix_space.
        const Json *scheme = value.find("prepend_scheme");
        const std::string when = !absent(scheme) ? scheme->string(item(name + ".prepend_scheme"))
                                 : flag(value, "add_prefix_space", true, name) ? "always"
                                                                               : "never";
        if (when == "always" || when == "first")
            section_.flags |= tokenizer_prefix_space | (when == "first" ? tokenizer_prefix_first : 0);
        else if (when != "never")
            refuse(name, "prepend_scheme " + quoted_text(when) + " is not known");
        metaspace_ = true;
    }

    void read_decoder(const Json *value) {
        const std::string root = "decoder";
        bool replaces = false, bytes = false, fused = false;
        for (const Part &part : parts_of(value, root, "decoders")) {
            const std::string type = type_of(*part.value, part.name);
            const bool strips = (section_.flags & tokenizer_strip_space) != 0;
            if (type == "Replace" && !replaces && !fused) {
                if (!is_space_pattern(part.value->find("pattern"), written_space) ||
                    text(*part.value, "content", part.name) != " ")
                    refuse(part.name,
                           "only " + quoted_text(written_space) + " is supported, replaced by \" \"");
                replaces = true;
            } else if (type == "ByteFallback" && !bytes && !fused) {
                bytes = true;
            } else if (type == "Fuse" && !strips) {
                fused = true;
            } else if (type == "Strip" && replaces && fused && !strips) {
                const auto count = [&](const char *key) {
                    const std::string whole = part.name + "." + key;
                    return need(*part.value, key, whole).integer(item(whole), 0, 1 << 20);
                };
                if (text(*part.value, "content", part.name) != " " || count("start") > 1 || count("stop") > 0)
                    refuse(part.name, "only one \" \" at the start is supported");
                if (count("start") == 1) section_.flags |= tokenizer_strip_space;
            } else {
                refuse(part.name, "decoder " + quoted_text(type) +
                                      " is not supported here; Replace, ByteFallback, Fuse and Strip are, in "
                                      "this order");
            }
        }
        if (!replaces || !bytes) refuse(root, "Replace and ByteFallback are needed");
    }

    // The one special token in front of the text.
    void read_post_processor(const Json *value) {
        const std::string root = "post_processor";
        for (const Part &part : parts_of(value, root, "processors")) {
            const std::string type = type_of(*part.value, part.name);
            if (type != "TemplateProcessing" || section_.begin != tokenizer_none)
                refuse(part.name, "post-processor " + quoted_text(type) + " is not supported here");
            read_template(*part.value, part.name);
        }
    }

    // An added token stands in the text as it is written, and gives a text with spaces for U+2581 unless it is special.
    void read_added(const Json *list) {
        for (const AddedEntry &entry : read_added_tokens(list)) {
            const std::string &content = *entry.content;
            SectionSource::Added added = {entry.id, entry.flags, entry.normalized, ""};
            const std::string given = (entry.flags & added_special) != 0 ? content : piece_text(content);
            std::string sought = content;
            if (entry.normalized) {
                if ((entry.flags & (added_lstrip | added_rstrip)) != 0)
                    refuse(entry.name, quoted_text(content) +
                                           " has normalized and lstrip or rstrip set, which is not supported");
                if (metaspace_ && given != piece_text(content + ' '))
                    check_without_spaces(entry.name, content);
                sought = piece_text(content);
                if ((section_.flags & tokenizer_prefix_always) != 0) sought.insert(0, 1, ' ');
            }
            if (sought != given) added.spelling = sought;
            if (sought.size() > tokenizer_max_added_length) refuse(entry.name, "is too long");
            place(entry.id, content, given);
            section_.added.push_back(std::move(added));
        }
    }

    // Metaspace comes after these are found, so that a space and U+2581 differ.
    void check_without_spaces(const std::string &name, const std::string &content) const {
        if (piece_text(content).find(' ') != std::string::npos)
            refuse(name, quoted_text(content) + " has normalized set and a space, which is not supported");
    }

    void read_vocabulary(const Json &vocabulary) {
        const std::vector<Json::Member> &members = vocabulary.object(item("model.vocab"));
        check_vocabulary(members);
        ids_.reserve(members.size());
        for (const auto &[content, value] : members) {
            const std::string name = "model.vocab." + quoted_text(content);
            const uint32_t id = read_id(value, name);
            ids_.emplace(content, id);
            if (content.empty()) refuse(name, "the token has no text");
            const std::optional<uint8_t> byte = piece_byte(content, true);
            if (!is_added(content, id))
                place(id, content, byte ? std::string(1, static_cast<char>(*byte)) : piece_text(content));
            if (piece_byte(content, false)) section_.byte_ids[*byte] = id;
            if (id >= pieces_.size()) pieces_.resize(id + size_t{1});
            pieces_[id] = content;
            const std::vector<uint32_t> code_points = piece_code_points(content);
            if (code_points.size() == 1 && code_points[0] != no_space)
                section_.characters.push_back({code_points[0], id});
        }
    }

    // Bytes and the unknown token stay apart; and what has a space is never made, since the text has U+2581.
    void check_merges() {
        for (const SectionSource::Merge &merge : section_.merges)
            for (const uint32_t id : {merge.left, merge.right})
                if (id == section_.unknown || piece_byte(pieces_[id], false))
                    refuse(nth("model.merges", merge.rank),
                           quoted_text(pieces_[id]) + " is no text to merge: this is not supported");
        const auto spaced = [&](uint32_t id) { return pieces_[id].find(' ') != std::string::npos; };
        section_.merges.erase(std::remove_if(section_.merges.begin(), section_.merges.end(),
                                             [&](const auto &merge) { return spaced(merge.merged); }),
                              section_.merges.end());
    }

    bool replaces_ = false, metaspace_ = false;
    std::vector<std::string> pieces_;  // [ids], as the vocabulary writes them
};

}  // namespace

bool is_sentencepiece(const Json &file) {
    const Json *const model = file.find("model");
    const Json *const fallback = model != nullptr ? model->find("byte_fallback") : nullptr;
    if (fallback == nullptr || !fallback->is_boolean() || !fallback->boolean("")) return false;
    const Json *pre = file.find("pre_tokenizer");
    const auto is_byte_level = [](const Json &part) {
        const Json *const type = part.find("type");
        return type != nullptr && type->is_string() && type->string("") == "ByteLevel";
    };
    if (pre == nullptr || !pre->is_object()) return true;
    if (is_byte_level(*pre)) return false;
    const Json *const list = pre->find("pretokenizers");
    if (list == nullptr || !list->is_array()) return true;
    const std::vector<Json> &parts = list->array("");
    return std::none_of(parts.begin(), parts.end(), is_byte_level);
}

std::vector<uint8_t> import_sentencepiece_json(const Json &tokenizer_json, const std::string &path,
                                               uint32_t model_vocab_size) {
    return Importer(path, model_vocab_size).run(tokenizer_json);
}

}  // namespace adder

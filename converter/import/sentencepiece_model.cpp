// Reads a ModelProto (sentencepiece_model.proto in google/sentencepiece): pieces with scores, and the settings they came with.
// SPDX-License-Identifier: MIT
#include "converter/import/sentencepiece_model.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_map>

#include "converter/base/error.h"
#include "converter/import/protobuf.h"
#include "converter/import/sentencepiece.h"
#include "converter/text/json.h"
#include "converter/text/utf8.h"
#include "runtime/tokenizer.h"

namespace adder {

namespace {

enum PieceType : uint64_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct Piece {
    std::string text;
    float score = 0;
    uint64_t type = normal;
};

class Importer {
  public:
    Importer(const std::string &path, uint32_t model_vocab_size)
        : path_(path), model_vocab_size_(model_vocab_size) {}

    std::vector<uint8_t> run(std::string_view bytes) {
        read_model(bytes);
        check_settings();
        for (uint32_t id = 0; id < pieces_.size(); ++id) add_piece(id);
        check_bytes();
        check_characters();
        add_merges();
        std::vector<std::string> texts;
        for (const Piece &piece : pieces_) texts.push_back(piece.type == normal ? piece.text : "");
        find_neighbours(texts, &section_);
        return write_characters_section(section_, path_);
    }

  private:
    [[noreturn]] void refuse(const std::string &why) const {
        bad_input("%s: %s", path_.c_str(), why.c_str());
    }
    [[noreturn]] void refuse_piece(uint32_t id, const std::string &why) const {
        refuse(format("piece %u, %s, %s", id, json_quote(pieces_[id].text, 60).c_str(), why.c_str()));
    }

    void read_message(const ProtobufReader &outer, const char *what,
                      const std::function<void(const ProtobufReader &)> &read_field) const {
        const std::string_view bytes = outer.bytes(what);
        ProtobufReader reader(bytes, path_ + ": " + what, outer.position() - bytes.size());
        while (reader.next()) read_field(reader);
    }

    void read_model(std::string_view bytes) {
        ProtobufReader model(bytes, path_);
        while (model.next()) {
            switch (model.field()) {
            case 1: read_piece(model); break;
            case 2: read_trainer(model); break;
            case 3: read_normalizer(model, "normalizer_spec"); break;
            case 5: read_normalizer(model, "denormalizer_spec"); break;
            default: break;  // self_test_data, extensions
            }
        }
        if (pieces_.empty()) refuse("has no pieces: no model of SentencePiece, or cut");
    }

    void read_piece(const ProtobufReader &model) {
        if (pieces_.size() >= std::min(model_vocab_size_, tokenizer_max_vocabulary))
            refuse(format("has more pieces than the model's vocabulary of %u", model_vocab_size_));
        Piece piece;
        const std::string what = format("pieces[%zu]", pieces_.size());
        read_message(model, what.c_str(), [&](const ProtobufReader &field) {
            if (field.field() == 1) piece.text = field.bytes("piece");
            if (field.field() == 2) piece.score = field.real("score");
            if (field.field() == 3) piece.type = field.number("type");
        });
        pieces_.push_back(std::move(piece));
    }

    void read_trainer(const ProtobufReader &model) {
        read_message(model, "trainer_spec", [&](const ProtobufReader &field) {
            switch (field.field()) {
            case 3: model_type_ = field.number("model_type"); break;
            case 24: suffix_ = field.boolean("treat_whitespace_as_suffix"); break;
            case 35: byte_fallback_ = field.boolean("byte_fallback"); break;
            case 46: begin_ = field.bytes("bos_piece"); break;
            case 53: delimiter_ = field.bytes("pretokenization_delimiter"); break;
            default: break;  // how it was trained
            }
        });
    }

    void read_normalizer(const ProtobufReader &model, const char *what) {
        const bool denormalizer = model.field() == 5;
        read_message(model, what, [&](const ProtobufReader &field) {
            switch (field.field()) {
            case 1: (denormalizer ? ignored_ : rule_) = field.bytes("name"); break;
            case 2: charsmap_ += field.bytes("precompiled_charsmap").size(); break;
            case 3: (denormalizer ? unused_ : prefix_) = field.boolean("add_dummy_prefix"); break;
            case 4: (denormalizer ? unused_ : squeeze_) = field.boolean("remove_extra_whitespaces"); break;
            case 5: (denormalizer ? unused_ : escape_) = field.boolean("escape_whitespaces"); break;
            default: break;
            }
        });
    }

    void check_settings() {
        static const char *const types[] = {"0", "UNIGRAM", "BPE", "WORD", "CHAR"};
        if (model_type_ != 2)
            refuse("trainer_spec.model_type is " +
                   (model_type_ < 5 ? std::string(types[model_type_]) : std::to_string(model_type_)) +
                   "; only BPE is supported");
        if (charsmap_ > 0)
            refuse("normalizer_spec: normalization by " + json_quote(rule_, 60) +
                   " changes characters, which is not supported; only \"identity\" is");
        if (!escape_) refuse("normalizer_spec.escape_whitespaces false is not supported");
        if (suffix_) refuse("trainer_spec.treat_whitespace_as_suffix is not supported");
        if (!delimiter_.empty()) refuse("trainer_spec.pretokenization_delimiter is not supported");
        section_.flags = tokenizer_fuse_unknown | (prefix_ ? tokenizer_prefix_always : 0) |
                         (squeeze_ ? tokenizer_squeeze : 0) |
                         (prefix_ || squeeze_ ? tokenizer_strip_space : 0);
    }

    void add_piece(uint32_t id) {
        const Piece &piece = pieces_[id];
        if (piece.text.empty()) refuse_piece(id, "has no text");
        for (std::string_view rest = piece.text; !rest.empty();) {
            const size_t size = utf8_sequence(rest);
            if (size == 0) refuse_piece(id, "is no UTF-8");
            rest.remove_prefix(size);
        }
        const auto [other, is_new] = ids_.emplace(piece.text, id);
        if (!is_new) refuse_piece(id, format("is piece %u as well", other->second));
        if (std::isnan(piece.score)) refuse_piece(id, "has a score that is no number");
        const bool added = piece.type == unknown || piece.type == control || piece.type == user_defined;
        if (added && piece.text.size() > tokenizer_max_added_length)
            refuse_piece(
                id, format("has %zu bytes, the limit is %u", piece.text.size(), tokenizer_max_added_length));
        if ((piece.type == normal || piece.type == user_defined) && piece.text.find(' ') != std::string::npos)
            refuse_piece(id, "has a space, where U+2581 is needed");
        std::string text = piece_text(piece.text);
        switch (piece.type) {
        case normal: {
            const std::vector<uint32_t> code_points = piece_code_points(piece.text);
            if (code_points.size() == 1) section_.characters.push_back({code_points[0], id});
            break;
        }
        case unknown:
            if (section_.unknown != tokenizer_none)
                refuse_piece(id, format("is unknown, as piece %u is", section_.unknown));
            section_.unknown = id;
            [[fallthrough]];
        case control:
            text = piece.text;
            section_.added.push_back({id, added_special, false});
            if (piece.text == begin_ && piece.type == control) section_.begin = id;
            break;
        case user_defined: section_.added.push_back({id, 0, true}); break;
        case byte: {
            const std::optional<uint8_t> value = piece_byte(piece.text, false);
            if (!value) refuse_piece(id, "is a byte, and not written as \"<0x0A>\"");
            text.assign(1, static_cast<char>(*value));
            section_.byte_ids[*value] = id;
            break;
        }
        case unused: refuse_piece(id, "is of type UNUSED, which is not supported");
        default:
            refuse_piece(id, format("is of type %llu, which is not known",
                                    static_cast<unsigned long long>(piece.type)));
        }
        section_.texts.push_back(std::move(text));
    }

    // All bytes where characters become bytes, and else none.
    void check_bytes() const {
        if (section_.unknown == tokenizer_none) refuse("has no piece of type UNKNOWN, which is needed");
        for (uint32_t value = 0; value < 256; ++value)
            if ((section_.byte_ids[value] == tokenizer_none) == byte_fallback_)
                refuse(format(byte_fallback_ ? "trainer_spec.byte_fallback is set, and there is no piece of "
                                               "the byte 0x%02X"
                                             : "there is a piece of the byte 0x%02X without "
                                               "trainer_spec.byte_fallback",
                              value));
    }

    // A character without a piece would be merged all the same; a user's own is never merged.
    void check_characters() const {
        std::unordered_map<uint32_t, bool> known;
        for (const auto &[text, id] : ids_) {
            const std::vector<uint32_t> code_points = piece_code_points(text);
            const uint64_t type = pieces_[id].type;
            if (code_points.size() == 1 && (type == normal || type == user_defined))
                known[code_points[0]] = true;
        }
        for (uint32_t id = 0; id < pieces_.size(); ++id) {
            if (pieces_[id].type != normal) continue;
            for (const uint32_t code_point : piece_code_points(pieces_[id].text))
                if (known.count(code_point) == 0)
                    refuse_piece(id, format("holds U+%04X, which is no piece itself: this is not supported",
                                            code_point));
        }
    }

    // A piece is made of any two that it consists of, of the highest score first.
    void add_merges() {
        std::vector<float> scores;
        for (const Piece &piece : pieces_)
            if (piece.type == normal) scores.push_back(piece.score);
        std::sort(scores.begin(), scores.end(), std::greater<float>());
        scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
        uint64_t compared = 0;
        for (uint32_t id = 0; id < pieces_.size(); ++id) {
            const Piece &piece = pieces_[id];
            if (piece.type != normal) continue;
            const uint32_t rank = static_cast<uint32_t>(
                std::lower_bound(scores.begin(), scores.end(), piece.score, std::greater<float>()) -
                scores.begin());
            // Looking a half up takes time by its length: a file of one long piece may not take forever.
            compared += uint64_t{piece.text.size()} * piece.text.size();
            if (piece.text.size() > 4096 || compared > max_compared)
                refuse_piece(id, "is too long, or one of too many long ones");
            for (size_t at = utf8_sequence(piece.text); at < piece.text.size();
                 at += utf8_sequence(std::string_view(piece.text).substr(at))) {
                const auto left = ids_.find(piece.text.substr(0, at)),
                           right = ids_.find(piece.text.substr(at));
                if (left == ids_.end() || right == ids_.end()) continue;
                if (pieces_[left->second].type != normal || pieces_[right->second].type != normal) continue;
                if (section_.merges.size() == tokenizer_max_merges)
                    refuse(format("has more than %u ways to merge two pieces", tokenizer_max_merges));
                section_.merges.push_back({left->second, right->second, rank, id});
            }
        }
    }

    static constexpr uint64_t max_compared = uint64_t{1} << 32;

    const std::string &path_;
    const uint32_t model_vocab_size_;
    std::vector<Piece> pieces_;
    std::unordered_map<std::string, uint32_t> ids_;
    SectionSource section_;
    // trainer_spec and normalizer_spec, as they are where the file does not say.
    uint64_t model_type_ = 1;
    bool suffix_ = false, byte_fallback_ = false, prefix_ = true, squeeze_ = true, escape_ = true;
    std::string begin_ = "<s>", delimiter_, rule_;
    size_t charsmap_ = 0;
    bool unused_ = false;  // of the denormalizer
    std::string ignored_;
};

}  // namespace

bool is_sentencepiece_model(const std::string &path) {
    constexpr std::string_view extension = ".model";
    return path.size() >= extension.size() &&
           path.compare(path.size() - extension.size(), extension.size(), extension) == 0;
}

std::vector<uint8_t> import_sentencepiece_model(std::string_view bytes, const std::string &path,
                                                uint32_t model_vocab_size) {
    return Importer(path, model_vocab_size).run(bytes);
}

}  // namespace adder

// Writes what a GGUF file has of a tokenizer as the file that it came from, for that file's reader.
// SPDX-License-Identifier: MIT
#include "converter/import/gguf_tokenizer.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "converter/base/error.h"
#include "converter/import/gguf_splits.h"
#include "converter/import/sentencepiece.h"
#include "converter/import/sentencepiece_model.h"
#include "converter/import/tokenizer.h"
#include "converter/import/world_vocabulary.h"
#include "converter/text/json.h"
#include "converter/text/utf8.h"

namespace adder {
namespace {

constexpr char model_key[] = "tokenizer.ggml.model", tokens_key[] = "tokenizer.ggml.tokens",
               types_key[] = "tokenizer.ggml.token_type", merges_key[] = "tokenizer.ggml.merges",
               scores_key[] = "tokenizer.ggml.scores", pre_key[] = "tokenizer.ggml.pre",
               template_key[] = "tokenizer.chat_template";
constexpr char other_tokenizer[] = "; another tokenizer can be given with --tokenizer";

enum TokenType : int64_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct Token {
    std::string_view text;
    int64_t type;
};

std::vector<Token> read_tokens(const GgufMetadata &metadata) {
    const std::vector<std::string_view> texts = metadata.strings(tokens_key);
    const std::vector<int64_t> types = metadata.integers(types_key);
    if (texts.empty()) metadata.refuse(tokens_key, "is missing, or has no tokens");
    if (!types.empty() && types.size() != texts.size())
        metadata.refuse(types_key, format("has %zu types; there are %zu tokens", types.size(), texts.size()));
    std::vector<Token> tokens;
    tokens.reserve(texts.size());
    for (size_t i = 0; i < texts.size(); ++i)
        tokens.push_back({texts[i], types.empty() ? int64_t{normal} : types[i]});
    // What fills the vocabulary up to the model's.
    while (!tokens.empty() && tokens.back().type == unused) tokens.pop_back();
    return tokens;
}

[[noreturn]] void refuse_token(const GgufMetadata &metadata, size_t id, const Token &token,
                               const std::string &why) {
    metadata.refuse(tokens_key, format("has token %zu, %s, ", id, json_quote(token.text, 60).c_str()) + why);
}

void check_utf8(const GgufMetadata &metadata, const char *key, size_t i, std::string_view text) {
    for (std::string_view rest = text; !rest.empty();) {
        const size_t size = utf8_sequence(rest);
        if (size == 0) metadata.refuse(key, format("is no UTF-8, at element %zu", i));
        rest.remove_prefix(size);
    }
}

void refuse_added_ends(const GgufMetadata &metadata, bool bos_too) {
    for (const char *key : {"tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token"})
        if ((bos_too || std::strstr(key, "eos") != nullptr) && metadata.boolean(key).value_or(false))
            metadata.refuse(key, std::string("is true: a token added to every text is not supported") +
                                     other_tokenizer);
}

// ---- gpt2: as a tokenizer.json ----

// A post_processor that puts bos in front of every text.
void write_begin(const GgufMetadata &metadata, const std::vector<Token> &tokens, JsonWriter *json) {
    constexpr char key[] = "tokenizer.ggml.bos_token_id";
    const auto id = metadata.integer(key, 0, INT32_MAX);
    if (!id) metadata.refuse(key, std::string("is missing; every text begins with it") + other_tokenizer);
    if (static_cast<size_t>(*id) >= tokens.size())
        metadata.refuse(key,
                        format("is %lld; there are %zu tokens", static_cast<long long>(*id), tokens.size()));
    const std::string_view text = tokens[static_cast<size_t>(*id)].text;
    json->key("post_processor").begin_object().key("type").value("TemplateProcessing");
    json->key("single").begin_array();
    json->begin_object().key("SpecialToken").begin_object().key("id").value(text).end_object().end_object();
    json->begin_object().key("Sequence").begin_object().end_object().end_object().end_array();
    json->key("special_tokens").begin_object().key(text).begin_object().key("ids").begin_array();
    json->value(static_cast<uint64_t>(*id)).end_array().end_object().end_object().end_object();
}

std::string bpe_json(const GgufMetadata &metadata) {
    const auto name = metadata.string(pre_key);
    const GgufSplit *const split = name ? find_gguf_split(*name) : nullptr;
    if (split == nullptr)
        metadata.refuse(pre_key, (name ? "is " + json_quote(*name) : std::string("is missing")) +
                                     ": splitting texts so is not supported, only as " + gguf_split_names() +
                                     other_tokenizer);
    refuse_added_ends(metadata, false);
    const std::vector<Token> tokens = read_tokens(metadata);
    JsonWriter json(false);
    json.begin_object().key("added_tokens").begin_array();
    for (size_t id = 0; id < tokens.size(); ++id) {
        const Token &token = tokens[id];
        check_utf8(metadata, tokens_key, id, token.text);
        if (token.type == normal || token.type == unused) continue;
        if (token.type != control && token.type != user_defined)
            refuse_token(metadata, id, token,
                         format("of type %lld, which byte-level BPE does not have",
                                static_cast<long long>(token.type)));
        json.begin_object().key("id").value(uint64_t{id}).key("content").value(token.text);
        json.key("special").value(token.type == control).end_object();
    }
    json.end_array().key("pre_tokenizer");
    write_pre_tokenizer(*split, metadata.boolean("tokenizer.ggml.add_space_prefix").value_or(false), &json);
    if (metadata.boolean("tokenizer.ggml.add_bos_token").value_or(split->begins))
        write_begin(metadata, tokens, &json);
    json.key("decoder").begin_object().key("type").value("ByteLevel").end_object();
    json.key("model").begin_object().key("type").value("BPE").key("ignore_merges").value(split->ignores_merges);
    json.key("vocab").begin_object();
    std::unordered_map<std::string_view, size_t> ids;
    for (size_t id = 0; id < tokens.size(); ++id) {
        if (tokens[id].type == unused) continue;
        const auto [other, is_new] = ids.emplace(tokens[id].text, id);
        if (!is_new)
            refuse_token(metadata, id, tokens[id], format("which is token %zu as well", other->second));
        json.key(tokens[id].text).value(uint64_t{id});
    }
    json.end_object().key("merges").begin_array();
    const std::vector<std::string_view> merges = metadata.strings(merges_key);
    for (size_t i = 0; i < merges.size(); ++i) {
        check_utf8(metadata, merges_key, i, merges[i]);
        json.value(merges[i]);
    }
    return json.end_array().end_object().end_object().text();
}

// ---- rwkv: as a World vocabulary ----

// Tokens are written as Python writes bytes, without the quotes.
std::string unescaped(const GgufMetadata &metadata, size_t id, const Token &token) {
    std::string bytes;
    const std::string_view text = token.text;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\') {
            bytes += text[at];
            continue;
        }
        if (++at == text.size()) refuse_token(metadata, id, token, "which ends with a backslash");
        constexpr std::string_view letters = "tnr", meanings = "\t\n\r";
        if (const size_t which = letters.find(text[at]); which != std::string_view::npos) {
            bytes += meanings[which];
        } else if (text[at] == 'x') {
            unsigned value = 0;
            for (unsigned digit = 0; digit < 2; ++digit) {
                const char c = ++at < text.size() ? text[at] : '\0';
                const size_t found = std::string_view("0123456789abcdef").find(c);
                if (found == std::string_view::npos)
                    refuse_token(metadata, id, token, "which has \\x without two hexadecimal digits");
                value = value * 16 + static_cast<unsigned>(found);
            }
            bytes += static_cast<char>(value);
        } else {
            bytes += text[at];  // a backslash or a quote
        }
    }
    return bytes;
}

std::string world_lines(const GgufMetadata &metadata) {
    refuse_added_ends(metadata, true);
    const std::vector<Token> tokens = read_tokens(metadata);
    std::string lines;
    for (size_t id = 0; id < tokens.size(); ++id) {
        const int64_t needed = id == 0 ? control : normal;  // the end of a document has id 0, and no text
        if (tokens[id].type != needed)
            refuse_token(metadata, id, tokens[id],
                         format("of type %lld; %lld is needed in a World vocabulary",
                                static_cast<long long>(tokens[id].type), static_cast<long long>(needed)));
        if (id == 0) continue;
        const std::string bytes = unescaped(metadata, id, tokens[id]);
        lines += std::to_string(id) + " b'";
        for (const char c : bytes) lines += format("\\x%02x", static_cast<unsigned>(static_cast<uint8_t>(c)));
        lines += "' " + std::to_string(bytes.size()) + "\n";
    }
    return lines;
}

// ---- llama: as SentencePiece's ModelProto (sentencepiece_model.proto) ----

void add_varint(uint64_t value, std::string *out) {
    for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
    out->push_back(static_cast<char>(value));
}
void add_number(uint32_t field, uint64_t value, std::string *out) {
    add_varint(field << 3, out);
    add_varint(value, out);
}
void add_bytes(uint32_t field, std::string_view bytes, std::string *out) {
    add_varint(field << 3 | 2, out);
    add_varint(bytes.size(), out);
    out->append(bytes);
}

std::string sentencepiece_model(const GgufMetadata &metadata) {
    refuse_added_ends(metadata, false);
    const std::vector<Token> tokens = read_tokens(metadata);
    const std::vector<float> scores = metadata.numbers(scores_key);
    if (scores.size() < tokens.size())
        metadata.refuse(scores_key,
                        format("has %zu scores; there are %zu tokens", scores.size(), tokens.size()));
    std::string model, trainer, normalizer;
    bool has_bytes = false;
    for (size_t id = 0; id < tokens.size(); ++id) {
        std::string piece, text(tokens[id].text);
        if (tokens[id].type == user_defined)  // the converter writes spaces in these
            for (size_t at = 0; (at = text.find(' ', at)) != std::string::npos;)
                text.replace(at, 1, written_space);
        add_bytes(1, text, &piece);
        add_varint(2 << 3 | 5, &piece);
        char score[4];
        std::memcpy(score, &scores[id], sizeof score);
        piece.append(score, sizeof score);
        if (tokens[id].type < 0)
            refuse_token(metadata, id, tokens[id],
                         format("of type %lld", static_cast<long long>(tokens[id].type)));
        add_number(3, static_cast<uint64_t>(tokens[id].type), &piece);
        add_bytes(1, piece, &model);
        has_bytes = has_bytes || tokens[id].type == byte;
    }
    constexpr uint64_t bpe = 2;
    add_number(3, bpe, &trainer);
    add_number(35, has_bytes, &trainer);
    // llama.cpp begins texts with bos if nothing is said.
    std::string_view begin;
    const auto bos = metadata.integer("tokenizer.ggml.bos_token_id", 0, INT32_MAX);
    if (metadata.boolean("tokenizer.ggml.add_bos_token").value_or(true)) {
        const auto id = static_cast<size_t>(bos.value_or(1));
        if (id >= tokens.size() || tokens[id].type != control)
            metadata.refuse("tokenizer.ggml.bos_token_id",
                            format("is %zu, which is no control token; every text begins with it", id));
        begin = tokens[id].text;
    }
    add_bytes(46, begin, &trainer);
    add_bytes(1, "identity", &normalizer);
    add_number(3, metadata.boolean("tokenizer.ggml.add_space_prefix").value_or(true), &normalizer);
    add_number(4, metadata.boolean("tokenizer.ggml.remove_extra_whitespaces").value_or(false), &normalizer);
    add_bytes(2, trainer, &model);
    add_bytes(3, normalizer, &model);
    return model;
}

}  // namespace

bool has_gguf_tokenizer(const GgufMetadata &metadata) {
    const auto model = metadata.string(model_key);
    return model && *model != "none" && *model != "no_vocab";
}

std::vector<uint8_t> import_gguf_tokenizer(const GgufMetadata &metadata, uint32_t model_vocab_size) {
    if (!has_gguf_tokenizer(metadata)) metadata.refuse(model_key, "is missing: the file has no tokenizer");
    const std::string_view model = *metadata.string(model_key);
    if (model == "gpt2") {
        const std::string path = metadata.file() + ", as a tokenizer.json";
        return import_tokenizer(Json::parse(bpe_json(metadata), path), path, model_vocab_size);
    }
    if (model == "rwkv")
        return import_world_vocabulary(world_lines(metadata), metadata.what(tokens_key), model_vocab_size);
    if (model == "llama")
        return import_sentencepiece_model(sentencepiece_model(metadata),
                                          metadata.file() + ", as a tokenizer.model", model_vocab_size);
    metadata.refuse(model_key, "is " + json_quote(model) +
                                   "; \"gpt2\", \"rwkv\" and \"llama\" are supported" + other_tokenizer);
}

GgufChatTemplate gguf_chat_template(const GgufMetadata &metadata) {
    GgufChatTemplate chat;
    chat.source = metadata.string(template_key).value_or("");
    check_utf8(metadata, template_key, 0, chat.source);
    const bool is_world_tokenizer = metadata.string(model_key) == "rwkv";
    if (chat.source == "rwkv-world" || (chat.source.empty() && is_world_tokenizer)) {
        chat.source.clear();
        chat.is_world = true;
        return chat;
    }
    const std::vector<std::string_view> tokens = metadata.strings(tokens_key);
    const auto text_of = [&](const char *which) -> std::string {
        const auto id = metadata.integer(std::string("tokenizer.ggml.") + which + "_token_id", 0, INT32_MAX);
        return id && static_cast<size_t>(*id) < tokens.size() ? std::string(tokens[static_cast<size_t>(*id)])
                                                              : "";
    };
    chat.bos_token = text_of("bos");
    chat.eos_token = text_of("eos");
    return chat;
}

}  // namespace adder

// Fuzzes the tokenizer importer: JSON text to a section, which must open and give back what it encodes.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "converter/base/error.h"
#include "converter/import/tokenizer.h"
#include "converter/text/json.h"
#include "runtime/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    using namespace adder;
    const std::string_view json(reinterpret_cast<const char *>(data), size);
    std::vector<uint8_t> section;
    try {
        section = import_tokenizer(Json::parse(json, "fuzz"), "fuzz", 5000);
    } catch (const Error &) {
        return 0;
    }
    Tokenizer tokenizer;
    if (tokenizer_open(&tokenizer, section.data(), section.size()) != TokenizeStatus::ok) abort();
    std::vector<int32_t> ids(tokenize_capacity(json.size()));
    size_t count = 0;
    const TokenizeStatus status =
        tokenize(&tokenizer, json.data(), json.size(), tokenize_special, ids.data(), ids.size(), &count);
    if (status == TokenizeStatus::capacity) abort();
    // What was encoded is the text again, unless it was changed on purpose.
    bool exact = tokenizer.flags == 0 && !takes_characters(tokenizer);
    for (const AddedTokens *group : {&tokenizer.raw, &tokenizer.normalized})
        for (uint32_t i = 0; i < group->count; ++i)
            exact = exact && (group->tokens[i].flags & (added_lstrip | added_rstrip)) == 0;
    std::string text;
    for (size_t i = 0; i < count; ++i) {
        const uint8_t *bytes;
        uint32_t length;
        if (!token_bytes(&tokenizer, ids[i], &bytes, &length, nullptr)) abort();
        text.append(reinterpret_cast<const char *>(bytes), length);
    }
    if (exact && json.substr(0, text.size()) != text) abort();
    if (exact && status == TokenizeStatus::ok && text.size() != json.size()) abort();
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    const char *const seeds[] = {
        R"({"added_tokens":[{"id":9,"content":"<x>","special":true,"normalized":false,"lstrip":false,"rstrip":true}],)"
        R"("normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"}]},)"
        R"("pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true},"decoder":{"type":"ByteLevel"},)"
        R"("post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}}]},)"
        R"("model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"Ġ":3,"Ġa":4},"merges":["a b",["Ġ","a"]]}})",
        R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","behavior":"Isolated","invert":false,)"
        R"("pattern":{"Regex":"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"}},)"
        R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},)"
        R"("decoder":{"type":"Sequence","decoders":[{"type":"ByteLevel"}]},)"
        R"("model":{"dropout":null,"unk_token":null,"fuse_unk":false,"vocab":{"\"":0,"{":1,"e":2,"{\"":3},)"
        R"("merges":["{ \""]}})",
        R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},)"
        R"({"type":"Punctuation","behavior":"Contiguous"},{"type":"Split","behavior":"Removed","invert":true,)"
        R"("pattern":{"Regex":"(?i:'s|'ll)|[^\\r\\n\\p{L}]?[\\p{Lu}\\p{M}]+|\\p{N}{1,3}|\\s+(?!\\S)|\\s|\\S"}},)"
        R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":true},)"
        R"({"type":"Split","behavior":"Isolated","pattern":{"Regex":"[0-9][0-9][0-9]"}}]},)"
        R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"s"}},{"Sequence":{"id":"A"}}],)"
        R"("special_tokens":{"s":{"ids":[1]}}},"decoder":{"type":"ByteLevel"},)"
        R"("model":{"ignore_merges":true,"vocab":{"\"":0,"{":1,"e":2,"{\"":3,"ee":4},"merges":["{ \""]}})",
        R"({"added_tokens":[{"id":4,"content":"<s>","special":true},{"id":5,"content":"▁▁","special":false}],)"
        R"("normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},)"
        R"({"type":"Replace","pattern":{"String":" "},"content":"▁"}]},)"
        R"("decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},)"
        R"({"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},)"
        R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},)"
        R"({"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"ids":[4]}}},)"
        R"("model":{"unk_token":"<unk>","byte_fallback":true,"fuse_unk":true,)"
        R"("vocab":{"<unk>":0,"▁":1,"\"":2,"▁\"":3,"<0x7B>":6},"merges":["▁ \""]}})",
    };
    for (const char *seed : seeds) add(reinterpret_cast<const uint8_t *>(seed), strlen(seed));
}

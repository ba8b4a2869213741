// What tokenizer.ggml.pre stands for: patterns as the models' own tokenizer.json files have them. Which names share a pattern, take
// words that are tokens as they are, and begin texts with bos is llama.cpp's (src/llama-vocab.cpp, LLAMA_VOCAB_PRE_TYPE_...).
// SPDX-License-Identifier: MIT
#include "converter/import/gguf_splits.h"

#include <algorithm>
#include <iterator>

namespace adder {
namespace {

#define ADDER_CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define ADDER_SPACES "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define ADDER_UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define ADDER_LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define ADDER_CASES(contractions)                                                                            \
    "[^\\r\\n\\p{L}\\p{N}]?" ADDER_UPPER "*" ADDER_LOWER "+" contractions                                    \
    "|[^\\r\\n\\p{L}\\p{N}]?" ADDER_UPPER "+" ADDER_LOWER "*" contractions

constexpr const char *cl100k = ADDER_CONTRACTIONS
    "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" ADDER_SPACES;
constexpr const char *qwen2_pattern =
    ADDER_CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" ADDER_SPACES;
constexpr const char *qwen35_pattern = ADDER_CONTRACTIONS
    "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" ADDER_SPACES;
constexpr const char *tekken_pattern = ADDER_CASES("") "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" ADDER_SPACES;
constexpr const char *o200k =
    ADDER_CASES(ADDER_CONTRACTIONS "?") "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" ADDER_SPACES;
constexpr const char *deepseek_words =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\\r\\n]*" ADDER_SPACES;
constexpr const char *deepseek_ideographs =  // U+4E00 to U+9FA5, Hiragana and Katakana
    "[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+";

constexpr GgufSplit gpt2 = {{}, true, {}, false, false};
constexpr GgufSplit llama3 = {{cl100k}, false, {}, true, true};
constexpr GgufSplit dbrx = {{cl100k}, false, {}, false, false};
constexpr GgufSplit qwen2 = {{qwen2_pattern}, false, {}, false, false};
constexpr GgufSplit qwen35 = {{qwen35_pattern}, false, {}, false, false};
constexpr GgufSplit tekken = {{tekken_pattern}, false, {}, true, true};
constexpr GgufSplit gpt4o = {{o200k}, false, {}, false, false};
constexpr GgufSplit deepseek3 = {{"\\p{N}{1,3}", deepseek_ideographs, deepseek_words}, false, {}, false, false};
constexpr GgufSplit starcoder = {{"\\p{N}"}, true, {}, false, false};
constexpr GgufSplit falcon = {{"[!-/:-@\\[-`{-~\\p{P}]+"}, true, {"\\p{N}+", "[0-9][0-9][0-9]"}, false, false};

struct Name {
    std::string_view name;
    const GgufSplit *split;
};
// "default", which stands for nothing but the lack of a name, splits as none of these.
constexpr Name names[] = {{"gpt-2", &gpt2},
                          {"phi-2", &gpt2},
                          {"jina-es", &gpt2},
                          {"jina-de", &gpt2},
                          {"gigachat", &gpt2},
                          {"jina-v2-es", &gpt2},
                          {"jina-v2-de", &gpt2},
                          {"a.x-4.0", &gpt2},
                          {"mellum", &gpt2},
                          {"modern-bert", &gpt2},
                          {"mpt", &gpt2},
                          {"olmo", &gpt2},
                          {"jais", &gpt2},
                          {"trillion", &gpt2},
                          {"granite-docling", &gpt2},
                          {"exaone4", &gpt2},
                          {"llama-bpe", &llama3},
                          {"llama3", &llama3},
                          {"llama-v3", &llama3},
                          {"falcon-h1", &llama3},
                          {"falcon3", &llama3},
                          {"pixtral", &llama3},
                          {"midm-2.0", &llama3},
                          {"dbrx", &dbrx},
                          {"smaug-bpe", &dbrx},
                          {"glm4", &dbrx},
                          {"chatglm-bpe", &dbrx},
                          {"qwen2", &qwen2},
                          {"deepseek-r1-qwen", &qwen2},
                          {"stablelm2", &qwen2},
                          {"megrez", &qwen2},
                          {"hunyuan", &qwen2},
                          {"solar-open", &qwen2},
                          {"grok-2", &qwen2},
                          {"qwen35", &qwen35},
                          {"tekken", &tekken},
                          {"gpt-4o", &gpt4o},
                          {"llama4", &gpt4o},
                          {"kanana2", &gpt4o},
                          {"minimax-m2", &gpt4o},
                          {"deepseek-v3", &deepseek3},
                          {"hunyuan-dense", &deepseek3},
                          {"starcoder", &starcoder},
                          {"refact", &starcoder},
                          {"command-r", &starcoder},
                          {"smollm", &starcoder},
                          {"codeshell", &starcoder},
                          {"exaone", &starcoder},
                          {"minerva-7b", &starcoder},
                          {"falcon", &falcon}};

void write_split(const char *pattern, JsonWriter *json) {
    if (pattern == nullptr) return;
    json->begin_object().key("type").value("Split").key("behavior").value("Isolated");
    json->key("pattern").begin_object().key("Regex").value(pattern).end_object().end_object();
}

}  // namespace

const GgufSplit *find_gguf_split(std::string_view name) {
    const auto find = [](std::string_view wanted) {
        return std::find_if(std::begin(names), std::end(names),
                            [&](const Name &known) { return known.name == wanted; });
    };
    const auto *found = find(name);
    if (found == std::end(names)) found = find(gguf_split_of_family(name));
    return found == std::end(names) ? nullptr : found->split;
}

void write_pre_tokenizer(const GgufSplit &split, bool prefix_space, JsonWriter *json) {
    json->begin_object().key("type").value("Sequence").key("pretokenizers").begin_array();
    for (const char *pattern : split.before) write_split(pattern, json);
    json->begin_object().key("type").value("ByteLevel").key("add_prefix_space").value(prefix_space);
    json->key("use_regex").value(split.gpt2).end_object();
    for (const char *pattern : split.after) write_split(pattern, json);
    json->end_array().end_object();
}

std::string gguf_split_names() {
    std::string text;
    const GgufSplit *last = nullptr;
    for (const Name &known : names) {
        if (known.split != last) text += (text.empty() ? "\"" : ", \"") + std::string(known.name) + '"';
        last = known.split;
    }
    return text + ", and by other names of these";
}

}  // namespace adder

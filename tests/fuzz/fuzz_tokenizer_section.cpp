// Fuzzes the library's half of the tokenizer: opens a section that may be anything, encodes and decodes with it.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "converter/import/tokenizer_section.h"
#include "runtime/tokenizer.h"

// The input: one byte of flags, the section's padded length / 4 in two bytes, the section, the text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    using namespace adder;
    if (size < 3) return 0;
    const size_t claimed = (data[1] | data[2] << 8) * size_t{4};
    const size_t section_size = claimed < size - 3 ? claimed : size - 3;
    std::vector<uint32_t> section((section_size + 3) / 4);
    if (section_size > 0) memcpy(section.data(), data + 3, section_size);
    Tokenizer tokenizer;
    if (tokenizer_open(&tokenizer, section.data(), section_size) != TokenizeStatus::ok) return 0;

    const char *text = reinterpret_cast<const char *>(data) + 3 + section_size;
    const size_t text_size = size - 3 - section_size;
    std::vector<int32_t> ids(tokenize_capacity(text_size)), few(text_size / 2);
    size_t count = 0, few_count = 0;
    const TokenizeStatus status =
        tokenize(&tokenizer, text, text_size, data[0] & tokenize_special, ids.data(), ids.size(), &count);
    if (status != TokenizeStatus::ok && status != TokenizeStatus::no_token) abort();
    tokenize(&tokenizer, text, text_size, data[0] & tokenize_special, few.data(), few.size(), &few_count);
    if (few_count > count || (few_count > 0 && memcmp(few.data(), ids.data(), few_count * sizeof few[0]) != 0))
        abort();

    Utf8Stream stream{};
    std::vector<char> out;
    for (size_t i = 0; i < count; ++i) {
        const uint8_t *bytes;
        uint32_t length;
        bool special;
        if (!token_bytes(&tokenizer, ids[i], &bytes, &length, &special)) abort();
        out.resize(3 * (size_t{length} + 3));
        if (utf8_stream(&stream, bytes, length, out.data(), out.size()) > out.size()) abort();
    }
    out.resize(3);
    utf8_stream_end(&stream, out.data(), out.size());
    find_token(&tokenizer, text, text_size);
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    using namespace adder;
    for (uint32_t kind = 0; kind < 6; ++kind) {  // the last two: longest match
        SectionSource source;
        source.wide = (kind & 2) != 0;
        source.flags = kind & 1 ? tokenizer_nfc | tokenizer_prefix_space : 0;
        for (uint32_t id = 0; id < 256; ++id) {
            source.texts.emplace_back(1, static_cast<char>(id));
            source.byte_ids[id] = id;
        }
        const auto merge = [&](uint32_t left, uint32_t right) {
            const uint32_t merged = static_cast<uint32_t>(source.texts.size());
            source.texts.push_back(source.texts[left] + source.texts[right]);
            source.merges.push_back({left, right, static_cast<uint32_t>(source.merges.size()), merged});
            return merged;
        };
        const uint32_t ab = merge('a', 'b'), bc = merge('b', 'c'), aa = merge('a', 'a');
        merge(ab, ab);
        merge(aa, aa);
        merge('c', bc);
        for (const char *text : {"<x>", "  ", "<xy>", "e\u0301"}) {
            if (kind >= 4 && text[0] != '<') continue;
            source.added.push_back({static_cast<uint32_t>(source.texts.size()),
                                    static_cast<uint32_t>(source.added.size() * 2 + 1), text[0] != '<'});
            source.texts.emplace_back(text);
        }
        std::vector<uint8_t> input = {1, 0, 0};
        const std::vector<uint8_t> section =
            kind < 4 ? write_tokenizer_section(source, "seed") : write_longest_section(source, "seed");
        input[1] = static_cast<uint8_t>(section.size() / 4);
        input[2] = static_cast<uint8_t>(section.size() / 4 >> 8);
        input.insert(input.end(), section.begin(), section.end());
        const char text[] = "abab aaaa's  <x> \n<xy>e\u0301\u1100\u1161\u11a8 "
                            "12\xff\u00a0cbcaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        input.insert(input.end(), text, text + sizeof text - 1);
        add(input.data(), input.size());
    }
}

// Fuzzes the library's half of the tokenizer: opens a section that may be anything, encodes and decodes with it.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "converter/import/split_automaton.h"
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
        tokenize(&tokenizer, text, text_size, data[0] & (tokenize_special | tokenize_begin), ids.data(),
                 ids.size(), &count);
    if (status != TokenizeStatus::ok && status != TokenizeStatus::no_token && status != TokenizeStatus::damaged)
        abort();
    tokenize(&tokenizer, text, text_size, data[0] & (tokenize_special | tokenize_begin), few.data(),
             few.size(), &few_count);
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
    for (uint32_t kind = 0; kind < 12;
         ++kind) {  // 4 and 5: longest match; from 6: characters; from 10: a split
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
            if ((kind == 4 || kind == 5) && text[0] != '<') continue;
            source.added.push_back({static_cast<uint32_t>(source.texts.size()),
                                    static_cast<uint32_t>(source.added.size() * 2 + 1), text[0] != '<'});
            source.texts.emplace_back(text);
        }
        if (kind >= 6 && kind < 10) {
            source.flags = kind == 6 ? tokenizer_squeeze | tokenizer_prefix_always | tokenizer_fuse_unknown
                                     : tokenizer_prefix_space | (kind == 7 ? tokenizer_prefix_first : 0);
            source.begin = kind == 8 ? 7 : tokenizer_none;
            source.unknown = 9;
            if (kind == 9) source.byte_ids.fill(tokenizer_none);
            for (const char c : {' ', 'a', 'b', 'c'})
                source.characters.push_back({static_cast<uint32_t>(c), static_cast<uint32_t>(c)});
            for (uint32_t pair = 0; pair < 9; ++pair)
                source.neighbours.push_back({'a' + pair / 3, 'a' + pair % 3});
            source.added[0].spelling = "<x\xE2\x96\x81>";
        }
        if (kind >= 10) {
            source.flags &= ~tokenizer_prefix_space;
            source.begin = 7;
            source.whole = {ab, bc};
            source.splits.push_back(compile_split(
                {kind == 10 ? "[0-9]{3}" : "(?i:'s)| ?\\p{L}+|\\s+(?!\\S)|\\s+", "seed", false, false}));
            if (kind == 10)
                for (const bool of_bytes : {false, true})
                    source.splits.push_back(
                        compile_split({"\\p{N}|[\u017f-\u1100]+", "seed", of_bytes, false}));
        }
        std::vector<uint8_t> input = {1, 0, 0};
        const std::vector<uint8_t> section = kind < 4    ? write_tokenizer_section(source, "seed")
                                             : kind < 6  ? write_longest_section(source, "seed")
                                             : kind < 10 ? write_characters_section(source, "seed")
                                                         : write_split_section(source, "seed");
        input[1] = static_cast<uint8_t>(section.size() / 4);
        input[2] = static_cast<uint8_t>(section.size() / 4 >> 8);
        input.insert(input.end(), section.begin(), section.end());
        const char text[] = "abab aaaa's  <x> \n<xy>e\u0301\u1100\u1161\u11a8 "
                            "12\xff\u00a0cbcaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        input.insert(input.end(), text, text + sizeof text - 1);
        add(input.data(), input.size());
    }
}

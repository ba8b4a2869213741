// Fuzzes the patterns that split texts: what is taken must open, cut the text into pieces, and read it a bounded number of times.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "converter/base/error.h"
#include "converter/import/split_automaton.h"
#include "runtime/pretokenizer.h"
#include "runtime/unicode.h"

// The input: one byte of flags, the pattern's length, the pattern, the text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    using namespace adder;
    if (size < 2) return 0;
    const size_t length = data[1] < size - 2 ? data[1] : size - 2;
    const bool of_bytes = (data[0] & 1) != 0, all_matched = (data[0] & 2) != 0;
    std::vector<uint8_t> pass;
    try {
        const std::string pattern(reinterpret_cast<const char *>(data) + 2, length);
        pass = compile_split({pattern, "fuzz", of_bytes, all_matched});
    } catch (const Error &) {
        return 0;
    }
    SplitHeader header = {1, static_cast<uint32_t>(pass.size()), 0, 0, {}};
    std::vector<uint32_t> memory((sizeof header + pass.size()) / 4);
    memcpy(memory.data(), &header, sizeof header);
    memcpy(memory.data() + sizeof header / 4, pass.data(), pass.size());
    const SplitHeader &placed = *reinterpret_cast<const SplitHeader *>(memory.data());
    if (!split_valid(placed)) abort();

    std::vector<int32_t> symbols;
    for (const uint8_t *at = data + 2 + length, *const end = data + size; at != end;) {
        uint32_t code_point;
        at += utf8_read(at, end, &code_point);
        int32_t some[4];
        symbols.insert(symbols.end(), some, some + split_symbols(*placed.pass(), code_point, some));
    }
    SplitWalk walk = {placed.pass(), 0, 0, 0, 0, uint64_t{split_read_again} * symbols.size()};
    size_t from = 0;
    SplitStep step;
    while ((step = split_walk(&walk, symbols.data(), symbols.size(), true)) == SplitStep::match) {
        if (walk.from < from || walk.end <= walk.from || walk.end > symbols.size()) abort();
        if (all_matched && walk.from != from) abort();
        if (walk.left < walk.at - walk.end) abort();
        walk.left -= walk.at - walk.end;
        from = walk.end;
        split_restart(&walk, from);
    }
    if (step != SplitStep::more || (all_matched && from != symbols.size())) abort();
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    const char *const patterns[] = {
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        R"([^\r\n\p{L}]?[\p{Lu}\p{Lt}\p{M}]*[\p{Ll}\p{M}]+(?:'[sS])?|\p{Nd}| ?[^\s\d]+[/-]*|\S(?=a)|[\s\S])",
        "[a-f\\-\xC3\xA9-\xE6\x97\xA5]{2,}|(a|ab)(c|bcd)?", R"(a*b|a|(?:a{1,3}b?)+(?!c))"};
    const char text[] = "It's 1234 a \r\n  \xC3\x89t\xC3\xA9'S abcd aaab \xE6\x97\xA5\xCC\x81\xFF/-f";
    for (const char *pattern : patterns)
        for (uint8_t flags = 0; flags < 4; ++flags) {
            std::vector<uint8_t> input = {flags, static_cast<uint8_t>(strlen(pattern))};
            input.insert(input.end(), pattern, pattern + strlen(pattern));
            input.insert(input.end(), text, text + sizeof text - 1);
            add(input.data(), input.size());
        }
}

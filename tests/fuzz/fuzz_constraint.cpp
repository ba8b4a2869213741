// Fuzzes constraints: a file that may be anything, and the sources that files are made of. What opens can be walked, and completed from
// wherever a walk ends; what is made opens, and a text drawn from it is allowed.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "converter/base/error.h"
#include "converter/constrain/grammar.h"
#include "converter/constrain/schema.h"
#include "runtime/crc32.h"
#include "tests/support/constraint.h"

namespace {

using namespace adder;

// Walks the bytes from the start, a state after another, and from where they lead to an end.
void walk(const std::vector<uint8_t> &file, const uint8_t *bytes, size_t size) {
    const ConstraintHeader &header = test::constraint_header(file);
    uint32_t state = 0;
    for (size_t i = 0; i < size; ++i) {
        const uint32_t next = constraint_walk(header, state, bytes + i, 1);
        if (next == constraint_no_state) break;
        if (next >= header.states) abort();
        state = next;
    }
    while (header.state()[state].lacks > 0) {
        const uint32_t lacks = header.state()[state].lacks;
        uint32_t next = constraint_no_state;
        for (unsigned byte = 0;
             byte < 256 && (next == constraint_no_state || header.state()[next].lacks + 1 != lacks); ++byte) {
            const auto one = static_cast<uint8_t>(byte);
            next = constraint_walk(header, state, &one, 1);
        }
        if (next == constraint_no_state || header.state()[next].lacks + 1 != lacks) abort();
        state = next;
    }
}

Expr read_source(unsigned kind, const std::string &text) {
    std::vector<std::string> notes;
    SchemaOptions options;
    options.depth = 2;
    options.max_length = options.max_items = 3;
    options.any_order = (kind & 4) != 0;
    options.spaces = (kind & 8) != 0;
    if (kind % 4 == 1)
        return parse_regex(text, "fuzz", kind & 4 ? RegexDialect::search : RegexDialect::whole);
    if (kind % 4 == 2) return parse_grammar(text, "fuzz", 2);
    return parse_schema(Json::parse(text, "fuzz"), "fuzz", options, &notes);
}

void make(unsigned kind, const std::string &text) {
    std::vector<uint8_t> file;
    try {
        // Sources that are large on purpose, or have large bounds, would only take time.
        if (text.size() > 300 || text.find("00") != std::string::npos) return;
        file = write_constraint(make_automaton(read_source(kind, text), "fuzz", 500), 100, "fuzz");
    } catch (const Error &) {
        return;
    }
    adder_constraint constraint;
    if (adder_constraint_open(&constraint, file.data(), file.size(), nullptr) != ADDER_OK) abort();
    test::SplitMix random(text.size());
    for (int i = 0; i < 4; ++i) {
        const std::string drawn = test::random_text(file, &random);
        if (!test::accepts(file, drawn)) abort();
        if (kind % 4 == 3) Json::parse(drawn, "drawn");
    }
}

}  // namespace

// The input: what it is, then that. 0: a file whose size and CRC are made right, the bytes of a text's length, the text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    if (data[0] % 4 != 0) {
        make(data[0], std::string(reinterpret_cast<const char *>(data) + 1, size - 1));
        return 0;
    }
    const size_t text = data[1] < size - 2 ? data[1] : size - 2;
    std::vector<uint8_t> file(data + 2, data + size - text);
    if (file.size() >= sizeof(ConstraintHeader) && (data[0] & 4) == 0) {
        ConstraintHeader &header = *reinterpret_cast<ConstraintHeader *>(file.data());
        header.size = static_cast<uint32_t>(file.size());
        header.crc = 0;
        header.crc = crc32(0, file.data(), file.size());
    }
    adder_constraint constraint;
    if (adder_constraint_open(&constraint, file.data(), file.size(), nullptr) != ADDER_OK) return 0;
    walk(file, data + size - text, text);
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    const auto add_text = [add](char kind, const std::string &text) {
        const std::string input = kind + text;
        add(reinterpret_cast<const uint8_t *>(input.data()), input.size());
    };
    const char *const texts[] = {"abab9", "yes", "\xC3\xA9x"};
    const char *const patterns[] = {"(ab|\xC3\xA9)*x?[0-9]{2}", "yes|no",
                                    "[^a-f\\d]{2,4}|\\x{7F0}-\\u20ac(?:x+?|.)*$"};
    for (const char *pattern : patterns)
        for (const char *text : texts) {
            const std::vector<uint8_t> file = test::regex_constraint(pattern);
            std::vector<uint8_t> input = {0, static_cast<uint8_t>(strlen(text))};
            input.insert(input.end(), file.begin(), file.end());
            input.insert(input.end(), text, text + strlen(text));
            add(input.data(), input.size());
        }
    for (const char *pattern : patterns)
        for (const char kind : {'\1', '\5'}) add_text(kind, pattern);
    add_text('\2', "root ::= item (\",\" item){0,2} # a list\nitem ::= [a-z]+ | \"(\" root \")\" | \"\\x41\"?");
    const char *const schemas[] = {
        R"({"type":"object","properties":{"a":{"enum":[1,"x",null]},"b":{"type":"number","minimum":-1.5,"exclusiveMaximum":12}},"required":["a"]})",
        R"({"anyOf":[{"items":{"$ref":"#"},"maxItems":2},{"pattern":"^[a-z\"]+$","maxLength":3},{"type":["boolean","integer"],"maximum":20}]})",
        R"({"$ref":"#/$defs/t","$defs":{"t":{"oneOf":[{"const":{"k":[1,true]}},{"type":"object","properties":{"c":{"$ref":"#/$defs/t"}}}]}}})"};
    for (const char *schema : schemas)
        for (const char kind : {'\3', '\7', '\v'}) add_text(kind, schema);
}

extern "C" const char *const adder_fuzz_words[] = {"{\"type\":\"string\"}",
                                                   "\"maxLength\":2",
                                                   "\"minItems\":1",
                                                   "\"$ref\":\"#\"",
                                                   "\"const\":",
                                                   "\"minimum\":",
                                                   "root ::= ",
                                                   "{2,3}",
                                                   "[^",
                                                   "\\p{L}",
                                                   "(?:",
                                                   "|",
                                                   "*",
                                                   "\\x{20AC}",
                                                   ")",
                                                   "]",
                                                   "null",
                                                   nullptr};

// Fuzz target: a line of adder-chat --json, read, and written again.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "examples/chat/json_object.h"

using chat::JsonMember;

namespace {

std::string written(const std::vector<JsonMember> &members) {
    std::string line;
    for (const JsonMember &member : members) {
        line += (line.empty() ? "{" : ",") + chat::json_string(member.name) + ":";
        line += member.kind == JsonMember::Kind::string ? chat::json_string(member.text) : member.text;
    }
    return line.empty() ? "{}" : line + "}";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view line(reinterpret_cast<const char *>(data), size);
    // Whatever the bytes are, they can be written, and what is written is read.
    if (chat::parse_json_object("{\"a\":" + chat::json_string(line) + "}").size() != 1) std::abort();
    std::vector<JsonMember> members;
    try {
        members = chat::parse_json_object(line);
    } catch (const chat::JsonError &error) {
        if (std::strncmp(error.what(), "byte ", 5) != 0) std::abort();
        return 0;
    }
    if (members.size() > chat::max_json_members) std::abort();
    const std::string once = written(members);
    if (written(chat::parse_json_object(once)) != once) std::abort();
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (const char *text : {
             R"({"prompt": "Hi, I would like to \"book\" a table.\n", "reset": true, "seed": 18446744073709551615})",
             R"({"raw": "\u20AC\uD83D\uDE00\\\/\b\f", "temperature": 1.5e-3, "top_k": 0, "a": null, "b": false})",
             "{\"system\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}",
             R"({"a": {"b": []}})",
         }) {
        add(reinterpret_cast<const uint8_t *>(text), std::strlen(text));
    }
}

extern "C" const char *const adder_fuzz_words[] = {"{",
                                                   "}",
                                                   "[",
                                                   ":",
                                                   ",",
                                                   "\"",
                                                   "\\",
                                                   "\\u",
                                                   "\\uD83D\\uDE00",
                                                   "true",
                                                   "false",
                                                   "null",
                                                   "e308",
                                                   "-",
                                                   "0.",
                                                   "\\u0000",
                                                   "\xF4\x8F\xBF\xBF",
                                                   "\xED\xA0\x80",
                                                   "{\"prompt\":\"",
                                                   "\"}",
                                                   "\"reset\":",
                                                   nullptr};

// Fuzz target: the JSON reader, and the writer on what was read.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "converter/base/error.h"
#include "converter/text/json.h"
#include "tests/support/json_text.h"

using adder::Json;
using adder::test::json_text;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    std::string compact;
    try {
        const Json json = Json::parse(text, "input");
        compact = json_text(json);
        try {
            json.integer("input", -1000, 1000);
        } catch (const adder::Error &) {
        }
        if (json_text(Json::parse(json_text(json, true), "pretty")) != compact) std::abort();
    } catch (const adder::Error &error) {
        // What was accepted once has to be accepted when it is written again.
        if (!compact.empty() || std::strncmp(error.what(), "input:", 6) != 0) std::abort();
    }
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (const char *text : {
             R"({"a": [1.5e-3, -0, 12, "\u20AC\n\uD83D\uDE00", true, false, null], "b": {"c": -1, "d": []}})",
             R"([[[[[[[[[[{"x":{"y":{"z":{}}}}]]]]]]]]]])",
             R"([1e308, 5e-324, 9007199254740993, 18446744073709551615, -9223372036854775808, 0.1])",
             "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\\\\\\/\\b\\f\\t\\r\\\"\"",
             "{\"\":0,\"a\":1,\"b\":2,\"aa\":3,\"ab\":4}",
         }) {
        add(reinterpret_cast<const uint8_t *>(text), std::strlen(text));
    }
}

extern "C" const char *const adder_fuzz_words[] = {"{",
                                                   "}",
                                                   "[",
                                                   "]",
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
                                                   "e-400",
                                                   "E+",
                                                   "-",
                                                   "0.",
                                                   "\\u0000",
                                                   "\xF4\x8F\xBF\xBF",
                                                   "{\"a\":",
                                                   "[[[[[[[[",
                                                   "]]]]]]]]",
                                                   "\xED\xA0\x80",
                                                   "9007199254740993",
                                                   "99999999999999999999",
                                                   nullptr};

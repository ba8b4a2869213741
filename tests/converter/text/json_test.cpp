// Tests of the JSON reader and writer.
// SPDX-License-Identifier: MIT
#include "converter/text/json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "converter/base/file.h"
#include "tests/support/error_of.h"
#include "tests/support/json_text.h"
#include "tests/support/shared.h"

namespace adder::test {

namespace {

std::string parse_error(std::string_view text) {
    return error_of([&] { Json::parse(text, "x.json"); });
}

double number_of(std::string_view text) { return Json::parse(text, "x").number("x"); }

std::string rewritten(std::string_view text) { return json_text(Json::parse(text, "x")); }

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST(Json, ReadsEveryKindOfValue) {
    const Json json =
        Json::parse(" { \"a\" : [ 1 , -2.5e1 , \"x\" , true , false , null , { } , [ ] ] }\r\n\t", "x");
    ASSERT_TRUE(json.is_object());
    const auto &items = json.find("a")->array("a");
    ASSERT_EQ(items.size(), 8u);
    EXPECT_EQ(items[0].integer("", 0, 9), 1);
    EXPECT_EQ(items[1].number(""), -25.0);
    EXPECT_EQ(items[2].string(""), "x");
    EXPECT_TRUE(items[3].boolean(""));
    EXPECT_FALSE(items[4].boolean(""));
    EXPECT_TRUE(items[5].is_null());
    EXPECT_TRUE(items[6].object("").empty());
    EXPECT_TRUE(items[7].array("").empty());
    EXPECT_EQ(json.find("b"), nullptr);
    EXPECT_EQ(items[0].find("a"), nullptr);
}

TEST(Json, KeepsTheOrderOfMembers) {
    EXPECT_EQ(rewritten(R"({"z":1,"a":2,"m":{"y":3,"b":4}})"), R"({"z":1,"a":2,"m":{"y":3,"b":4}})");
}

TEST(Json, ReadsEscapes) {
    const Json json = Json::parse(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\uD83D\uDE00")", "x");
    EXPECT_EQ(json.string(""), "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    EXPECT_EQ(Json::parse(R"("a\u0000b")", "x").string(""), std::string("a\0b", 3));
}

TEST(Json, ReadsNumbersExactly) {
    EXPECT_EQ(number_of("0"), 0.0);
    EXPECT_TRUE(std::signbit(number_of("-0")));
    EXPECT_TRUE(std::signbit(number_of("-0.0")));
    EXPECT_EQ(number_of("0.1"), 0.1);
    EXPECT_EQ(number_of("1.7976931348623157e308"), std::numeric_limits<double>::max());
    EXPECT_EQ(number_of("5e-324"), std::numeric_limits<double>::denorm_min());
    EXPECT_EQ(number_of("1e-99999999999999999999"), 0.0);
    EXPECT_EQ(number_of("0e99999999999999999999"), 0.0);
    EXPECT_EQ(number_of("0." + std::string(5000, '0') + "1e5001"), 1.0);
    EXPECT_EQ(number_of("0." + std::string(5000, '0') + "1"), 0.0);
    EXPECT_EQ(Json::parse("9007199254740993", "x").integer("", 0, INT64_MAX), 9007199254740993);
    EXPECT_EQ(Json::parse("-9223372036854775808", "x").integer("", INT64_MIN, 0), INT64_MIN);
    EXPECT_EQ(Json::parse("1e3", "x").integer("", 0, 1000), 1000);
    EXPECT_EQ(Json::parse("2.0", "x").integer("", 0, 1000), 2);
}

TEST(Json, RefusesNumbersThatOverflow) {
    for (const std::string &text :
         {std::string("1e309"), std::string("-1e309"), std::string("1e99999999999999999999"),
          std::string(400, '9'), "0." + std::string(400, '0') + "1e1000"}) {
        EXPECT_HAS(parse_error(text), "x.json:1:1: a number too large for a double");
    }
}

TEST(Json, RefusesMalformedNumbers) {
    for (const char *text : {"01", "-", "-01", "+1", ".5", "1.", "1.e5", "1e", "1e+", "0x10", "NaN",
                             "Infinity", "-Infinity", "1_000", "--1", "1e5.5", "1 2"}) {
        EXPECT_HAS(parse_error(text), "x.json:1:");
    }
}

TEST(Json, ReadsInfinityWhereThatIsAskedFor) {
    const auto parse = [](std::string_view text) {
        return Json::parse(text, "x.json", Json::Numbers::infinite);
    };
    EXPECT_EQ(parse("Infinity").number(""), std::numeric_limits<double>::infinity());
    EXPECT_EQ(parse(" [0.0, -Infinity ]").array("")[1].number(""), -std::numeric_limits<double>::infinity());
    EXPECT_EQ(parse("{\"a\":Infinity}").find("a")->number(""), std::numeric_limits<double>::infinity());
    EXPECT_EQ(parse("-1").integer("", -2, 0), -1);
    EXPECT_EQ(error_of([&] { parse("Infinity").integer("x.json: n", 0, 5); }),
              "x.json: n is inf; an integer from 0 to 5 is needed");
    for (const char *text :
         {"NaN", "-NaN", "+Infinity", "infinity", "Infinit", "-Infinit", "-inf", "- Infinity", "1Infinity",
          "Infinity1", "InfinityInfinity", "{Infinity:1}", "1e309", "-", "I"})
        EXPECT_HAS(error_of([&] { parse(text); }), "x.json:1:");
}

TEST(Json, RefusesMalformedText) {
    for (const char *text :
         {"",           " ",         "[",    "]",     "{",       "}",         "[1",
          "[1,",        "[1,]",      "[,1]", "[1 2]", "{1:2}",   "{\"a\"}",   "{\"a\":}",
          "{\"a\":1,}", "{\"a\" 1}", "{,}",  "tru",   "True",    "nul",       "truefalse",
          "[] []",      "'a'",       "\"",   "\"\\",  "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
          "// a\n1",    "[1]#",      "\f1",  "[1;2]", "\"\\u\"", "\"\\u123"}) {
        EXPECT_HAS(parse_error(text), "x.json:1:") << text;
    }
    EXPECT_HAS(parse_error(std::string_view("\0", 1)), "byte 0x00 where a value is needed");
    EXPECT_HAS(parse_error(std::string_view("[1\0]", 4)), "byte 0x00 where ',' or ']' is needed");
    EXPECT_HAS(parse_error(std::string_view("\"a\0\"", 4)), "control character 0x00");
    EXPECT_HAS(parse_error("\"a\nb\""), "control character 0x0A");
    EXPECT_HAS(parse_error("\xEF\xBB\xBF{}"), "byte order mark");
}

TEST(Json, RefusesInvalidUtf8) {
    for (const char *text :
         {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x80\x80", "\xE2\x82", "\xED\xA0\x80",
          "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x82\x41"}) {
        EXPECT_HAS(parse_error("[\"ok\", \"" + std::string(text) + "\"]"), "x.json:1:9: invalid UTF-8");
    }
    const char longest[] = "\"\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\"";
    EXPECT_EQ(rewritten(longest), longest);
}

TEST(Json, RefusesLoneSurrogates) {
    EXPECT_HAS(parse_error(R"("\uDC00")"), "low surrogate without a high one");
    for (const char *text : {R"("\uD800")", R"("\uD800x")", R"("\uD800\n")", R"("\uD800\u0041")",
                             R"("\uD800\uD800")", R"("\uD83D)", R"("\uD83D\)", R"("\uD83D\u)"}) {
        EXPECT_HAS(parse_error(text), "x.json:1:") << text;
    }
}

TEST(Json, RefusesDuplicateMembers) {
    EXPECT_HAS(parse_error("{\"a\": 1,\n \"b\": 2,\n  \"a\": 3}"), "x.json:3:3: member \"a\" stands twice");
    EXPECT_HAS(parse_error(R"({"a": 1, "\u0061": 3})"), "x.json:1:10: member \"a\" stands twice");
    EXPECT_HAS(parse_error(R"({"x": {"a": {}, "b": [{"q": 1}], "a": 3}})"), "member \"a\" stands twice");
    EXPECT_HAS(parse_error(R"({"x": {"q": 1, "r": 2}, "a": 1, "a": 2})"),
               "x.json:1:33: member \"a\" stands twice");
    Json::parse(R"({"a": {"a": {"a": 1}, "b": 1}, "b": {"a": 1}})", "x");
}

TEST(Json, CountsLinesAndCharacters) {
    EXPECT_HAS(parse_error("[\n  \"\xC3\xA9\xE2\x82\xAC\", x]"), "x.json:2:9: 'x' where a value is needed");
    EXPECT_HAS(parse_error("[1,\n\n"), "x.json:3:1: the text ends where a value is needed");
}

TEST(Json, LimitsDepth) {
    const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_TRUE(Json::parse(nested(64), "x").is_array());
    EXPECT_HAS(parse_error(nested(65)), "x.json:1:65: nested deeper than 64");
    EXPECT_HAS(parse_error(std::string(10'000'000, '[')), "nested deeper than 64");
    std::string objects;
    for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
    EXPECT_HAS(parse_error(objects), "nested deeper than 64");
}

TEST(Json, EveryTruncationIsAnError) {
    const std::string text = R"({"a": [1.5e-3, "\u20AC\n", true, null], "b": {"c": -1}})";
    Json::parse(text, "x");
    for (size_t size = 0; size < text.size(); ++size) parse_error(text.substr(0, size));
}

TEST(Json, NamesWhatWasFoundAndNeeded) {
    const Json json =
        Json::parse(R"({"a": 70000, "b": "x\u001b[2J", "c": 1.5, "d": 1e300, "e": [], "f": null})", "x");
    const auto integer = [&](const char *key) {
        return error_of([&] { json.find(key)->integer(std::string("c.json: ") + key, 1, 65536); });
    };
    EXPECT_EQ(integer("a"), "c.json: a is 70000; an integer from 1 to 65536 is needed");
    EXPECT_EQ(integer("b"), "c.json: b is \"x\\u001b[2J\"; an integer from 1 to 65536 is needed");
    EXPECT_EQ(integer("c"), "c.json: c is 1.5; an integer from 1 to 65536 is needed");
    EXPECT_EQ(integer("d"), "c.json: d is 1e+300; an integer from 1 to 65536 is needed");
    EXPECT_EQ(integer("e"), "c.json: e is an array; an integer from 1 to 65536 is needed");
    EXPECT_EQ(error_of([&] { json.find("f")->string("f"); }), "f is null; a string is needed");
    EXPECT_EQ(error_of([&] { json.find("e")->object("e"); }), "e is an array; an object is needed");
    EXPECT_EQ(error_of([&] { json.array("top"); }), "top is an object; an array is needed");
    EXPECT_EQ(error_of([&] { json.find("a")->boolean("a"); }), "a is 70000; true or false is needed");
    EXPECT_EQ(error_of([&] { json.find("b")->number("b"); }), "b is \"x\\u001b[2J\"; a number is needed");
}

TEST(Json, IntegersThatMayHaveBeenRoundedAreRefused) {
    for (const char *text :
         {"9007199254740993.0", "1e16", "18446744073709551616", "-9223372036854775809", "1e-1"}) {
        error_of([&] { Json::parse(text, "x").integer("x", INT64_MIN, INT64_MAX); });
    }
}

TEST(Json, QuotesAndCuts) {
    EXPECT_EQ(json_quote("a\"b\\\n\x01\x7F"), R"("a\"b\\\n\u0001\u007f")");
    EXPECT_EQ(json_quote("abcdef", 3), "\"abc\"...");
    EXPECT_EQ(json_quote("ab\xE2\x82\xAC", 4), "\"ab\"...");
    EXPECT_EQ(json_quote("ab\xE2\x82\xAC", 5), "\"ab\xE2\x82\xAC\"");
    EXPECT_EQ(json_quote("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
}

TEST(Json, LargeObjectsTakeBoundedTime) {
    // Names with a long common beginning, in falling order, and a duplicate at the very end.
    std::string text = "{";
    for (int i = 100'000; i-- > 0;)
        text += "\"name-of-a-member-" + std::to_string(i) + "\":" + std::to_string(i) + ",";
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(Json::parse(text + "\"z\":1}", "x").object("").size(), 100'001u);
    EXPECT_HAS(parse_error(text + "\"name-of-a-member-99999\":1}"), "stands twice");
    EXPECT_LT(seconds_since(start), 5.0);
}

TEST(Json, ReadsALargeTokenizer) {
    const std::string shared = shared_directory();
    if (shared.empty()) GTEST_SKIP() << shared_missing;
    const MappedFile file(join_path(shared, "tokenizers/gpt-neox-20b/tokenizer.json"));
    const auto start = std::chrono::steady_clock::now();
    const Json json = Json::parse(file.text(), file.path());
    const double seconds = seconds_since(start);
    RecordProperty("milliseconds", std::to_string(seconds * 1000));
    EXPECT_LT(seconds, 2.0);
    EXPECT_EQ(json.find("model")->find("vocab")->object("").size(), 50254u);
    EXPECT_EQ(rewritten(rewritten(file.text())), rewritten(file.text()));
}

TEST(JsonWriter, Compact) {
    JsonWriter w(false);
    w.begin_object().key("a").begin_array().value(1).value(uint64_t{UINT64_MAX}).value(int64_t{INT64_MIN}).value(7u);
    w.value(true).value(false).null().value("x").begin_object().end_object().begin_array().end_array().end_array();
    w.key("b\n").value(0.1).key("c").value(0.1f).key("d").value(HUGE_VAL).key("e").value(std::nanf("")).end_object();
    EXPECT_EQ(w.text(), "{\"a\":[1,18446744073709551615,-9223372036854775808,7,true,false,null,\"x\",{},[]],"
                        "\"b\\n\":0.1,\"c\":0.1,\"d\":null,\"e\":null}");
}

TEST(JsonWriter, Pretty) {
    JsonWriter w;
    w.begin_object().key("a").begin_array().value(1).begin_object().end_object().end_array().key("b").value(
        "x");
    w.end_object();
    EXPECT_EQ(w.text(), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"x\"\n}");
}

TEST(JsonWriter, NumbersReadBackTheSame) {
    for (const double value : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 1e21, 123456789.125}) {
        EXPECT_EQ(number_of(JsonWriter().value(value).text()), value);
        const auto single = static_cast<float>(value);
        if (std::isfinite(single)) {
            EXPECT_EQ(static_cast<float>(number_of(JsonWriter().value(single).text())), single);
        }
    }
}

TEST(JsonWriter, AnyBytesBecomeValidJson) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    const std::string text = JsonWriter().value(bytes).text();
    const std::string back = Json::parse(text, "x").string("");
    EXPECT_EQ(back.substr(0, 128), bytes.substr(0, 128));
    EXPECT_EQ(back.size(), 128u + 128 * 3);
}

}  // namespace adder::test

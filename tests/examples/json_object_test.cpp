// The JSON that a line of --json may hold.
// SPDX-License-Identifier: MIT
#include "examples/chat/json_object.h"

#include <gtest/gtest.h>

namespace adder_test {
namespace {

// "name=s:text name=n:1", or what is wrong.
std::string parsed(const std::string &line) {
    std::string all;
    try {
        for (const chat::JsonMember &member : chat::parse_json_object(line))
            all += (all.empty() ? "" : " ") + member.name + "=" + "snb0"[static_cast<int>(member.kind)] +
                   ":" + member.text;
    } catch (const chat::JsonError &error) {
        return std::string("error ") + error.what();
    }
    return all;
}

TEST(JsonObject, IsReadAsItStands) {
    EXPECT_EQ(parsed("{}"), "");
    EXPECT_EQ(parsed(" { } \r"), "");
    EXPECT_EQ(parsed(R"({"a": "x", "b":-1.5e+3,"c" :true, "d":false,"e":null, "f": 0})"),
              "a=s:x b=n:-1.5e+3 c=b:true d=b:false e=0:null f=n:0");
    EXPECT_EQ(parsed(R"({"a": "\"\\\/\b\f\n\r\t\u00e9\u20AC\uD83D\uDC0D"})"),
              "a=s:\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x8d");
    EXPECT_EQ(parsed("{\"a\": \"\xc3\xa9 \xf0\x9f\x90\x8d \x7f\"}"), "a=s:\xc3\xa9 \xf0\x9f\x90\x8d \x7f");
    EXPECT_EQ(parsed(R"({"a": "\u0000"})"), std::string("a=s:\0", 5));
}

TEST(JsonObject, WhatIsWrongIsSaidWithItsPlace) {
    const std::vector<std::pair<std::string, std::string>> wrong = {
        {"", "byte 1: an object"},
        {"[1]", "byte 1: an object"},
        {"\"a\"", "byte 1: an object"},
        {"\xef\xbb\xbf{}", "byte 1: an object"},
        {"{", "byte 2: a name"},
        {"{\"a\"", "byte 5: ':'"},
        {"{\"a\":", "byte 6: this is no value"},
        {"{\"a\":1", "byte 7: ',' or '}'"},
        {"{\"a\":1,}", "byte 8: a name"},
        {"{\"a\":1} {}", "byte 9: something follows"},
        {"{a:1}", "byte 2: a name"},
        {"{'a':1}", "byte 2: a name"},
        {"{\"a\":01}", "byte 6: this is no value"},
        {"{\"a\":1.}", "byte 6: this is no value"},
        {"{\"a\":.5}", "byte 6: this is no value"},
        {"{\"a\":1e}", "byte 6: this is no value"},
        {"{\"a\":+1}", "byte 6: this is no value"},
        {"{\"a\":NaN}", "byte 6: this is no value"},
        {"{\"a\":tru}", "byte 6: this is no value"},
        {"{\"a\":truex}", "byte 10: ',' or '}'"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "byte 14: \"a\" comes twice"},
        {"{\"a\":{}}", "byte 6: \"a\" has an object or an array"},
        {"{\"a\":[[[[", "byte 6: \"a\" has an object or an array"},
        {"{\"a\":\"x}", "byte 6: this string does not end"},
        {"{\"a\":\"x\\", "byte 8: there is no such escape"},
        {"{\"a\":\"\\x\"}", "byte 7: there is no such escape"},
        {"{\"a\":\"\\u12g4\"}", "byte 7: \\u needs four"},
        {"{\"a\":\"\\u12", "byte 7: \\u needs four"},
        {"{\"a\":\"\\ud83d\"}", "byte 7: the first half"},
        {"{\"a\":\"\\ud83d\\u0041\"}", "byte 7: the first half"},
        {"{\"a\":\"\\ud83d\\ud83d\"}", "byte 7: the first half"},
        {"{\"a\":\"\\udc0d\"}", "byte 7: the second half"},
        {"{\"a\":\"\x01\"}", "byte 7: a control character"},
        {"{\"a\":\"\xff\"}", "byte 7: this is not UTF-8"},
        {"{\"a\":\"\xed\xa0\x80\"}", "byte 7: this is not UTF-8"},
        {"{\"a\":\"\xc3\"}", "byte 7: this is not UTF-8"},
    };
    for (const auto &[line, message] : wrong)
        EXPECT_EQ(parsed(line).rfind("error " + message, 0), 0u) << line << ": " << parsed(line);

    std::string many = "{";
    for (int i = 0; i < 65; ++i) many += (i ? ",\"" : "\"") + std::to_string(i) + "\":1";
    EXPECT_NE(parsed(many + "}").find("more than 64 members"), std::string::npos);
}

TEST(JsonObject, StringsAreWrittenAsTheyAreRead) {
    EXPECT_EQ(chat::json_string("a\"b\\c\n\t\x01\x7f\xc3\xa9\xf0\x9f\x90\x8d"),
              "\"a\\\"b\\\\c\\n\\u0009\\u0001\x7f\xc3\xa9\xf0\x9f\x90\x8d\"");
    EXPECT_EQ(chat::json_string("\xff\xc3\xe2\x82x\xed\xa0\x80"),
              "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    std::string text;
    for (uint32_t code = 1; code < 0x250; ++code) {
        if (code >= 0x80) text += static_cast<char>(0xc0 | code >> 6);
        text += static_cast<char>(code < 0x80 ? code : 0x80 | (code & 0x3f));
    }
    EXPECT_EQ(parsed("{\"a\":" + chat::json_string(text) + "}"), "a=s:" + text);
}

}  // namespace
}  // namespace adder_test

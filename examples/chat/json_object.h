// A JSON object of strings, numbers, true, false and null, as a line of --json is: read strictly (RFC 8259), and written.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

struct JsonMember {
    enum class Kind { string, number, boolean, null };
    std::string name;
    Kind kind;
    std::string text;  // of a string its bytes, in UTF-8; of others what stands in the line: "-1.5e3", "true"
};

// What is wrong, and at which byte of the line, counted from 1.
class JsonError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// No line needs more.
constexpr size_t max_json_members = 64;

// Throws JsonError: for what is no JSON, for text that is not UTF-8, half a pair of surrogates, a name that comes twice, more than
// max_json_members, or a value that is an array or an object.
std::vector<JsonMember> parse_json_object(std::string_view line);

// The text in quotation marks. Bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

}  // namespace chat

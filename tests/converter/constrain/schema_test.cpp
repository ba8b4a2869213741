// JSON Schemas as constraints: keyword by keyword, against a second reading of them, and what is refused.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "converter/constrain/numbers.h"
#include "converter/constrain/schema.h"
#include "tests/support/constraint.h"
#include "tests/support/error_of.h"
#include "tests/support/schema_validator.h"

namespace adder::test {
namespace {

std::vector<uint8_t> constraint_of(const std::string &schema, const SchemaOptions &options = {},
                                   std::vector<std::string> *notes = nullptr) {
    std::vector<std::string> ignored;
    const Expr expression =
        parse_schema(Json::parse(schema, "s.json"), "s.json", options, notes ? notes : &ignored);
    return write_constraint(make_automaton(expression, "s.json"), 0, "s.json");
}

// Groups of a schema and values, as the public test suite has them. A value that is valid is one that is written, but where it is
// in `narrower`.
const char *const suite = R"json([
{"schema": {"type": "integer"}, "valid": [0, 1, -1, 42, 9007199254740991, -9007199254740991], "invalid": [1.5, "1", null, true, [], {}], "narrower": [9007199254740992]},
{"schema": {"type": "number"}, "valid": [0, 1.5, -0.25, 123456.123456, -123456789012], "invalid": ["1", null, true], "narrower": [1e13, 1e-7]},
{"schema": {"type": "string"}, "valid": ["", "a", "\u00e9\n\"\\", "\ud83d\ude00", "\u0000\u001f"], "invalid": [1, null, ["a"]]},
{"schema": {"type": "boolean"}, "valid": [true, false], "invalid": [0, "true", null]},
{"schema": {"type": "null"}, "valid": [null], "invalid": [0, false, "", "null"]},
{"schema": {"type": ["integer", "null"]}, "valid": [3, null], "invalid": ["3", false]},
{"schema": {"const": {"a": [1, "b\n", null, true], "c": -1.5}}, "valid": [{"a": [1, "b\n", null, true], "c": -1.5}], "invalid": [{}, {"a": [1, "b\n", null, true]}, 1]},
{"schema": {"enum": ["red", "gr\u00fcn", 3, null, [], {"a": 1}]}, "valid": ["red", "gr\u00fcn", 3, null, [], {"a": 1}], "invalid": ["re", "reda", 4, false, [1], {}]},
{"schema": {"type": "string", "enum": ["a", 1, "b"]}, "valid": ["a", "b"], "invalid": [1, "c"]},
{"schema": {"type": ["integer", "boolean"], "enum": [1, 1.5, true, "x"]}, "valid": [1, true], "invalid": [1.5, "x", 0]},
{"schema": {"minimum": 1.1}, "valid": [1.1, 2.6, 1.100001, 100], "invalid": [0.6, 1.0999, -7]},
{"schema": {"minimum": -2}, "valid": [-2, -1, 0, -1.5, 2], "invalid": [-3, -2.0001]},
{"schema": {"maximum": 3.0}, "valid": [3, 2.6, -5, 0], "invalid": [3.5, 3.000001, 4, 30]},
{"schema": {"exclusiveMinimum": 1.1}, "valid": [2.2, 1.100001], "invalid": [1.1, 0.6]},
{"schema": {"exclusiveMaximum": 3.0}, "valid": [2.2, 2.999999], "invalid": [3, 3.5]},
{"schema": {"type": "integer", "minimum": -7, "maximum": 120}, "valid": [-7, -1, 0, 9, 10, 99, 100, 120], "invalid": [-8, -10, 121, 200, 1000, 12.5]},
{"schema": {"type": "integer", "exclusiveMinimum": 9, "exclusiveMaximum": 12}, "valid": [10, 11], "invalid": [9, 12, 1, 100]},
{"schema": {"type": "integer", "minimum": 2.5, "maximum": 5.5}, "valid": [3, 4, 5], "invalid": [2, 6, 2.5]},
{"schema": {"type": "integer", "minimum": -3.5, "maximum": -1.5}, "valid": [-3, -2], "invalid": [-4, -1, 0]},
{"schema": {"type": "number", "minimum": -0.05, "maximum": 0.003}, "valid": [-0.05, -0.049, 0, 0.003, 0.001], "invalid": [-0.051, 0.0031, 1, -1]},
{"schema": {"type": "number", "minimum": 1e-7, "maximum": 1}, "valid": [0.01, 0.5, 1], "invalid": [0, 1.1], "narrower": [1e-7]},
{"schema": {"minLength": 2}, "valid": ["fo", "foo", "\ud83d\udca9\ud83d\udca9"], "invalid": ["f", "", "\ud83d\udca9"]},
{"schema": {"maxLength": 2}, "valid": ["f", "", "\ud83d\udca9\ud83d\udca9", "\n\n"], "invalid": ["foo", "\ud83d\udca9\ud83d\udca9\ud83d\udca9"]},
{"schema": {"minLength": 2, "maxLength": 2}, "valid": ["ab"], "invalid": ["a", "abc"]},
{"schema": {"pattern": "^a*$"}, "valid": ["aaa", ""], "invalid": ["abc"], "narrower": [1]},
{"schema": {"pattern": "a+"}, "valid": ["xxaayy", "a"], "invalid": ["xx", ""]},
{"schema": {"pattern": "^[a-z\"]{2,}$", "maxLength": 4}, "valid": ["ab", "abcd", "a\"\"b"], "invalid": ["a", "abcde", "aB"]},
{"schema": {"pattern": "\\d$", "minLength": 3, "maxLength": 4}, "valid": ["ab1", "abc1"], "invalid": ["a1", "abcd1", "abc"]},
{"schema": {"items": {"type": "integer", "minimum": 0, "maximum": 9}, "maxItems": 3}, "valid": [[], [1], [1, 2, 3]], "invalid": [[1, 2, 3, 4], [10], ["1"]], "narrower": [{}]},
{"schema": {"items": {"type": "null"}, "minItems": 1, "maxItems": 2}, "valid": [[null], [null, null]], "invalid": [[], [null, null, null]]},
{"schema": {"items": {"type": "boolean"}, "minItems": 2}, "valid": [[true, false], [true, true, true]], "invalid": [[true], []]},
{"schema": {"type": "array", "maxItems": 0}, "valid": [[]], "invalid": [[1]]},
{"schema": {"type": "array", "items": false}, "valid": [[]], "invalid": [[1]]},
{"schema": {"properties": {"foo": {"type": "integer"}, "bar": {"type": "string"}}}, "valid": [{}, {"foo": 1}, {"bar": "x"}, {"foo": 1, "bar": "x"}], "invalid": [{"foo": "x"}, {"bar": 1}, {"foo": 1, "bar": null}], "narrower": [[], {"bar": "x", "foo": 1}, {"quux": 1}]},
{"schema": {"properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}}, "required": ["b"], "additionalProperties": false}, "valid": [{"b": null}, {"a": null, "b": null}, {"b": null, "c": null}, {"a": null, "b": null, "c": null}], "invalid": [{}, {"a": null}, {"c": null}, {"b": null, "d": null}]},
{"schema": {"properties": {"a": {"type": "null"}, "b": false}}, "valid": [{}, {"a": null}], "invalid": [{"b": null}]},
{"schema": {"type": "object"}, "valid": [{}], "invalid": [[], null], "narrower": [{"a": 1}]},
{"schema": {"properties": {"f\"o\no\\": {"type": "null"}, "a/b~c": {"type": "null"}}}, "valid": [{"f\"o\no\\": null}, {"a/b~c": null}], "invalid": [{"a/b~c": 1}]},
{"schema": {"anyOf": [{"type": "integer"}, {"minLength": 2}]}, "valid": [1, "ab"], "invalid": ["a"], "narrower": [1.5, null]},
{"schema": {"oneOf": [{"type": "integer"}, {"const": "x"}]}, "valid": [1, "x"], "invalid": ["y", 1.5]},
{"schema": {"$ref": "#/$defs/positive", "$defs": {"positive": {"type": "integer", "exclusiveMinimum": 0}}}, "valid": [1, 77], "invalid": [0, -1, "1"]},
{"schema": {"type": "object", "properties": {"child": {"$ref": "#"}}}, "valid": [{}, {"child": {}}, {"child": {"child": {"child": {}}}}], "invalid": [{"child": 1}, {"child": {"child": null}}]},
{"schema": {"title": "t", "description": "d", "default": 7, "examples": [1], "$comment": "c", "deprecated": true, "readOnly": false, "writeOnly": false, "$schema": "x", "$id": "y", "type": "null"}, "valid": [null], "invalid": [7]}
])json";

TEST(ConstrainSchema, KeywordsAllowWhatIsValid) {
    SplitMix random(5);
    const Json groups = Json::parse(suite, "suite");
    for (const Json &group : groups.array("")) {
        const Json &schema = *group.find("schema");
        const std::string text = json_text(schema);
        SCOPED_TRACE(text);
        const std::vector<uint8_t> file = constraint_of(text);
        const SchemaValidator validator(schema);
        for (const char *kind : {"valid", "invalid", "narrower"}) {
            if (group.find(kind) == nullptr) continue;
            for (const Json &value : group.find(kind)->array("")) {
                EXPECT_EQ(accepts(file, json_text(value)), kind == std::string("valid")) << json_text(value);
                EXPECT_EQ(validator.valid(value), kind != std::string("invalid")) << json_text(value);
            }
        }
        for (int i = 0; i < 40; ++i) {
            const std::string drawn = random_text(file, &random);
            ASSERT_TRUE(accepts(file, drawn)) << drawn;
            ASSERT_TRUE(validator.valid(Json::parse(drawn, "drawn"))) << drawn;
        }
    }
}

TEST(ConstrainSchema, NumbersAreExact) {
    for (const auto &[low, high] : {std::pair<int64_t, int64_t>{0, 0},
                                    {-1, 1},
                                    {7, 130},
                                    {-245, -19},
                                    {-12, 1005},
                                    {99, 101},
                                    {5, 4},
                                    {-1000, -1000},
                                    {0, 999}})
        for (uint32_t decimals = 0; decimals <= 2; ++decimals) {
            const Expr expression = make_choice({make_number(low, high, decimals), make_text("x")});
            const std::vector<uint8_t> file = write_constraint(make_automaton(expression, "n"), 0, "n");
            for (int64_t value = -1100; value <= 1100; ++value) {
                std::string digits = std::to_string(std::abs(value));
                if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
                if (decimals > 0) digits.insert(digits.size() - decimals, ".");
                const std::string text = (value < 0 ? "-" : "") + digits;
                ASSERT_EQ(accepts(file, text), value >= low && value <= high)
                    << text << " of " << low << ".." << high;
                ASSERT_FALSE(accepts(file, "0" + text));
                ASSERT_FALSE(accepts(file, text + "."));
            }
            for (const char *text : {"-0", "-0.0", "-0.00", "-", "", "."}) EXPECT_FALSE(accepts(file, text));
        }
    const std::vector<uint8_t> wide =
        write_constraint(make_automaton(make_number(-max_scaled, max_scaled, 0), "n"), 0, "n");
    for (const char *text : {"1000000000000000000", "-1000000000000000000", "999999999999999999"})
        EXPECT_TRUE(accepts(wide, text));
    for (const char *text : {"1000000000000000001", "-1000000000000000001", "2000000000000000000"})
        EXPECT_FALSE(accepts(wide, text));
}

TEST(ConstrainSchema, BoundsAreRoundedTheRightWay) {
    const struct {
        double value;
        uint32_t decimals;
        int64_t low, above, high, below;  // >=, >, <=, <
    } cases[] = {
        {1.5, 0, 2, 2, 1, 1},        {-1.5, 0, -1, -1, -2, -2},  {3, 0, 3, 4, 3, 2},
        {-3, 0, -3, -2, -3, -4},     {0.1, 1, 1, 2, 1, 0},       {0.1, 6, 100000, 100001, 100000, 99999},
        {0.15, 1, 2, 2, 1, 1},       {-0.15, 1, -1, -1, -2, -2}, {1e-9, 6, 1, 1, 0, 0},
        {-1e-9, 6, 0, 0, -1, -1},    {-1e-300, 0, 0, 0, -1, -1}, {10, 2, 1000, 1001, 1000, 999},
        {-10, 0, -10, -9, -10, -11}, {0, 3, 0, 1, 0, -1},        {-1, 0, -1, 0, -1, -2},
    };
    for (const auto &one : cases) {
        SCOPED_TRACE(one.value);
        EXPECT_EQ(scaled_low(one.value, one.decimals, false), one.low);
        EXPECT_EQ(scaled_low(one.value, one.decimals, true), one.above);
        EXPECT_EQ(scaled_high(one.value, one.decimals, false), one.high);
        EXPECT_EQ(scaled_high(one.value, one.decimals, true), one.below);
    }
    EXPECT_EQ(scaled_high(1e30, 6, false), max_scaled);
}

TEST(ConstrainSchema, OptionsSayWhatTheSchemaDoesNot) {
    SchemaOptions options;
    options.max_length = 3;
    EXPECT_TRUE(accepts(constraint_of(R"({"type":"string"})", options), R"("abc")"));
    EXPECT_FALSE(accepts(constraint_of(R"({"type":"string"})", options), R"("abcd")"));
    EXPECT_TRUE(accepts(constraint_of(R"({"minLength":5})", options), R"("abcde")"));
    EXPECT_FALSE(accepts(constraint_of(R"({"pattern":"a"})", options), R"("abcd")"));
    options.max_items = 2;
    const char *const list = R"({"items":{"type":"null"}})";
    EXPECT_TRUE(accepts(constraint_of(list, options), "[null,null]"));
    EXPECT_FALSE(accepts(constraint_of(list, options), "[null,null,null]"));
    EXPECT_FALSE(accepts(constraint_of(list, options), "[null, null]"));
    options.spaces = true;
    for (const char *text : {"[null, null]", "[null,null]"})
        EXPECT_TRUE(accepts(constraint_of(list, options), text));
    for (const char *text : {"[null,  null]", "[ null]", "[null ]"})
        EXPECT_FALSE(accepts(constraint_of(list, options), text));
    const std::vector<uint8_t> pair = constraint_of(R"({"const":{"a":[1,2]}})", options);
    for (const char *text : {R"({"a": [1, 2]})", R"({"a":[1, 2]})"}) EXPECT_TRUE(accepts(pair, text));
    options.decimals = 2;
    EXPECT_TRUE(accepts(constraint_of(R"({"type":"number"})", options), "1.25"));
    EXPECT_FALSE(accepts(constraint_of(R"({"type":"number"})", options), "1.255"));
    options.depth = 1;
    const char *const nested = R"({"properties":{"c":{"$ref":"#"}}})";
    EXPECT_TRUE(accepts(constraint_of(nested, options), R"({"c":{"c":{}}})"));
    EXPECT_FALSE(accepts(constraint_of(nested, options), R"({"c":{"c":{"c":{}}}})"));
}

TEST(ConstrainSchema, MembersComeInAnyOrderIfAsked) {
    SchemaOptions options;
    options.any_order = true;
    const std::vector<uint8_t> file = constraint_of(
        R"({"properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"}},"required":["a","c"]})",
        options);
    for (const char *text : {R"({"a":null,"c":null})", R"({"c":null,"a":null})",
                             R"({"c":null,"b":null,"a":null})", R"({"b":null,"a":null,"c":null})"})
        EXPECT_TRUE(accepts(file, text)) << text;
    for (const char *text : {"{}", R"({"a":null,"b":null})", R"({"a":null,"a":null,"c":null})",
                             R"({"a":null,"c":null,})", R"({,"a":null,"c":null})"})
        EXPECT_FALSE(accepts(file, text)) << text;
    EXPECT_HAS(
        error_of([&] {
            constraint_of(
                R"({"properties":{"a":{"const":1},"b":{"const":1},"c":{"const":1},"d":{"const":1},"e":{"const":1},"f":{"const":1},"g":{"const":1}}})",
                options);
        }),
        "s.json: #: --any-order is for objects of up to 6 properties, and this has 7");
}

TEST(ConstrainSchema, NotesSayWhatIsTakenInAnotherWay) {
    std::vector<std::string> notes;
    constraint_of(R"({"oneOf":[{"type":"object","additionalProperties":true}]})", {}, &notes);
    ASSERT_EQ(notes.size(), 2u);
    EXPECT_HAS(notes[0], "#/oneOf is taken as anyOf");
    EXPECT_HAS(notes[1], "#/oneOf/0: additionalProperties");
}

TEST(ConstrainSchema, RefusesByNameAndPointer) {
    const struct {
        const char *schema, *error;
    } cases[] = {
        {R"({"type":"string","format":"date"})", "s.json: #: the keyword \"format\" is not supported"},
        {R"({"properties":{"a/b":{"items":{"uniqueItems":true}}}})",
         "s.json: #/properties/a~1b/items: the keyword \"uniqueItems\""},
        {R"({"allOf":[]})", "the keyword \"allOf\""},
        {R"({"not":{}})", "the keyword \"not\""},
        {R"({"if":{}})", "the keyword \"if\""},
        {R"({"type":"integer","multipleOf":2})", "the keyword \"multipleOf\""},
        {R"({"prefixItems":[]})", "the keyword \"prefixItems\""},
        {R"({"patternProperties":{}})", "the keyword \"patternProperties\""},
        {R"({"minProperties":1})", "the keyword \"minProperties\""},
        {R"({"dependentRequired":{}})", "the keyword \"dependentRequired\""},
        {R"({"nullable":true})", "the keyword \"nullable\""},
        {R"({})", "s.json: #: this allows any value; give it a type"},
        {R"(true)", "s.json: #: this allows any value"},
        {R"({"anyOf":[{"type":"null"},{}]})", "s.json: #/anyOf/1: this allows any value"},
        {R"({"anyOf":[]})", "s.json: #/anyOf: at least one schema is needed"},
        {R"({"type":"text"})", "there is no type \"text\""},
        {R"({"type":[]})", "type names no type"},
        {R"({"type":7})", "s.json: #: type"},
        {R"({"minLength":1,"minimum":2})", "keywords of several types need a type"},
        {R"({"type":"string","minimum":3})", "minimum says nothing about the type string"},
        {R"({"type":"string","anyOf":[{"const":1}]})", "type beside anyOf is not supported"},
        {R"({"const":1,"enum":[1]})", "beside"},
        {R"({"$ref":"#/$defs/a","$defs":{"a":{"const":1}},"maxLength":1})", "maxLength beside $ref"},
        {R"({"$ref":"other.json"})", "$ref \"other.json\" leads out of the document"},
        {R"({"$ref":"#/$defs/a"})", "$ref \"#/$defs/a\" leads to nothing"},
        {R"({"$ref":"#a"})", "anchors are not supported"},
        {R"({"$ref":""})", "$ref is empty"},
        {R"({"$ref":"#/anyOf/3","anyOf":[]})", "beside"},
        {R"({"type":"object","additionalProperties":{"type":"null"}})",
         "of additionalProperties only false and true"},
        {R"({"properties":{"a":{"const":1}},"required":["b"]})",
         "required names \"b\", which properties does not have"},
        {R"({"type":"array"})", "an array needs items, or maxItems 0"},
        {R"({"maxLength":-1})", "s.json: #: maxLength"},
        {R"({"maxLength":70000})", "s.json: #: maxLength"},
        {R"({"minimum":1e300})", "minimum is"},
        {R"({"type":"integer","maximum":9007199254740992})",
         "maximum is 9007199254740992, and may be up to 9007199254740991"},
        {R"({"pattern":"(a"})", "s.json: #: pattern: the pattern \"(a\" at byte 0: the group is not closed"},
        {R"({"properties":{"a":{"$id":"x","const":1}}})", "$id is supported at the root only"},
        {R"({"minLength":3,"maxLength":2})", "s.json: there is no text that this allows"},
        {R"({"type":"integer","minimum":3,"maximum":2})", "there is no text that this allows"},
        {R"({"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}})", "there is no text that this allows"},
        {R"(false)", "there is no text that this allows"},
        {R"({"items":{"$ref":"#"},"minItems":3,"maxItems":9})", "may take 8388608"},
        {R"({"anyOf":[{"$ref":"#"},{"$ref":"#"},{"$ref":"#"},{"const":1}]})", "more than 20000 schemas"},
    };
    for (const auto &one : cases) {
        SCOPED_TRACE(one.schema);
        EXPECT_HAS(error_of([&] { constraint_of(one.schema); }), one.error);
    }
}

}  // namespace
}  // namespace adder::test

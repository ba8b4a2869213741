// The part of Jinja that chat templates are written in: a parser and an interpreter with bounded work.
// SPDX-License-Identifier: MIT
//
// The language: https://jinja.palletsprojects.com/en/stable/templates/, with trim_blocks and lstrip_blocks on, as
// transformers renders chat templates. Here are: for, if, set, macro, generation, break, continue; literals, lists, tuples,
// comparisons, and, or, not, in, + - * / // % ~, inline if; attributes, indexes, slices; namespace(), range(), dict(),
// strftime_now() and raise_exception(); the tests, filters and methods that jinja_value.h lists. All else is an error that
// names the place; of what is only unsupported with some values, where it is reached.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adder::jinja {

// What is wrong with a template, or that it refuses the conversation (raise_exception).
struct TemplateError {
    std::string message;  // "line 3, column 7: ..."
    bool raised = false;  // by the template itself
};

struct Value {
    enum class Type : uint8_t { undefined, none, boolean, integer, string, list, dict, space };
    using List = std::vector<Value>;
    using Dict = std::map<std::string, Value>;

    Type type = Type::undefined;
    uint8_t depth = 0;    // of nested lists and dicts; bounded
    int64_t integer = 0;  // also a boolean
    std::string string;
    std::shared_ptr<const List> list;
    std::shared_ptr<Dict> dict;  // also a namespace, the only one that is written to

    static Value of(bool flag);
    static Value of(int64_t number);
    static Value of(std::string text);
    static Value of(const char *text) { return of(std::string(text)); }
    static Value of(List items);
    static Value of(Dict items);
};

// A node of the syntax tree. What `text` and `children` are stands after each kind.
struct Node {
    enum class Kind : uint8_t {
        // Statements
        text,    // text
        output,  // expression
        block,   // statements, in order
        if_,     // condition, block, condition, block, ..., perhaps a last block
        for_,  // text: variables, with commas; list, filter condition or null, block, block without items or null
        set,        // text: names, with commas, or "name.attribute" for a namespace; expression
        macro,      // text: name; block, keywords, whose child is null where there is no default
        break_,     // -
        continue_,  // -
        // Expressions
        literal,    // value
        fraction,   // a number that is not whole
        capture,    // block: what it prints
        name,       // text
        list,       // items
        dict,       // key, value, key, value, ...
        attribute,  // text: name; object
        index,      // object, index
        slice,      // object, first or null, last or null, step or null
        call,       // callee, arguments
        keyword,    // text: name; an argument by name
        filter,     // text: name; object, arguments
        test,       // text: name; object, arguments
        not_,       // operand
        negate,     // operand
        binary,     // text: operator; left, right
        choice,     // condition, value, else value or null
    };
    Kind kind;
    uint32_t line, column;
    uint32_t depth = 1;  // of the tree from here; bounded, so that recursion is
    std::string text;
    Value value;
    std::vector<std::unique_ptr<Node>> children;
};
using NodePtr = std::unique_ptr<Node>;

// Throws TemplateError. A template of more than 64 KiB, or nested too deep, is an error.
NodePtr parse(std::string_view source);

// What strftime_now() gives: no text of a blob may hold a day's date.
inline constexpr char date_mark[] = "xq5Dateq5x";

// Throws TemplateError, also when the template takes too many steps or makes too much text.
std::string render(const Node &root, const Value::Dict &variables);

[[noreturn]] void fail_at(uint32_t line, uint32_t column, const std::string &message);

}  // namespace adder::jinja

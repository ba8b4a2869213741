// Renders a chat template's syntax tree.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "converter/text/jinja_value.h"

namespace adder::jinja {

namespace {

constexpr int64_t max_work = 1 << 20;      // nodes evaluated, plus bytes of the values made
constexpr size_t max_output = 256 * 1024;  // bytes
constexpr uint8_t max_value_depth = 16;
constexpr uint32_t max_macros = 16;  // called within each other
constexpr int64_t max_range = 1024;

using Kind = Node::Kind;
using Type = Value::Type;

enum class Flow : uint8_t { on, next_item, end_loop };

class Renderer {
  public:
    explicit Renderer(const Value::Dict &variables) { scopes_.push_back(variables); }

    std::string run(const Node &root) {
        execute(root);
        return std::move(output_);
    }

  private:
    [[noreturn]] static void fail(const Node &node, const std::string &message) {
        fail_at(node.line, node.column, message);
    }
    void spend(const Node &node, size_t work) {
        work_left_ -= static_cast<int64_t>(work);
        if (work_left_ < 0) fail(node, "the template takes too long");
    }
    const Node *child(const Node &node, size_t i) const { return node.children[i].get(); }

    // ---- Statements ----

    Flow execute(const Node &node) {
        spend(node, 1);
        switch (node.kind) {
        case Kind::text: put(node, node.text); return Flow::on;
        case Kind::output: {
            const std::optional<std::string> text = printed(evaluate(*child(node, 0)));
            if (!text) fail(node, "printing a list or a dict is unsupported");
            put(node, *text);
            return Flow::on;
        }
        case Kind::block:
            for (const NodePtr &statement : node.children) {
                const Flow flow = execute(*statement);
                if (flow != Flow::on) return flow;
            }
            return Flow::on;
        case Kind::if_: return execute_if(node);
        case Kind::for_: return execute_for(node);
        case Kind::set: execute_set(node); return Flow::on;
        case Kind::macro: macros_[node.text] = &node; return Flow::on;
        case Kind::break_: return Flow::end_loop;
        case Kind::continue_: return Flow::next_item;
        default: fail(node, "a statement is needed");
        }
    }

    void put(const Node &node, const std::string &text) {
        if (text.size() > max_output - output_.size()) fail(node, "the template prints too much");
        output_ += text;
    }

    Flow execute_if(const Node &node) {
        size_t i = 0;
        for (; i + 1 < node.children.size(); i += 2)
            if (is_true(evaluate(*child(node, i)))) return execute(*child(node, i + 1));
        return i < node.children.size() ? execute(*child(node, i)) : Flow::on;
    }

    Flow execute_for(const Node &node) {
        const Value source = evaluate(*child(node, 0));
        std::shared_ptr<const Value::List> items = std::make_shared<const Value::List>();
        if (source.type == Type::dict) {
            items = list_of_keys(node, source);
        } else if (source.type == Type::list) {
            items = source.list;
        } else if (source.type != Type::undefined) {
            fail(node, "a loop over something else than a list or a dict is unsupported");
        }
        if (child(node, 1) != nullptr) {
            Value::List kept;
            for (const Value &item : *items) {
                spend(node, 1);
                scopes_.emplace_back();
                bind(node, node.text, item);
                if (is_true(evaluate(*child(node, 1)))) kept.push_back(item);
                scopes_.pop_back();
            }
            items = std::make_shared<const Value::List>(std::move(kept));
        }
        const auto count = static_cast<int64_t>(items->size());
        if (count == 0 && child(node, 3) != nullptr) return execute(*child(node, 3));
        for (int64_t i = 0; i < count; ++i) {
            spend(node, 10);
            Value::Dict loop{
                {"index", Value::of(i + 1)},
                {"index0", Value::of(i)},
                {"first", Value::of(i == 0)},
                {"last", Value::of(i + 1 == count)},
                {"length", Value::of(count)},
                {"revindex", Value::of(count - i)},
                {"revindex0", Value::of(count - i - 1)},
            };
            if (i > 0) loop.emplace("previtem", (*items)[static_cast<size_t>(i - 1)]);
            if (i + 1 < count) loop.emplace("nextitem", (*items)[static_cast<size_t>(i + 1)]);
            scopes_.push_back({{"loop", Value::of(std::move(loop))}});
            bind(node, node.text, (*items)[static_cast<size_t>(i)]);
            const Flow flow = execute(*child(node, 2));
            scopes_.pop_back();
            if (flow == Flow::end_loop) break;
        }
        return Flow::on;
    }

    // Gives one name the value, or several names those of a list.
    void bind(const Node &node, const std::string &names, const Value &value) {
        if (names.find(',') == std::string::npos) {
            scopes_.back()[names] = value;
            return;
        }
        size_t at = 0, i = 0;
        for (; at <= names.size(); ++i) {
            const size_t end = std::min(names.find(',', at), names.size());
            if (value.type != Type::list || i >= value.list->size()) break;
            scopes_.back()[names.substr(at, end - at)] = (*value.list)[i];
            at = end + 1;
        }
        if (value.type != Type::list || at <= names.size() || i != value.list->size())
            fail(node, "there are other than as many values as names");
    }

    std::shared_ptr<const Value::List> list_of_keys(const Node &node, const Value &dict) {
        Value::List keys;
        for (const auto &[key, value] : *dict.dict) {
            spend(node, 1 + key.size());
            keys.push_back(Value::of(key));
        }
        return std::make_shared<const Value::List>(std::move(keys));
    }

    // What the block prints.
    Value capture(const Node &block) {
        std::string before = std::move(output_);
        output_.clear();
        execute(block);
        std::string text = std::move(output_);
        output_ = std::move(before);
        return Value::of(std::move(text));
    }

    // A macro sees what stands outside of all loops and macros, and its parameters.
    Value call_macro(const Node &node, const Node &macro, const Arguments &arguments) {
        if (++macros_called_ > max_macros) fail(node, "macros call each other too deep");
        std::vector<Value::Dict> outer;
        outer.swap(scopes_);
        scopes_.push_back(outer.front());
        spend(node, 10 * outer.front().size());
        scopes_.emplace_back();
        const size_t parameters = macro.children.size() - 1;
        if (arguments.positional.size() > parameters) fail(node, "the macro has fewer parameters");
        size_t named = 0;
        for (size_t i = 0; i < parameters; ++i) {
            const Node &parameter = *child(macro, i + 1);
            const auto given = arguments.named.find(parameter.text);
            named += given != arguments.named.end();
            Value value;
            if (i < arguments.positional.size()) {
                value = arguments.positional[i];
            } else if (given != arguments.named.end()) {
                value = given->second;
            } else if (parameter.children[0]) {
                value = evaluate(*parameter.children[0]);
            }
            scopes_.back()[parameter.text] = std::move(value);
        }
        if (named != arguments.named.size()) fail(node, "the macro has no parameter of that name");
        Value text = capture(*child(macro, 0));
        outer.front() = std::move(scopes_.front());
        scopes_ = std::move(outer);
        --macros_called_;
        return text;
    }

    void execute_set(const Node &node) {
        Value value = evaluate(*child(node, 0));
        const size_t dot = node.text.find('.');
        if (dot == std::string::npos) return bind(node, node.text, value);
        const Value *const space = find(node.text.substr(0, dot));
        if (space == nullptr || space->type != Type::space)
            fail(node, "cannot set an attribute: the value is not a namespace");
        set_in_space(node, *space, node.text.substr(dot + 1), std::move(value));
    }

    // A namespace never holds itself.
    void set_in_space(const Node &node, const Value &space, const std::string &name, Value value) {
        if (holds_space(node, value)) fail(node, "a namespace in a namespace is unsupported");
        (*space.dict)[name] = std::move(value);
    }

    bool holds_space(const Node &node, const Value &value) {
        spend(node, 1);
        if (value.type == Type::list)
            return std::any_of(value.list->begin(), value.list->end(),
                               [&](const Value &item) { return holds_space(node, item); });
        if (value.type == Type::dict)
            return std::any_of(value.dict->begin(), value.dict->end(),
                               [&](const auto &item) { return holds_space(node, item.second); });
        return value.type == Type::space;
    }

    const Value *find(const std::string &name) const {
        for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
            const auto found = scope->find(name);
            if (found != scope->end()) return &found->second;
        }
        return nullptr;
    }

    // ---- Expressions ----

    Value evaluate(const Node &node) {
        Value value = compute(node);
        spend(node, 1 + value.string.size());
        if (value.depth > max_value_depth) fail(node, "lists are nested too deep");
        return value;
    }

    Value compute(const Node &node) {
        switch (node.kind) {
        case Kind::literal: return node.value;
        case Kind::fraction: fail(node, "a number that is not whole is unsupported");
        case Kind::capture: return capture(*child(node, 0));
        case Kind::name: {
            const Value *const found = find(node.text);
            return found != nullptr ? *found : Value();
        }
        case Kind::list: return Value::of(evaluate_all(node, 0));
        case Kind::dict: {
            Value::Dict items;
            for (size_t i = 0; i + 1 < node.children.size(); i += 2)
                items[evaluate_string(*child(node, i))] = evaluate(*child(node, i + 1));
            return Value::of(std::move(items));
        }
        case Kind::attribute: return member(node, evaluate(*child(node, 0)), node.text);
        case Kind::index: return index(node);
        case Kind::slice: return slice(node);
        case Kind::call: return call(node);
        case Kind::filter: {
            const Value object = evaluate(*child(node, 0));
            spend_on(node, object);
            const std::optional<Value> value = apply_filter(object, node.text, evaluate_arguments(node));
            if (!value) fail(node, "the filter " + node.text + " is unsupported here");
            return *value;
        }
        case Kind::test: {
            const Value object = evaluate(*child(node, 0));
            const Arguments arguments = evaluate_arguments(node);
            if (arguments.positional.size() == 1) {
                const Value &other = arguments.positional[0];
                if (node.text == "in") return Value::of(contains(node, other, object));
                if (node.text == "equalto" || node.text == "eq" || node.text == "sameas")
                    return Value::of(equal(node, object, other));
                if (node.text == "ne") return Value::of(!equal(node, object, other));
            }
            const std::optional<bool> answer =
                arguments.positional.empty() ? apply_test(object, node.text) : std::nullopt;
            if (!answer) fail(node, "the test \"is " + node.text + "\" is unsupported here");
            return Value::of(*answer);
        }
        case Kind::not_: return Value::of(!is_true(evaluate(*child(node, 0))));
        case Kind::negate: return Value::of(-evaluate_integer(*child(node, 0)));
        case Kind::binary: return binary(node);
        case Kind::choice:
            if (is_true(evaluate(*child(node, 0)))) return evaluate(*child(node, 1));
            return child(node, 2) != nullptr ? evaluate(*child(node, 2)) : Value();
        default: fail(node, "unsupported here");
        }
    }

    std::string evaluate_string(const Node &node) {
        Value value = evaluate(node);
        if (value.type != Type::string) fail(node, "a text is needed");
        return std::move(value.string);
    }

    // At most 2^30 either way, so that no sum or product of two overflows.
    int64_t checked(const Node &node, int64_t number) const {
        if (number > int64_t{1} << 30 || number < -(int64_t{1} << 30)) fail(node, "a number is too large");
        return number;
    }

    int64_t evaluate_integer(const Node &node) {
        const Value value = evaluate(node);
        if (value.type != Type::integer) fail(node, "a number is needed");
        return checked(node, value.integer);
    }

    // Those of a call, a filter or a test, after what they belong to.
    Arguments evaluate_arguments(const Node &node) {
        Arguments arguments;
        for (size_t i = 1; i < node.children.size(); ++i) {
            const Node &one = *child(node, i);
            if (one.kind == Kind::keyword) {
                arguments.named[one.text] = evaluate(*child(one, 0));
            } else {
                arguments.positional.push_back(evaluate(one));
            }
        }
        return arguments;
    }

    // What a method or a filter may do with all that a value holds.
    void spend_on(const Node &node, const Value &value) {
        spend(node, 1 + 16 * value.string.size());
        if (value.type == Type::list)
            for (const Value &item : *value.list) spend_on(node, item);
        if (value.type == Type::dict)
            for (const auto &[key, item] : *value.dict) spend(node, key.size()), spend_on(node, item);
    }

    Value::List evaluate_all(const Node &node, size_t first) {
        Value::List values;
        for (size_t i = first; i < node.children.size(); ++i) values.push_back(evaluate(*child(node, i)));
        return values;
    }

    Value member(const Node &node, const Value &object, const std::string &name) {
        if (object.type == Type::undefined || object.type == Type::none)
            fail(node, "." + name + " of something undefined");
        if (object.type != Type::dict && object.type != Type::space) return Value();
        const auto found = object.dict->find(name);
        return found != object.dict->end() ? found->second : Value();
    }

    Value index(const Node &node) {
        const Value object = evaluate(*child(node, 0));
        if (object.type == Type::dict || object.type == Type::space || object.type == Type::undefined)
            return member(node, object, evaluate_string(*child(node, 1)));
        int64_t at = evaluate_integer(*child(node, 1));
        const bool is_text = is_ascii(object);
        if (object.type != Type::list && !is_text)
            fail(node, "an index into something else than a list or a dict is unsupported");
        const auto count = static_cast<int64_t>(is_text ? object.string.size() : object.list->size());
        at += at < 0 ? count : 0;
        if (at < 0 || at >= count) return Value();
        if (is_text) return Value::of(object.string.substr(static_cast<size_t>(at), 1));
        return (*object.list)[static_cast<size_t>(at)];
    }

    static bool is_ascii(const Value &value) {
        return value.type == Type::string &&
               std::all_of(value.string.begin(), value.string.end(), [](char c) { return (c & 0x80) == 0; });
    }

    // As Python's slices: places from the end on are negative, and a negative step goes backwards.
    Value slice(const Node &node) {
        const Value object = evaluate(*child(node, 0));
        const bool is_text = is_ascii(object);
        if (object.type != Type::list && !is_text)
            fail(node, "a slice of something else than a list is unsupported");
        const auto count = static_cast<int64_t>(is_text ? object.string.size() : object.list->size());
        const int64_t step = child(node, 3) != nullptr ? evaluate_integer(*child(node, 3)) : 1;
        if (step == 0) fail(node, "a slice has a step of 0");
        const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? count : count - 1;
        const auto bound = [&](size_t i, int64_t absent) {
            if (child(node, i) == nullptr) return absent;
            const int64_t at = evaluate_integer(*child(node, i));
            return std::clamp<int64_t>(at < 0 ? at + count : at, low, high);
        };
        const int64_t first = bound(1, step > 0 ? low : high), last = bound(2, step > 0 ? high : low);
        Value::List items;
        std::string text;
        for (int64_t at = first; step > 0 ? at < last : at > last; at += step) {
            spend(node, 1);
            if (is_text) {
                text += object.string[static_cast<size_t>(at)];
            } else {
                items.push_back((*object.list)[static_cast<size_t>(at)]);
            }
        }
        return is_text ? Value::of(std::move(text)) : Value::of(std::move(items));
    }

    Value call(const Node &node) {
        const Node &callee = *child(node, 0);
        if (callee.kind == Kind::attribute) {
            const Value object = evaluate(*child(callee, 0));
            const Arguments arguments = evaluate_arguments(node);
            spend_on(node, object);  // the pieces of a split
            if (arguments.positional.size() == 2 && arguments.positional[1].type == Type::string)
                spend(node, object.string.size() * arguments.positional[1].string.size());  // a replacement
            const std::optional<Value> value = arguments.named.empty()
                                                   ? call_method(object, callee.text, arguments.positional)
                                                   : std::nullopt;
            if (!value) fail(callee, "the method " + callee.text + " is unsupported here");
            return *value;
        }
        if (callee.kind != Kind::name) fail(callee, "the function called here is unsupported");
        const auto macro = macros_.find(callee.text);
        if (macro != macros_.end()) return call_macro(node, *macro->second, evaluate_arguments(node));
        return call_function(node, callee);
    }

    Value call_function(const Node &node, const Node &callee) {
        const Arguments arguments = evaluate_arguments(node);
        const Value::List &positional = arguments.positional;
        if (callee.text == "raise_exception") {
            const std::string why =
                positional.size() == 1 ? printed(positional[0]).value_or("") : std::string();
            throw TemplateError{"the template refuses: " + why.substr(0, 200), true};
        }
        if (callee.text == "namespace" && positional.empty()) {
            Value space;
            space.type = Type::space;
            space.dict = std::make_shared<Value::Dict>();
            for (const auto &[name, value] : arguments.named) set_in_space(node, space, name, value);
            return space;
        }
        if (callee.text == "dict" && positional.empty()) return Value::of(Value::Dict(arguments.named));
        if (callee.text == "strftime_now" && positional.size() == 1) return Value::of(date_mark);
        if (callee.text == "range" && arguments.named.empty() && !positional.empty() &&
            positional.size() <= 3 &&
            std::all_of(positional.begin(), positional.end(),
                        [](const Value &value) { return value.type == Type::integer; })) {
            const auto at = [&](size_t i) { return checked(node, positional[i].integer); };
            const int64_t first = positional.size() > 1 ? at(0) : 0, last = at(positional.size() > 1 ? 1 : 0);
            const int64_t step = positional.size() == 3 ? at(2) : 1;
            if (step == 0) fail(node, "a range has a step of 0");
            Value::List numbers;
            for (int64_t i = first; step > 0 ? i < last : i > last; i += step) {
                spend(node, 1);
                if (static_cast<int64_t>(numbers.size()) == max_range) fail(node, "a range is too long");
                numbers.push_back(Value::of(i));
            }
            return Value::of(std::move(numbers));
        }
        fail(callee, "the function " + callee.text + " is unsupported");
    }

    bool equal(const Node &node, const Value &a, const Value &b) {
        spend(node, 1 + std::min(a.string.size(), b.string.size()));
        const auto is_number = [](const Value &v) {
            return v.type == Type::integer || v.type == Type::boolean;
        };
        if (is_number(a) && is_number(b)) return a.integer == b.integer;
        if (a.type != b.type) return false;
        switch (a.type) {
        case Type::string: return a.string == b.string;
        case Type::list:
            return std::equal(a.list->begin(), a.list->end(), b.list->begin(), b.list->end(),
                              [&](const Value &x, const Value &y) { return equal(node, x, y); });
        case Type::dict:
        case Type::space: fail(node, "comparing dicts is unsupported");
        default: return true;
        }
    }

    bool contains(const Node &node, const Value &whole, const Value &part) {
        if (whole.type == Type::string && part.type == Type::string) {
            spend(node, whole.string.size());
            return whole.string.find(part.string) != std::string::npos;
        }
        if (whole.type == Type::list)
            return std::any_of(whole.list->begin(), whole.list->end(),
                               [&](const Value &item) { return equal(node, item, part); });
        if (whole.type == Type::dict && part.type == Type::string) return whole.dict->count(part.string) > 0;
        if (whole.type == Type::undefined) return false;
        fail(node, "\"in\" is unsupported here");
    }

    Value binary(const Node &node) {
        const std::string &op = node.text;
        Value left = evaluate(*child(node, 0));
        if (op == "and" || op == "or")
            return is_true(left) == (op == "or") ? left : evaluate(*child(node, 1));
        const Value right = evaluate(*child(node, 1));
        if (op == "==" || op == "!=") return Value::of(equal(node, left, right) == (op == "=="));
        if (op == "in") return Value::of(contains(node, right, left));
        if (op == "~") {
            const std::optional<std::string> a = printed(left), b = printed(right);
            if (!a || !b) fail(node, "~ with a list or a dict is unsupported");
            return Value::of(*a + *b);
        }
        if (left.type == Type::string && right.type == Type::string)
            return binary_strings(node, left.string, right.string);
        if (op == "+" && left.type == Type::list && right.type == Type::list) {
            spend(node, left.list->size() + right.list->size());
            Value::List items = *left.list;
            items.insert(items.end(), right.list->begin(), right.list->end());
            return Value::of(std::move(items));
        }
        if (left.type != Type::integer || right.type != Type::integer)
            fail(node, op + " is unsupported with these");
        return binary_integers(node, checked(node, left.integer), checked(node, right.integer));
    }

    static Value binary_strings(const Node &node, const std::string &a, const std::string &b) {
        const std::string &op = node.text;
        if (op == "+") return Value::of(a + b);
        if (op == "<" || op == ">=") return Value::of((a < b) == (op == "<"));
        if (op == ">" || op == "<=") return Value::of((b < a) == (op == ">"));
        fail(node, op + " is unsupported with texts");
    }

    static Value binary_integers(const Node &node, int64_t a, int64_t b) {
        const std::string &op = node.text;
        if (op == "+") return Value::of(a + b);
        if (op == "-") return Value::of(a - b);
        if (op == "*") return Value::of(a * b);
        if (op == "<" || op == ">=") return Value::of((a < b) == (op == "<"));
        if (op == ">" || op == "<=") return Value::of((b < a) == (op == ">"));
        if (op == "/") fail(node, "a division that may leave a fraction is unsupported");
        if (b == 0) fail(node, "a division by zero");
        const int64_t rest = a % b;  // Python's takes the sign of the divisor
        const bool down = rest != 0 && (rest < 0) != (b < 0);
        return Value::of(op == "//" ? a / b - (down ? 1 : 0) : down ? rest + b : rest);
    }

    std::vector<Value::Dict> scopes_;
    std::map<std::string, const Node *> macros_;
    uint32_t macros_called_ = 0;
    std::string output_;
    int64_t work_left_ = max_work;
};

}  // namespace

std::string render(const Node &root, const Value::Dict &variables) { return Renderer(variables).run(root); }

}  // namespace adder::jinja

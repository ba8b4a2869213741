// Renders a chat template's syntax tree.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "converter/text/jinja_value.h"

namespace adder::jinja {

namespace {

constexpr int64_t max_work = 1 << 20;      // nodes evaluated, plus bytes of the values made
constexpr size_t max_output = 256 * 1024;  // bytes
constexpr uint8_t max_value_depth = 16;

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
        case Kind::for_: execute_for(node); return Flow::on;
        case Kind::set: execute_set(node); return Flow::on;
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

    void execute_for(const Node &node) {
        const Value source = evaluate(*child(node, 0));
        if (source.type == Type::undefined) return;
        if (source.type != Type::list) fail(node, "a loop over something else than a list is unsupported");
        std::shared_ptr<const Value::List> items = source.list;
        if (child(node, 1) != nullptr) {
            Value::List kept;
            for (const Value &item : *items) {
                spend(node, 1);
                scopes_.push_back({{node.text, item}});
                if (is_true(evaluate(*child(node, 1)))) kept.push_back(item);
                scopes_.pop_back();
            }
            items = std::make_shared<const Value::List>(std::move(kept));
        }
        const auto count = static_cast<int64_t>(items->size());
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
            scopes_.push_back(
                {{node.text, (*items)[static_cast<size_t>(i)]}, {"loop", Value::of(std::move(loop))}});
            const Flow flow = execute(*child(node, 2));
            scopes_.pop_back();
            if (flow == Flow::end_loop) return;
        }
    }

    void execute_set(const Node &node) {
        Value value = evaluate(*child(node, 0));
        const size_t dot = node.text.find('.');
        if (dot == std::string::npos) {
            scopes_.back()[node.text] = std::move(value);
            return;
        }
        const Value *const space = find(node.text.substr(0, dot));
        if (space == nullptr || space->type != Type::space)
            fail(node, "cannot set an attribute: the value is not a namespace");
        set_in_space(node, *space, node.text.substr(dot + 1), std::move(value));
    }

    // Only plain values: a namespace never holds itself.
    void set_in_space(const Node &node, const Value &space, const std::string &name, Value value) {
        if (value.type == Type::list || value.type == Type::dict || value.type == Type::space)
            fail(node, "a list or a dict in a namespace is unsupported");
        (*space.dict)[name] = std::move(value);
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
            const std::optional<Value> value =
                apply_filter(evaluate(*child(node, 0)), node.text, evaluate_all(node, 1));
            if (!value) fail(node, "the filter " + node.text + " is unsupported here");
            return *value;
        }
        case Kind::test: {
            const std::optional<bool> answer = apply_test(evaluate(*child(node, 0)), node.text);
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
        if (object.type != Type::list)
            fail(node, "an index into something else than a list or a dict is unsupported");
        const auto count = static_cast<int64_t>(object.list->size());
        at += at < 0 ? count : 0;
        return at >= 0 && at < count ? (*object.list)[static_cast<size_t>(at)] : Value();
    }

    Value slice(const Node &node) {
        const Value object = evaluate(*child(node, 0));
        if (object.type != Type::list) fail(node, "a slice of something else than a list is unsupported");
        const auto count = static_cast<int64_t>(object.list->size());
        const auto bound = [&](size_t i, int64_t absent) {
            const int64_t at = child(node, i) != nullptr ? evaluate_integer(*child(node, i)) : absent;
            return std::clamp<int64_t>(at < 0 ? at + count : at, 0, count);
        };
        const int64_t first = bound(1, 0), last = std::max(first, bound(2, count));
        spend(node, static_cast<size_t>(last - first));
        return Value::of(Value::List(object.list->begin() + first, object.list->begin() + last));
    }

    Value call(const Node &node) {
        const Node &callee = *child(node, 0);
        if (callee.kind == Kind::attribute) {
            const Value object = evaluate(*child(callee, 0));
            const Value::List arguments = evaluate_all(node, 1);
            if (object.type == Type::string) spend(node, 16 * object.string.size());  // the pieces of a split
            const std::optional<Value> value = call_method(object, callee.text, arguments);
            if (!value) fail(callee, "the method " + callee.text + " is unsupported here");
            return *value;
        }
        if (callee.kind == Kind::name && callee.text == "raise_exception") {
            const std::string why =
                node.children.size() == 2 ? printed(evaluate(*child(node, 1))).value_or("") : std::string();
            throw TemplateError{"the template refuses: " + why.substr(0, 200), true};
        }
        if (callee.kind == Kind::name && callee.text == "namespace") {
            Value space;
            space.type = Type::space;
            space.dict = std::make_shared<Value::Dict>();
            for (size_t i = 1; i < node.children.size(); ++i) {
                const Node &argument = *child(node, i);
                if (argument.kind != Kind::keyword) fail(argument, "a namespace takes arguments by name");
                set_in_space(argument, space, argument.text, evaluate(*child(argument, 0)));
            }
            return space;
        }
        fail(callee,
             "the function " + (callee.text.empty() ? "called here" : callee.text) + " is unsupported");
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
        if (b == 0) fail(node, "a division by zero");
        const int64_t rest = a % b;  // Python's takes the sign of the divisor
        return Value::of(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
    }

    std::vector<Value::Dict> scopes_;
    std::string output_;
    int64_t work_left_ = max_work;
};

}  // namespace

std::string render(const Node &root, const Value::Dict &variables) { return Renderer(variables).run(root); }

}  // namespace adder::jinja

// Parses a chat template into a syntax tree, by Jinja's precedences.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>

#include "converter/base/error.h"
#include "converter/text/jinja_lexer.h"

namespace adder::jinja {

namespace {

constexpr uint32_t max_depth = 100;

using Kind = Node::Kind;

class Parser {
  public:
    explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    NodePtr run() {
        NodePtr root = parse_block({});
        if (now().kind != Token::Kind::end_of_template) fail_here("unexpected end of a block");
        return root;
    }

  private:
    // Counts recursion of the parser itself: parentheses leave no node behind.
    class Nesting {
      public:
        explicit Nesting(Parser &parser) : parser_(parser) {
            if (++parser_.nesting_ > max_depth) parser_.fail_here("nested too deep");
        }
        ~Nesting() { --parser_.nesting_; }
        Nesting(const Nesting &) = delete;
        Nesting &operator=(const Nesting &) = delete;

      private:
        Parser &parser_;
    };

    const Token &now() const { return tokens_[at_]; }
    const Token &peek() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
    [[noreturn]] void fail_here(const std::string &message) const {
        fail_at(now().line, now().column, message);
    }
    bool is_symbol(const char *text) const { return now().kind == Token::Kind::symbol && now().text == text; }
    bool is_name(const char *text) const { return now().kind == Token::Kind::name && now().text == text; }
    bool take_symbol(const char *text) {
        const bool found = is_symbol(text);
        at_ += found;
        return found;
    }
    bool take_name(const char *text) {
        const bool found = is_name(text);
        at_ += found;
        return found;
    }
    void need_symbol(const char *text) {
        if (!take_symbol(text)) fail_here(std::string("\"") + text + "\" is missing");
    }
    std::string need_name() {
        if (now().kind != Token::Kind::name) fail_here("a name is missing");
        return tokens_[at_++].text;
    }
    void need_end() {
        if (now().kind != Token::Kind::end)
            fail_here("the end of the tag is missing, or this is unsupported");
        ++at_;
    }

    NodePtr make(Kind kind, std::string text = {}) const {
        auto node = std::make_unique<Node>();
        node->kind = kind;
        node->line = now().line;
        node->column = now().column;
        node->text = std::move(text);
        return node;
    }
    void add(Node &parent, NodePtr child) const {
        if (child) {
            parent.depth = std::max(parent.depth, child->depth + 1);
            if (parent.depth > max_depth) fail_at(parent.line, parent.column, "nested too deep");
        }
        parent.children.push_back(std::move(child));
    }

    // ---- Statements ----

    // Up to a tag whose name is one of `ends`; that tag's name is the next token then.
    NodePtr parse_block(const std::vector<const char *> &ends) {
        const Nesting nesting(*this);
        NodePtr block = make(Kind::block);
        while (now().kind != Token::Kind::end_of_template) {
            if (now().kind == Token::Kind::text) {
                NodePtr text = make(Kind::text, now().text);
                ++at_;
                add(*block, std::move(text));
            } else if (now().kind == Token::Kind::output_begin) {
                NodePtr output = make(Kind::output);
                ++at_;
                add(*output, parse_expression());
                need_end();
                add(*block, std::move(output));
            } else {
                ++at_;  // block_begin
                for (const char *end : ends)
                    if (is_name(end)) return block;
                add(*block, parse_statement());
            }
        }
        if (!ends.empty()) fail_here(std::string(ends.back()) + " is missing");
        return block;
    }

    NodePtr parse_statement() {
        if (take_name("if")) return parse_if();
        if (take_name("for")) return parse_for();
        if (take_name("set")) return parse_set();
        if (take_name("macro")) return parse_macro();
        for (const auto &[name, kind] :
             {std::pair{"break", Kind::break_}, std::pair{"continue", Kind::continue_}})
            if (is_name(name)) {
                if (loops_ == 0) fail_here(std::string(name) + " outside of a loop");
                NodePtr node = make(kind);
                ++at_;
                need_end();
                return node;
            }
        // Marks what the assistant wrote, for training; renders as its content.
        if (take_name("generation")) {
            need_end();
            NodePtr body = parse_block({"endgeneration"});
            ++at_;
            need_end();
            return body;
        }
        fail_here("the tag " + (now().text.empty() ? "without a name" : now().text) + " is unsupported");
    }

    NodePtr parse_if() {
        NodePtr node = make(Kind::if_);
        add(*node, parse_expression());
        need_end();
        add(*node, parse_block({"elif", "else", "endif"}));
        while (take_name("elif")) {
            add(*node, parse_expression());
            need_end();
            add(*node, parse_block({"elif", "else", "endif"}));
        }
        if (take_name("else")) {
            need_end();
            add(*node, parse_block({"endif"}));
        }
        if (!take_name("endif")) fail_here("endif is missing");
        need_end();
        return node;
    }

    NodePtr parse_for() {
        NodePtr node = make(Kind::for_);
        const bool parentheses = take_symbol("(");
        node->text = need_names();
        if (parentheses) need_symbol(")");
        if (!take_name("in")) fail_here("\"in\" is missing, or this is unsupported");
        add(*node, parse_or());  // no inline if here: that is the filter
        add(*node, take_name("if") ? parse_expression() : nullptr);
        if (is_name("recursive")) fail_here("recursive loops are unsupported");
        need_end();
        ++loops_;
        add(*node, parse_block({"else", "endfor"}));
        --loops_;
        NodePtr without_items;
        if (take_name("else")) {
            need_end();
            without_items = parse_block({"endfor"});
        }
        add(*node, std::move(without_items));
        ++at_;  // endfor
        need_end();
        return node;
    }

    NodePtr parse_set() {
        NodePtr node = make(Kind::set);
        node->text = need_names();
        if (take_symbol(".")) node->text += "." + need_name();
        if (now().kind == Token::Kind::end) {
            NodePtr capture = make(Kind::capture);
            ++at_;
            add(*capture, parse_block({"endset"}));
            ++at_;
            add(*node, std::move(capture));
        } else {
            need_symbol("=");
            add(*node, parse_expression());
        }
        need_end();
        return node;
    }

    NodePtr parse_macro() {
        NodePtr node = make(Kind::macro);
        node->text = need_name();
        add(*node, nullptr);
        need_symbol("(");
        while (!take_symbol(")")) {
            NodePtr parameter = make(Kind::keyword);
            parameter->text = need_name();
            add(*parameter, take_symbol("=") ? parse_expression() : nullptr);
            add(*node, std::move(parameter));
            if (!is_symbol(")")) need_symbol(",");
        }
        need_end();
        const uint32_t loops = loops_;
        loops_ = 0;  // a break in the body is of no loop around the macro
        NodePtr body = parse_block({"endmacro"});
        loops_ = loops;
        node->depth = std::max(node->depth, body->depth + 1);
        if (node->depth > max_depth) fail_at(node->line, node->column, "nested too deep");
        node->children[0] = std::move(body);
        ++at_;
        if (now().kind == Token::Kind::name) ++at_;  // endmacro may repeat the name
        need_end();
        return node;
    }

    // a, b
    std::string need_names() {
        std::string names = need_name();
        while (take_symbol(",")) names += "," + need_name();
        return names;
    }

    // ---- Expressions, loosest first ----

    NodePtr parse_expression() {
        const Nesting nesting(*this);
        NodePtr value = parse_or();
        while (is_name("if")) {
            NodePtr choice = make(Kind::choice);
            ++at_;
            add(*choice, parse_or());
            add(*choice, std::move(value));
            add(*choice, take_name("else") ? parse_expression() : nullptr);
            value = std::move(choice);
        }
        return value;
    }

    NodePtr make_binary(const std::string &op, NodePtr left, NodePtr (Parser::*parse_right)()) {
        NodePtr node = make(Kind::binary, op);
        ++at_;
        add(*node, std::move(left));
        add(*node, (this->*parse_right)());
        return node;
    }

    NodePtr parse_or() {
        NodePtr left = parse_and();
        while (is_name("or")) left = make_binary("or", std::move(left), &Parser::parse_and);
        return left;
    }

    NodePtr parse_and() {
        NodePtr left = parse_not();
        while (is_name("and")) left = make_binary("and", std::move(left), &Parser::parse_not);
        return left;
    }

    NodePtr parse_not() {
        if (!is_name("not")) return parse_comparison();
        const Nesting nesting(*this);
        NodePtr node = make(Kind::not_);
        ++at_;
        add(*node, parse_not());
        return node;
    }

    NodePtr parse_comparison() {
        NodePtr left = parse_sum();
        while (true) {
            const bool symbol = now().kind == Token::Kind::symbol;
            static const std::vector<std::string> symbols = {"==", "!=", "<", ">", "<=", ">="};
            if (symbol && std::find(symbols.begin(), symbols.end(), now().text) != symbols.end()) {
                left = make_binary(now().text, std::move(left), &Parser::parse_sum);
            } else if (is_name("in")) {
                left = make_binary("in", std::move(left), &Parser::parse_sum);
            } else if (is_name("not") && peek().kind == Token::Kind::name && peek().text == "in") {
                NodePtr node = make(Kind::not_);
                ++at_;
                add(*node, make_binary("in", std::move(left), &Parser::parse_sum));
                left = std::move(node);
            } else {
                return left;
            }
        }
    }

    NodePtr parse_sum() {
        NodePtr left = parse_concatenation();
        while (is_symbol("+") || is_symbol("-"))
            left = make_binary(now().text, std::move(left), &Parser::parse_concatenation);
        return left;
    }

    NodePtr parse_concatenation() {
        NodePtr left = parse_product();
        while (is_symbol("~")) left = make_binary("~", std::move(left), &Parser::parse_product);
        return left;
    }

    NodePtr parse_product() {
        NodePtr left = parse_unary();
        while (is_symbol("*") || is_symbol("/") || is_symbol("//") || is_symbol("%"))
            left = make_binary(now().text, std::move(left), &Parser::parse_unary);
        return left;
    }

    NodePtr parse_unary() {
        if (is_symbol("-")) {
            const Nesting nesting(*this);
            NodePtr node = make(Kind::negate);
            ++at_;
            add(*node, parse_unary());
            return node;
        }
        return parse_filters(parse_postfix(parse_primary()));
    }

    NodePtr parse_primary() {
        const Nesting nesting(*this);
        const Token &token = now();
        if (token.kind == Token::Kind::string || token.kind == Token::Kind::integer) {
            NodePtr node = make(Kind::literal);
            if (token.kind == Token::Kind::integer) {
                node->value = Value::of(static_cast<int64_t>(std::strtoll(token.text.c_str(), nullptr, 10)));
                ++at_;
                return node;
            }
            std::string text;
            for (; now().kind == Token::Kind::string; ++at_)  // 'a' 'b' is one string
                text += now().text;
            node->value = Value::of(std::move(text));
            return node;
        }
        if (token.kind == Token::Kind::fraction) {
            NodePtr node = make(Kind::fraction);
            ++at_;
            return node;
        }
        if (token.kind == Token::Kind::name) return parse_name();
        if (is_symbol("(")) return parse_parentheses();
        if (is_symbol("[") || is_symbol("{")) return parse_collection();
        fail_here("an expression is missing, or this is unsupported");
    }

    // A tuple is a list.
    NodePtr parse_parentheses() {
        NodePtr tuple = make(Kind::list);
        ++at_;
        if (take_symbol(")")) return tuple;
        NodePtr first = parse_expression();
        if (take_symbol(")")) return first;
        add(*tuple, std::move(first));
        while (!take_symbol(")")) {
            need_symbol(",");
            if (!is_symbol(")")) add(*tuple, parse_expression());
        }
        return tuple;
    }

    NodePtr parse_name() {
        NodePtr node = make(Kind::name, now().text);
        ++at_;
        const std::string &text = node->text;
        const bool yes = text == "true" || text == "True", no = text == "false" || text == "False";
        if (yes || no || text == "none" || text == "None") {
            node->kind = Kind::literal;
            node->value = Value::of(yes);
            if (!yes && !no) node->value.type = Value::Type::none;
        }
        return node;
    }

    NodePtr parse_collection() {
        const bool is_dict = is_symbol("{");
        NodePtr node = make(is_dict ? Kind::dict : Kind::list);
        const char *const end = is_dict ? "}" : "]";
        ++at_;
        while (!take_symbol(end)) {
            add(*node, parse_expression());
            if (is_dict) {
                need_symbol(":");
                add(*node, parse_expression());
            }
            if (!is_symbol(end)) need_symbol(",");
        }
        return node;
    }

    NodePtr parse_postfix(NodePtr object) {
        while (true) {
            if (is_symbol(".")) {
                NodePtr node = make(Kind::attribute);
                ++at_;
                node->text = need_name();
                add(*node, std::move(object));
                object = std::move(node);
            } else if (is_symbol("[")) {
                object = parse_subscript(std::move(object));
            } else if (is_symbol("(")) {
                NodePtr node = make(Kind::call);
                node->line = object->line;
                node->column = object->column;
                add(*node, std::move(object));
                parse_arguments(*node);
                object = std::move(node);
            } else {
                return object;
            }
        }
    }

    NodePtr parse_subscript(NodePtr object) {
        NodePtr node = make(Kind::index);
        ++at_;
        add(*node, std::move(object));
        add(*node, is_symbol(":") ? nullptr : parse_expression());
        if (take_symbol(":")) {
            node->kind = Kind::slice;
            add(*node, is_symbol("]") || is_symbol(":") ? nullptr : parse_expression());
            add(*node, take_symbol(":") && !is_symbol("]") ? parse_expression() : nullptr);
        }
        need_symbol("]");
        return node;
    }

    void parse_arguments(Node &node) {
        need_symbol("(");
        while (!take_symbol(")")) {
            if (now().kind == Token::Kind::name && peek().kind == Token::Kind::symbol && peek().text == "=") {
                NodePtr keyword = make(Kind::keyword, now().text);
                at_ += 2;
                add(*keyword, parse_expression());
                add(node, std::move(keyword));
            } else {
                add(node, parse_expression());
            }
            if (!is_symbol(")")) need_symbol(",");
        }
    }

    NodePtr parse_filters(NodePtr object) {
        while (true) {
            if (is_symbol("|")) {
                ++at_;
                NodePtr node = make(Kind::filter);
                node->text = need_name();
                add(*node, std::move(object));
                if (is_symbol("(")) parse_arguments(*node);
                object = parse_postfix(std::move(node));
            } else if (is_name("is")) {
                ++at_;
                const bool negated = take_name("not");
                NodePtr node = make(Kind::test);
                node->text = need_name();
                add(*node, std::move(object));
                if (is_symbol("(")) {
                    parse_arguments(*node);
                } else if (now().kind == Token::Kind::string || now().kind == Token::Kind::integer ||
                           is_symbol("[")) {
                    add(*node, parse_primary());
                }
                if (negated) {
                    NodePtr outer = make(Kind::not_);
                    add(*outer, std::move(node));
                    node = std::move(outer);
                }
                object = std::move(node);
            } else {
                return object;
            }
        }
    }

    const std::vector<Token> tokens_;
    size_t at_ = 0;
    uint32_t nesting_ = 0, loops_ = 0;
};

}  // namespace

NodePtr parse(std::string_view source) { return Parser(lex(source)).run(); }

void fail_at(uint32_t line, uint32_t column, const std::string &message) {
    throw TemplateError{format("line %u, column %u: %s", line, column, message.c_str())};
}

}  // namespace adder::jinja

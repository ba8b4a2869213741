// The pickle machine: a stack, marks and a memo, all of them bounded.
// SPDX-License-Identifier: MIT
#include "converter/import/pickle.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "converter/base/error.h"
#include "converter/text/json.h"

namespace adder {
namespace {

// Far above what 100,000 tensors need, and what a hostile file of that size can make of memory stays below a gigabyte.
constexpr size_t max_bytes = size_t{64} << 20;
constexpr size_t max_values = size_t{1} << 22;
constexpr size_t max_depth = size_t{1} << 16;  // of the stack; a pickler empties it every 1000 items

constexpr uint32_t absent = 0xFFFFFFFF;

}  // namespace

const std::vector<Pickle::Id> &Pickle::items(Id id) const {
    static const std::vector<Id> nothing;
    const uint32_t items = values_[id].items;
    return items == absent ? nothing : containers_[items];
}

class PickleReader {
  public:
    PickleReader(std::string_view bytes, const std::string &name, const char *const *globals)
        : bytes_(bytes), name_(name), globals_(globals) {}

    Pickle read() {
        if (bytes_.size() > max_bytes)
            bad_input("%s has %zu bytes; at most %zu are supported", name_.c_str(), bytes_.size(), max_bytes);
        while (step()) {
        }
        return std::move(pickle_);
    }

  private:
    using Id = Pickle::Id;
    using Kind = Pickle::Kind;

    [[noreturn]] void refuse(const char *what) const {
        bad_input("%s: at byte %zu: %s", name_.c_str(), opcode_at_, what);
    }

    // ---- Bytes ----

    const uint8_t *take(size_t size) {
        if (size > bytes_.size() - at_) refuse("the pickle is cut");
        const auto *const data = reinterpret_cast<const uint8_t *>(bytes_.data()) + at_;
        at_ += size;
        return data;
    }
    uint64_t number(unsigned size) {
        const uint8_t *const data = take(size);
        uint64_t value = 0;
        for (unsigned i = size; i-- > 0;) value = value << 8 | data[i];
        return value;
    }
    std::string_view string(size_t size) { return {reinterpret_cast<const char *>(take(size)), size}; }
    std::string_view line() {
        const size_t end = bytes_.find('\n', at_);
        if (end == std::string_view::npos) refuse("the pickle is cut");
        const std::string_view text = string(end - at_);
        take(1);
        return text;
    }

    // ---- Values ----

    Id make(Kind kind, int64_t number = 0, std::string_view text = {}) {
        if (pickle_.values_.size() == max_values) refuse("more values than any list of tensors has");
        pickle_.values_.push_back({kind, absent, number, text});
        return static_cast<Id>(pickle_.values_.size() - 1);
    }
    Id make(Kind kind, std::vector<Id> items) {
        const Id id = make(kind);
        fill(id, items.begin(), items.end());
        return id;
    }
    template <typename Iterator>
    void fill(Id id, Iterator begin, Iterator end) {
        if (begin == end) return;
        uint32_t &items = pickle_.values_[id].items;
        if (items == absent) {
            items = static_cast<uint32_t>(pickle_.containers_.size());
            pickle_.containers_.emplace_back();
        }
        std::vector<Id> &list = pickle_.containers_[items];
        list.insert(list.end(), begin, end);
    }

    void push(Id id) {
        if (stack_.size() + marks_.size() >= max_depth) refuse("the stack is too deep");
        stack_.push_back(id);
    }
    // How many of the stack's values stand above the last mark.
    size_t above_mark() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
    Id top() const {
        if (above_mark() == 0) refuse("a value is missing on the stack");
        return stack_.back();
    }
    Id pop() {
        const Id id = top();
        stack_.pop_back();
        return id;
    }
    std::vector<Id> pop_many(size_t count) {
        if (above_mark() < count) refuse("a value is missing on the stack");
        const auto begin = stack_.end() - static_cast<std::ptrdiff_t>(count);
        std::vector<Id> items(begin, stack_.end());
        stack_.erase(begin, stack_.end());
        return items;
    }
    std::vector<Id> pop_to_mark() {
        if (marks_.empty()) refuse("a mark is missing");
        std::vector<Id> items = pop_many(above_mark());
        marks_.pop_back();
        return items;
    }
    void add_items(Kind kind, const std::vector<Id> &items) {
        const Id container = top();
        if (pickle_.kind(container) != kind)
            refuse(kind == Kind::dict ? "items are set in what is no dict"
                                      : "items are added to what is no list");
        if (kind == Kind::dict && items.size() % 2 != 0) refuse("a key without a value");
        fill(container, items.begin(), items.end());
    }

    void remember(uint64_t index) {
        const Id id = top();
        if (index >= max_values) refuse("a larger memo than any list of tensors has");
        if (index >= memo_.size()) memo_.resize(static_cast<size_t>(index) + 1, absent);
        memo_[static_cast<size_t>(index)] = id;
    }
    void recall(uint64_t index) {
        if (index >= memo_.size() || memo_[static_cast<size_t>(index)] == absent)
            refuse("the memo has no such value");
        push(memo_[static_cast<size_t>(index)]);
    }

    // ---- Opcodes ----

    void global() {
        const std::string module(line());
        const std::string text = module + " " + std::string(line());
        for (const char *const *known = globals_; *known != nullptr; ++known)
            if (text == *known) return push(make(Kind::global, 0, *known));
        bad_input(
            "%s: at byte %zu: it wants to import %s, and nothing is ever executed: what a file of tensors "
            "needs is allowed alone. Save the tensors alone, as torch.save(model.state_dict(), FILE) does",
            name_.c_str(), opcode_at_, json_quote(text).c_str());
    }

    void reduce() {
        const Id arguments = pop(), callee = pop();
        if (pickle_.kind(callee) != Kind::global) refuse("what is called is no name");
        if (pickle_.kind(arguments) != Kind::tuple) refuse("the arguments of a call are no tuple");
        if (pickle_.text(callee) == "collections OrderedDict") {
            if (!pickle_.items(arguments).empty()) refuse("an OrderedDict with arguments");
            push(make(Kind::dict));
        } else {
            push(make(Kind::call, std::vector<Id>{callee, arguments}));
        }
    }

    // An integer of `size` bytes in two's complement.
    void long_integer(size_t size) {
        const uint8_t *const data = take(size);
        if (size > 8) return push(make(Kind::opaque));
        uint64_t value = size > 0 && (data[size - 1] & 0x80) != 0 ? ~uint64_t{0} : 0;
        for (size_t i = size; i-- > 0;) value = value << 8 | data[i];
        push(make(Kind::integer, static_cast<int64_t>(value)));
    }

    // Runs one opcode; false after the last one.
    bool step() {
        opcode_at_ = at_;
        const uint8_t opcode = *take(1);
        switch (opcode) {
        case 0x80:  // PROTO
            if (const uint64_t version = number(1); version > 2)
                bad_input("%s has pickle protocol %" PRIu64
                          "; 2 is supported, which torch.save writes unless told "
                          "otherwise",
                          name_.c_str(), version);
            break;
        case '.':  // STOP
            pickle_.root_ = pop();
            if (!stack_.empty() || !marks_.empty()) refuse("the pickle ends with values left on the stack");
            if (at_ != bytes_.size()) refuse("the pickle ends before its bytes do");
            return false;
        case '(':  // MARK
            if (stack_.size() + marks_.size() >= max_depth) refuse("the stack is too deep");
            marks_.push_back(stack_.size());
            break;
        case 'N': push(make(Kind::none)); break;
        case 0x88: push(make(Kind::boolean, 1)); break;                                        // NEWTRUE
        case 0x89: push(make(Kind::boolean, 0)); break;                                        // NEWFALSE
        case 'K': push(make(Kind::integer, static_cast<int64_t>(number(1)))); break;           // BININT1
        case 'M': push(make(Kind::integer, static_cast<int64_t>(number(2)))); break;           // BININT2
        case 'J': push(make(Kind::integer, static_cast<int32_t>(number(4)))); break;           // BININT
        case 0x8A: long_integer(static_cast<size_t>(number(1))); break;                        // LONG1
        case 'G': take(8), push(make(Kind::real)); break;                                      // BINFLOAT
        case 'X': push(make(Kind::string, 0, string(static_cast<size_t>(number(4))))); break;  // BINUNICODE
        case ')': push(make(Kind::tuple)); break;                                              // EMPTY_TUPLE
        case 0x85: push(make(Kind::tuple, pop_many(1))); break;                                // TUPLE1
        case 0x86: push(make(Kind::tuple, pop_many(2))); break;                                // TUPLE2
        case 0x87: push(make(Kind::tuple, pop_many(3))); break;                                // TUPLE3
        case 't': push(make(Kind::tuple, pop_to_mark())); break;                               // TUPLE
        case ']': push(make(Kind::list)); break;                                               // EMPTY_LIST
        case 'a': add_items(Kind::list, pop_many(1)); break;                                   // APPEND
        case 'e': add_items(Kind::list, pop_to_mark()); break;                                 // APPENDS
        case '}': push(make(Kind::dict)); break;                                               // EMPTY_DICT
        case 's': add_items(Kind::dict, pop_many(2)); break;                                   // SETITEM
        case 'u': add_items(Kind::dict, pop_to_mark()); break;                                 // SETITEMS
        case 'q': remember(number(1)); break;                                                  // BINPUT
        case 'r': remember(number(4)); break;                                                  // LONG_BINPUT
        case 'h': recall(number(1)); break;                                                    // BINGET
        case 'j': recall(number(4)); break;                                                    // LONG_BINGET
        case 'c': global(); break;                                                             // GLOBAL
        case 'Q': push(make(Kind::persistent, pop_many(1))); break;                            // BINPERSID
        case 'R': reduce(); break;                                                             // REDUCE
        case 'b': pop(), top(); break;                                                         // BUILD
        default:
            bad_input("%s: at byte %zu: opcode 0x%02x is none that tensors are made of", name_.c_str(),
                      opcode_at_, opcode);
        }
        return true;
    }

    std::string_view bytes_;
    const std::string &name_;
    const char *const *globals_;
    size_t at_ = 0, opcode_at_ = 0;
    Pickle pickle_;
    std::vector<Id> stack_;
    std::vector<size_t> marks_;  // heights of the stack
    std::vector<Id> memo_;       // by index; `absent` where there is none
};

Pickle parse_pickle(std::string_view bytes, const std::string &name, const char *const *globals) {
    return PickleReader(bytes, name, globals).read();
}

}  // namespace adder

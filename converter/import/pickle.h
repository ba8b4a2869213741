// Reads a pickle as data: what it builds, without building it. Nothing is imported, called or executed.
// SPDX-License-Identifier: MIT
//
// The format: Python's Lib/pickletools.py, protocol 2. Only the opcodes that dictionaries of tensors are made of are
// known; any other is an error that names it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace adder {

// What a pickle holds. A value is an index into `values`; it may be part of several others, and of itself.
class Pickle {
  public:
    enum class Kind : uint8_t {
        none,
        boolean,
        integer,  // `number`; also of a boolean
        real,
        string,      // `text`, UTF-8
        tuple,       // `items`
        list,        // `items`
        dict,        // `items`: key, value, key, value, ...
        global,      // `text`: "torch FloatStorage"
        call,        // `items`: what would be called, and the tuple of its arguments
        persistent,  // `items`: the one value that stands for an object outside of the pickle
        opaque       // an integer of more than 64 bits
    };
    using Id = uint32_t;

    Kind kind(Id id) const { return values_[id].kind; }
    int64_t number(Id id) const { return values_[id].number; }
    std::string_view text(Id id) const { return values_[id].text; }
    const std::vector<Id> &items(Id id) const;
    Id root() const { return root_; }

  private:
    friend class PickleReader;
    struct Value {
        Kind kind;
        uint32_t items;  // of containers_
        int64_t number;
        std::string_view text;
    };
    std::vector<Value> values_;
    std::vector<std::vector<Id>> containers_;
    Id root_ = 0;
};

// Reads a whole pickle in memory, which must live on. `name` stands in messages. `globals` are the names that may stand
// in it, "module name" each, and end with a null pointer; `collections OrderedDict`, called without arguments, is a dict
// if it is among them. Attributes that BUILD would set are read and dropped. Throws Error(bad_input).
Pickle parse_pickle(std::string_view bytes, const std::string &name, const char *const *globals);

}  // namespace adder

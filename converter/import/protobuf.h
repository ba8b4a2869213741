// Protocol Buffers' wire format, as it stands in a file: the fields of one message, one after the other.
// SPDX-License-Identifier: MIT
//
// https://protobuf.dev/programming-guides/encoding
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace adder {

class ProtobufReader {
  public:
    // `name` stands in errors: "tokenizer.model: pieces[3]". `begin`: where in the file the message begins.
    ProtobufReader(std::string_view bytes, std::string name, size_t begin = 0)
        : bytes_(bytes), name_(std::move(name)), begin_(begin) {}

    // The next field; false at the message's end. Throws Error(bad_input) where the bytes are no such message.
    bool next();

    uint32_t field() const { return field_; }
    // Its value; throws if it is of another type on the wire. `what` names it.
    uint64_t number(const char *what) const;  // a varint
    bool boolean(const char *what) const { return number(what) != 0; }
    float real(const char *what) const;               // four bytes
    std::string_view bytes(const char *what) const;   // string, bytes or a message
    size_t position() const { return begin_ + at_; }  // behind the field, in the file

  private:
    enum Wire : uint32_t { varint = 0, eight_bytes = 1, length = 2, four_bytes = 5 };
    [[noreturn]] void refuse(const char *why) const;
    void check(Wire wire, const char *what) const;
    uint64_t read_varint();
    std::string_view take(uint64_t size);

    std::string_view bytes_;
    std::string name_;
    size_t begin_, at_ = 0;
    uint32_t field_ = 0, wire_ = 0;
    uint64_t number_ = 0;
    std::string_view value_;
};

}  // namespace adder

// Reads tags, varints and lengths; groups, which no file has had for long, are refused.
// SPDX-License-Identifier: MIT
#include "converter/import/protobuf.h"

#include <cstring>

#include "converter/base/error.h"

namespace adder {

void ProtobufReader::refuse(const char *why) const {
    bad_input("%s: %s, at byte %zu", name_.c_str(), why, begin_ + at_);
}

uint64_t ProtobufReader::read_varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (at_ == bytes_.size()) refuse("ends within a number");
        const uint8_t byte = static_cast<uint8_t>(bytes_[at_++]);
        if (shift == 63 && byte > 1) refuse("a number has more than 64 bits");
        value |= uint64_t{byte & 0x7Fu} << shift;
        if (byte < 0x80) return value;
    }
    refuse("a number has more than 64 bits");
}

std::string_view ProtobufReader::take(uint64_t size) {
    if (size > bytes_.size() - at_)
        bad_input("%s: a field of %llu bytes at byte %zu does not fit: %zu bytes are left", name_.c_str(),
                  static_cast<unsigned long long>(size), begin_ + at_, bytes_.size() - at_);
    const std::string_view taken = bytes_.substr(at_, static_cast<size_t>(size));
    at_ += static_cast<size_t>(size);
    return taken;
}

bool ProtobufReader::next() {
    if (at_ == bytes_.size()) return false;
    const uint64_t tag = read_varint();
    if (tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) refuse("a field's number is not in 1 .. 536870911");
    field_ = static_cast<uint32_t>(tag >> 3);
    wire_ = static_cast<uint32_t>(tag & 7);
    value_ = {};
    number_ = 0;
    switch (wire_) {
    case varint: number_ = read_varint(); break;
    case eight_bytes: value_ = take(8); break;
    case length: value_ = take(read_varint()); break;
    case four_bytes: value_ = take(4); break;
    default: refuse("a field is of a type on the wire that is not supported: no protobuf, or damaged");
    }
    return true;
}

void ProtobufReader::check(Wire wire, const char *what) const {
    if (wire_ != wire)
        bad_input("%s: %s is of type %u on the wire, and %u is needed, before byte %zu", name_.c_str(), what,
                  wire_, static_cast<uint32_t>(wire), begin_ + at_);
}

uint64_t ProtobufReader::number(const char *what) const {
    check(varint, what);
    return number_;
}

float ProtobufReader::real(const char *what) const {
    check(four_bytes, what);
    uint32_t bits = 0;
    for (unsigned i = 0; i < 4; ++i) bits |= uint32_t{static_cast<uint8_t>(value_[i])} << 8 * i;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

std::string_view ProtobufReader::bytes(const char *what) const {
    check(length, what);
    return value_;
}

}  // namespace adder

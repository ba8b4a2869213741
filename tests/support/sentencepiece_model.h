// A tokenizer.model made on the spot: SentencePiece's ModelProto on the wire.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace adder::test {

inline std::string wire_number(uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(0x80 | (value & 0x7F));
    return bytes + static_cast<char>(value);
}
inline std::string wire_field(uint32_t field, uint64_t value) {
    return wire_number(uint64_t{field} << 3) + wire_number(value);
}
inline std::string wire_field(uint32_t field, std::string_view bytes) {
    return wire_number(uint64_t{field} << 3 | 2) + wire_number(bytes.size()) + std::string(bytes);
}
inline std::string wire_float(uint32_t field, float value) {
    char bytes[4];
    std::memcpy(bytes, &value, 4);  // the tests' machines are little-endian
    return wire_number(uint64_t{field} << 3 | 5) + std::string(bytes, 4);
}

enum : uint32_t { piece_normal = 1, piece_unknown, piece_control, piece_user, piece_unused, piece_byte };

// <unk>, <s>, </s>, all bytes if asked for, and then what piece() adds.
struct ModelFile {
    std::string pieces, trainer, normalizer, rest;
    uint32_t count = 0;

    explicit ModelFile(bool bytes) {
        piece("<unk>", 0, piece_unknown);
        piece("<s>", 0, piece_control);
        piece("</s>", 0, piece_control);
        static const char digits[] = "0123456789ABCDEF";
        for (uint32_t byte = 0; bytes && byte < 256; ++byte)
            piece(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">", 0, piece_byte);
        trainer = wire_field(3, uint64_t{2}) + wire_field(35, uint64_t{bytes});
        normalizer = wire_field(1, "identity") + wire_field(2, "");
    }
    uint32_t piece(const std::string &text, float score, uint32_t type = piece_normal) {
        std::string message = wire_field(1, text) + wire_float(2, score);
        if (type != piece_normal) message += wire_field(3, uint64_t{type});
        pieces += wire_field(1, message);
        return count++;
    }
    // Of the spaces: in front of the text; several as one.
    ModelFile &spaces(bool prefix, bool squeeze) {
        normalizer += wire_field(3, uint64_t{prefix}) + wire_field(4, uint64_t{squeeze});
        return *this;
    }
    std::string bytes() const { return pieces + wire_field(2, trainer) + wire_field(3, normalizer) + rest; }
};

}  // namespace adder::test

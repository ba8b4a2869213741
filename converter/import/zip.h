// Reads the directory of a ZIP archive whose members are stored, not compressed: they can be used where they lie.
// SPDX-License-Identifier: MIT
//
// The format: PKWARE, .ZIP File Format Specification (APPNOTE.TXT) 6.3; sections 4.3.7 (local file header), 4.3.12 to
// 4.3.16 (central directory, ZIP64) and 4.5.3 (ZIP64 extra field).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace adder {

// One member, in place. The name may hold any bytes.
struct ZipMember {
    std::string_view name;
    const uint8_t *data;
    uint64_t size;
};

struct ZipArchive {
    std::vector<ZipMember> members;  // sorted by name, each name once

    const ZipMember *find(std::string_view name) const;  // null if absent
};

bool is_zip(const uint8_t *data, size_t size);  // begins with a member

// Reads the central directory of a whole file in memory, checks it against the members' own headers, and points into
// `data`, which must live on. Compressed and encrypted members, archives in several parts, members that overlap and
// names that stand twice are refused. `name` (a path) stands in messages. Throws Error(bad_input).
ZipArchive parse_zip(const uint8_t *data, size_t size, const std::string &name);

}  // namespace adder

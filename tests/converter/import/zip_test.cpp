// Tests of the ZIP reader, above all with archives that lie.
// SPDX-License-Identifier: MIT
#include "converter/import/zip.h"

#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/pytorch_builder.h"

namespace adder::test {
namespace {

ZipArchive parse(const std::string &bytes) {
    return parse_zip(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), "m.pth");
}

std::string parse_error(const std::string &bytes) {
    // A block of just this size, so that reading past it is seen by the address sanitizer.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    return error_of([&] { parse_zip(reinterpret_cast<const uint8_t *>(exact.data()), exact.size(), "m.pth"); });
}

std::string text_of(const ZipMember &member) {
    return {reinterpret_cast<const char *>(member.data), static_cast<size_t>(member.size)};
}

const std::vector<ZipEntry> two = {{"b/second", "hello"}, {"a", std::string(100, 'x')}};

// Where the record that the directory begins with stands.
size_t directory_of(const std::string &bytes) { return bytes.find("PK\1\2"); }

std::string patched(std::string bytes, size_t at, uint64_t value, unsigned size) {
    return bytes.replace(at, size, little_endian(value, size));
}

}  // namespace

TEST(Zip, ReadsMembersInPlace) {
    for (const bool zip64 : {false, true}) {
        for (const size_t alignment : {1, 64}) {
            std::vector<ZipEntry> entries = two;
            entries[1].zip64 = zip64;
            entries[0].flags = 0x808;  // a data descriptor, a name in UTF-8: as torch.save sets them
            const std::string bytes = zip_file(entries, zip64, alignment);
            EXPECT_TRUE(is_zip(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
            const ZipArchive archive = parse(bytes);
            ASSERT_EQ(archive.members.size(), 2u);
            EXPECT_EQ(archive.members[0].name, "a");
            EXPECT_EQ(text_of(*archive.find("b/second")), "hello");
            EXPECT_EQ(text_of(*archive.find("a")), std::string(100, 'x'));
            EXPECT_EQ((archive.find("a")->data - reinterpret_cast<const uint8_t *>(bytes.data())) %
                          static_cast<std::ptrdiff_t>(alignment),
                      0);
            EXPECT_EQ(archive.find("c"), nullptr);
        }
    }
    EXPECT_TRUE(parse(zip_file({})).members.empty());
}

TEST(Zip, ACommentMayFollowAndMayLookLikeTheEnd) {
    std::string bytes = zip_file(two);
    const std::string comment = "PK\5\6" + std::string(40, 'c');
    bytes = patched(bytes, bytes.size() - 2, comment.size(), 2) + comment;
    EXPECT_EQ(parse(bytes).members.size(), 2u);
}

TEST(Zip, EveryTruncationIsAnError) {
    for (const bool zip64 : {false, true}) {
        std::vector<ZipEntry> entries = two;
        entries[0].zip64 = zip64;
        const std::string bytes = zip_file(entries, zip64);
        parse(bytes);
        for (size_t size = 0; size < bytes.size(); ++size)
            EXPECT_HAS(parse_error(bytes.substr(0, size)), "m.pth");
        // Cut in front: nothing is where the directory says.
        for (size_t size = 1; size < bytes.size(); ++size)
            EXPECT_HAS(parse_error(bytes.substr(size)), "m.pth");
    }
}

TEST(Zip, EveryNumberOfTheDirectoryMayLie) {
    for (const bool zip64 : {false, true}) {
        std::vector<ZipEntry> entries = two;
        entries[0].zip64 = zip64;
        const std::string bytes = zip_file(entries, zip64);
        for (size_t at = directory_of(bytes); at < bytes.size(); ++at) {
            for (const int value : {0, 1, 0x7F, 0x80, 0xFE, 0xFF}) {
                std::string changed = bytes;
                changed[at] = static_cast<char>(value);
                try {
                    const ZipArchive archive = parse(changed);
                    for (const ZipMember &member : archive.members) {
                        const auto *begin = reinterpret_cast<const uint8_t *>(changed.data());
                        ASSERT_GE(member.data, begin);
                        ASSERT_LE(member.size, changed.size());
                        ASSERT_LE(member.data + member.size, begin + directory_of(changed));
                    }
                } catch (const Error &error) {
                    EXPECT_HAS(std::string(error.what()), "m.pth");
                }
            }
        }
    }
}

TEST(Zip, WhatIsNotSupportedIsNamed) {
    const auto error = [](const ZipEntry &entry) { return parse_error(zip_file({entry})); };
    EXPECT_HAS(error({"a", "x", 8}), "member \"a\" is compressed (method 8); stored members are needed");
    EXPECT_HAS(error({"a", "x", 0, 1}), "member \"a\" is encrypted");
    ZipEntry renamed{"a", "x"};
    renamed.local_name = "b";
    EXPECT_HAS(error(renamed), "member \"a\" has another name at byte 0");
    EXPECT_HAS(parse_error(zip_file({{"a", "x"}, {"a", "y"}})), "member \"a\" stands twice");
    EXPECT_HAS(parse_error("hello"), "has no ZIP directory at its end");
}

TEST(Zip, SizesAndPlacesAreChecked) {
    const std::string bytes = zip_file(two);
    const size_t directory = directory_of(bytes), end = bytes.size() - 22;
    const std::string second = bytes.substr(directory + 46 + 8);
    EXPECT_HAS(parse_error(patched(bytes, end + 4, 1, 2)), "one part of a ZIP archive in several");
    EXPECT_HAS(parse_error(patched(patched(bytes, end + 8, 60000, 2), end + 10, 60000, 2)),
               "announces 60000 members in a directory of");
    EXPECT_HAS(parse_error(patched(patched(bytes, end + 8, 1, 2), end + 10, 1, 2)), "of which 1 members take");
    EXPECT_HAS(parse_error(patched(bytes, end + 16, 1u << 30, 4)), "its directory is said to lie at bytes");
    EXPECT_HAS(parse_error(patched(bytes, directory + 24, 6, 4)), "is stored in 5 bytes, and has 6");
    EXPECT_HAS(parse_error(patched(patched(bytes, directory + 20, 1u << 20, 4), directory + 24, 1u << 20, 4)),
               "has 1048576 bytes at byte 0, which leaves");
    EXPECT_HAS(parse_error(patched(bytes, directory + 42, 1, 4)), "is said to be at byte 1, and is not there");
    EXPECT_HAS(parse_error(patched(bytes, directory + 42, 0xFFFFFFFF, 4)), "has no ZIP64 field");
    EXPECT_HAS(parse_error(patched(patched(bytes, directory + 20, 120, 4), directory + 24, 120, 4)),
               "members \"b/second\" and \"a\" overlap");
    const std::string large = zip_file(two, true);
    const size_t locator = large.find("PK\6\7"), end64 = large.find("PK\6\6");
    EXPECT_HAS(parse_error(patched(large, locator + 8, UINT64_MAX, 8)),
               "the end record of ZIP64 is said to be");
    EXPECT_HAS(parse_error(patched(large, locator + 8, 3, 8)), "and is not there");
    EXPECT_HAS(parse_error(patched(patched(large, end64 + 24, uint64_t{1} << 60, 8), end64 + 32,
                                   uint64_t{1} << 60, 8)),
               "announces 1152921504606846976 members");
    EXPECT_HAS(parse_error(patched(large, end64 + 48, UINT64_MAX, 8)),
               "its directory is said to lie at bytes");
}

}  // namespace adder::test

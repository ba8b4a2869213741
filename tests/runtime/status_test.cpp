// Sentences for statuses and errors.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "adder/adder.h"

namespace {

std::string text_of(const adder_error &error) {
    char text[256];
    const size_t length = adder_error_text(&error, text, sizeof text);
    EXPECT_EQ(length, std::strlen(text));
    return text;
}

TEST(Status, EachHasASentenceOfItsOwn) {
    std::set<std::string> sentences;
    for (int status = ADDER_ERROR_LENGTH; status <= ADDER_MORE; ++status)
        sentences.insert(adder_status_text(static_cast<adder_status>(status)));
    EXPECT_EQ(sentences.size(), 2u - ADDER_ERROR_LENGTH);
    for (const int unknown : {2, ADDER_ERROR_LENGTH - 1})
        EXPECT_EQ(sentences.count(adder_status_text(static_cast<adder_status>(unknown))), 0u);
}

TEST(Status, ErrorsNameItemIndexAndNumbers) {
    EXPECT_EQ(text_of({ADDER_ERROR_ARENA, "bytes", -1, 10, 18446744073709551615u}),
              "the arena is too small: bytes: found 10, needed 18446744073709551615");
    EXPECT_EQ(text_of({ADDER_ERROR_CORRUPT, "rows of tensor", 0, 0, 7}),
              "the blob is damaged: rows of tensor 0: found 0, needed 7");
    EXPECT_EQ(text_of({ADDER_ERROR_CORRUPT, "rows of tensor", 12, 10000000000000000000u, 9}),
              "the blob is damaged: rows of tensor 12: found 10000000000000000000, needed 9");
    EXPECT_EQ(text_of({ADDER_ERROR_NOT_A_BLOB, "magic number", -1, 0, 0}),
              "this is not an Adder blob: magic number");
    EXPECT_EQ(text_of({ADDER_ERROR_TOKEN, nullptr, -1, 3, 4}), adder_status_text(ADDER_ERROR_TOKEN));
}

TEST(Status, ErrorTextIsCutAndZeroTerminated) {
    const adder_error error{ADDER_ERROR_ARENA, "bytes", -1, 10, 20};
    const std::string whole = text_of(error);
    for (size_t size = 0; size < whole.size() + 3; ++size) {
        std::string buffer(whole.size() + 8, '#');
        EXPECT_EQ(adder_error_text(&error, &buffer[0], size), whole.size());
        const size_t kept = size == 0 ? 0 : std::min(size - 1, whole.size());
        EXPECT_EQ(buffer.substr(0, kept), whole.substr(0, kept));
        if (size > 0) {
            EXPECT_EQ(buffer[kept], '\0');
        }
        EXPECT_EQ(buffer.find_first_not_of('#', size == 0 ? 0 : kept + 1), std::string::npos)
            << "writes past " << size;
    }
    EXPECT_EQ(adder_error_text(&error, nullptr, 0), whole.size());
    char one = 'x';
    EXPECT_EQ(adder_error_text(nullptr, &one, 1), 0u);
    EXPECT_EQ(one, '\0');
}

TEST(Status, VersionIsThatOfTheHeader) {
    EXPECT_EQ(std::string(adder_version()), std::to_string(ADDER_VERSION_MAJOR) + "." +
                                                std::to_string(ADDER_VERSION_MINOR) + "." +
                                                std::to_string(ADDER_VERSION_PATCH));
}

}  // namespace

// Runs a piece of code that has to throw adder::Error, and gives the error's text.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "converter/base/error.h"

namespace adder::test {

template <typename Code>
std::string error_of(Code &&code, ExitCode expected = ExitCode::bad_input) {
    try {
        std::forward<Code>(code)();
    } catch (const Error &error) {
        EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(expected)) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "no error was thrown";
    return "";
}

// Whether an error says all that it has to.
#define EXPECT_HAS(text, part)                                                                               \
    EXPECT_NE((text).find(part), std::string::npos) << "\"" << (text) << "\" lacks \"" << (part) << "\""

}  // namespace adder::test

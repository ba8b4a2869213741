// Formatting and throwing of the host tools' errors.
// SPDX-License-Identifier: MIT
#include "converter/base/error.h"

#include <cstdarg>
#include <cstdio>

namespace adder {

static std::string format_list(const char *pattern, va_list arguments) {
    va_list copy;
    va_copy(copy, arguments);
    const int size = std::vsnprintf(nullptr, 0, pattern, copy);
    va_end(copy);
    if (size < 0) return pattern;
    std::string text(static_cast<size_t>(size), '\0');
    std::vsnprintf(text.data(), text.size() + 1, pattern, arguments);
    return text;
}

std::string format(const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    std::string text = format_list(pattern, arguments);
    va_end(arguments);
    return text;
}

void fail(ExitCode code, const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    std::string text = format_list(pattern, arguments);
    va_end(arguments);
    throw Error(code, text);
}

void bad_input(const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    std::string text = format_list(pattern, arguments);
    va_end(arguments);
    throw Error(ExitCode::bad_input, text);
}

}  // namespace adder

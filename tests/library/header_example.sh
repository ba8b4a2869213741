#!/bin/sh
# The example at the top of adder.hpp compiles as it stands there, without a warning.
# SPDX-License-Identifier: MIT
#
#     header_example.sh SOURCE_DIR    CXX names another compiler
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
    printf '#include <adder/adder.hpp>\n\n#include <vector>\n\n'
    printf 'int report(const std::string &text);\nint32_t example(const void *blob, size_t blob_size);\n'
    printf 'int32_t example(const void *blob, size_t blob_size) {\n'
    sed -n '/^#ifndef/q; s|^//     ||p' "$1/include/adder/adder.hpp"
    printf 'return next;\n}\n'
} >"$work/example.cpp"
grep -q 'session.step' "$work/example.cpp" || { echo "the example is not what it was"; exit 1; }
${CXX-c++} -std=c++17 -Wall -Wextra -Wshadow -Wpedantic -Werror -I "$1/include" -c "$work/example.cpp" -o "$work/example.o"

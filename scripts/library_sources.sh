#!/bin/sh
# Prints the sources of the library, one a line: all that are in its folders, as cmake/library.cmake has them.
# SPDX-License-Identifier: MIT
#
#     sh scripts/library_sources.sh portable    those of every build
#     sh scripts/library_sources.sh optional    those of one instruction set each, which are empty where it is not there; in the
#                                               order of cmake/isas.cmake
set -eu
cd "$(dirname -- "$0")/.."
case ${1-} in
portable) find kernels/*.cpp kernels/scalar runtime -name '*.cpp' ! -path kernels/cases.cpp | LC_ALL=C sort ;;
optional)
    awk 'index($0, "adder_add_isa(") == 1 {on = 1}
        on {last = /\)$/; gsub(/[()]/, " "); for (i = 1; i <= NF; ++i) if ($i ~ /\.cpp$/) {print $i; ++found} on = !last}
        END {if (!found) {print "library_sources: no adder_add_isa" > "/dev/stderr"; exit 1}}' cmake/isas.cmake
    ;;
*) echo "usage: sh scripts/library_sources.sh portable|optional" >&2; exit 2 ;;
esac

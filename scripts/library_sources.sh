#!/bin/sh
# Prints the sources of the library, one a line, as CMakeLists.txt and cmake/isas.cmake list them.
# SPDX-License-Identifier: MIT
#
#     sh scripts/library_sources.sh portable    those of every build
#     sh scripts/library_sources.sh optional    those of one instruction set each, which are empty where it is not there
set -eu
cd "$(dirname -- "$0")/.."
case ${1-} in
portable) file=CMakeLists.txt command='set(ADDER_LIBRARY_SOURCES' ;;
optional) file=cmake/isas.cmake command='adder_add_isa(' ;;
*) echo "usage: sh scripts/library_sources.sh portable|optional" >&2; exit 2 ;;
esac
awk -v begin="$command" -v file="$file" 'index($0, begin) == 1 {on = 1}
    on {last = /\)$/; gsub(/[()]/, " "); for (i = 1; i <= NF; ++i) if ($i ~ /\.cpp$/) {print $i; ++found} on = !last}
    END {if (!found) {print "library_sources: " file " has no " begin > "/dev/stderr"; exit 1}}' "$file"

#!/bin/sh
# Writes the whole library as two files, adder.h and adder.cpp, for projects that would rather copy than build.
# SPDX-License-Identifier: MIT
#
#     sh scripts/amalgamate.sh DIR
#
# The sources are those that CMake lists. All local headers of the portable part come first, once each, then the sources; the
# kernels of an instruction set are used where the compiler's flags say that the target has it (-mavx2, -mcpu=...), and
# nothing is chosen among sets that it may have. The same commit gives the same bytes.
set -eu
[ $# -eq 1 ] || { echo "usage: sh scripts/amalgamate.sh DIR" >&2; exit 2; }
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
mkdir -p "$1"
out=$(CDPATH='' cd -- "$1" && pwd -P)
cd "$root"

version=$(awk '/^#define ADDER_VERSION_/ {printf "%s%s", dot, $3; dot = "."}' include/adder/adder.h)
title="Adder $version in two files, made by scripts/amalgamate.sh: change the library, not these."

{
    echo "/* $title */"
    awk '/^#include "config.h"/ {while ((getline line <"include/adder/config.h") > 0) print line; next} {print}' \
        include/adder/adder.h
} >"$out/adder.h.part"

portable=$(sh scripts/library_sources.sh portable)
optional=$(sh scripts/library_sources.sh optional)

# shellcheck disable=SC2086
awk -v title="$title" -v portable="$portable" -v optional="$optional" '
# The file that an #include of the line names; "" if it is a system header or none.
function local_name(line) {
    if (line !~ /^#include "/) return ""
    gsub(/^#include "|".*$/, "", line)
    return line
}
# Headers that mean something else for each instruction set, or that only one has.
function is_specific(name) { return name ~ /^kernels\/(simd|x86|arm)\// }

# A list or a part of a namespace: it stands wherever it is included. Between #ifdef ADDER_..._HEADERS and #endif it names
# headers, for those who define that before they include it.
function is_part(name) { return name ~ /\.inc$/ }
function begins_headers(line) { return line ~ /^#ifdef ADDER_[A-Z_]*_HEADERS$/ }
function part(name,    line, inner, skip) {
    while ((getline line <name) > 0) {
        inner = local_name(line)
        if (begins_headers(line)) skip = 1
        else if (skip) skip += (line ~ /^#if/) - (line ~ /^#endif/)
        else if (inner != "") part(inner)
        else if (line !~ /^\/\//) print line
    }
    close(name)
}
function headers_of_part(name, wanted, specific,    line, inner, on) {
    while ((getline line <name) > 0) {
        if (begins_headers(line)) on = line == "#ifdef " wanted
        else if (line ~ /^#endif/) on = 0
        else if (on && (inner = local_name(line)) != "") header(inner, specific)
    }
    close(name)
}

# A header, with those that it includes in their places. `specific` says which: those of an instruction set as well, or none.
function header(name, specific,    line, inner, wanted) {
    if (name ~ /^adder\//) return
    if (is_specific(name) && !specific) return
    if (name in seen) return
    seen[name] = 1
    print "\n// ---- " name " ----"
    while ((getline line <name) > 0) {
        inner = local_name(line)
        if (is_part(inner) && wanted != "") {
            headers_of_part(inner, wanted, specific)
            wanted = ""
        } else if (is_part(inner)) part(inner)
        else if (inner != "") header(inner, specific)
        else if (line ~ wants_headers) wanted = substr(line, 9)
        else if (line ~ /^#define ADDER_SIMD /) {
            # The vector layer of another set: what was built on the last one is built again.
            for (inner in seen) if (is_specific(inner) && inner != name) delete seen[inner]
            print "#undef ADDER_SIMD\n" line
        } else if (line !~ /^#pragma once|^\/\/ SPDX/) print line
    }
    close(name)
}
function headers_of(source,    line, name, wanted) {
    while ((getline line <source) > 0) {
        if ((name = local_name(line)) == "") {
            if (line ~ wants_headers) wanted = substr(line, 9)
        } else if (!is_part(name)) header(name, 0)
        else if (wanted != "") {
            headers_of_part(name, wanted, 0)
            wanted = ""
        }
    }
    close(source)
}
function source(name, specific,    line, inner, wanted) {
    print "\n// ---- " name " ----"
    while ((getline line <name) > 0) {
        inner = local_name(line)
        if (line ~ wants_headers) wanted = substr(line, 9)
        else if (inner == "") {
            if (line !~ /^\/\/ SPDX/) print line
        } else if (is_part(inner) && wanted != "") {
            if (specific) headers_of_part(inner, wanted, 1)
            wanted = ""
        } else if (is_part(inner)) part(inner)
        else if (specific) header(inner, 1)
    }
    close(name)
}
BEGIN {
    wants_headers = "^#define ADDER_[A-Z_]*_HEADERS$"
    print "// " title "\n// SPDX-License-Identifier: MIT\n#include \"adder.h\"\n"
    print "#if defined(__clang__)  // one file has what others would have used"
    print "#pragma clang diagnostic ignored \"-Wunused-function\""
    print "#pragma clang diagnostic ignored \"-Wunused-const-variable\"\n#endif"
    n = split(portable, sources)
    m = split(optional, sets)
    for (i = 1; i <= n; ++i) headers_of(sources[i])
    for (i = 1; i <= n; ++i) source(sources[i], 0)
    for (i = 1; i <= m; ++i) source(sets[i], 1)
}' >"$out/adder.cpp.part"
mv "$out/adder.h.part" "$out/adder.h"
mv "$out/adder.cpp.part" "$out/adder.cpp"

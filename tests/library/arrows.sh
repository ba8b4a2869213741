#!/bin/sh
# Holds the includes to their direction: from the top down, and never to a neighbour on the same storey.
# SPDX-License-Identifier: MIT
#
#     arrows.sh SOURCE_DIR
#
# kernels/ and runtime/ are the library: runtime/ stands on kernels/, and neither knows of host/ or converter/. The folders
# of converter/ stand on each other as the list below has them.
set -eu
cd "$1"

# From the bottom up. A folder may include what stands in a lower line; folders of one line know nothing of each other.
storeys='
base
quantize text report
import constrain
plan
families
model
calibrate
blob
inspect bench eval
convert
study
app
'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
find kernels runtime converter -name '*.h' -o -name '*.cpp' >"$work/files"
xargs grep -H '^#include "' <"$work/files" >"$work/includes" # FILE:#include "PATH"
awk -F'"' -v storeys="$storeys" '
    BEGIN {
        count = split(storeys, lines, "\n")
        for (i = 1; i <= count; ++i) {
            folders = split(lines[i], names, " ")
            for (k = 1; k <= folders; ++k) storey[names[k]] = i
        }
    }
    function complain(why) {
        print file " includes " path ": " why
        failed = 1
    }
    {
        file = $1
        sub(/:#include $/, "", file)
        path = $2
        split(file, from, "/")
        split(path, to, "/")
        if (from[1] == "kernels" && to[1] ~ /^(runtime|host|converter)$/) complain("kernels/ stands below it")
        if (from[1] == "runtime" && to[1] ~ /^(host|converter)$/) complain("the library stands below it")
        if (from[1] != "converter") next
        if (!(from[2] in storey)) complain(from[2] "/ has no storey: name it in arrows.sh")
        if (to[1] != "converter") next
        ++arrows
        if (!(to[2] in storey)) complain("there is no such folder")
        else if (from[2] != to[2] && storey[to[2]] > storey[from[2]]) complain(to[2] "/ stands above " from[2] "/")
        else if (from[2] != to[2] && storey[to[2]] == storey[from[2]]) complain(to[2] "/ stands beside " from[2] "/")
    }
    END {
        if (!arrows) complain("nothing: are these the sources?")
        if (!failed) print arrows " includes of converter/, all of them down"
        exit failed
    }' "$work/includes"

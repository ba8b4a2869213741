#!/bin/sh
# README.md against the project: sh readme.sh SOURCE_DIR ADDER
# Its C program is examples/minimal/minimal.c's, its links lead somewhere, its commands exist.
# SPDX-License-Identifier: MIT
set -eu
cd "$1"
adder=$2
fail() { echo "README.md: $*"; exit 1; }

program=$(sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d')
[ -n "$program" ] || fail "no C program"
[ "$program" = "$(sed -n '/^int main/,$p' examples/minimal/minimal.c)" ] || fail "the program differs from examples/minimal/minimal.c"

for page in README.md docs/*.md; do
    folder=$(dirname "$page")
    for link in $(grep -o '](\([^)#]*\))' "$page" | sed 's/^](//; s/)$//'); do
        case $link in
        http*) continue ;;
        esac
        [ -e "$folder/$link" ] || fail "$page links to $link, which is not there"
    done
done

for command in $(sed -n 's,^build/bin/adder \([a-z]*\).*,\1,p' README.md); do
    "$adder" help "$command" >/dev/null || fail "there is no adder $command"
done

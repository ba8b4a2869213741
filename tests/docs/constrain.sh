#!/bin/sh
# The example of docs/constrain.md: its schema, its commands and what they print.
# SPDX-License-Identifier: MIT
#
#     constrain.sh SOURCE_DIR ADDER BLOB    BLOB is adder-13m, as `adder convert` makes it
set -eu
page=$1/docs/constrain.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$2" "$work/adder"
ln -s "$3" "$work/adder-13m.adder"
PATH=$work:$PATH
fail() { echo "$*"; exit 1; }

# The blocks of the section, each a file: 1.json, 2.sh, 3.out, ...
awk -v work="$work" '
    /^## / {inside = $0 == "## An example"}
    !inside {next}
    /^```/ && file == "" {kind = substr($0, 4); file = work "/" ++count "." (kind == "" ? "out" : kind); next}
    /^```/ {close(file); file = ""; next}
    file != "" {print > file}' "$page"
cd "$work"
mv 1.json booking.json
commands=0
for block in 2 4 6; do
    { sh "$block.sh" || echo "exit code $?"; } >got
    out=$((block + 1)).out
    # The last one fails, as the page says.
    [ $block = 6 ] && echo "exit code 1" >>"$out"
    cmp -s got "$out" || fail "docs/constrain.md: $(cat "$block.sh"): prints $(cat got)"
    commands=$((commands + 1))
done
[ $commands = 3 ] && grep -q '"wants"' 5.out || fail "docs/constrain.md: the example is not what it was"

#!/bin/sh
# The section "An example" of a page: its files, its commands and what they print.
# SPDX-License-Identifier: MIT
#
#     example.sh PAGE ADDER BLOB LIBRARY    BLOB is adder-13m, as `adder convert` makes it; LIBRARY is libadder.a; adder-chat lies
#                                           beside ADDER
#
# A block that begins with ```json NAME or ```cpp NAME is the file NAME; one with ```sh is run, and prints the block after it, or
# nothing. Where it fails, its exit code stands behind: ```sh 1. The folder has the library and its headers.
set -eu
page=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/blocks" "$work/files"
ln -s "$2" "$work/bin/adder"
ln -s "$(dirname "$2")/adder-chat" "$work/bin/adder-chat"
ln -s "$3" "$work/files/adder-13m.adder"
ln -s "$4" "$work/files/libadder.a"
ln -s "$(cd "$(dirname "$0")/../../include" && pwd)" "$work/files/include"
PATH=$work/bin:$PATH

awk -v blocks="$work/blocks" -v files="$work/files" '
    /^## / {inside = $0 == "## An example"}
    !inside {next}
    /^```/ && file == "" {
        if ($1 == "```json" || $1 == "```cpp") {file = files "/" $2; next}
        if ($1 == "```sh") {file = blocks "/" ++count ".sh"; print $2 + 0 > (blocks "/" count ".code")
                       printf "" > (blocks "/" count ".out"); close(blocks "/" count ".out"); next}
        file = $1 == "```" ? blocks "/" count ".out" : "/dev/null"
        next
    }
    /^```/ {close(file); file = ""; next}
    file != "" {print > file}' "$page"
cd "$work/files"
number=1
while [ -f "$work/blocks/$number.sh" ]; do
    block=$work/blocks/$number
    code=0
    sh "$block.sh" >"$block.got" || code=$?
    [ "$code" = "$(cat "$block.code")" ] || { echo "$page: $(cat "$block.sh"): exit code $code"; exit 1; }
    cmp -s "$block.got" "$block.out" || { echo "$page: $(cat "$block.sh"): prints $(cat "$block.got")"; exit 1; }
    number=$((number + 1))
done
[ $number -gt 2 ] || { echo "$page: the example is not what it was"; exit 1; }

#!/bin/sh
# The table of docs/cache.md: how long a prompt takes until its first token, the first time and through the cache.
# SPDX-License-Identifier: MIT
#
#     cache_figures.sh ADDER TOKENS FILE.adder...
#
# The prompt is TOKENS ids below 2,000, one thread. Of three runs each the fastest counts; the first is one on an empty folder.
set -eu
adder=$1 tokens=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ids COUNT OTHER_FROM: so many ids, different from place OTHER_FROM on.
ids() {
    awk -v count="$1" -v other="$2" 'BEGIN {
        for (i = 0; i < count; ++i) printf "%s%d", i ? "," : "", (i * i % 1999 * 7 + 13 * i + (i >= other)) % 2000
    }'
}
# milliseconds BLOB IDS FOLDER: until the logits of the first token are there.
milliseconds() {
    "$adder" run "$1" --ids "$2" --cache "$3" --context $((tokens + 16)) --prompt-only 2>&1 >/dev/null |
        sed -n 's/.* resumed, in \([0-9.]*\) ms.*/\1/p'
}
fastest() { sort -n "$1" | head -n 1 | awk '{printf($1 < 100 ? "%.1f ms" : "%.0f ms", $1)}'; }

echo "| model | file of the state after $tokens tokens | first time | again | another end, the last tenth |"
echo "|---|---|---|---|---|"
for blob in "$@"; do
    : >"$work/first" && : >"$work/again" && : >"$work/other"
    for round in 1 2 3; do
        rm -rf "$work/states"
        milliseconds "$blob" "$(ids "$tokens" "$tokens")" "$work/states" >>"$work/first"
        milliseconds "$blob" "$(ids "$tokens" "$tokens")" "$work/states" >>"$work/again"
        milliseconds "$blob" "$(ids "$tokens" $((tokens * 9 / 10)))" "$work/states" >>"$work/other"
    done
    bytes=$(find "$work/states" -name "$((tokens - 1))-*.state" -exec wc -c {} + | awk 'NR == 1 {print $1}')
    echo "| $(basename "$blob" .adder) | $(awk -v b="$bytes" 'BEGIN {printf "%.1f MB", b / 1e6}') |" \
        "$(fastest "$work/first") | $(fastest "$work/again") | $(fastest "$work/other") |"
done

#!/bin/sh
# The peak resident memory of `adder bench` against its budget: sh resident_memory.sh ADDER BLOB
# SPDX-License-Identifier: MIT
#
# The least of three runs: how much of the program's file the system maps around what is touched changes with what else it
# has in memory.
set -eu
number() { printf '%s\n' "$report" | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" | head -n 1; }
least=
for run in 1 2 3; do
    report=$("$1" bench "$2" -p 64 -n 16 -r 1 -o json --quiet)
    peak=$(number peak_rss_bytes) arena=$(number arena_bytes) blob=$(number blob_bytes)
    over=$((peak - arena - blob))
    echo "run $run: peak $peak = blob $blob + arena $arena + $over"
    [ "$blob" -gt 1000000 ] && [ "$peak" -gt "$blob" ] || { echo "these are no sizes"; exit 1; }
    if [ -z "$least" ] || [ "$over" -lt "$least" ]; then least=$over; fi
done
[ "$least" -le 2000000 ] || { echo "more than 2000000 on top"; exit 1; }

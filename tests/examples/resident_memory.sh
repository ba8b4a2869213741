#!/bin/sh
# The resident memory of `adder bench` against its budgets: sh resident_memory.sh ADDER BLOB
# SPDX-License-Identifier: MIT
#
# How much of the program's file is resident is the system's choice, and changes with what else it has in memory: any part of
# it counts as expected, all else has to be the blob, the arena and 400 kB.
set -eu
number() { printf '%s\n' "$report" | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" | head -n 1; }
report=$("$1" bench "$2" -p 64 -n 16 -r 1 -o json --quiet)
peak=$(number peak_rss_bytes) anonymous=$(number anonymous_bytes) arena=$(number arena_bytes) blob=$(number blob_bytes)
program=$(($(wc -c <"$1")))
echo "peak $peak, of it in no file $anonymous; blob $blob, arena $arena, program $program"
[ "$blob" -gt 1000000 ] && [ "$arena" -gt 100000 ] && [ "$peak" -gt "$blob" ] || { echo "these are no sizes"; exit 1; }
if [ "$anonymous" -eq 0 ]; then echo "NOT TESTED: the system does not say what is in no file"; exit 0; fi
[ "$anonymous" -gt 100000 ] || { echo "this is no size"; exit 1; }
[ "$anonymous" -le $((arena + 400000)) ] || { echo "more than 400000 beside the arena"; exit 1; }
[ "$peak" -le $((blob + arena + 400000 + program)) ] || { echo "more than 400000 beside blob, arena and program"; exit 1; }

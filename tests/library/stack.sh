#!/bin/sh
# How deep the stack of every public function gets with the portable kernels, from the compiler's own call graph.
# SPDX-License-Identifier: MIT
#
#     stack.sh SOURCE_DIR
#
# Compiles the library at -Os with gcc's -fcallgraph-info=su, prints the deepest chain of each public function, and fails where
# one needs more than docs/memory.md states for a microcontroller, calls itself, or has a frame of no fixed size. A call through a pointer counts as the
# kernel that needs most; of runtime/walk.cpp also as a kind of block's arithmetic, or what runtime/stream_open.cpp has for a streamed blob, and of
# those as the steps of a block (runtime/blocks/). libc's memory functions count nothing, and a caller's callbacks are the caller's. CXX and
# CXXFLAGS name another compiler and processor.
set -eu
source=$1
limit=$(sed -n 's/^| `microcontroller` | `\([0-9]*\)` .*/\1/p' "$source/docs/memory.md")
[ -n "$limit" ] || { echo "docs/memory.md states no stack of a microcontroller"; exit 1; }
# Half as much again where pointers have 8 bytes, of which frames mostly are.
# shellcheck disable=SC2086
echo | ${CXX-c++} ${CXXFLAGS-} -dM -E -x c++ - | grep -q '__LP64__' && limit=$((limit * 3 / 2))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in "$source"/kernels/*.cpp "$source"/kernels/scalar/*.cpp "$source"/runtime/*.cpp "$source"/runtime/blocks/*.cpp; do
    # shellcheck disable=SC2086
    ${CXX-c++} ${CXXFLAGS-} -std=c++17 -Os -DNDEBUG -I "$source" -I "$source/include" -ffp-contract=off -fno-math-errno \
        -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-asynchronous-unwind-tables -fcallgraph-info=su \
        -c "$file" -o "$work/$(basename "$file" .cpp).o" &
done
wait

# A node is a function, with its frame's bytes where it is defined; an edge is a call.
names() { sed -n "s/^$1(\(.*\))\$/\1/p" "$source/runtime/blocks/kinds.inc"; }
cat "$work"/*.ci | awk -F '"' -v limit="$limit" -v kinds="$(names ADDER_BLOCK | wc -l)" -v family="($(names ADDER_FAMILY | paste -sd '|'))" '
/^node:/ {
    if (!match($4, /[0-9]+ bytes \([a-z,]+\)/)) next
    frame[$2] = substr($4, RSTART, RLENGTH) + 0
    if ($4 ~ /\(dynamic\)/) {print "a frame of no fixed size: " $2; failed = 1}
    label = $4
    sub(/\\n.*/, "", label)
    name[$2] = short(label)
    if ($4 ~ /_scalar\.cpp/) kernel[$2] = 1
    if (label ~ /Frame ?&.*Model ?&/ && name[$2] ~ /::forward$/) forward[$2] = 1
    if (label ~ "^void adder::" family "_[a-z0-9_]*\\(const (adder::)?Frame ?&") step[$2] = 1
    if ($4 ~ "runtime/(memory_source|stream_source|team)[.]h|runtime/stream_walk[.]cpp" || $2 in forward) source[$2] = 1
}
/^edge:/ {call[++calls] = $2 SUBSEP $4}
# "float f(int) [with ...]": f
function short(label) {
    sub(/ \[with .*/, "", label)
    sub(/\(.*/, "", label)
    sub(/.*[ *&]/, "", label)
    return label
}
END {
    for (f in kernel) call[++calls] = "__indirect_call" SUBSEP f
    for (f in frame) for (g in frame)
        if (name[f] ~ /^adder::walk_/ && name[g] == "adder::stream_" substr(name[f], 8)) {
            call[++calls] = f SUBSEP g
            ++streamed
        }
    if (streamed != 3) {print "the streamed forms of runtime/walk.cpp were not found"; failed = 1}
    for (f in frame) if (name[f] == "adder::walk_block") for (g in forward) {
        call[++calls] = f SUBSEP g
        ++forwards
    }
    if (forwards != kinds) {print "the arithmetic of some kinds of blocks was not found"; failed = 1}
    for (f in source) if (!(f in step)) for (g in step) {
        call[++calls] = f SUBSEP g
        ++stepped
    }
    if (stepped < 8) {print "the steps of the blocks were not found"; failed = 1}
    for (f in frame) depth[f] = frame[f]
    # No chain is longer than there are functions: what still grows after as many rounds goes in circles.
    for (round = 0; changed || round == 0; ++round) {
        changed = 0
        for (i = 1; i <= calls; ++i) {
            split(call[i], ends, SUBSEP)
            sum = frame[ends[1]] + depth[ends[2]]
            if (sum <= depth[ends[1]] + 0) continue
            depth[ends[1]] = sum
            deepest[ends[1]] = ends[2]
            changed = 1
        }
        if (round > length(frame)) {print "a function calls itself"; exit 1}
    }
    for (f in frame) {
        if (name[f] !~ /^adder_/) continue
        ++found
        line = sprintf("%6d  %s %d", depth[f], name[f], frame[f])
        for (g = deepest[f]; g != ""; g = deepest[g]) if (name[g] != "") line = line " > " name[g] " " frame[g]
        print line
        if (depth[f] > limit) failed = 1
    }
    if (found < 20) {print "so few public functions: the call graph was not understood"; failed = 1}
    exit failed
}' >"$work/table" && failed=0 || failed=1
sort -rn "$work/table"
[ $failed = 0 ] || echo "more than the budget of $limit bytes, or no bound"
exit $failed

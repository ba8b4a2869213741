#!/bin/sh
# What the library brings into a program for a board, by the linker's map, against budgets; and that there is no heap.
# SPDX-License-Identifier: MIT
#
#     size.sh PROGRAM.elf PROGRAM.map CODE_LIMIT FLASH_LIMIT RAM_LIMIT
#
# Code and constants of libadder.a in the linked program: at most CODE_LIMIT bytes. Its writable data: none. What is loaded, the
# model included: at most FLASH_LIMIT. Arena, stack and variables: at most RAM_LIMIT. NM and OBJDUMP name the target's tools.
set -eu
program=$1
map=$2
limit=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# A section's name, address and size of an input section may stand on two lines. In front of the memory map are those left out.
awk '
/^Linker script and memory map/ {begun = 1}
!begun {next}
NF == 1 && $1 ~ /^\./ {held = $1; next}
{line = held == "" ? $0 : held " " $0; held = ""; $0 = line}
$1 ~ /^\./ && $2 ~ /^0x/ && $3 ~ /^0x/ && $4 ~ /libadder\.a[:(]/ {print $1, $3, $4}
' "$map" >"$work/sections"
while read -r section size object; do
    object=${object##*[(:]}
    echo "$section $((size)) ${object%%.*}"
done <"$work/sections" | awk -v limit="$limit" '
$2 == 0 {next}
$1 ~ /^\.(data|bss|tdata|tbss)/ && $1 !~ /^\.data\.rel\.ro/ {print "writable: " $0; failed = 1; next}
{code[$3] += $2; all += $2}
END {
    for (object in code) printf "%6d  %s\n", code[object], object | "sort -rn"
    close("sort -rn")
    printf "%6d  code and constants of the library, budget %d\n", all, limit
    if (all < 10000) {print "so little: the map was not understood"; failed = 1}
    if (all > limit) {print "more than the budget"; failed = 1}
    exit failed
}' || failed=1

"${NM-nm}" "$program" >"$work/symbols"
if grep -E ' (_?malloc|_?calloc|_?realloc|_?free|_?sbrk|_malloc_r|v?f?printf|__aeabi_u?ldivmod|__aeabi_d(add|mul|div)|_Znwj)$' "$work/symbols"; then
    echo "a heap, a printf, a division of 64 bits or a double"
    failed=1
fi
"${OBJDUMP-objdump}" -h "$program" >"$work/headers"
awk '
$1 ~ /^[0-9]+$/ {name = $2; size = ("0x" $3); next}
/ALLOC/ {print name, size, /LOAD/ ? "loaded" : "-", /READONLY/ ? "constant" : "-"}
' "$work/headers" | while read -r name size loaded constant; do echo "$name $((size)) $loaded $constant"; done >"$work/parts"
awk -v flash_limit="$4" -v ram_limit="$5" '
{printf "%8d  %s\n", $2, $1}
$3 == "loaded" {flash += $2}
$4 != "constant" {ram += $2}
END {
    printf "%8d  flash, of %d\n%8d  RAM, of %d\n", flash, flash_limit, ram, ram_limit
    if (flash < 700000 || ram < 100000) {print "so little: where is the model?"; exit 1}
    exit flash > flash_limit || ram > ram_limit
}' "$work/parts" || failed=1
exit $failed

#!/bin/sh
# What libadder.a may need and define: libc's memory functions and getenv; no heap, no C++ runtime, no state, no start-up code.
# SPDX-License-Identifier: MIT
#
# Nor a helper of the compiler's: a 64-bit division on a 32-bit core, a double where there are none.
#
#     symbols.sh LIB.a
#
# NM and OBJDUMP name other tools than the host's.
set -eu
lib=$1
nm=${NM-nm}
objdump=${OBJDUMP-objdump}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
# complain WHAT <LINES: fails if there is a line. Not for the end of a pipe, whose variables are lost.
complain() {
    sed 's/^/    /' >"$work/lines"
    [ -s "$work/lines" ] || return 0
    echo "$1:"
    cat "$work/lines"
    failed=1
}

$nm -P -A "$lib" >"$work/symbols" # LIB[OBJECT]: NAME TYPE VALUE SIZE
[ -s "$work/symbols" ] || { echo "no symbols in $lib"; exit 1; }
awk '$3 !~ /[Uwv]/ {print $2}' "$work/symbols" | sort -u >"$work/defined"
awk '$3 ~ /[Uwv]/ {print $2}' "$work/symbols" | sort -u >"$work/undefined"
comm -13 "$work/defined" "$work/undefined" >"$work/needed"
grep -vxE 'memcpy|memmove|memset|memcmp|strlen|getenv|getauxval|_GLOBAL_OFFSET_TABLE_' "$work/needed" >"$work/found" || true
complain "needs more than libc's memory functions, getenv and, on ARM Linux, getauxval" <"$work/found"

# One definition of everything, in one object: a weak one (an inline function) of an object with AVX2 flags might be the
# copy that the linker keeps for everyone.
awk '$3 ~ /[VvWwu]/ {print $1, $2}' "$work/symbols" >"$work/found"
complain "weak or merged definitions" <"$work/found"
awk '$2 ~ /^_ZT[VISC]|^_ZGV|^__gxx|^__cxa|^_Zn[wa]|^_Zd[la]/ {print $1, $2}' "$work/symbols" >"$work/found"
complain "vtables, type information, guards or the C++ runtime" <"$work/found"
# The names that a program could clash with.
awk '$3 ~ /[TDRBV]/ {print $2}' "$work/symbols" | sort | uniq -d >"$work/found"
complain "defined twice" <"$work/found"
awk '$3 ~ /[TDRB]/ && $2 !~ /^adder_|^_ZNK?5adder/ {print $2}' "$work/symbols" >"$work/found"
complain "names outside of adder_ and of namespace adder" <"$work/found"

$objdump -h "$lib" >"$work/sections"
awk '$2 ~ /^\.(init_array|fini_array|ctors|dtors|tdata|tbss|gcc_except_table|eh_frame)/ && $3 !~ /^0+$/ {print $2, $3}
     $2 ~ /^\.(data|bss)/ && $2 !~ /^\.data\.rel\.ro/ && $3 !~ /^0+$/ {print $2, $3}' "$work/sections" >"$work/found"
complain "sections of start-up code, exceptions, thread-local or writable data" <"$work/found"

[ $failed = 0 ] && echo "$lib needs only: $(tr '\n' ' ' <"$work/needed")"
exit $failed

#!/bin/sh
# The library without some of its parts (include/adder/config.h): choices that hold every pair of decisions compile without a
# warning and without the headers of a C++ library, and run. Of the two files that scripts/amalgamate.sh makes, which so are tested
# as well.
# SPDX-License-Identifier: MIT
#
#     parts.sh SOURCE_DIR EXPORT_DIR [all]   CC and CXX name other compilers; with `all` the other choices compile, too
#     parts.sh SOURCE_DIR sizes              bytes of code and constants of the whole library and without each part, and of none;
#                                            CXX, CXXFLAGS, NM and SIZE choose the target
set -eu
source_dir=$1
export_dir=$2
cc=${CC-cc}
cxx=${CXX-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sh "$source_dir/scripts/amalgamate.sh" "$work"
families=$(sed -n 's/^ADDER_FAMILY(\(.*\))$/\1/p' "$source_dir/runtime/blocks/kinds.inc" | tr a-z A-Z)
others=$(sed -n 's/^#ifndef ADDER_\([A-Z0-9_]*\)$/\1/p' "$source_dir/include/adder/config.h" | grep -v '_H$' | grep -vxF "$families")
parts="$(echo $others) $(echo $families)"
# As bits: all of the others, and all.
other_bits=0 every=0
for part in $others; do other_bits=$((2 * other_bits + 1)); done
for part in $parts; do every=$((2 * every + 1)); done
first_family=$((other_bits + 1))
# defines BITS: one bit a part, in their order.
defines() {
    left=$1
    for part in $parts; do
        printf ' -DADDER_%s=%d' "$part" $((left % 2))
        left=$((left / 2))
    done
}

if [ "$export_dir" = sizes ]; then
    bytes_of() { # BITS
        # shellcheck disable=SC2046,SC2086
        $cxx -std=c++17 -Os -DNDEBUG ${CXXFLAGS-} -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-math-errno \
            -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections $(defines "$1") -c "$work/adder.cpp" -o "$work/adder.o"
        # As a program has it that calls every public function.
        public=$(${NM-nm} "$work/adder.o" | awk '$2 == "T" && $3 ~ /^adder_/ {printf " -Wl,-u,%s", $3}')
        # shellcheck disable=SC2086
        $cxx ${CXXFLAGS-} -nostdlib -static -Wl,--gc-sections -Wl,--unresolved-symbols=ignore-all -Wl,-e,adder_version $public \
            "$work/adder.o" -o "$work/kept.o"
        ${SIZE-size} "$work/kept.o" | awk 'NR == 2 {print $1 + $2}'
    }
    all=$(bytes_of $every)
    printf '%7d  everything\n' "$all"
    bit=1
    for part in $parts; do
        printf '%7d  less without ADDER_%s\n' $((all - $(bytes_of $((every - bit))))) "$part"
        bit=$((bit * 2))
    done
    printf '%7d  with none of them but %s\n' "$(bytes_of $first_family)" "$(echo "$families" | head -n 1)"
    exit
fi

for blob in "$export_dir"/tiny*.S; do
    $cc -I "$export_dir" -c "$blob" -o "$work/$(basename "$blob" .S).o"
done
# All; each family alone; all but one; and eight choices in which any two parts are seen in all four states: in seven of them, and
# in that of all, a part is there as one of the 35 sets of four numbers below 8, 0 among them, says. Of two such sets none holds the
# other, both hold 0, and together they have 7 numbers at most.
chosen=$every
bit=1
while [ $bit -le $every ]; do
    [ $bit -lt $first_family ] || chosen="$chosen $bit"
    chosen="$chosen $((every - bit))"
    bit=$((2 * bit))
done
row=1
while [ $row -lt 8 ]; do
    set=0 bit=1 bits=0
    while [ $bit -le $every ]; do
        set=$((set + 1))
        while [ $((set % 2 + set / 2 % 2 + set / 4 % 2 + set / 8 % 2 + set / 16 % 2 + set / 32 % 2 + set / 64 % 2)) != 3 ]; do
            set=$((set + 1))
        done
        [ $set -lt 128 ] || { echo "more than 35 parts"; exit 1; }
        [ $((set >> (row - 1) & 1)) = 0 ] || bits=$((bits + bit))
        bit=$((2 * bit))
    done
    [ $bits -ge $first_family ] || bits=$((bits + first_family)) # which is there alone, and away where others are alone
    chosen="$chosen $bits"
    row=$((row + 1))
done
warnings="-Wall -Wextra -Wpedantic -Wshadow -Werror"
for bits in $chosen; do
    flags=$(defines "$bits")
    # shellcheck disable=SC2086
    $cxx -std=c++17 -nostdinc++ $warnings -O0 -fno-exceptions -fno-math-errno -c -o "$work/adder.o" $flags "$work/adder.cpp" || { echo "does not compile:$flags"; exit 1; }
    # shellcheck disable=SC2086
    $cc -std=c99 $warnings -Wno-psabi $flags -I "$work" -I "$export_dir" "$source_dir/tests/consumer/c/parts.c" "$work"/*.o -o "$work/program" || { echo "does not link:$flags"; exit 1; }
    "$work/program" || { echo "with$flags"; exit 1; }
done
[ "${3-}" = all ] || exit 0

bits=$first_family
while [ $bits -le $every ]; do
    flags=$(defines $bits)
    case " $chosen " in
    *" $bits "*) ;;
    # shellcheck disable=SC2086
    *) $cxx -std=c++17 -nostdinc++ $warnings -fsyntax-only $flags "$work/adder.cpp" || { echo "does not compile:$flags"; exit 1; } ;;
    esac
    bits=$((bits + 1))
done

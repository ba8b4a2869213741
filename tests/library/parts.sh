#!/bin/sh
# The library without some of its parts (include/adder/config.h): choices that hold every pair of decisions compile without a
# warning and run. Of the two files that scripts/amalgamate.sh makes, which so are tested as well.
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
parts="TOKENIZER NFC SAMPLER INT4 FLOAT_LAYERS ERROR_STRINGS MAMBA2 MAMBA1"
every=255 # all parts, as bits
mamba1=128

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
    printf '%7d  with none of them but MAMBA1\n' "$(bytes_of $mamba1)"
    exit
fi

for blob in tiny tiny_nfc tiny_int4 tiny_float tiny_mamba2; do
    $cc -I "$export_dir" -c "$export_dir/$blob.S" -o "$work/$blob.o"
done
bits=0
while [ $bits -le $every ]; do
    # One part alone, all but one, all; with each of the families alone none: any two parts are seen in all four states, but
    # no library is without a family.
    case $bits in
    0 | 1 | 2 | 4 | 8 | 16 | 32) bits=$((bits + 1)); continue ;;
    64 | 65 | 66 | 68 | 72 | 80 | 96 | 128 | 129 | 130 | 132 | 136 | 144 | 160 | 255 | 254 | 253 | 251 | 247 | 239 | 223 | 191 | 127) run=yes ;;
    *)
        run=no
        [ "${3-}" = all ] || { bits=$((bits + 1)); continue; }
        ;;
    esac
    flags=$(defines $bits)
    warnings="-Wall -Wextra -Wpedantic -Wshadow -Werror"
    [ $run = yes ] && how="-O0 -fno-exceptions -fno-math-errno -c -o $work/adder.o" || how=-fsyntax-only
    # shellcheck disable=SC2086
    $cxx -std=c++17 $warnings $how $flags "$work/adder.cpp" || { echo "does not compile:$flags"; exit 1; }
    bits=$((bits + 1))
    [ $run = yes ] || continue
    # shellcheck disable=SC2086
    $cc -std=c99 $warnings -Wno-psabi $flags -I "$work" -I "$export_dir" "$source_dir/tests/consumer/c/parts.c" "$work"/*.o -o "$work/program" || { echo "does not link:$flags"; exit 1; }
    "$work/program" || { echo "with$flags"; exit 1; }
done

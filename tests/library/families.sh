#!/bin/sh
# Holds a family of models to its own files: outside of them and of three lists nobody names its blocks or its kernels.
# SPDX-License-Identifier: MIT
#
#     families.sh SOURCE_DIR
#
# docs/contributing.md has the same list, with numbers. The first family of runtime/blocks/kinds.inc is left out: calibration files
# and blobs of old mean it where they name none. A family may have several kinds of blocks, NAME and NAME_..., and several kernels.
# What it shares with hybrids is converter/families/NAME_...; who includes that may name it.
set -eu
cd "$1"
lists='include/adder/config.h runtime/blocks/kinds.inc kernels/kernels.inc'
written='Adder.Adder.pdsc zephyr/Kconfig' # by scripts/manifests.sh
searched='CMakeLists.txt Adder.Adder.pdsc library.json cmake converter examples host include kernels runtime scripts toolchains zephyr'
outside=3

failed=0
complain() {
    echo "$*"
    failed=1
}
in_list() { # WORD LIST
    case " $(echo $2) " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}
families=$(sed -n 's/^ADDER_FAMILY(\(.*\))$/\1/p' runtime/blocks/kinds.inc | sed 1d)
[ -n "$families" ] || complain "runtime/blocks/kinds.inc has no second family: is this the list?"
for family in $families; do
    part=ADDER_$(echo "$family" | tr a-z A-Z)
    kinds=$(sed -n "s/^ADDER_BLOCK(\(${family}\(_[a-z0-9_]*\)*\))\$/\1/p" runtime/blocks/kinds.inc)
    title=$(sed -n "s/^ADDER_BLOCK_ID($family, .*, \"\(.*\)\")\$/\1/p" runtime/blocks/kinds.inc)
    kernels=$(sed -n "s/^ADDER_KERNEL(\([a-z0-9_]*\), .*$part, .*/\1/p" kernels/kernels.inc)
    shared=$(find converter/families -name "${family}_*")
    own="converter/families/$family.cpp $shared"
    for kind in $kinds; do own="$own runtime/blocks/$kind.h runtime/blocks/$kind.cpp"; done
    tests="tests/support/families/$family.cpp tests/converter/families/${family}_test.cpp"
    own_kernels=
    for kernel in $kernels; do
        own_kernels="$own_kernels kernels/$kernel.h kernels/scalar/$kernel.h kernels/simd/$kernel.h kernels/cases/$kernel.h"
    done
    for file in $own $tests $own_kernels $lists; do
        [ -s "$file" ] || complain "$title has no $file"
    done
    # A number after the title is that of a published model: mamba-2.8b.
    pattern="$family|$title([^.0-9]|\$)"
    for kernel in $kernels; do pattern="$pattern|$kernel"; done
    # shellcheck disable=SC2086
    for file in $(grep -rliE "$pattern" $searched); do
        in_list "$file" "$own $own_kernels $lists $written" && continue
        case $file in
        kernels/arm/scan_*.cpp) continue ;;          # better kernels for cores with scalar floats
        converter/families/*.cpp) grep -q "#include \"converter/families/${family}_" "$file" && continue ;;
        examples/models/*/tokenizer.json) continue ;; # words of texts
        esac
        complain "$file names $title: what it knows of it belongs into a table of these files: $own $lists"
    done
    count=$(echo $own $tests $own_kernels $lists | wc -w)
    most=$((6 + 2 * $(echo $kinds | wc -w) + 4 * $(echo $kernels | wc -w) + $(echo $shared | wc -w)))
    [ "$count" -le $most ] && [ "$(echo $lists | wc -w)" -le $outside ] || complain "$title takes $count files"
    echo "$title takes $count files, $outside of which are not its own"
done
exit $failed

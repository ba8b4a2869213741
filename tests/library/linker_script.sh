#!/bin/sh
# The linker script that `adder export-c` wrote puts the blob where its region is, and says so where it cannot.
# SPDX-License-Identifier: MIT
#
#     linker_script.sh DIR       with tiny.S, tiny.adder and tiny.ld; CC and NM name other tools than the host's
set -eu
export_dir=$1
cc=${CC-cc}
nm=${NM-nm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$cc -I "$export_dir" -c "$export_dir/tiny.S" -o "$work/tiny.o"

# script LINE...: a script whose SECTIONS are these lines.
script() {
    cat <<LD
MEMORY { FLASH (rx) : ORIGIN = 0x8000000, LENGTH = 64K   QSPI (r) : ORIGIN = 0x9000000, LENGTH = 16M }
REGION_ALIAS("TINY_REGION", QSPI)
SECTIONS {
$*
.text : { *(.text*) } > FLASH
/DISCARD/ : { *(.note* .comment .ARM.attributes .data .bss) }
}
LD
}
link() { $cc -nostdlib -static -Wl,--build-id=none -Wl,-e,0 -Wl,-L,"$export_dir" -Wl,-T,"$work/script" "$work/tiny.o" -o "$work/tiny"; }

script 'INCLUDE tiny.ld' '.rodata : { *(.rodata*) } > FLASH' >"$work/script"
link
address=$($nm "$work/tiny" | awk '$3 == "tiny_blob" {print $1}' | sed 's/^0*//')
[ "$address" = 9000000 ] || { echo "the blob is at ${address:-no address} instead of 9000000"; exit 1; }

# It stays where nothing refers to it and sections without a reference are dropped.
$cc -nostdlib -static -Wl,--gc-sections -Wl,--build-id=none -Wl,-e,0 -Wl,-L,"$export_dir" -Wl,-T,"$work/script" "$work/tiny.o" -o "$work/kept"
$nm "$work/kept" | grep -q tiny_blob || { echo "the blob was dropped"; exit 1; }

script '.rodata : { *(.rodata*) } > FLASH' 'INCLUDE tiny.ld' >"$work/script"
if link 2>"$work/message"; then echo "the blob was taken by another section, and the link did not fail"; exit 1; fi
grep -q "the blob of tiny is not in its section" "$work/message" || { cat "$work/message"; exit 1; }

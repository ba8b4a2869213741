#!/bin/sh
# The kernels of a Cortex-M, on an emulated board: they give the scalar kernels' bits, and no kernel is linked twice.
# SPDX-License-Identifier: MIT
#
#     kernels.sh SOURCE_DIR BOARD TABLE
#
# BOARD is a folder of examples/firmware/boards, TABLE the table that its core should get. Needs arm-none-eabi-g++ and
# qemu-system-arm.
set -eu
source=$1
board=$2
table=$3
firmware=$source/examples/firmware
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What CMake takes from these files: set(NAME VALUE) with and without quotes.
value() { sed -n "s/^set($1 \"*\([^\")]*\)\"*).*/\1/p" "$2"; }
core=$(value board_cpu "$firmware/boards/$board/board.cmake")
machine=$(value board_machine "$firmware/boards/$board/board.cmake")
flags=$(value "flags_$core" "$source/toolchains/arm-none-eabi.cmake")
[ -n "$core" ] && [ -n "$machine" ] && [ -n "$flags" ] || { echo "no core, machine or flags for $board"; exit 1; }

cat >"$work/alone.cpp" <<'C'
#include "kernels/kernels.h"
extern "C" int main() {
    const adder::KernelTable *table = adder::kernels_choose(nullptr);
    return table == adder::kernels_at(adder::kernels_index(table)) && table->matmul_q8 != nullptr ? 0 : 1;
}
C
common="-mthumb $flags -O2 -ffunction-sections -fdata-sections -I $source -I $source/include -I $firmware"
compile() { # FILE OBJECT
    case $1 in
    *.c) compiler="arm-none-eabi-gcc -std=c11" ;;
    *) compiler="arm-none-eabi-g++ -std=c++17 -ffp-contract=off -fno-math-errno -fno-exceptions -fno-rtti
       -fno-threadsafe-statics -fno-unwind-tables -fno-asynchronous-unwind-tables" ;;
    esac
    # shellcheck disable=SC2086
    $compiler $common -Wall -Wextra -c "$1" -o "$2"
}
link() { # OBJECT PROGRAM
    # shellcheck disable=SC2086
    arm-none-eabi-g++ -mthumb $flags -nostartfiles -nodefaultlibs "-L$firmware/boards/$board" "-T$firmware/sections.ld" \
        -Wl,--gc-sections -Wl,--defsym=emulated=1 "$1" "$work"/common/*.o -lc -lgcc -o "$2"
}
mkdir "$work/common"
for file in "$source"/kernels/*.cpp "$source"/kernels/scalar/*.cpp "$source"/kernels/arm/*.cpp "$firmware/startup.c" \
    "$firmware/text.c" "$firmware/semihosting.c" "$firmware/boards/$board/board.c"; do
    compile "$file" "$work/common/$(basename "$file").o"
done
compile "$source/tests/boards/kernels_check.cpp" "$work/check.o"
compile "$work/alone.cpp" "$work/alone.o"

link "$work/alone.o" "$work/alone.elf"
arm-none-eabi-nm -C "$work/alone.elf" >"$work/symbols"
grep -q " adder::table_$table\$" "$work/symbols" || { echo "the table of $core is not $table"; exit 1; }
if grep ' adder::table_scalar$' "$work/symbols"; then echo "the scalar table is linked, and all its kernels with it"; exit 1; fi

link "$work/check.o" "$work/check.elf"
qemu-system-arm -M "$machine" -display none -monitor none -serial stdio \
    -semihosting-config enable=on,target=native -kernel "$work/check.elf" </dev/null >"$work/output" || {
    code=$?
    cat "$work/output"
    exit "$code"
}
cat "$work/output"
grep -q "^$table: 0 of [0-9]* calls" "$work/output"

#!/bin/sh
# Builds and runs the consumer project: sh run.sh subfolder|installed SOURCE_DIR BUILD_DIR
#     subfolder   with Adder by add_subdirectory
#     installed   with the package that `cmake --install BUILD_DIR` makes
# SPDX-License-Identifier: MIT
set -eu
how=$1 source=$2 build=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ "$how" = installed ]; then
    cmake --install "$build" --prefix "$work/prefix" >"$work/log" || { cat "$work/log"; exit 1; }
    set -- -DCMAKE_PREFIX_PATH="$work/prefix"
    [ -x "$work/prefix/bin/adder" ] || { echo "the program adder was not installed"; exit 1; }
else
    set -- -DADDER_SOURCE="$source"
fi
cmake -G Ninja -S "$source/tests/consumer/cmake" -B "$work/build" -DCMAKE_BUILD_TYPE=Release "$@" >"$work/log" 2>&1 &&
    cmake --build "$work/build" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
[ ! -e "$work/build/bin/adder" ] || { echo "a project that only links the library built the tools"; exit 1; }
"$work/build/consumer"
"$work/build/pool_consumer"

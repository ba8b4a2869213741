#!/bin/sh
# Builds and runs a project that uses Adder, in one of the ways to take it along.
# SPDX-License-Identifier: MIT
#
#     run.sh HOW SOURCE_DIR BUILD_DIR
#
#     subfolder    CMake, by add_subdirectory
#     fetched      CMake, by FetchContent from a local folder
#     installed    CMake, by find_package of what `cmake --install BUILD_DIR` installs
#     pkgconfig    a compiler and pkg-config, with the installation moved elsewhere
#     all_files    a compiler: every file of the library, no definition, no flag but the include path
#     two_files    the same with what scripts/amalgamate.sh writes; CXXFLAGS may name an instruction set
#
# CC and CXX name other compilers; RUN is what starts a program for another processor.
set -eu
how=$1 source=$2 build=$3
cc=${CC-cc}
cxx=${CXX-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
consumer=$source/tests/consumer

install_to() { cmake --install "$build" --prefix "$1" >"$work/log" || { cat "$work/log"; exit 1; }; }

# by_cmake OPTION...: configures, builds and runs the project in tests/consumer/cmake.
by_cmake() {
    cmake -G Ninja -S "$consumer/cmake" -B "$work/build" -DCMAKE_BUILD_TYPE=Release "$@" >"$work/log" 2>&1 &&
        cmake --build "$work/build" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    [ ! -e "$work/build/bin/adder" ] || { echo "a project that only links the library built the tools"; exit 1; }
    "$work/build/consumer"
    "$work/build/pool_consumer"
    "$work/build/cache_consumer"
}

# A program with models in it, on the objects in $work/objects and the header in $1. The blobs' own tests say whether the
# results are those of the host that converted them, whatever the flags; a fused multiply-add shows in the float one.
by_hand() {
    exported=$build/tests/library/exported
    "$cc" -std=c99 -I "$1" -I "$exported" -c "$consumer/c/parts.c" -o "$work/objects/program.o"
    for blob in "$exported"/tiny*.S; do
        "$cc" -I "$exported" -c "$blob" -o "$work/objects/$(basename "$blob" .S).o"
    done
    "$cxx" "$work"/objects/*.o -o "$work/program"
    ${RUN-} "$work/program"
}

case $how in
subfolder) by_cmake -DADDER_SOURCE="$source" ;;
fetched) by_cmake -DADDER_FETCH="$source" ;;
installed)
    install_to "$work/prefix"
    [ -x "$work/prefix/bin/adder" ] || { echo "the program adder was not installed"; exit 1; }
    by_cmake -DCMAKE_PREFIX_PATH="$work/prefix"
    ;;
pkgconfig)
    install_to "$work/prefix"
    mkdir "$work/elsewhere"
    mv "$work/prefix" "$work/elsewhere/adder"
    PKG_CONFIG_PATH=$(dirname "$(find "$work/elsewhere" -name adder.pc)")
    export PKG_CONFIG_PATH
    [ "$(pkg-config --modversion adder)" = "$(pkg-config --modversion adder-pool)" ]
    # shellcheck disable=SC2046
    "$cc" "$consumer/cmake/main.c" $(pkg-config --cflags --libs adder) -o "$work/program"
    # shellcheck disable=SC2046
    "$cc" "$consumer/c/pool_program.c" $(pkg-config --cflags --libs adder-pool) -o "$work/pool_program"
    # shellcheck disable=SC2046
    "$cc" "$consumer/c/cache_links.c" $(pkg-config --cflags --libs adder-cache) -o "$work/cache_links"
    "$work/program"
    "$work/pool_program"
    "$work/cache_links"
    ;;
all_files)
    mkdir "$work/objects"
    for file in "$source"/kernels/*.cpp "$source"/kernels/*/*.cpp "$source"/runtime/*.cpp "$source"/runtime/blocks/*.cpp; do
        "$cxx" -std=c++17 -I "$source" -I "$source/include" -c "$file" -o "$work/objects/$(basename "$file").o"
    done
    by_hand "$source/include"
    ;;
two_files)
    mkdir "$work/objects"
    sh "$source/scripts/amalgamate.sh" "$work"
    # shellcheck disable=SC2086
    "$cxx" -std=c++17 -O2 ${CXXFLAGS-} -c "$work/adder.cpp" -o "$work/objects/adder.o"
    by_hand "$work"
    ;;
*)
    echo "run.sh: no way of the name $how" >&2
    exit 2
    ;;
esac

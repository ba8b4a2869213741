#!/bin/sh
# Builds Adder with its tests, plain, with sanitizers, for ARM and for boards, and runs all of them; installs what is missing.
# SPDX-License-Identifier: MIT
#
#     sh tests/run.sh           the Release build, the one with AddressSanitizer and UBSan, those for 64-bit and 32-bit ARM
#                               Linux, whose tests run under qemu (tests/emulation.cmake), and the firmware of five Cortex-M boards
#     sh tests/run.sh host      the Release build only
#     sh tests/run.sh arm       the Release build, which makes the blobs, and those for ARM Linux
#     sh tests/run.sh boards    the Release build, which makes the model, and the firmware of the boards (tests/firmware)
#
# Options for CMake may stand in ADDER_TEST_OPTIONS: -DADDER_EXTRA_MODELS=FOLDER names the models, tokenizers and texts that are
# not part of the repository, for the tests that need more than examples/models (default: ../shared, if it is there; the
# environment variable ADDER_SHARED wins).
#
# Exits with 0 if everything was built and every test passed. ctest's summary of all tests is the last thing it prints.
set -eu

boards="stm32f405 mps2-an386 mps2-an500 mps2-an505 mps3-an547"
case ${1-all} in
all) builds="release sanitize aarch64 armv7 $boards" ;;
host) builds="release" ;;
arm) builds="release aarch64 armv7" ;;
boards) builds="release $boards" ;;
*)
    echo "usage: sh tests/run.sh [host|arm|boards]" >&2
    exit 2
    ;;
esac
[ $# -le 1 ] || { echo "usage: sh tests/run.sh [host|arm|boards]" >&2; exit 2; }

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
base=$root/build-tests
jobs=$(nproc 2>/dev/null || echo 2)

missing=
lacks() { ! command -v "$1" >/dev/null 2>&1; }
if lacks c++ && lacks g++; then missing="$missing g++"; fi
if lacks cmake; then missing="$missing cmake"; fi
if lacks ninja; then missing="$missing ninja-build"; fi
if lacks nm; then missing="$missing binutils"; fi
if lacks file; then missing="$missing file"; fi
if lacks pkg-config; then missing="$missing pkg-config"; fi
[ -f /usr/src/googletest/CMakeLists.txt ] || [ -f /usr/include/gtest/gtest.h ] || missing="$missing googletest"
case $builds in
*stm32*)
    if ! echo '#include <cstdint>' | arm-none-eabi-g++ -x c++ -fsyntax-only - 2>/dev/null; then
        missing="$missing gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib"
    fi
    if lacks qemu-system-arm; then missing="$missing qemu-system-arm"; fi
    ;;
esac
case $builds in
*armv7*)
    if lacks aarch64-linux-gnu-g++; then missing="$missing g++-aarch64-linux-gnu"; fi
    if lacks arm-linux-gnueabihf-g++; then missing="$missing g++-arm-linux-gnueabihf"; fi
    if lacks qemu-aarch64 || lacks qemu-arm; then missing="$missing qemu-user"; fi
    ;;
esac
if [ -n "$missing" ]; then
    sudo=
    if [ "$(id -u)" != 0 ]; then sudo=sudo; fi
    echo "tests: installing$missing"
    # shellcheck disable=SC2086
    if lacks apt-get || { [ -n "$sudo" ] && lacks sudo; } || ! { $sudo apt-get update -qq &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } </dev/null; then
        echo "tests: please install:$missing" >&2
        exit 1
    fi
fi

# configure_and_build NAME OPTION...
configure_and_build() {
    name=$1
    shift
    echo "tests: building $name"
    # shellcheck disable=SC2086
    cmake -S "$root" -B "$base/$name" -G Ninja -DADDER_TESTS=ON ${ADDER_TEST_OPTIONS-} "$@" >"$base/$name.log" 2>&1 || {
        cat "$base/$name.log" >&2
        exit 1
    }
    cmake --build "$base/$name" --parallel "$jobs"
}

# configure_and_build_for TOOLCHAIN: an emulated processor reads the blobs that the Release build's tests leave.
configure_and_build_for() {
    configure_and_build "$name" -DCMAKE_BUILD_TYPE=Release "-DCMAKE_TOOLCHAIN_FILE=$root/toolchains/$1.cmake" \
        "-DADDER_GOLDEN_BLOBS=$base/release/tests/golden"
}

# configure_and_build_board: the firmware of the board $name, with the model that the Release build has converted. The library has
# one family on the smallest board, where answers may be held to a form; on a Cortex-M7 and an M55, of two instruction sets, all
# families, and steps of several sessions; and Mamba-2 besides on the others.
configure_and_build_board() {
    set --
    case $name in
    stm32f405)
        built=MAMBA1
        set -- -DADDER_CONSTRAINT=ON "-DADDER_FORM=$base/release/tests/firmware/form"
        ;;
    mps2-an500 | mps3-an547)
        built="[A-Z0-9]*"
        set -- -DADDER_STEP_MANY=ON
        ;;
    mps2-an386) # from a folder elsewhere, as a user's own board is
        built="MAMBA[12]"
        mkdir -p "$base/boards"
        cp -R "$root/examples/firmware/boards/$name" "$base/boards"
        set -- "-DADDER_BOARD_DIR=$base/boards/$name"
        ;;
    *) built="MAMBA[12]" ;;
    esac
    families=$(sed -n 's/^ADDER_FAMILY(\(.*\))$/\1/p' "$root/runtime/blocks/kinds.inc" | tr a-z A-Z |
        sed "s/^$built\$/-DADDER_&=ON/; /^-/!s/.*/-DADDER_&=OFF/")
    # shellcheck disable=SC2086
    configure_and_build "$name" "-DCMAKE_TOOLCHAIN_FILE=$root/toolchains/arm-none-eabi.cmake" "-DADDER_BOARD=$name" \
        $families "$@" -DADDER_QEMU=ON "-DADDER_MODEL=$base/release/tests/firmware/model" "-DADDER_HOST_BUILD=$base/release"
}

mkdir -p "$base"
for name in $builds; do
    case $name in
    release) configure_and_build release -DCMAKE_BUILD_TYPE=Release ;;
    sanitize)
        configure_and_build sanitize -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1" \
            "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O1 -g1" -DADDER_SANITIZE=address,undefined \
            "-DADDER_GOLDEN_BLOBS=$base/release/tests/golden"
        ;;
    aarch64) configure_and_build_for aarch64-linux-gnu ;;
    armv7) configure_and_build_for arm-linux-gnueabihf ;;
    *) configure_and_build_board ;;
    esac
done

# Loud, since a summary of passed tests does not tell what was left out. ctest lists it again: skipped.extra_models.
sh "$root/tests/extra_models.sh" "$(sed -n 's/^ADDER_EXTRA_MODELS:PATH=//p' "$base/release/CMakeCache.txt")" || [ $? = 77 ]

# One run over all builds: one summary, one exit code. The sanitizers' tests have names of their own.
for name in $builds; do echo "subdirs(\"$name\")"; done >"$base/CTestTestfile.cmake"
cd "$base"
ulimit -c 0 # what ends on an instruction that its CPU lacks leaves no core file
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS-}"
exec ctest --parallel "$jobs" --output-on-failure --no-tests=error

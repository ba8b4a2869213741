#!/bin/sh
# Builds Adder with its tests, plain and with sanitizers, and runs all of them; installs what is missing for that.
# SPDX-License-Identifier: MIT
#
#     sh tests/run.sh           the Release build and the one with AddressSanitizer and UBSan
#     sh tests/run.sh host      the Release build only
#
# Exits with 0 if everything was built and every test passed. ctest's summary of all tests is the last thing it prints.
set -eu

case ${1-all} in
all) builds="release sanitize" ;;
host) builds="release" ;;
*)
    echo "usage: sh tests/run.sh [host]" >&2
    exit 2
    ;;
esac
[ $# -le 1 ] || { echo "usage: sh tests/run.sh [host]" >&2; exit 2; }

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
[ -f /usr/src/googletest/CMakeLists.txt ] || [ -f /usr/include/gtest/gtest.h ] || missing="$missing googletest"
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
    cmake -S "$root" -B "$base/$name" -G Ninja -DADDER_TESTS=ON "$@" >"$base/$name.log" 2>&1 || {
        cat "$base/$name.log" >&2
        exit 1
    }
    cmake --build "$base/$name" --parallel "$jobs"
}

mkdir -p "$base"
for name in $builds; do
    case $name in
    release) configure_and_build release -DCMAKE_BUILD_TYPE=Release ;;
    sanitize)
        configure_and_build sanitize -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1" \
            "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O1 -g1" -DADDER_SANITIZE=address,undefined
        ;;
    esac
done

# One run over all builds: one summary, one exit code. The sanitizers' tests have names of their own.
for name in $builds; do echo "subdirs(\"$name\")"; done >"$base/CTestTestfile.cmake"
cd "$base"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS-}"
exec ctest --parallel "$jobs" --output-on-failure --no-tests=error

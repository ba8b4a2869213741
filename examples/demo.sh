#!/bin/sh
# Builds Adder, converts the model that comes with it, and starts a chat: from a fresh Debian in one command.
# SPDX-License-Identifier: MIT
set -eu

usage() {
    cat <<'END'
usage: sh examples/demo.sh [options of adder-chat]

Talks with the model adder-13m on this machine. The first run installs what is missing to build Adder (g++, cmake and
ninja, from the package registry of this system), builds it in build/ and converts the model; later runs start at once.

  sh examples/demo.sh                          a conversation; /help lists its commands
  sh examples/demo.sh --prompt "Hello there"   one answer
  echo "Hello there" | sh examples/demo.sh     an answer to each line
  sh examples/demo.sh --temp 0 --isa scalar    options: see build/bin/adder-chat --help

Answers go to stdout, everything else to stderr.
END
}

for option; do
    case $option in
    -h | --help) usage; exit 0 ;;
    esac
done

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
build=$root/build
# One that another generator than Ninja has configured is left alone.
if [ -f "$build/CMakeCache.txt" ] && [ ! -f "$build/build.ninja" ]; then build=$root/build-demo; fi
model=$root/examples/models/adder-13m
blob=$build/adder-13m.adder
log=$build/demo.log

say() { printf '%s\n' "$*" >&2; }

# fail WHAT: the end, with the log of the step that failed.
fail() {
    say "demo: $1 failed; the log ($log):"
    tail -n 60 "$log" >&2
    exit 1
}

# Installs with apt-get what the build needs and this machine lacks. Looks only for programs on the PATH.
install_missing() {
    missing=
    command -v c++ >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 || missing="$missing g++"
    command -v cmake >/dev/null 2>&1 || missing="$missing cmake"
    command -v ninja >/dev/null 2>&1 || missing="$missing ninja-build"
    [ -n "$missing" ] || return 0

    if ! command -v apt-get >/dev/null 2>&1; then
        say "demo: Adder is built with a C++17 compiler, CMake and Ninja. Please install:$missing"
        exit 1
    fi
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif command -v sudo >/dev/null 2>&1; then
        sudo=sudo
    else
        say "demo: Adder is built with a C++17 compiler, CMake and Ninja. Please run this as root, then the demo again:"
        say "    apt-get update && apt-get install -y --no-install-recommends$missing"
        exit 1
    fi
    say "demo: installing$missing with apt-get, to build Adder"
    # stdin stays for the chat.
    # shellcheck disable=SC2086
    { $sudo apt-get update &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } \
        </dev/null >"$log" 2>&1 || fail "installing$missing"
}

configure() {
    # A build folder that was moved or copied along with the sources still points to the old ones.
    if [ -f "$build/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
        say "demo: build/ was made for another folder; starting it anew"
        rm -rf "$build/CMakeCache.txt" "$build/CMakeFiles"
    fi
    [ -f "$build/build.ninja" ] && [ -f "$build/CMakeCache.txt" ] && return 0
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release </dev/null >"$log" 2>&1 ||
        fail "configuring (cmake)"
}

# Reads ninja's output: keeps it in the log, and shows how far it is.
show_progress() {
    : >"$log"
    shown=no
    while IFS= read -r text; do
        printf '%s\n' "$text" >>"$log"
        case $text in
        '[0/'*) ;; # looking for changes
        '['*/*']'*)
            if [ -t 2 ]; then
                printf '\rdemo: building %s]  ' "${text%%]*}" >&2
            elif [ "$shown" = no ]; then
                say "demo: building Adder"
            fi
            shown=yes
            ;;
        esac
    done
    if [ "$shown" = yes ] && [ -t 2 ]; then printf '\n' >&2; fi
}

# With nothing to do ninja knows that within milliseconds.
build() {
    rm -f "$build/demo.failed"
    { ninja -C "$build" bin/adder bin/adder-chat </dev/null 2>&1 || : >"$build/demo.failed"; } | show_progress
    [ ! -e "$build/demo.failed" ] || fail "building (ninja)"
}

# The blob is made again when the converter or any file of the model is newer.
convert() {
    if [ -f "$blob" ] && [ -z "$(find "$build/bin/adder" "$model" -type f -newer "$blob" | head -n 1)" ]; then return 0; fi
    say "demo: converting adder-13m to int8"
    "$build/bin/adder" convert "$model" -o "$blob" </dev/null >&2 || {
        say "demo: converting failed"
        exit 1
    }
}

mkdir -p "$build"
install_missing
configure
build
convert
exec "$build/bin/adder-chat" "$blob" "$@"

#!/bin/sh
# Makes a folder that Arduino takes for a library: library.properties, and in src/ the library in two files.
# SPDX-License-Identifier: MIT
#
#     sh scripts/arduino.sh DIR     for example ~/Arduino/libraries/Adder
set -eu
[ $# -eq 1 ] || { echo "usage: sh scripts/arduino.sh DIR" >&2; exit 2; }
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
mkdir -p "$1/src"
cp "$root/library.properties" "$root/LICENSE" "$1"
sh "$root/scripts/amalgamate.sh" "$1/src"

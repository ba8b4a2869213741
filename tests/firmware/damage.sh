#!/bin/sh
# Copies a folder of adder export-c, with one byte of the blob changed.
# SPDX-License-Identifier: MIT
#
#     damage.sh FROM TO OFFSET
set -eu
mkdir -p "$2"
cp "$1/model.S" "$1/model.h" "$1/model.adder" "$2"
byte=$(od -An -tu1 -j "$3" -N 1 "$1/model.adder" | tr -d ' ')
# shellcheck disable=SC2059
printf "\\$(printf '%03o' $((byte ^ 16)))" | dd of="$2/model.adder" bs=1 seek="$3" conv=notrunc 2>/dev/null

#!/bin/sh
# The manifests for other build systems are what scripts/manifests.sh writes, name files that are there, and are well-formed;
# those made of CMake build the library in a stand-in for their platform.
# SPDX-License-Identifier: MIT
#
#     manifests.sh SOURCE_DIR
set -eu
source_dir=$(CDPATH= cd -- "$1" && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$*"; exit 1; }
sh "$source_dir/scripts/manifests.sh" "$work/made"
(cd "$work/made" && find . -type f) >"$work/files"
while read -r file; do
    cmp -s "$work/made/$file" "$source_dir/$file" || fail "$file is out of date: sh scripts/manifests.sh"
done <"$work/files"
[ "$(wc -l <"$work/files")" = 6 ] || fail "six manifests were expected, not: $(cat "$work/files")"

# All of the library's sources, no other. (kernels/cases.cpp is for bench and tests.)
(cd "$source_dir" && find kernels runtime -name '*.cpp' ! -path kernels/cases.cpp | sort) >"$work/sources"
sed -n 's/.*category="sourceCpp" name="\(.*\)".*/\1/p' "$source_dir/Adder.Adder.pdsc" | sort >"$work/Adder.Adder.pdsc"
diff "$work/sources" "$work/Adder.Adder.pdsc" || fail "Adder.Adder.pdsc has not the sources that are in kernels/ and runtime/"
(cd "$source_dir" && for which in portable optional; do sh scripts/library_sources.sh $which; done | sort) >"$work/listed"
diff "$work/sources" "$work/listed" || fail "cmake/isas.cmake has not the instruction sets' sources that are in kernels/"

cat >"$work/json.cmake" <<'CMAKE'
file(READ ${FILE} text)
foreach(key name version description license build export)
  string(JSON value GET "${text}" ${key})
endforeach()
CMAKE
cmake -DFILE="$source_dir/library.json" -P "$work/json.cmake"
! command -v xmllint >/dev/null 2>&1 || xmllint --noout "$source_dir/Adder.Adder.pdsc"
for key in name version author maintainer sentence paragraph category url architectures includes; do
    grep -q "^$key=" "$source_dir/library.properties" || fail "library.properties has no $key"
done

sh "$source_dir/scripts/arduino.sh" "$work/Adder"
for file in library.properties LICENSE src/adder.h src/adder.cpp; do
    [ -s "$work/Adder/$file" ] || fail "the folder for Arduino has no $file"
done

for platform in esp-idf zephyr; do
    cmake -G Ninja -S "$source_dir/tests/consumer/platforms" -B "$work/$platform" -DPLATFORM=$platform \
        -DADDER_SOURCE="$source_dir" >"$work/log" 2>&1 && cmake --build "$work/$platform" >>"$work/log" 2>&1 ||
        { cat "$work/log"; fail "$platform"; }
    "$work/$platform/program" || fail "$platform: the program failed"
done

#!/bin/sh
# Writes what other build systems want to know of the library, from the sources that are there, the parts of config.h and adder.h's version.
# SPDX-License-Identifier: MIT
#
#     sh scripts/manifests.sh [DIR]     into the repository, or into DIR
#
# PlatformIO: library.json. ESP-IDF: idf_component.yml, beside cmake/esp-idf.cmake. Zephyr: zephyr/Kconfig and module.yml, beside
# its CMakeLists.txt. CMSIS-Pack: Adder.Adder.pdsc.
# Arduino: library.properties; scripts/arduino.sh makes the folder that Arduino takes. Where the format asks for the address of
# the project, none is given: fill it in to publish.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
mkdir -p "${1-$root}"
out=$(CDPATH='' cd -- "${1-$root}" && pwd -P)
mkdir -p "$out/zephyr"

version=$(awk '/^#define ADDER_VERSION_/ {printf "%s%s", dot, $3; dot = "."}' "$root/include/adder/adder.h")
parts=$(sed -n 's/^#ifndef ADDER_\([A-Z0-9_]*\)$/\1/p' "$root/include/adder/config.h" | grep -v '_H$')
sources=$(sh "$root/scripts/library_sources.sh" portable && sh "$root/scripts/library_sources.sh" optional)
[ -n "$version" ] && [ -n "$parts" ] || { echo "manifests: no version or no parts found" >&2; exit 1; }
summary="Mamba language models with int8 weights in a fixed arena, on microcontrollers and up"
made="Made by scripts/manifests.sh."

# each FORMAT: a line a source.
each() { for source in $sources; do printf "$1\n" "$source"; done; }
# What an option of a build system says of a part: the first sentence of the comment that config.h has in front of it.
about() { awk -v part="ADDER_$1" '/^\/\*/ {text = $0} $1 == "#ifndef" && $2 == part {gsub(/^\/\* *| *\*\/$/, "", text); sub(/\.( .*)?$/, "", text); print text; exit}' \
    "$root/include/adder/config.h"; }

cat >"$out/library.json" <<JSON
{
  "name": "Adder",
  "version": "$version",
  "description": "$summary",
  "keywords": "language model, mamba, int8, inference, microcontroller",
  "license": "MIT",
  "frameworks": "*",
  "platforms": "*",
  "headers": "adder/adder.h",
  "build": {
    "srcDir": ".",
    "includeDir": "include",
    "unflags": "-std=gnu++11",
    "flags": ["-std=gnu++17", "-I .", "-ffp-contract=off", "-fno-math-errno"],
    "srcFilter": [
      "-<*>",
      "+<kernels/>",
      "-<kernels/cases.cpp>",
      "+<runtime/>"
    ]
  },
  "export": {"include": ["include", "kernels", "runtime", "LICENSE", "README.md", "CHANGELOG.md"]}
}
JSON

cat >"$out/library.properties" <<PROPERTIES
name=Adder
version=$version
author=The Adder authors
maintainer=The Adder authors
sentence=Mamba language models with int8 weights in a fixed arena.
paragraph=Reads a model in place from flash, takes no heap, and computes the same bits on every board.
category=Data Processing
url=
architectures=*
includes=adder.h
PROPERTIES

cat >"$out/idf_component.yml" <<YAML
# Adder as a component of ESP-IDF; docs/porting.md says for which processors. $made
version: "$version"
description: $summary
license: MIT
dependencies:
  idf: ">=5.0"
files:
  include:
    - "include/**/*"
  exclude:
    - "converter/**/*"
    - "examples/**/*"
    - "tests/**/*"
YAML

cat >"$out/zephyr/module.yml" <<YAML
# Adder as a module of Zephyr: name it in a west manifest, or in ZEPHYR_EXTRA_MODULES. $made
name: adder
build:
  cmake: zephyr
  kconfig: zephyr/Kconfig
YAML

{
    cat <<KCONFIG
# Adder's options in Zephyr. $made
# SPDX-License-Identifier: MIT

menuconfig ADDER
	bool "Adder: Mamba language models with int8 weights"
	depends on CPP && STD_CPP17
	select REQUIRES_FULL_LIBCPP
	imply FPU
	help
	  $summary.

if ADDER
KCONFIG
    for part in $parts; do
        printf '\nconfig ADDER_%s\n\tbool "%s"\n\tdefault y\n' "$part" "$(about "$part")"
    done
    printf '\nendif\n'
} >"$out/zephyr/Kconfig"

cat >"$out/Adder.Adder.pdsc" <<XML
<?xml version="1.0" encoding="UTF-8"?>
<!-- Adder as a CMSIS-Pack. $made -->
<package schemaVersion="1.7.7" xmlns:xs="http://www.w3.org/2001/XMLSchema-instance" xs:noNamespaceSchemaLocation="PACK.xsd">
  <vendor>Adder</vendor>
  <name>Adder</name>
  <description>$summary</description>
  <url></url>
  <license>LICENSE</license>
  <releases>
    <release version="$version">See CHANGELOG.md.</release>
  </releases>
  <keywords>
    <keyword>Machine Learning</keyword>
    <keyword>language model</keyword>
  </keywords>
  <components>
    <component Cclass="Machine Learning" Cgroup="Adder" Cversion="$version">
      <description>$summary</description>
      <files>
        <file category="doc" name="README.md"/>
        <file category="include" name="include/"/>
        <file category="include" name="./"/>
        <file category="header" name="include/adder/adder.h"/>
        <file category="header" name="include/adder/config.h"/>
$(each '        <file category="sourceCpp" name="%s"/>')
      </files>
    </component>
  </components>
</package>
XML

#!/bin/sh
# The code that a small program gets: libadder at -Os with one ISA and the first family, linked with what such a program calls.
# SPDX-License-Identifier: MIT
#
#     code_size.sh SOURCE_DIR LIMIT
#
# Prints the bytes of code and constants of each object that is linked, and fails where their sum is above LIMIT. CC and CXX
# name other compilers.
set -eu
source=$1
limit=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Its models' tokenizers split as GPT-2 does, and their int4 weights are the converter's own.
others=-DADDER_PRETOKENIZER=0\ -DADDER_HALF_SCALES=0\ $(sed -n 's/^ADDER_FAMILY(\(.*\))$/\1/p' "$source/runtime/blocks/kinds.inc" | tr a-z A-Z | sed '1d; s/.*/-DADDER_&=0/')
for file in "$source"/kernels/*.cpp "$source"/kernels/scalar/*.cpp "$source"/runtime/*.cpp "$source"/runtime/blocks/*.cpp; do
    # shellcheck disable=SC2086
    ${CXX-c++} -std=c++17 -Os -DNDEBUG $others -I "$source" -I "$source/include" -ffp-contract=off -fno-math-errno -fno-exceptions \
        -fno-rtti -fno-threadsafe-statics -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
        -c "$file" -o "$work/$(basename "$file" .cpp).o" || touch "$work/failed" &
done
wait
[ ! -e "$work/failed" ] || { echo "a file does not compile without the other families"; exit 1; }
cat >"$work/main.c" <<'C'
#include <adder/adder.h>
extern const unsigned char blob[];
extern const int32_t prompt[4];
adder_model model;
unsigned char arena[1 << 16] __attribute__((aligned(64)));
int main(void) {
    adder_session *session;
    float *logits;
    adder_sampler sampler;
    if (adder_model_open(&model, blob, 1 << 16, NULL) != ADDER_OK) return 1;
    if (adder_session_init(&session, &model, NULL, arena, sizeof arena, NULL) != ADDER_OK) return 2;
    adder_feed(session, prompt, 3);
    adder_step(session, prompt[3], &logits);
    adder_sampler_init(&sampler, &model);
    return adder_sample(&sampler, logits, 4);
}
const unsigned char blob[1 << 16] __attribute__((aligned(64))) = {1};
const int32_t prompt[4] = {1};
C
${CC-cc} -std=c99 -Os -I "$source/include" -ffunction-sections -fdata-sections -c "$work/main.c" -o "$work/main.o"
${CC-cc} -Wl,--gc-sections,-Map,"$work/map" "$work"/*.o -o "$work/program"
# Of the map: the sections that were kept, with their object; those that were dropped stand before "Memory Configuration".
awk -v work="$work" '/^Memory Configuration/ {kept = 1}
     !kept {next}
     NF == 1 && /^ \.(text|rodata|data\.rel\.ro)/ {name = $1; next}
     /^ \.(text|rodata|data\.rel\.ro)/ {size = $3; object = $4; sum(); next}
     name != "" && NF == 3 {size = $2; object = $3; sum()}
     {name = ""}
     function sum() {
         if (index(object, work) != 1 || object ~ /main\.o$/) return # of the C library
         n = split(object, path, "/")
         bytes[path[n]] += hex(size)
         total += hex(size)
     }
     function hex(text, i, value) {
         value = 0
         for (i = 3; i <= length(text); ++i) value = 16 * value + index("0123456789abcdef", substr(text, i, 1)) - 1
         return value
     }
     END {
         for (object in bytes) printf "%7d  %s\n", bytes[object], object
         printf "%7d  in all\n", total
     }' "$work/map" | sort -n | tee "$work/table"
total=$(awk '/in all/ {print $1}' "$work/table")
[ "$total" -gt 4096 ] || { echo "so little: the sizes were not found in the linker's map"; exit 1; }
[ "$total" -le "$limit" ] || { echo "more than the budget of $limit bytes"; exit 1; }

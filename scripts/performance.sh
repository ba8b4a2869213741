#!/bin/sh
# All measurements that docs/performance.md explains, as Markdown: sh performance.sh FILE.adder [MORE.adder ...]
# SPDX-License-Identifier: MIT
#
# ADDER: the program (default: build/bin/adder). THREADS: 1 and all CPUs by default. REPEATS: 9 by default.
set -eu
[ $# -ge 1 ] || { echo "usage: sh performance.sh FILE.adder [MORE.adder ...]" >&2; exit 2; }
adder=${ADDER:-build/bin/adder}
cpus=$(getconf _NPROCESSORS_ONLN)
threads=${THREADS:-1$([ "$cpus" -gt 1 ] && echo ",$cpus")}
repeats=${REPEATS:-9}

measure() {
    printf '\n## `adder bench'
    printf ' %s' "$@"
    printf '`\n\n'
    "$adder" bench "$@" -o md
}

echo "# $("$adder" --version), $(uname -srm), $(date -u +%Y-%m-%d)"
measure kernels -r "$repeats"
for file in "$@"; do
    measure "$file" -t "$threads" -r "$repeats"
    measure kernels --model "$file" -t "$threads" -r "$repeats"
    measure "$file" -p 0 -n 0 --long 20000 -r 1
done

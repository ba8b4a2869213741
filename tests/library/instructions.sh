#!/bin/sh
# Every object of libadder.a has only instructions of its own instruction set, and none a fused multiply-add.
# SPDX-License-Identifier: MIT
#
#     instructions.sh LIB.a
#
# An object's set is in its name: matmul_avx2.cpp.o, table_dotprod.cpp.o and so on; all others have to run on any CPU of the
# kind. OBJDUMP names another tool than the host's. On 32-bit ARM, BASELINE_NEON=1 says that the whole build is for NEON.
set -eu
lib=$1
objdump=${OBJDUMP-objdump}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

format=$($objdump -f "$lib" | sed -n 's/.*file format //p' | head -n 1)
case $format in
elf64-x86-64) family=x86 ;;
elf64-littleaarch64) family=aarch64 ;;
elf32-littlearm) family=arm ;;
*) echo "no rules for $format"; exit 1 ;;
esac
[ $family = x86 ] && width=--insn-width=15 || width=
# shellcheck disable=SC2086
$objdump -d $width "$lib" >"$work/code"

# A line of code: address, bytes, instruction, and its operands behind a tab or a space.
awk -F '\t' -v family=$family -v baseline_neon="${BASELINE_NEON-0}" '
function x86(bytes, text, set) {
    vex = bytes ~ /^(c4|c5)/
    evex = bytes ~ /^62/
    legacy = bytes ~ /^((66|f2|f3) )*(4[0-9a-f] )?0f (38|3a)/ # SSSE3 and later
    dot = text ~ /^(\{vex\} )?vpdp/
    if (text ~ /^vfn?m(add|sub)/) return "a fused multiply-add"
    if (text ~ /%zmm/ && set != "avx512vnni") return "a register of 512 bits"
    if (evex && set != "avx512vnni") return "AVX-512"
    if (dot && set !~ /vnni/) return "VNNI"
    if (vex && set !~ /avx/) return "AVX"
    if (legacy && set == "baseline") return "SSSE3 or later"
    if (text ~ /^(haddp|hsubp|addsub|movddup|movs[hl]dup|lddqu)/ && set == "baseline") return "SSE3"
    if (text ~ /^(popcnt|lzcnt|crc32|pcmpgtq|pcmp[ei]str)/ && set !~ /avx/) return "SSE4.2 or later"
    if (text ~ /%ymm/) typical["avx2"] = 1
    if (legacy && set == "sse41") typical["sse41"] = 1
    if (dot) typical[set] = 1
}
function aarch64(text, set) {
    if (text ~ /^(fmla|fmls|fn?madd|fn?msub|fmlal)/) return "a fused multiply-add"
    if (text ~ /^(us|su|s|u)mmla|^(usdot|sudot)/ && set != "i8mm") return "I8MM"
    if (text ~ /^[su]dot/ && set != "i8mm" && set != "dotprod") return "a dot product"
    if (text ~ /[ \t,{][zp][0-9]+[.\/]/) return "SVE"
    if (set == "baseline" && text ~ /^(cas|swp|ldadd|ldset|ldclr|sqrdml)/) return "Armv8.1"
    if (text ~ /^[su]dot/ && set == "dotprod") typical["dotprod"] = 1
    if (text ~ /^((us|su|s|u)mmla|usdot|sudot)/) typical["i8mm"] = 1
    if (text ~ /^(fmul|smull|sadalp).*v[0-9]/) typical[set] = 1
}
function arm(text, set) {
    if (text ~ /^vfn?m[as]/) return "a fused multiply-add"
    neon = text ~ /[ \t{]q[0-9]/ || text ~ /^v(ld|st)[1-4]\./
    neon = neon || (text ~ /^v[a-z]+\.[isuf]?(8|16|32|64)[ \t].*[ \t{]d[0-9]/ && text !~ /^v[a-z]+\.f64|^vmov\.32|^v(ldr|str|ldm|stm|cvt)/)
    if (neon && set == "baseline" && !baseline_neon) return "NEON"
    if (neon) typical["neon"] = 1
}
function set_of(object) {
    if (match(object, /avx512vnni|avxvnni|avx2|sse41|dotprod|i8mm|neon/)) return substr(object, RSTART, RLENGTH)
    return "baseline"
}
/:     file format/ {object = $0; sub(/:.*/, "", object); set = set_of(object); next}
NF < 3 || $2 == "" {next}
{
    lines[set]++
    text = $3 "\t" $4
    wrong = family == "x86" ? x86($2, text, set) : family == "aarch64" ? aarch64(text, set) : arm(text, set)
    if (wrong != "" && ++shown[object] <= 3) printf "%s: %s: %s\n", object, wrong, text
    if (wrong != "") failed = 1
}
END {
    if (lines["baseline"] < 1000) {print "so little code: the disassembly was not understood"; failed = 1}
    for (set in lines) {
        printf "%8d instructions  %s\n", lines[set], set
        if (set != "baseline" && !typical[set]) {print "no instruction typical of " set ": nothing was checked"; failed = 1}
    }
    exit failed
}' "$work/code"

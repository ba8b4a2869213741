#!/bin/sh
# Runs a program for a board under qemu, and looks at what it wrote on its serial port and how it ended.
# SPDX-License-Identifier: MIT
#
#     board.sh conversation MACHINE PROGRAM.elf ADDER_CHAT FILE.adder   says what adder-chat says, and exits with 0
#     board.sh prepared MACHINE PROGRAM.elf HOST_PROGRAM                says what that says, which begins where a saved state ends
#     board.sh command MACHINE PROGRAM.elf ADDER_CHAT FILE.adder FORM   says of each sentence what adder-chat says under the
#                                                                       constraint: a text of the form of command.json
#     board.sh checks MACHINE PROGRAM.elf HOST_PROGRAM LOGITS.CRC KEY   exits with 0; logits and samples are the host's, and the
#                                                                       logits what the file has for the key
#     board.sh refuses MACHINE PROGRAM.elf PATTERN                      exits with 1 after an error that matches
#     board.sh faults MACHINE PROGRAM.elf                               exits with 99 after the report of a fault
#     board.sh faults_in_main MACHINE PROGRAM.elf                       and it has the address of main
set -eu
what=$1
machine=$2
program=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "board.sh: $1"
    exit 1
}

code=0
"${QEMU-qemu-system-arm}" -M "$machine" -nographic -monitor none -serial stdio -semihosting-config enable=on,target=native \
    -kernel "$program" </dev/null >"$work/out" 2>"$work/err" || code=$?
cat "$work/out" "$work/err"
expect() { [ "$code" = "$1" ] || fail "exit code $code instead of $1"; }

case $what in
conversation)
    expect 0
    sed -n 's/^> //p' "$work/out" >"$work/questions"
    [ "$(wc -l <"$work/questions")" -ge 3 ] || fail "no conversation"
    grep -v '^> ' "$work/out" | grep -v '^\[' >"$work/answers"
    "$4" "$5" --temp 0 --max-tokens 64 <"$work/questions" >"$work/expected"
    diff "$work/expected" "$work/answers" || fail "adder-chat answers otherwise"
    ;;
prepared)
    expect 0
    grep -v '^\[' "$work/out" >"$work/answers"
    "$4" | grep -v '^\[' >"$work/expected"
    diff "$work/expected" "$work/answers" || fail "the host answers otherwise"
    # The first of them follows a question about food: without the state it is another.
    ! grep -q "^What city" "$work/answers" || fail "the state was not loaded"
    ;;
command)
    expect 0
    sed -n 's/^> //p' "$work/out" >"$work/questions"
    grep -v '^> ' "$work/out" | grep -v '^\[' >"$work/answers"
    [ "$(wc -l <"$work/answers")" -ge 3 ] || fail "no commands"
    while read -r question; do "$4" "$5" --temp 0 --repeat-penalty 1 --constraint "$6" --prompt "$question"; done <"$work/questions" >"$work/expected"
    diff "$work/expected" "$work/answers" || fail "adder-chat answers otherwise"
    day='today|tomorrow|(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day'
    form='\{"want":"(restaurant|hotel|taxi|train)","people":([1-9]|1[0-9]|20),"day":"('$day')"(,"note":".*")?\}'
    ! grep -Exv "$form" "$work/answers" || fail "not of the form"
    ;;
checks)
    expect 0
    "$4" >"$work/host" || fail "the host's program fails"
    for word in crc sampled chosen; do
        # The smallest board has no memory for marks, and none has it for those of adder-13m.
        case "$word $machine $6" in chosen*netduinoplus2* | chosen*adder-13m*) continue ;; esac
        grep "^$word " "$work/host" >"$work/theirs" || fail "no line '$word' of the host"
        grep "^$word " "$work/out" | diff "$work/theirs" - || fail "the host has another $word"
    done
    golden=$(sed -n "s/^$6: //p" "$5")
    [ "$(sed -n 's/^crc //p' "$work/out")" = "$golden" ] || fail "logits.crc has $golden for $6"
    ;;
refuses)
    expect 1
    grep -q "^error: $4" "$work/out" || fail "no error '$4'"
    ! grep -q "^fault" "$work/out" || fail "a fault"
    ;;
faults)
    expect 99
    grep -q "^fault: cfsr [0-9a-f]* " "$work/out" || fail "no report"
    ;;
faults_in_main)
    expect 99
    main=$("${NM-nm}" "$program" | sed -n 's/ T main$//p')
    grep -q "^fault: cfsr [0-9a-f]* pc $main lr " "$work/out" || fail "no report that has $main"
    ;;
esac

#!/bin/sh
# README.md against the project: sh readme.sh SOURCE_DIR ADDER
# Its C program is examples/minimal/minimal.c's, its links lead somewhere, its commands exist. Of it, the pages of docs/ and
# the models' cards: a model that is named is in examples/models, or the page says that it is not bundled. Files that pages
# for developers name are there, and docs/porting.md has the sizes of the blobs.
# SPDX-License-Identifier: MIT
set -eu
cd "$1"
adder=$2
fail() { echo "$*"; exit 1; }

program=$(sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d')
[ -n "$program" ] || fail "README.md: no C program"
[ "$program" = "$(sed -n '/^int main/,$p' examples/minimal/minimal.c)" ] || fail "README.md: the program differs from examples/minimal/minimal.c"

for page in README.md docs/*.md docs/results/*.md; do
    folder=$(dirname "$page")
    for link in $(grep -o '](\([^)#]*\))' "$page" | sed 's/^](//; s/)$//'); do
        case $link in
        http*) continue ;;
        esac
        [ -e "$folder/$link" ] || fail "$page links to $link, which is not there"
    done
done

# Files of the tree that pages for developers name; capitals stand for names to come.
for page in docs/design.md docs/contributing.md; do
    for file in $(grep -o '`[a-z0-9_]*/[a-z0-9_/]*\.\(cpp\|h\|inc\|sh\|cmake\)`' "$page" | tr -d '`' | sort -u); do
        [ -e "$file" ] || [ -n "$(find runtime converter tests -path "*/$file")" ] || fail "$page names $file, which is not there"
    done
done

for command in $(sed -n 's,^build/bin/adder \([a-z]*\).*,\1,p' README.md); do
    "$adder" help "$command" >/dev/null || fail "README.md: there is no adder $command"
done

for page in README.md docs/*.md docs/results/*.md examples/models/*/MODEL_CARD.md; do
    for model in $(grep -o 'adder-[0-9][0-9]*m\(-int4\)\{0,1\}' "$page" | sort -u); do
        [ -d "examples/models/$model" ] || tr "\n" " " <"$page" | grep -q "$model is not bundled" || fail "$page names $model, which is not there"
    done
    for folder in $(grep -o 'examples/models/[a-z0-9-]*' "$page" | sort -u); do
        [ -d "$folder" ] || fail "$page names $folder, which is not there"
    done
done

# | model | weights | flash for the blob | ...
rows=0
while IFS='|' read -r _ model weights bytes _; do
    case $weights in
    *"int4 (\`small\`, int4 embedding)"*) set -- --recipe small --set embedding=int4 ;;
    *"int8 (\`best\`)"*) set -- --recipe best ;;
    *) continue ;;
    esac
    rows=$((rows + 1))
    model=$(echo "$model" | tr -d ' ')
    found=$("$adder" convert "examples/models/$model" --dry-run --json -q "$@" | sed -n 's/.*"blob_bytes": \([0-9]*\).*/\1/p')
    [ "$found" = "$(echo "$bytes" | tr -d ' ,')" ] || fail "docs/porting.md: $model,$weights:$bytes bytes; it has $found"
done <<END
$(grep '^| adder-' docs/porting.md)
END
[ $rows -ge 4 ] || fail "docs/porting.md has no table of blobs"

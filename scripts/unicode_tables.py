#!/usr/bin/env python3
# Writes runtime/unicode_tables.h from Python's unicodedata: character classes and NFC (UAX #15) in few bytes.
# SPDX-License-Identifier: MIT
#
# usage: scripts/unicode_tables.py > runtime/unicode_tables.h
#
# A range table is a byte string: for each range in ascending order LEB128(code points since the end of the range
# before), LEB128(length * 2 + k); k = 0: the range has the table's common value; k = 1: a byte with the value follows.
# Every 32nd range can be entered directly: its index entry holds the end of the range before and its byte offset.
# The table of general categories has a run for each code point: LEB128(length * 16 + value), value 0 being of none of those that
# are named. Where upper and lower case letters take turns, as in Latin Extended, one run has them all.
import sys
import unicodedata as u

EVERY = 32
LETTER, NUMBER, SPACE = 1, 2, 3
JOINS = 255  # pseudo combining class: a starter that may compose with, or decomposes to join, what stands before it
WHITE_SPACE = [*range(0x9, 0xE), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F,
               0x3000]  # PropList.txt; stable since Unicode 6.3
HANGUL = range(0xAC00, 0xAC00 + 11172)


def leb(value):
    out = []
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return out + [value]


def ranges(value_of):
    found, start, value = [], 0, 0
    for cp in range(0x110001):
        v = value_of(cp) if cp < 0x110000 else 0
        if v != value:
            if value:
                found.append((start, cp, value))
            start, value = cp, v
    return found


def array(kind, name, values):
    print(f'constexpr {kind} {name}[{len(values)}] = {{')
    line = '   '
    for v in values:
        item = f' {v},'
        if len(line) + len(item) > 110:
            print(line)
            line = '   '
        line += item
    print(line.rstrip(',') + '};\n')


def range_table(name, common, value_of, comment):
    data, starts, offsets, end = [], [], [], 0
    for i, (low, high, value) in enumerate(ranges(value_of)):
        if i % EVERY == 0:
            starts.append(end)
            offsets.append(len(data))
        data += leb(low - end) + leb((high - low) * 2 + (value != common)) + ([value] if value != common else [])
        end = high
    print(f'// {comment}')
    print(f'constexpr uint8_t {name}_common = {common};')
    array('uint8_t', f'{name}_ranges', data)
    array('uint32_t', f'{name}_index', starts)
    array('uint16_t', f'{name}_offset', offsets)


def category(cp):
    if cp in white_space:
        return SPACE
    return {'L': LETTER, 'N': NUMBER}.get(u.category(chr(cp))[0], 0)


# As GeneralCategory of runtime/unicode.h.
GENERAL = ['', 'Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'M', 'Nd', 'N', 'P', 'S', 'Z']
TURNS = 15


def general_category(cp):
    if cp in white_space:
        return GENERAL.index('Z')
    name = u.category(chr(cp))
    return GENERAL.index(name if name in GENERAL else name[0] if name[0] in GENERAL else '')


def run_table(name, comment):
    values = [general_category(cp) for cp in range(0x110000)] + [0]
    last = max(cp for cp in range(0x110000) if values[cp])
    data, starts, offsets, runs, at = [], [], [], 0, 0
    while at <= last:
        end = at
        while values[end] == 1 + (end - at) % 2:
            end += 1
        value = TURNS
        if end - at < 2:
            value = values[at]
            while end < 0x110000 and values[end] == value:
                end += 1
        if runs % EVERY == 0:
            starts.append(at)
            offsets.append(len(data))
        data += leb((end - at) * 16 + value)
        runs, at = runs + 1, end
    print(f'// {comment}')
    array('uint8_t', f'{name}_runs', data)
    array('uint32_t', f'{name}_index', starts)
    array('uint16_t', f'{name}_offset', offsets)


white_space = set(WHITE_SPACE)
single, pairs, excluded, pairs1, excluded1, cjk = {}, [], [], [], [], {}
for cp in range(0x110000):
    text = u.decomposition(chr(cp))
    if not text or text.startswith('<') or cp in HANGUL:
        continue
    parts = [int(p, 16) for p in text.split()]
    if len(parts) == 1:
        if 0xF900 <= cp < 0xFB00 or 0x2F800 <= cp:
            cjk[cp] = parts[0]
        else:
            single[cp] = parts[0]
        continue
    composes = u.normalize('NFC', ''.join(map(chr, parts))) == chr(cp)
    assert len(parts) == 2 and len({p >> 16 for p in parts + [cp]}) == 1 and cp >> 16 < 2
    table = (pairs if composes else excluded) if cp < 0x10000 else (pairs1 if composes else excluded1)
    table.append((cp, *parts))

seconds = {p[2] for p in pairs + pairs1} | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))


def combining(cp):
    value = u.combining(chr(cp))
    first = ord(u.normalize('NFD', chr(cp))[0])
    if not value and (cp in seconds or first in seconds or u.combining(chr(first))):
        return JOINS
    return value


print(f'''// Unicode {u.unidata_version} in few bytes: written by scripts/unicode_tables.py, which describes the coding. Do not edit.
// SPDX-License-Identifier: MIT
// clang-format off
#pragma once

#include <stdint.h>

namespace adder {{
''')
print(f'constexpr unsigned unicode_index_step = {EVERY};\n')
print('#if ADDER_PRETOKENIZER\n')
run_table('general', 'General categories, the values of GeneralCategory; 15: Lu and Ll take turns, Lu first')
print('#else\n')
range_table('category', LETTER, category, '\\p{L} = 1 (common), \\p{N} = 2, White_Space = 3')
print('#endif')
print('#if ADDER_NFC\n')
range_table('combining', 230, combining,
            'Canonical_Combining_Class; 255: of class 0, but may join what stands before it')

pairs.sort(key=lambda p: (p[2], p[1]))
groups = sorted({p[2] for p in pairs})
print('// Primary composites of the BMP: first, composite, grouped by second and in each group sorted by first.')
array('uint16_t', 'compose_second', groups)
array('uint16_t', 'compose_start', [next(i for i, p in enumerate(pairs) if p[2] == g) for g in groups] + [len(pairs)])
array('uint16_t', 'compose_first', [p[1] for p in pairs])
array('uint16_t', 'compose_result', [p[0] for p in pairs])
print('// Composition exclusions of the BMP: {character, first, second}, sorted by character.')
array('uint16_t', 'excluded_pairs', [v for p in excluded for v in p])
assert all(p[0] < 0x1D000 for p in pairs1) and all(p[0] >= 0x1D000 for p in excluded1)
print('// Plane 1, low 16 bits, alike; those from D000 on are composition exclusions.')
array('uint16_t', 'plane1_pairs', [v & 0xFFFF for p in pairs1 + excluded1 for v in p])
print('// Singletons outside the CJK compatibility ideographs: {character, replacement}.')
assert max(single) < 0x10000 and max(single.values()) < 0x10000
array('uint16_t', 'singletons', [v for item in sorted(single.items()) for v in item])
slots = [cjk.get(cp, 0) for cp in [*range(0xF900, 0xFADA), *range(0x2F800, 0x2FA1E)]]
assert len([s for s in slots if s]) == len(cjk) and all(s >> 16 in (0, 2) and (s == 0 or s & 0xFFFF) for s in slots)
print('// CJK compatibility ideographs F900..FAD9, 2F800..2FA1D: low 16 bits, 0 where there is none; bit set: plane 2.')
array('uint16_t', 'cjk_low', [s & 0xFFFF for s in slots])
array('uint8_t', 'cjk_plane2', [sum((slots[i] >> 17 & 1) << (i - b) for i in range(b, min(b + 8, len(slots))))
                                for b in range(0, len(slots), 8)])
print('#endif\n\n}  // namespace adder\n// clang-format on')
print(f'{len(pairs)} pairs, {len(excluded)} excluded, {len(pairs1)}+{len(excluded1)} plane 1, {len(single)} singletons, '
      f'{len(cjk)} cjk, {len(groups)} seconds', file=sys.stderr)

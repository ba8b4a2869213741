#!/usr/bin/env python3
"""Writes a GGUF file of a Mamba checkpoint, as llama.cpp's converter and quantizer do, for measurements: docs/quantization.md.

    python3 scripts/mamba_gguf.py FOLDER TYPE FILE.gguf

TYPE is F32, Q8_0 or Q4_0, of all matrices whose rows are whole blocks; the embedding, which is the head, is at least Q8_0, as in
llama.cpp's files. Needs nothing but Python. There is no tokenizer in the file: give the folder's with --tokenizer.
"""
# SPDX-License-Identifier: MIT
import array
import json
import math
import os
import struct
import sys

NAMES = {'norm.weight': 'attn_norm.weight', 'mixer.in_proj.weight': 'ssm_in.weight',
         'mixer.conv1d.weight': 'ssm_conv1d.weight', 'mixer.conv1d.bias': 'ssm_conv1d.bias',
         'mixer.x_proj.weight': 'ssm_x.weight', 'mixer.dt_proj.weight': 'ssm_dt.weight',
         'mixer.dt_proj.bias': 'ssm_dt.bias', 'mixer.A_log': 'ssm_a', 'mixer.D': 'ssm_d',
         'mixer.out_proj.weight': 'ssm_out.weight', 'backbone.embeddings.weight': 'token_embd.weight',
         'backbone.norm_f.weight': 'output_norm.weight'}
TYPES = {'F32': 0, 'Q4_0': 2, 'Q8_0': 8}


def tensors(folder):
    """Name, shape and floats of each."""
    for file in sorted(os.listdir(folder)):
        if not file.endswith('.safetensors'):
            continue
        data = open(os.path.join(folder, file), 'rb').read()
        size = struct.unpack_from('<Q', data)[0]
        header = json.loads(data[8:8 + size])
        for name, entry in header.items():
            if name == '__metadata__':
                continue
            begin, end = (8 + size + place for place in entry['data_offsets'])
            values = array.array('f')
            if entry['dtype'] == 'BF16':
                bits = array.array('I', [half << 16 for half in array.array('H', data[begin:end])])
                values.frombytes(bits.tobytes())
            elif entry['dtype'] == 'F32':
                values.frombytes(data[begin:end])
            else:
                sys.exit('%s has type %s' % (name, entry['dtype']))
            yield name, entry['shape'], values



def q8_0(values):
    for begin in range(0, len(values), 32):
        group = values[begin:begin + 32]
        step = max(abs(v) for v in group) / 127
        inverse = 1 / step if step else 0
        yield struct.pack('<e32b', step, *(round(v * inverse) for v in group))


def q4_0(values):
    for begin in range(0, len(values), 32):
        group = values[begin:begin + 32]
        step = max(group, key=abs) / -8
        inverse = 1 / step if step else 0
        codes = [min(15, int(v * inverse + 8.5)) for v in group]
        yield struct.pack('<e16B', step, *(codes[i] | codes[i + 16] << 4 for i in range(16)))


def main():
    folder, wanted, path = sys.argv[1:]
    config = json.load(open(os.path.join(folder, 'config.json')))
    text = lambda s: struct.pack('<Q', len(s.encode())) + s.encode()
    key = lambda name, kind, value: text(name) + struct.pack('<I', kind) + value
    number = lambda name, value: key('mamba.' + name, 4, struct.pack('<I', value))
    keys = [key('general.architecture', 8, text('mamba')), number('context_length', 1 << 20),
            number('embedding_length', config['hidden_size']), number('block_count', config['num_hidden_layers']),
            number('ssm.conv_kernel', config['conv_kernel']), number('ssm.inner_size', config['intermediate_size']),
            number('ssm.state_size', config['state_size']), number('ssm.time_step_rank', config['time_step_rank']),
            key('mamba.attention.layer_norm_rms_epsilon', 6, struct.pack('<f', config['layer_norm_epsilon'])),
            key('tokenizer.ggml.bos_token_id', 4, struct.pack('<I', config['bos_token_id'])),
            key('tokenizer.ggml.eos_token_id', 4, struct.pack('<I', config['eos_token_id']))]
    infos, data = [], []
    place = 0
    for name, shape, values in tensors(folder):
        layer = name.startswith('backbone.layers.')
        number_of, rest = name[len('backbone.layers.'):].split('.', 1) if layer else ('', name)
        theirs = ('blk.%s.' % number_of if layer else '') + NAMES[rest]
        if rest == 'mixer.A_log':
            values = array.array('f', [-math.exp(v) for v in values])
        if rest == 'mixer.conv1d.weight':
            shape = [shape[0], shape[2]]
        kind = wanted if len(shape) == 2 and shape[1] % 32 == 0 and 'A_log' not in rest else 'F32'
        if rest == 'backbone.embeddings.weight' and kind == 'Q4_0':
            kind = 'Q8_0'
        raw = values.tobytes() if kind == 'F32' else b''.join((q8_0 if kind == 'Q8_0' else q4_0)(values))
        infos.append(text(theirs) + struct.pack('<I', len(shape)) + struct.pack('<%dQ' % len(shape), *reversed(shape)) +
                     struct.pack('<IQ', TYPES[kind], place))
        raw += bytes(-len(raw) % 32)
        data.append(raw)
        place += len(raw)
    head = b'GGUF' + struct.pack('<IQQ', 3, len(infos), len(keys)) + b''.join(keys) + b''.join(infos)
    with open(path, 'wb') as out:
        out.write(head + bytes(-len(head) % 32) + b''.join(data))


main()

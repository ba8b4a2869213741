/* Which parts of the library are built: all, unless one is defined as 0 for the library and for the programs that use it.
 * SPDX-License-Identifier: MIT
 *
 * In CMake, -DADDER_INT4=OFF; elsewhere -DADDER_INT4=0 for every file, or a 0 below. The header does not declare the
 * functions of a part that is not built, so that a program which needs them does not compile; a blob that needs one is
 * refused with ADDER_ERROR_UNSUPPORTED, in words: docs/porting.md says what each part takes.
 */
#ifndef ADDER_CONFIG_H
#define ADDER_CONFIG_H

/* Families of models: a blob with blocks of another kind is refused. Mamba and Falcon-Mamba. */
#ifndef ADDER_MAMBA1
#define ADDER_MAMBA1 1
#endif

/* Mamba-2. */
#ifndef ADDER_MAMBA2
#define ADDER_MAMBA2 1
#endif

/* RWKV-7. */
#ifndef ADDER_RWKV7
#define ADDER_RWKV7 1
#endif

/* Griffin and RecurrentGemma: recurrent blocks, attention within a window, gated MLPs. */
#ifndef ADDER_GRIFFIN
#define ADDER_GRIFFIN 1
#endif

/* Text to token ids and back. Without it a blob's tokenizer is not looked at, and a program deals in ids. */
#ifndef ADDER_TOKENIZER
#define ADDER_TOKENIZER 1
#endif

/* Unicode normalization, for tokenizers that ask for it (GPT-NeoX: all published Mambas; adder-13m does not). */
#ifndef ADDER_NFC
#define ADDER_NFC 1
#endif

/* Tokenizers that take the longest token at each place: RWKV's World vocabulary. */
#ifndef ADDER_WORLD_TOKENIZER
#define ADDER_WORLD_TOKENIZER 1
#endif

/* adder_sample and what belongs to it. */
#ifndef ADDER_SAMPLER
#define ADDER_SAMPLER 1
#endif

/* Matrices of int4 weights: the recipes small, smaller and smallest. */
#ifndef ADDER_INT4
#define ADDER_INT4 1
#endif

/* Linear layers of float weights or float inputs: the recipe float, and what --set makes such. */
#ifndef ADDER_FLOAT_LAYERS
#define ADDER_FLOAT_LAYERS 1
#endif

/* Sentences for errors. Without them adder_error has no item, and its text is the number of the status, found and needed. */
#ifndef ADDER_ERROR_STRINGS
#define ADDER_ERROR_STRINGS 1
#endif

/* What follows of the above, and is not to be set: LayerNorm with activations apart from other steps. */
#define ADDER_LAYER_NORM (ADDER_RWKV7)

#endif

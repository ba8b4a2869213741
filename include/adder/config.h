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

/* RWKV-4. */
#ifndef ADDER_RWKV4
#define ADDER_RWKV4 1
#endif

/* RWKV-5. */
#ifndef ADDER_RWKV5
#define ADDER_RWKV5 1
#endif

/* RWKV-7. */
#ifndef ADDER_RWKV7
#define ADDER_RWKV7 1
#endif

/* Griffin and RecurrentGemma: recurrent blocks, attention within a window, gated MLPs. */
#ifndef ADDER_GRIFFIN
#define ADDER_GRIFFIN 1
#endif

/* Attention to all tokens of a context and MLPs, which hybrids have between or beside recurrent blocks: Granite-4.0-H, Falcon-H1. */
#ifndef ADDER_GQA
#define ADDER_GQA 1
#endif

/* LFM2: short convolutions between two gates. Its attention and MLPs are ADDER_GQA's. */
#ifndef ADDER_LFM2
#define ADDER_LFM2 1
#endif

/* Gated DeltaNet: Qwen3.5. Its attention and MLPs are ADDER_GQA's. */
#ifndef ADDER_GDN
#define ADDER_GDN 1
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

/* Tokenizers of SentencePiece's kind, BPE over characters with byte fallback: RecurrentGemma and Gemma, Llama 2, Mistral. */
#ifndef ADDER_SENTENCEPIECE
#define ADDER_SENTENCEPIECE 1
#endif

/* Byte-level BPE with a split or a first token that GPT-2 does not have: Llama 3, Qwen, Tekken, Falcon, Granite, LFM2. */
#ifndef ADDER_PRETOKENIZER
#define ADDER_PRETOKENIZER 1
#endif

/* adder_sample and what belongs to it. */
#ifndef ADDER_SAMPLER
#define ADDER_SAMPLER 1
#endif

/* Output that keeps to a form (adder_constraint_...): needs ADDER_TOKENIZER. */
#ifndef ADDER_CONSTRAINT
#define ADDER_CONSTRAINT 1
#endif

/* A token of each of several sessions at once (adder_step_many). */
#ifndef ADDER_STEP_MANY
#define ADDER_STEP_MANY 1
#endif

/* Matrices of int4 weights: the recipes small, smaller and smallest. */
#ifndef ADDER_INT4
#define ADDER_INT4 1
#endif

/* int4 weights whose scales are binary16, not bfloat16: those that a GGUF file had, kept. */
#ifndef ADDER_HALF_SCALES
#define ADDER_HALF_SCALES 1
#endif

/* Linear layers of float weights or float inputs: the recipe float, and what --set makes such. */
#ifndef ADDER_FLOAT_LAYERS
#define ADDER_FLOAT_LAYERS 1
#endif

/* Sentences for errors. Without them adder_error has no item, and its text is the number of the status, found and needed. */
#ifndef ADDER_ERROR_STRINGS
#define ADDER_ERROR_STRINGS 1
#endif

/* What follows of the above, and is not to be set: a channel mix with a receptance; the token shift of all RWKVs, and with it
 * LayerNorm; activations apart from other steps; attention of any kind, and with it a scale of the embedding and a cap; keys
 * and values of a context; two blocks on one input; a convolution without an activation; a scan of heads, and its delta
 * rule; a gate of SiLU; heads of attention with gates. */
#define ADDER_RECEPTANCE (ADDER_RWKV4 || ADDER_RWKV5)
#define ADDER_TOKEN_SHIFT (ADDER_RECEPTANCE || ADDER_RWKV7)
#define ADDER_LAYER_NORM ADDER_TOKEN_SHIFT
#define ADDER_ACTIVATE (ADDER_LAYER_NORM || ADDER_GQA)
#define ADDER_KEYS (ADDER_GRIFFIN || ADDER_GQA)
#define ADDER_CACHE ADDER_GQA
#define ADDER_BESIDE ADDER_GQA
#define ADDER_CONV_LINEAR (ADDER_GRIFFIN || ADDER_LFM2)
#define ADDER_SSD (ADDER_MAMBA2 || ADDER_GDN)
#define ADDER_DELTA_RULE ADDER_GDN
#define ADDER_SILU_GATE (ADDER_GQA || ADDER_GDN)
#define ADDER_HEAD_GATES ADDER_GDN

#endif

/* Adder: Mamba language models with int8 or int4 weights in a fixed arena. The whole public API, in C99.
 * SPDX-License-Identifier: MIT
 *
 * The library allocates nothing, opens nothing and keeps no global state. The caller brings three pieces of memory:
 * the blob (read in place, from flash or a mapping, 64-byte aligned, alive as long as anything made from it), an
 * adder_model, and an arena whose exact size adder_arena_size tells beforehand.
 *
 *     adder_model model;
 *     adder_session *session;
 *     adder_model_open(&model, blob, blob_size, NULL);
 *     adder_session_init(&session, &model, NULL, arena, arena_size, NULL);
 *     adder_feed(session, prompt, prompt_size - 1);
 *     adder_step(session, prompt[prompt_size - 1], &logits);
 *     next = adder_sample(&sampler, logits, adder_model_vocab_size(&model));
 *
 * One session is used by one thread at a time; sessions of one model are independent of each other. For one blob and
 * one sequence of tokens the logits are the same bits on every ISA, for every thread count and however the sequence was
 * cut into calls (docs/numerics.md).
 */
#ifndef ADDER_ADDER_H
#define ADDER_ADDER_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ADDER_VERSION_MAJOR 0
#define ADDER_VERSION_MINOR 1
#define ADDER_VERSION_PATCH 0

/* The version of the blob format that this library reads (docs/format.md). */
#define ADDER_FORMAT_VERSION 3

/* Alignment in bytes that blobs and arenas must have. */
#define ADDER_ALIGNMENT 64

/* Results: ADDER_OK, or a negative reason; of adder_continue also ADDER_MORE. */
typedef enum adder_status {
    ADDER_OK = 0,
    ADDER_MORE = 1,                  /* not an error: there is more to do */
    ADDER_ERROR_ARGUMENT = -1,       /* a null pointer, or an option outside of its range */
    ADDER_ERROR_ALIGNMENT = -2,      /* a blob or arena that is not aligned to ADDER_ALIGNMENT */
    ADDER_ERROR_NOT_A_BLOB = -3,     /* the magic number is missing */
    ADDER_ERROR_VERSION = -4,        /* a blob format that this library does not read */
    ADDER_ERROR_TRUNCATED = -5,      /* fewer bytes than the blob says it has */
    ADDER_ERROR_CORRUPT = -6,        /* a checksum or a field contradicts the rest */
    ADDER_ERROR_UNSUPPORTED = -7,    /* valid, but beyond this build of the library */
    ADDER_ERROR_ARENA = -8,          /* the arena is smaller than adder_arena_size */
    ADDER_ERROR_TOKEN = -9,          /* a token id outside of the vocabulary */
    ADDER_ERROR_STATE = -10,         /* a saved state of another model, or a damaged one */
    ADDER_ERROR_BUFFER = -11,        /* an output buffer is too small */
    ADDER_ERROR_NO_TOKENIZER = -12,  /* the blob carries no tokenizer */
    ADDER_ERROR_ISA = -13,           /* the instruction set asked for is not built or not on this CPU */
    ADDER_ERROR_TEXT = -14,          /* a byte of the text has no token in this vocabulary */
    ADDER_ERROR_SELFTEST = -15,      /* the results differ from those recorded in the blob */
    ADDER_ERROR_SEQUENCE = -16,      /* something is begun and not finished, or nothing is begun */
    ADDER_ERROR_READ = -17,          /* a callback could not read the blob */
    ADDER_ERROR_CONTEXT = -18,       /* the sequence would be longer than the session's context */
    ADDER_ERROR_CONSTRAINT = -19,    /* not a constraint, one of another version, or a damaged one */
    ADDER_ERROR_NO_TOKEN_FITS = -20, /* the constraint lets no token follow, or not the one given */
    ADDER_ERROR_LENGTH = -21         /* the tokens left do not complete what the constraint asks for */
} adder_status;

/* What exactly was wrong. Filled on failure where a function takes one (null: not wanted). */
typedef struct adder_error {
    adder_status status;
    const char *item; /* a static string; of ADDER_ERROR_ISA the name asked for, not copied */
    int32_t index;    /* which one, where the item is one of many; else -1 */
    uint64_t found;   /* the number found ... */
    uint64_t needed;  /* ... and the one that was needed */
} adder_error;

/* One sentence for a status: a static string, never null; empty in a build without ADDER_ERROR_STRINGS. */
const char *adder_status_text(adder_status status);

/* Writes a sentence with item and numbers, zero-terminated and cut to `size` bytes. Returns the length it has uncut. */
size_t adder_error_text(const adder_error *error, char *text, size_t size);

/* "0.1.0" */
const char *adder_version(void);

/* ---- Model: a validated view of a blob ------------------------------------------------------------------------- */

typedef struct adder_model {
    uint64_t opaque[40];
} adder_model;

/* Validates the header, the tables and the tokenizer, in time independent of the size of the weights: a few
 * milliseconds at most. Allocates nothing and keeps pointers into the blob. The weights themselves are not read; see
 * adder_model_verify. Whatever the bytes are, using an opened model never reads outside of the blob. */
adder_status adder_model_open(adder_model *model, const void *blob, size_t size, adder_error *error);

/* Reads the whole blob and compares it with its CRC-32; a streamed one in pieces of 512 bytes, on the stack. */
adder_status adder_model_verify(const adder_model *model, adder_error *error);

/* How far adder_model_verify_piece has come. Zeroed, it is at the beginning. */
typedef struct adder_verification {
    uint64_t done; /* bytes */
    uint32_t crc;
    uint32_t reserved; /* 0 */
} adder_verification;

/* The same 512 bytes at a time, in the background: ADDER_MORE while there are others; ADDER_OK or ADDER_ERROR_CORRUPT after the
 * last. After ADDER_ERROR_READ nothing has moved on: it can be tried again. */
adder_status adder_model_verify_piece(const adder_model *model, adder_verification *verification,
                                      adder_error *error);

typedef struct adder_model_info {
    uint32_t format_version;
    uint32_t vocab_size;
    uint32_t d_model;
    uint32_t n_layer;         /* as the checkpoint counts them */
    uint32_t n_block;         /* residual += f(norm(residual)): one or more per layer */
    uint64_t fingerprint;     /* of the whole blob: a state saved under one loads under no other */
    uint64_t blob_bytes;      /* as the header has it */
    uint64_t parameters;      /* of the checkpoint */
    uint64_t bytes_per_token; /* of the blob, read for one generated token */
    int32_t bos_token;        /* -1: none */
    int32_t eos_tokens[4];    /* -1: none */
    int int8_activations;     /* 0: float activations */
    int has_tokenizer;        /* that this build of the library can use */
    int has_chat_template;
    uint32_t context; /* tokens of the longest sequences that its attention was made for; 0: no sequence is too long */
    uint32_t reserved[7]; /* 0 */
} adder_model_info;

void adder_model_get_info(const adder_model *model, adder_model_info *info);

/* A dimension of a block, 0 .. n_block-1, by its name in docs/format.md: "d_inner", "d_state", ... 0 if the block has none
 * of that name. */
uint32_t adder_model_dim(const adder_model *model, uint32_t block, const char *name);

/* Token ids are 0 .. vocab_size-1. */
uint32_t adder_model_vocab_size(const adder_model *model);

/* Is this one of the tokens that end a text? */
int adder_model_is_eos(const adder_model *model, int32_t token);

/* Texts that a blob may carry: UTF-8, not zero-terminated. A chat turn is prefix + text + suffix; the prefixes and
 * suffixes hold special tokens (ADDER_TOKENIZE_SPECIAL), the text between must not. */
typedef enum adder_text {
    ADDER_TEXT_NAME = 16,
    ADDER_TEXT_QUANTIZATION_RECORD = 17, /* JSON */
    ADDER_TEXT_CHAT_BEGIN = 31,          /* before the first turn of a conversation */
    ADDER_TEXT_SYSTEM_PREFIX = 32,
    ADDER_TEXT_SYSTEM_SUFFIX = 33,
    ADDER_TEXT_USER_PREFIX = 34,
    ADDER_TEXT_USER_SUFFIX = 35,
    ADDER_TEXT_ASSISTANT_PREFIX = 36,
    ADDER_TEXT_ASSISTANT_SUFFIX = 37,
    /* After CHAT_BEGIN, where the first turn is no system text: the template's own. */
    ADDER_TEXT_OWN_SYSTEM = 38
} adder_text;

/* The text and its bytes; null and 0 if the blob has none. */
const char *adder_model_text(const adder_model *model, adder_text which, size_t *size);

/* ---- Streaming: a blob that does not lie in memory, but on an SD card, in SPI flash, in a file -------------------- */

typedef struct adder_read {
    uint64_t offset; /* in the blob */
    void *buffer;
    size_t size; /* all of them, or the read has failed */
} adder_read;

/* Where the blob is read. The callbacks return 0, or any other number if the read failed. What they read may be wrong, and
 * may differ from one read to the next: that changes results, and never leads out of bounds. */
typedef struct adder_source {
    /* Reads, and returns when that is done. */
    int (*read)(void *context, uint64_t offset, void *buffer, size_t size);
    /* Where the hardware reads by itself, or else both null: `start` begins 1 to 3 reads and returns, `wait` returns when all
     * of them are done. Weights are then read while those before them are computed with, at the price of a second buffer.
     * The list stays until `wait` returns. No two starts without a wait between; after a failed start no wait. */
    int (*start)(void *context, const adder_read *reads, uint32_t count);
    int (*wait)(void *context);
    void *context;
    uint64_t size; /* bytes that can be read */
} adder_source;
/* Outside of a call reads are under way only where something has been begun (adder_step_begin, adder_feed_begin) and is not
 * finished. The arena has to stay until they are done, also where it is given up. */

enum {
    /* Leave tokenizer and texts where they are: for those who take and give token ids. */
    ADDER_STREAM_NO_TEXT = 1
};

/* The bytes of memory that adder_model_open_stream needs, for the header, the tables, the tokenizer and the texts but the
 * quantization record; 0, and the error, if they cannot be told. */
size_t adder_stream_memory_size(const adder_source *source, uint32_t flags, adder_error *error);

/* adder_model_open for a blob behind callbacks. `memory` (aligned to ADDER_ALIGNMENT) takes the place of the blob: it and
 * *source have to stay. What is in memory is read once and validated there; the weights are read whenever they are needed,
 * through a buffer in the arena (adder_options.stream_buffer). The bits are those of a blob in memory.
 *
 * When a read fails, the call is ADDER_ERROR_READ, and others are ADDER_ERROR_SEQUENCE until adder_state_reset or
 * adder_state_load: the token was taken by some layers and not by others. */
adder_status adder_model_open_stream(adder_model *model, const adder_source *source, uint32_t flags,
                                     void *memory, size_t size, adder_error *error);

/* ---- Session: one sequence, in one arena ----------------------------------------------------------------------- */

/* Calls task(argument, index) once for every index 0 .. count-1, in any order, on any threads, and returns when all
 * have returned. The library never calls it recursively. */
typedef void (*adder_task)(void *argument, uint32_t index);
typedef void (*adder_parallel_for)(void *context, adder_task task, void *argument, uint32_t count);

/* Zero means the default, so that a zeroed struct, or a null pointer, asks for all defaults. */
typedef struct adder_options {
    /* Tokens that adder_feed, adder_score and adder_step_many take through a layer together, 1..4096; 0: 16. */
    uint32_t chunk;
    /* Tokens whose logits adder_score and adder_step_many compute together, 1..chunk; 0: 1. */
    uint32_t logit_rows;
    uint32_t threads; /* parts that the work is cut into, 1..256; 0: 1. Above 1 needs parallel_for */
    /* Multiply-accumulates, about, that are worth a thread: work is cut into fewer parts than `threads` rather than into
     * smaller ones. 1: always into all; 0: what suits the instruction set. */
    uint32_t least_part;
    adder_parallel_for parallel_for;
    void *parallel_context;
    /* "scalar", "sse41", "avx2", "avx512vnni", "neon", ...; null: the one that the environment variable ADDER_ISA names,
     * where there is an environment, else the best that this CPU has. One that cannot be had is an error, never replaced. On a
     * Cortex-M with the DSP extension or Helium only "dsp" or "helium" can be had: the compiler's flags say which. */
    const char *isa;
    /* Of a model opened with adder_model_open_stream, bytes of the buffer that weights are read into, or of each of the two,
     * rounded up to a multiple of 64; 0: 4096, or more if that holds no tile of some matrix (docs/memory.md). */
    uint32_t stream_buffer;
    /* Of a model whose attention sees all of a sequence (adder_model_info.context is not 0), tokens that there is room for,
     * 1..2^24; 0: 2048, or fewer if the model was made for fewer. More than it was made for computes, and makes little sense. */
    uint32_t context;
    uint32_t reserved[6]; /* 0: room for options to come */
} adder_options;

typedef struct adder_session adder_session;

/* Bytes of the arena's first region, which the session itself takes: the only ones that depend on how large a pointer
 * is where the model is not streamed. `adder export-c` computes the rest beforehand. */
#define ADDER_SESSION_BYTES (64 + 16 * sizeof(void *))

/* Likewise of a streamed model's region for its reads. */
#define ADDER_STREAM_READER_BYTES (64 + 16 * sizeof(void *))

/* The exact size of an arena in bytes. 0 if an option is out of range, or the size is beyond size_t. */
size_t adder_arena_size(const adder_model *model, const adder_options *options);

/* Makes a session with an empty state in the arena (aligned to ADDER_ALIGNMENT; more than adder_arena_size is fine, the
 * rest is not touched). The model must stay where it is as long as the session is used. There is nothing to free. On
 * failure *session is null. */
adder_status adder_session_init(adder_session **session, const adder_model *model,
                                const adder_options *options, void *arena, size_t arena_size,
                                adder_error *error);

/* The instruction set that computes: "scalar", "avx2", ... */
const char *adder_session_isa(const adder_session *session);

/* Tokens fed since the state was empty. */
uint64_t adder_session_position(const adder_session *session);

/* Tokens that a sequence of this session may have; 0: as many as you like. */
uint32_t adder_session_context(const adder_session *session);

/* Takes n tokens into the state, in chunks, without computing logits. On ADDER_ERROR_TOKEN, and on ADDER_ERROR_CONTEXT where
 * there is no room for all of them, nothing was taken. */
adder_status adder_feed(adder_session *session, const int32_t *tokens, size_t n);

/* Takes one token, and gives the logits of the next: *logits points to vocab_size floats in the arena, valid until the
 * next call with this session. The caller may write to them (adder_sample does). */
adder_status adder_step(adder_session *session, int32_t token, float **logits);

#if ADDER_STEP_MANY
/* Takes a token of each of n sessions of one model, tokens[i] into sessions[i], and gives the logits of each one's next: the
 * bits that adder_step gives, while the weights are read once for all. Every session is one of its own still, to be fed, saved or
 * left out of the next call as you like.
 * The work is done with buffers, threads and instruction set of sessions[0], whose options `chunk` and `logit_rows` are n or more;
 * those of the others may be 1. logits[i] points to vocab_size floats in the arena of sessions[0], valid until the next call
 * with that session; with null for `logits` none are computed, and logit_rows does not matter.
 * On an error nothing is taken: ADDER_ERROR_ARGUMENT, with "sessions", "chunk" or "logit rows", or with "session" and which one is
 * of another blob; ADDER_ERROR_TOKEN, ADDER_ERROR_CONTEXT and ADDER_ERROR_SEQUENCE (in the middle of a step, or there twice) with
 * "session" and which; ADDER_ERROR_UNSUPPORTED for a streamed model. */
adder_status adder_step_many(adder_session *const *sessions, const int32_t *tokens, uint32_t n,
                             float **logits, adder_error *error);
#endif

/* Takes n tokens, and calls back with the logits after each one, in order. For measuring log-likelihoods. */
typedef void (*adder_logits_callback)(void *context, size_t index, const float *logits);
adder_status adder_score(adder_session *session, const int32_t *tokens, size_t n,
                         adder_logits_callback callback, void *context);

/* Repeats the golden case that the converter recorded in the blob, from an empty state, and compares the bits of the
 * logits. Resets the session. ADDER_ERROR_UNSUPPORTED if the blob has none. */
adder_status adder_selftest(adder_session *session, adder_error *error);

/* ---- Cooperative: the same in slices --------------------------------------------------------------------------- */

/* For a superloop, or a task that must not hold the processor for long:
 *
 *     adder_step_begin(session, token);
 *     while ((status = adder_continue(session, &logits)) == ADDER_MORE) do_something_else();
 *
 * gives the bits that adder_step gives. A slice is one layer; the head, which is longer where the vocabulary is large, is
 * cut into as many slices as keep each below a layer's work. So no call takes longer than a layer does, for as many tokens
 * as were begun.
 *
 * Between begin and the last slice adder_feed, adder_step, adder_score, adder_selftest, adder_state_save and another begin
 * are ADDER_ERROR_SEQUENCE and change nothing, and the logits of an earlier step are gone. adder_state_reset and a
 * successful adder_state_load give up what was begun. */

/* Begins to take one token: its embedding, no more. */
adder_status adder_step_begin(adder_session *session, int32_t token);

/* Begins to take n tokens, 1 .. the option `chunk`, without logits. They are read here, and not again. */
adder_status adder_feed_begin(adder_session *session, const int32_t *tokens, size_t n);

/* Computes the next slice. ADDER_MORE: there are others; ADDER_OK: that was the last, the position is that after the
 * tokens, and of a step *logits points to the logits as adder_step gives them. After adder_feed_begin `logits` may be null,
 * and *logits is not touched. ADDER_ERROR_SEQUENCE if nothing was begun. */
adder_status adder_continue(adder_session *session, float **logits);

/* How many calls of adder_continue finish what was begun; 0 where nothing is. */
uint32_t adder_slices_left(const adder_session *session);

/* ---- State: the whole context as one block of bytes ------------------------------------------------------------ */

/* Bytes of a saved state, the same for every session of a model, whatever its options; of a model whose attention sees all of
 * a sequence, of an empty one. 0 if beyond size_t. */
size_t adder_state_size(const adder_model *model);
/* ... after so many tokens: adder_session_position of a session, or its context for the most that there can be. */
size_t adder_state_size_at(const adder_model *model, uint64_t position);
/* Writes exactly adder_state_size_at bytes, for the session's position; ADDER_ERROR_BUFFER if `size` is smaller. */
adder_status adder_state_save(const adder_session *session, void *buffer, size_t size);
/* Continues where the save was made, also in a session with another context, if there is room. Refuses a state of another model
 * or a damaged one, and then changes nothing. Of a mark, see below. */
adder_status adder_state_load(adder_session *session, const void *buffer, size_t size, adder_error *error);
void adder_state_reset(adder_session *session);

/* A mark is a place to go back to in the same session. Where attention sees all of a sequence it holds no keys and values but
 * the last few: those before it are in the session still. So a mark has one size, however long the sequence is. Of other
 * models it is the saved state. adder_state_load takes it, in front of what was fed since; with other tokens in front of it
 * (after adder_state_reset, or the load of another sequence's state) it is ADDER_ERROR_STATE, and nothing changes. */
size_t adder_mark_size(const adder_model *model);
/* Writes exactly adder_mark_size bytes; ADDER_ERROR_BUFFER if `size` is smaller. */
adder_status adder_mark_save(const adder_session *session, void *buffer, size_t size);

/* ---- Tokenizer ------------------------------------------------------------------------------------------------- */

#if ADDER_TOKENIZER

enum {
    /* Recognise the names of special tokens in the text. Without it no text becomes a control token. */
    ADDER_TOKENIZE_SPECIAL = 1,
    /* Put the token in front that this tokenizer begins every text with (bos), if it has one: for a text from its start. */
    ADDER_TOKENIZE_BEGIN = 2
};

/* A capacity, in ids, that suffices for any text of `size` bytes. A smaller buffer works as long as the ids fit and
 * the longest word does, which takes 6 ids a byte while it is worked on. */
size_t adder_tokenize_capacity(size_t size);

/* Text (UTF-8; invalid bytes are kept as they are) to ids; *count is how many. `ids` doubles as working memory, so that
 * entries behind *count are overwritten. ADDER_ERROR_BUFFER if the capacity does not do. */
adder_status adder_tokenize(const adder_model *model, const char *text, size_t size, uint32_t flags,
                            int32_t *ids, size_t capacity, size_t *count);

/* The bytes of one token, in the blob. A token may be a piece of a UTF-8 sequence. */
adder_status adder_token_bytes(const adder_model *model, int32_t token, const char **bytes, size_t *size);
int adder_token_is_special(const adder_model *model, int32_t token);
/* The id of a special or added token by its text; -1 if there is none. */
int32_t adder_token_find(const adder_model *model, const char *text, size_t size);

/* Streaming detokenizer: gives only whole UTF-8 sequences and keeps the rest for the next call. Zero it to begin.
 * Some tokenizers (of SentencePiece's kind: Llama 2, Mistral) put a space in front of every text, and a text made of tokens
 * is without it. Where the tokens continue a text, let `count` begin as ADDER_DETOKENIZE_CONTINUE, and the space stays. */
typedef struct adder_detokenizer {
    uint8_t pending[4];
    uint32_t count;
} adder_detokenizer;
#define ADDER_DETOKENIZE_CONTINUE 0x80000000u

/* A capacity, in bytes, that suffices for any token of this model, and for a flush. */
size_t adder_detokenize_capacity(const adder_model *model);
/* Writes the text that `token` completes and returns its bytes; special tokens give none. What is not UTF-8 becomes
 * U+FFFD. token -1 flushes what is pending. Returns 0 if the capacity does not do. Not zero-terminated. */
size_t adder_detokenize(const adder_model *model, adder_detokenizer *detokenizer, int32_t token, char *text,
                        size_t capacity);

#endif /* ADDER_TOKENIZER */

/* ---- Constraint: a form that a generated text keeps to ---------------------------------------------------------- */

#if ADDER_TOKENIZER && ADDER_CONSTRAINT

/* A constraint is a file of `adder constrain`, made from a JSON Schema, a regular expression or a grammar (docs/constrain.md):
 * an automaton over the bytes of a text. Between adder_step and adder_sample adder_constraint_mask rules out the tokens that
 * it does not allow, so that what is generated can be completed at any time, and is complete where it ends:
 *
 *     adder_constraint_open(&constraint, bytes, size, NULL);
 *     adder_step(session, prompt[prompt_size - 1], &logits);
 *     for (left = 100; !adder_constraint_is_complete(&constraint); --left) {
 *         if (adder_constraint_mask(&constraint, &model, logits, left) != ADDER_OK) break;
 *         token = adder_sample(&sampler, logits, adder_model_vocab_size(&model));
 *         if (adder_constraint_accept(&constraint, &model, token) != ADDER_OK || adder_model_is_eos(&model, token)) break;
 *         adder_step(session, token, &logits);
 *     }
 *     valid = adder_constraint_is_accepting(&constraint);
 *
 * The text is that of adder_token_bytes, in order: with ADDER_DETOKENIZE_CONTINUE that of adder_detokenize. */

/* A constraint, and how far a text has come in it. A value: copy it to fork. */
typedef struct adder_constraint {
    uint64_t opaque[2];
} adder_constraint;

/* Validates a file of `size` bytes or more (4-byte aligned; it has to stay), in one pass, and begins a text. Allocates nothing.
 * Whatever the bytes are, using an opened constraint never reads outside of them. ADDER_ERROR_CONSTRAINT, with what is wrong;
 * ADDER_ERROR_ALIGNMENT, where found and needed are remainder and multiple. */
adder_status adder_constraint_open(adder_constraint *constraint, const void *bytes, size_t size,
                                   adder_error *error);
/* Begins a text anew. */
void adder_constraint_init(adder_constraint *constraint);

/* No limit but the constraint's own. */
#define ADDER_CONSTRAINT_NO_LIMIT 0xFFFFFFFFu

/* Sets to -infinity those of the vocab_size logits whose tokens cannot come next. `left` is how many tokens may still be
 * generated, this one included, an end token not counted. A token stays if its bytes continue the text and what then lacks,
 * at its shortest, has no more bytes than tokens are left after it; where there is no such token, those stay after which least
 * lacks. End tokens stay exactly where adder_constraint_is_accepting. Special tokens, and tokens without a text, never do, nor
 * do those whose logits are NaN or -infinity already.
 * ADDER_ERROR_NO_TOKEN_FITS: none stays; if adder_constraint_is_accepting, the text is complete, and else this vocabulary
 * cannot complete it. ADDER_ERROR_LENGTH: `left` is 0, or 1 and no token completes the text. The logits are of no use then.
 * Takes at most as many steps as the texts of all tokens have bytes, each a search among at most 256 ranges; a token is left
 * at the first byte that does not fit. */
adder_status adder_constraint_mask(const adder_constraint *constraint, const adder_model *model,
                                   float *logits, uint32_t left);

/* Moves on by a token. ADDER_ERROR_NO_TOKEN_FITS if it does not fit, and ADDER_ERROR_TOKEN if it is outside of the vocabulary:
 * nothing changes then. An end token fits where adder_constraint_is_accepting, and changes nothing. */
adder_status adder_constraint_accept(adder_constraint *constraint, const adder_model *model, int32_t token);

/* May the text end here? */
int adder_constraint_is_accepting(const adder_constraint *constraint);
/* May it end here, and not go on? */
int adder_constraint_is_complete(const adder_constraint *constraint);
/* Bytes that the text lacks at least: 0 where it may end. */
uint32_t adder_constraint_lacks(const adder_constraint *constraint);
/* Bytes that no text is longer than. */
uint32_t adder_constraint_longest(const adder_constraint *constraint);

#endif /* ADDER_TOKENIZER && ADDER_CONSTRAINT */

/* ---- Choice: how likely each of several answers is -------------------------------------------------------------- */

#if ADDER_SAMPLER

/* One of the answers. Where one is the beginning of another, as "no" is of "none", it has a share in what that one gets: let
 * all end in the token that ends an answer, if that matters. */
typedef struct adder_choice {
    const int32_t *tokens;
    uint32_t count;        /* of tokens, 1 or more */
    float log_probability; /* natural logarithm of the probability of all of the tokens in turn, at most about 0 */
    uint32_t order; /* written: choices[0].order, choices[1].order, ... number the answers in the order of their tokens */
    uint32_t depth; /* written */
} adder_choice;

/* Bytes of memory that adder_choose takes for these answers: one mark (adder_mark_size), and one more for each fork on the way to
 * an answer from which more than one token follows. 0 if there is no answer, one without tokens, or one with a token outside
 * of the vocabulary. Writes `order` and `depth`. */
size_t adder_choose_size(const adder_model *model, adder_choice *choices, uint32_t n);

/* Takes `token`, the last of what is asked, as adder_step does, and computes log_probability of each answer after it. What answers
 * begin with alike is read once. The session then stands after `token`, whatever is returned, unless that was not taken; the logits
 * are gone. The same bits whatever the instruction set, the threads, the chunk and the order of the answers; rounding of the logarithms
 * is below 1e-5 per token. `memory` has at least adder_choose_size bytes, at any address.
 * ADDER_ERROR_BUFFER if it has fewer; ADDER_ERROR_TOKEN, where `found` is the number of the answer; ADDER_ERROR_CONTEXT if
 * there is no room for the answers; otherwise as adder_step. Needs as many steps as the tree of the answers has inner nodes. */
adder_status adder_choose(adder_session *session, int32_t token, adder_choice *choices, uint32_t n,
                          void *memory, size_t size, adder_error *error);

#endif /* ADDER_SAMPLER */

/* ---- Sampler: a value; copy it to fork, compare it, save it ---------------------------------------------------- */

#if ADDER_SAMPLER

#define ADDER_SAMPLER_WINDOW 64

typedef struct adder_sampler {
    float temperature;        /* 0: greedy (the highest logit, the lowest id of equals) */
    uint32_t top_k;           /* 0: off */
    float top_p;              /* 1: off */
    float min_p;              /* 0: off */
    float repetition_penalty; /* 1: off; over the last ADDER_SAMPLER_WINDOW accepted tokens (arXiv 1909.05858) */
    uint32_t accepted;        /* tokens in `recent` so far; from a full ring on, where the next one goes */
    uint64_t random;          /* state of the generator; set it with adder_sampler_seed */
    int32_t recent[ADDER_SAMPLER_WINDOW]; /* ring of accepted tokens */
    /* Private: what adder_sampler_init found to compute with. On another machine or with another build set it to 0,
     * which is right anywhere. */
    uint32_t kernels;
    uint32_t reserved[7]; /* 0 */
} adder_sampler;

/* The generation defaults of the blob, seed 0. */
void adder_sampler_init(adder_sampler *sampler, const adder_model *model);
void adder_sampler_seed(adder_sampler *sampler, uint64_t seed);
/* Notes a token, of the prompt or sampled, for the repetition penalty. */
void adder_sampler_accept(adder_sampler *sampler, int32_t token);
/* Draws the next token from n logits, which it overwrites. Order: repetition penalty, temperature, top-k, top-p, min-p.
 * The token is not accepted yet. The same sampler, logits and seed give the same token on every machine. */
int32_t adder_sample(adder_sampler *sampler, float *logits, uint32_t n);

#endif /* ADDER_SAMPLER */

#ifdef __cplusplus
}
#endif

#endif

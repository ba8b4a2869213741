/* A cache of states in a folder: what many prompts begin with alike is read once, then resumed in milliseconds.
 * SPDX-License-Identifier: MIT
 *
 * A library of its own, adder_cache (in CMake adder::cache), in need of libadder and POSIX only; libadder does not use it.
 *
 *     adder_cache *cache = adder_cache_open("cache", &model, NULL);
 *     adder_cache_feed(cache, session, prompt, prompt_size - 1, &resumed);
 *     adder_step(session, prompt[prompt_size - 1], &logits);
 *
 * The first time adder_cache_feed reads the prompt, and stores the state after every 512 tokens and at the end. The next time it
 * loads the state after the longest beginning that it has in common with what was stored, and reads the rest. The logits are the
 * same bits as without it.
 *
 * A state is a file of its own, named by model, number of tokens and a hash of them, with the tokens in it (docs/cache.md); there
 * is no index. Files appear whole or not at all. Any number of processes may use a folder at the same time, and delete what is in
 * it. A file that is cut, damaged or not of this model and these tokens is not loaded; one that is provably damaged is removed.
 * Where the files become more than the budget, those go that were not used for the longest time.
 *
 * The folder holds prompts and what a model made of them: it is made for its owner alone (0700), its files as well (0600). Who can
 * write to it can make a model go on from another text. One adder_cache is used by one thread at a time. */
#ifndef ADDER_CACHE_H
#define ADDER_CACHE_H

#include <adder/adder.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct adder_cache adder_cache;

#define ADDER_CACHE_BUDGET (UINT64_C(1) << 30) /* bytes, where the options say none */
#define ADDER_CACHE_INTERVAL 512               /* tokens, likewise */

/* Zero means the default, so that a zeroed struct, or a null pointer, asks for all defaults. */
typedef struct adder_cache_options {
    uint64_t budget;   /* bytes that the files of all models in the folder may have together; 0: 1 GiB */
    uint32_t interval; /* tokens from one state that adder_cache_feed stores to the next; 0: 512. More than a sequence
                          has: at its end only */
    uint32_t piece;    /* tokens that adder_cache_feed reads at most between two calls of `progress`; 0: 256 */
    /* Called with the tokens that the session has taken, `piece` tokens apart or less; null: is not. What it returns other than 0
     * ends adder_cache_feed with ADDER_MORE. */
    int (*progress)(void *context, size_t taken);
    void *progress_context;
    uint32_t reserved[6]; /* 0: room for options to come */
} adder_cache_options;

/* Opens the folder for a model, and makes it, with those above it, where it is not there. The model has to stay. Null, with errno
 * set, if there is no memory (ENOMEM), an argument is null (EINVAL), or the folder cannot be made or opened. One that can be read
 * and not be written to is opened: it is resumed from, and nothing is stored. */
adder_cache *adder_cache_open(const char *directory, const adder_model *model, const adder_cache_options *options);

/* Null is fine. */
void adder_cache_close(adder_cache *cache);

/* Sets the session to the state after the longest beginning of these n tokens that is stored, or resets it where none is;
 * *resumed is how many tokens that are, 0..n. ADDER_ERROR_STATE if the session is of another model, and then it is left as it is;
 * no file of the folder is a reason to fail. */
adder_status adder_cache_resume(adder_cache *cache, adder_session *session, const int32_t *tokens, size_t n,
                                size_t *resumed);

/* Stores the session's state, which is that after these n tokens from an empty state on. ADDER_ERROR_ARGUMENT if its position is not
 * n, ADDER_ERROR_STATE if it is of another model, ADDER_ERROR_SEQUENCE within slices. That the state cannot be stored (the disk is
 * full, the folder read-only, the state larger than the budget) is ADDER_OK: adder_cache_problem says so. */
adder_status adder_cache_store(adder_cache *cache, const adder_session *session, const int32_t *tokens, size_t n);

/* Brings a session to the state after n tokens: one with an empty state is resumed, then the rest is fed, and the state stored at
 * each multiple of the interval and at the end. A session that stands behind the first of these tokens already (a conversation,
 * with its next turn) is fed what follows. *resumed (null: not wanted) is how many tokens were not read because their state was
 * stored.
 *
 * At most half of the budget goes to one sequence: where states grow with the tokens, or are large, the interval is doubled until
 * that holds. ADDER_ERROR_ARGUMENT if the session is further than n tokens, ADDER_ERROR_TOKEN and ADDER_ERROR_CONTEXT as of
 * adder_feed, ADDER_ERROR_STATE as above: nothing was taken then. ADDER_MORE if `progress` wanted an end: the same call goes on.
 * Otherwise what adder_feed returns. */
adder_status adder_cache_feed(adder_cache *cache, adder_session *session, const int32_t *tokens, size_t n,
                              size_t *resumed);

/* The first thing that kept a state from being stored, in a sentence that names the folder: once, then null; null where there was
 * none. Valid until adder_cache_close. */
const char *adder_cache_problem(adder_cache *cache);

#ifdef __cplusplus
}
#endif

#endif

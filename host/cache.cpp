// The cache of states: which state a prompt is resumed from, and which of its states are stored.
// SPDX-License-Identifier: MIT
#include "adder/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "host/cache_file.h"
#include "host/cache_folder.h"
#include "runtime/session.h"

using namespace adder;

struct adder_cache {
    const adder_model *model;
    uint64_t fingerprint;
    uint64_t budget;
    uint32_t interval, piece;
    int (*progress)(void *context, size_t taken);
    void *progress_context;
    int folder;                     // the descriptor
    char name[cache_longest_name];  // of the model's folder in it
    bool has_problem, told;
    char problem[512];
    char *directory;  // as given, behind this struct
};

namespace {

constexpr uint32_t default_piece = 256;

void note_problem(adder_cache *cache, const char *reason) {
    if (cache->has_problem) return;
    cache->has_problem = true;
    snprintf(cache->problem, sizeof cache->problem, "states cannot be stored in %.300s: %s", cache->directory,
             reason);
}

// The model's folder, made if need be; -1, with errno set.
int model_folder(const adder_cache *cache, bool make) {
    const int folder = cache_open_folder(cache->folder, cache->name);
    if (folder >= 0 || errno != ENOENT || !make) return folder;
    if (mkdirat(cache->folder, cache->name, 0700) != 0 && errno != EEXIST) return -1;
    return cache_open_folder(cache->folder, cache->name);
}

adder_status store(adder_cache *cache, const adder_session *session, const int32_t *tokens, size_t n) {
    const size_t size = cache_file_size(cache->model, n);
    if (size == 0 || size > cache->budget) {
        char reason[128];
        snprintf(reason, sizeof reason, "that after %zu tokens takes %zu bytes, and the budget is %llu", n,
                 size, static_cast<unsigned long long>(cache->budget));
        note_problem(cache, reason);
        return ADDER_OK;
    }
    const int folder = model_folder(cache, true);
    if (folder < 0) {
        note_problem(cache, strerror(errno));
        return ADDER_OK;
    }
    char name[cache_longest_name];
    cache_state_name(name, n, cache_hash(tokens, n));
    if (cache_has(folder, name, size)) {
        close(folder);
        return ADDER_OK;
    }
    adder_status status = ADDER_OK;
    int error = ENOMEM;
    if (uint8_t *const bytes = static_cast<uint8_t *>(malloc(size))) {
        status = cache_file_save(session, tokens, n, bytes, size);
        error = status == ADDER_OK ? cache_write(cache->folder, folder, name, bytes, size, cache->budget) : 0;
        free(bytes);
    }
    if (error == cache_no_room)
        note_problem(cache, "there is no room, and nothing can be deleted");
    else if (error != 0)
        note_problem(cache, strerror(error));
    close(folder);
    return status;
}

bool is_of_model(const adder_cache *cache, const adder_session *session) {
    return session->model().fingerprint == cache->fingerprint;
}

// Tokens from one stored state of a sequence to the next, so that all of them take at most half of the budget.
uint64_t interval_for(const adder_cache *cache, size_t n) {
    uint64_t interval = cache->interval;
    for (; interval < n; interval *= 2) {
        uint64_t sum = cache_file_size(cache->model, n);
        for (uint64_t at = interval; at < n && sum <= cache->budget / 2; at += interval)
            sum += cache_file_size(cache->model, at);
        if (sum <= cache->budget / 2) break;
    }
    return interval;
}

}  // namespace

extern "C" adder_cache *adder_cache_open(const char *directory, const adder_model *model,
                                         const adder_cache_options *options) {
    static const adder_cache_options defaults{};
    const adder_cache_options &given = options ? *options : defaults;
    if (!directory || !*directory || !model) {
        errno = EINVAL;
        return nullptr;
    }
    const size_t length = strlen(directory);
    adder_cache *const cache = static_cast<adder_cache *>(calloc(1, sizeof(adder_cache) + length + 1));
    if (!cache) return nullptr;
    cache->directory = reinterpret_cast<char *>(cache + 1);
    memcpy(cache->directory, directory, length + 1);
    // Those above it first; that one cannot be made shows when the last is opened.
    for (char *at = cache->directory + 1; *at; ++at) {
        if (*at != '/') continue;
        *at = 0;
        mkdir(cache->directory, 0700);
        *at = '/';
    }
    const int made = mkdir(cache->directory, 0700) == 0 || errno == EEXIST ? 0 : errno;
    cache->folder = cache_open_folder(AT_FDCWD, cache->directory);
    if (cache->folder < 0) {
        const int error = errno == ENOENT && made != 0 ? made : errno;
        free(cache);
        errno = error;
        return nullptr;
    }
    adder_model_info info;
    adder_model_get_info(model, &info);
    cache->model = model;
    cache->fingerprint = info.fingerprint;
    cache->budget = given.budget ? given.budget : ADDER_CACHE_BUDGET;
    cache->interval = given.interval ? given.interval : ADDER_CACHE_INTERVAL;
    cache->piece = given.piece ? given.piece : default_piece;
    cache->progress = given.progress;
    cache->progress_context = given.progress_context;
    cache_model_name(cache->name, cache->fingerprint);
    return cache;
}

extern "C" void adder_cache_close(adder_cache *cache) {
    if (!cache) return;
    close(cache->folder);
    free(cache);
}

extern "C" const char *adder_cache_problem(adder_cache *cache) {
    if (!cache->has_problem || cache->told) return nullptr;
    cache->told = true;
    return cache->problem;
}

extern "C" adder_status adder_cache_resume(adder_cache *cache, adder_session *session, const int32_t *tokens,
                                           size_t n, size_t *resumed) {
    if (!cache || !session || (!tokens && n > 0) || !resumed) return ADDER_ERROR_ARGUMENT;
    if (!is_of_model(cache, session)) return ADDER_ERROR_STATE;
    *resumed = 0;
    const int folder = model_folder(cache, false);
    CacheEntries beginnings;
    if (folder >= 0) cache_find(folder, tokens, n, &beginnings);
    while (beginnings.count > 0 && *resumed == 0) {
        const CacheEntry &longest = beginnings.at[beginnings.count - 1];
        const auto count = static_cast<size_t>(longest.count);
        const size_t size = cache_file_size(cache->model, count);
        char name[cache_longest_name];
        cache_state_name(name, count, longest.hash);
        uint8_t *bytes = nullptr;
        uint64_t found = 0;
        CacheFile file = CacheFile::other;
        if (size > 0 && cache_read(folder, name, size, &bytes, &found) == 0)
            file = cache_file_load(session, tokens, count, bytes, found);
        free(bytes);
        if (file == CacheFile::damaged) unlinkat(folder, name, 0);
        if (file == CacheFile::whole)
            *resumed = count;
        else
            --beginnings.count;
    }
    if (*resumed > 0)
        cache_mark_used(folder, beginnings);
    else
        adder_state_reset(session);
    if (folder >= 0) close(folder);
    return ADDER_OK;
}

extern "C" adder_status adder_cache_store(adder_cache *cache, const adder_session *session,
                                          const int32_t *tokens, size_t n) {
    if (!cache || !session || (!tokens && n > 0)) return ADDER_ERROR_ARGUMENT;
    if (!is_of_model(cache, session)) return ADDER_ERROR_STATE;
    if (session->slices.begun != Begun::nothing) return ADDER_ERROR_SEQUENCE;
    if (session->position != n) return ADDER_ERROR_ARGUMENT;
    return n == 0 ? ADDER_OK : store(cache, session, tokens, n);
}

extern "C" adder_status adder_cache_feed(adder_cache *cache, adder_session *session, const int32_t *tokens,
                                         size_t n, size_t *resumed) {
    size_t ignored;
    if (!resumed) resumed = &ignored;
    if (!cache || !session || (!tokens && n > 0)) return ADDER_ERROR_ARGUMENT;
    *resumed = 0;
    if (!is_of_model(cache, session)) return ADDER_ERROR_STATE;
    if (session->slices.begun != Begun::nothing) return ADDER_ERROR_SEQUENCE;
    if (session->position > n) return ADDER_ERROR_ARGUMENT;
    const uint32_t context = adder_session_context(session);
    if (context != 0 && n > context) return ADDER_ERROR_CONTEXT;
    const uint32_t vocabulary = adder_model_vocab_size(cache->model);
    for (size_t i = 0; i < n; ++i)
        if (tokens[i] < 0 || static_cast<uint32_t>(tokens[i]) >= vocabulary) return ADDER_ERROR_TOKEN;
    if (session->position == 0) adder_cache_resume(cache, session, tokens, n, resumed);
    if (session->position == n) return ADDER_OK;  // what was resumed is marked as used
    const uint64_t interval = interval_for(cache, n);
    for (auto done = static_cast<size_t>(session->position); done < n;) {
        const auto stop = static_cast<size_t>(std::min<uint64_t>(n, (done / interval + 1) * interval));
        const size_t count = std::min<size_t>(stop - done, cache->piece);
        adder_status status = adder_feed(session, tokens + done, count);
        if (status != ADDER_OK) return status;
        done += count;
        if (done == stop) status = store(cache, session, tokens, done);
        if (status != ADDER_OK) return status;
        if (cache->progress && cache->progress(cache->progress_context, done) != 0) return ADDER_MORE;
    }
    const int folder = model_folder(cache, false);
    if (folder < 0) return ADDER_OK;
    CacheEntries beginnings;
    cache_find(folder, tokens, n, &beginnings);
    cache_mark_used(folder, beginnings);
    close(folder);
    return ADDER_OK;
}

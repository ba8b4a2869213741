// The folder of a cache, looked through anew at every call, so that other processes may add to it and delete.
// SPDX-License-Identifier: MIT
//
//     FOLDER/<fingerprint, 16 hexadecimal digits>/<tokens>-<hash, 16 digits>.state
//     FOLDER/<fingerprint>/writing-<32 digits>.part
//
// Looking up: the hashes of all beginnings of the tokens, computed one from the other, are compared with those of the names; the
// longest whose file is whole and has these very tokens is loaded. A name that lies costs a look, and no more.
//
// Writing: to a file of another name, which is locked (flock) as long as its process lives; fsync; rename; fsync of the folder. A
// .part without a lock is one whose process was killed, and is removed by whoever stores next. The lock of the whole folder is held
// from counting its bytes to the rename, so that two processes do not count the same room. Readers take no lock: a file that is
// deleted while it is read stays readable.
//
// Order: the time of modification is the time of the last use. Of the beginnings of one sequence the shorter count as used later:
// what is shared by more is kept longer.
#include "host/cache_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace adder {
namespace {

constexpr int lock_attempts = 100, lock_pause_ns = 1000000;
constexpr int64_t second = 1000000000;

// FNV-1a, continued token by token.
constexpr uint64_t hash_of_none = 0xcbf29ce484222325u;
uint64_t hash_token(uint64_t hash, int32_t token) {
    for (int i = 0; i < 4; ++i)
        hash = (hash ^ ((static_cast<uint32_t>(token) >> (8 * i)) & 0xff)) * 0x100000001b3u;
    return hash;
}

// ---- Names ------------------------------------------------------------------------------------------------------------

// Reads hexadecimal digits, small ones, exactly so many.
bool parse_hex(const char *text, size_t digits, uint64_t *value) {
    *value = 0;
    for (size_t i = 0; i < digits; ++i) {
        const char c = text[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
        *value = *value << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

// Only names as cache_state_name writes them: nothing else in the folder is read or deleted.
bool parse_state_name(const char *name, uint64_t *count, uint64_t *hash) {
    const char *at = name;
    for (*count = 0; *at >= '0' && *at <= '9' && at < name + 18; ++at)
        *count = *count * 10 + static_cast<uint64_t>(*at - '0');
    if (*at != '-' || strlen(at) != strlen("-0123456789abcdef.state") || !parse_hex(at + 1, 16, hash))
        return false;
    char again[cache_longest_name];
    cache_state_name(again, *count, *hash);
    return strcmp(name, again) == 0;
}

bool is_part_name(const char *name) {
    uint64_t ignored;
    return strlen(name) == strlen("writing-") + 32 + strlen(".part") && strncmp(name, "writing-", 8) == 0 &&
           parse_hex(name + 8, 16, &ignored) && parse_hex(name + 24, 16, &ignored) &&
           strcmp(name + 40, ".part") == 0;
}

// ---- Small things over POSIX ------------------------------------------------------------------------------------------

int64_t nanoseconds(const timespec &time) {
    return static_cast<int64_t>(time.tv_sec) * second + time.tv_nsec;
}

int64_t now_ns() {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return nanoseconds(now);
}

int64_t modified_ns(const struct stat &status) {
#ifdef __APPLE__
    return nanoseconds(status.st_mtimespec);
#else
    return nanoseconds(status.st_mtim);
#endif
}

void set_used(int folder, const char *name, int64_t time_ns) {
    timespec times[2];
    for (timespec &time : times) {
        time.tv_sec = static_cast<time_t>(time_ns / second);
        time.tv_nsec = static_cast<long>(time_ns % second);
    }
    utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW);
}

// Calls visit(name) for each name in the folder; false if it cannot be read.
template <typename Visit>
bool each_name(int folder, const Visit &visit) {
    const int own = cache_open_folder(folder, ".");
    if (own < 0) return false;
    DIR *const names = fdopendir(own);
    if (!names) {
        close(own);
        return false;
    }
    while (const dirent *entry = readdir(names)) visit(entry->d_name);
    closedir(names);
    return true;
}

int write_and_sync(int file, const uint8_t *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        const ssize_t count = write(file, bytes + done, size - done);
        if (count < 0 && errno != EINTR) return errno;
        if (count > 0) done += static_cast<size_t>(count);
    }
    return fsync(file) == 0 ? 0 : errno;
}

// ---- Room -----------------------------------------------------------------------------------------------------------------

// Removes a file being written whose process is gone.
void remove_if_stale(int folder, const char *name) {
    const int file = openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return;
    if (flock(file, LOCK_EX | LOCK_NB) == 0) unlinkat(folder, name, 0);
    close(file);
}

// All states of all models; of files being written those that nobody writes any more are removed. False if not all
// are found.
bool list_all(int root, CacheEntries *entries) {
    bool complete = true;
    const bool listed = each_name(root, [&](const char *model) {
        CacheEntry entry{};
        if (strlen(model) != 16 || !parse_hex(model, 16, &entry.fingerprint)) return;
        const int folder = cache_open_folder(root, model);
        if (folder < 0) return;
        each_name(folder, [&](const char *name) {
            struct stat status;
            if (is_part_name(name)) remove_if_stale(folder, name);
            if (!parse_state_name(name, &entry.count, &entry.hash) ||
                fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
                return;
            entry.size = static_cast<uint64_t>(status.st_size);
            entry.used = modified_ns(status);
            complete = entries->add(entry) && complete;
        });
        close(folder);
    });
    return listed && complete;
}

// Deletes what was not used for the longest time, until all and `size` bytes more fit into the budget. False if that cannot be.
bool make_room(int root, uint64_t budget, uint64_t size) {
    CacheEntries all;
    if (!list_all(root, &all)) return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < all.count; ++i) sum += all.at[i].size;
    if (sum + size <= budget) return true;
    std::sort(all.at, all.at + all.count, [](const CacheEntry &a, const CacheEntry &b) {
        return a.used != b.used ? a.used < b.used : a.count > b.count;
    });
    for (size_t i = 0; i < all.count && sum + size > budget; ++i) {
        char path[2 * cache_longest_name];
        cache_model_name(path, all.at[i].fingerprint);
        path[16] = '/';
        cache_state_name(path + 17, all.at[i].count, all.at[i].hash);
        if (unlinkat(root, path, 0) == 0 || errno == ENOENT) sum -= all.at[i].size;
    }
    return sum + size <= budget;
}

// Locks the whole folder, for the short time of counting and renaming; -1 where that cannot be had: the budget is then held as well
// as can be. A process that was stopped keeps nobody waiting for long.
int lock_folder(int root) {
    const int folder = cache_open_folder(root, ".");
    if (folder < 0) return -1;
    for (int i = 0; i < lock_attempts; ++i) {
        if (flock(folder, LOCK_EX | LOCK_NB) == 0) return folder;
        if (errno != EWOULDBLOCK && errno != EINTR) break;
        const timespec pause = {0, lock_pause_ns};
        nanosleep(&pause, nullptr);
    }
    close(folder);
    return -1;
}

// A file to write to, locked, which is still there; -1, with errno set.
int begin_part(int folder, char *name) {
    for (unsigned attempt = 0; attempt < 100; ++attempt) {
        snprintf(name, cache_longest_name, "writing-%08llx%08x%016llx.part",
                 static_cast<unsigned long long>(getpid()) & 0xffffffffu, attempt,
                 static_cast<unsigned long long>(now_ns()));
        const int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file < 0 && errno == EEXIST) continue;
        if (file < 0) return -1;
        // Another process may have taken it for a stale one before it was locked.
        struct stat status;
        const bool taken = flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        if (!taken && fstat(file, &status) == 0 && status.st_nlink > 0) return file;
        close(file);
    }
    errno = EEXIST;
    return -1;
}

}  // namespace

CacheEntries::~CacheEntries() { free(at); }

bool CacheEntries::add(const CacheEntry &entry) {
    if (count == capacity) {
        const size_t more = capacity == 0 ? 64 : capacity * 2;
        void *const memory = realloc(at, more * sizeof(CacheEntry));
        if (!memory) return false;
        at = static_cast<CacheEntry *>(memory);
        capacity = more;
    }
    at[count++] = entry;
    return true;
}

uint64_t cache_hash(const int32_t *tokens, size_t n) {
    uint64_t hash = hash_of_none;
    for (size_t i = 0; i < n; ++i) hash = hash_token(hash, tokens[i]);
    return hash;
}

void cache_state_name(char *name, uint64_t count, uint64_t hash) {
    snprintf(name, cache_longest_name, "%llu-%016llx.state", static_cast<unsigned long long>(count),
             static_cast<unsigned long long>(hash));
}

void cache_model_name(char *name, uint64_t fingerprint) {
    snprintf(name, cache_longest_name, "%016llx", static_cast<unsigned long long>(fingerprint));
}

int cache_open_folder(int parent, const char *name) {
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

// Without memory for all names those are found for which there was some.
void cache_find(int folder, const int32_t *tokens, size_t n, CacheEntries *beginnings) {
    each_name(folder, [&](const char *name) {
        CacheEntry entry{};
        if (parse_state_name(name, &entry.count, &entry.hash) && entry.count > 0 && entry.count <= n)
            beginnings->add(entry);
    });
    std::sort(beginnings->at, beginnings->at + beginnings->count,
              [](const CacheEntry &a, const CacheEntry &b) { return a.count < b.count; });
    uint64_t hash = hash_of_none;
    size_t taken = 0, kept = 0;
    for (size_t i = 0; i < beginnings->count; ++i) {
        const CacheEntry &entry = beginnings->at[i];
        while (taken < entry.count) hash = hash_token(hash, tokens[taken++]);
        if (entry.hash == hash) beginnings->at[kept++] = entry;
    }
    beginnings->count = kept;
}

void cache_mark_used(int folder, const CacheEntries &beginnings) {
    const int64_t now = now_ns();
    for (size_t i = 0; i < beginnings.count; ++i) {
        char name[cache_longest_name];
        cache_state_name(name, beginnings.at[i].count, beginnings.at[i].hash);
        set_used(folder, name, now - static_cast<int64_t>(i) * 1000);
    }
}

bool cache_has(int folder, const char *name, uint64_t size) {
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode) ||
        static_cast<uint64_t>(status.st_size) != size)
        return false;
    set_used(folder, name, now_ns());
    return true;
}

int cache_read(int folder, const char *name, size_t most, uint8_t **bytes, uint64_t *size) {
    const int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return errno;
    struct stat status;
    int error = fstat(file, &status) != 0 ? errno : S_ISREG(status.st_mode) ? 0 : EINVAL;
    *bytes = error == 0 ? static_cast<uint8_t *>(malloc(most)) : nullptr;
    if (error == 0 && !*bytes) error = ENOMEM;
    size_t done = 0;
    while (error == 0 && done < most) {
        const ssize_t got = read(file, *bytes + done, most - done);
        if (got == 0) break;
        if (got < 0 && errno != EINTR) error = errno;
        if (got > 0) done += static_cast<size_t>(got);
    }
    // One that is cut while it is read has as many bytes as were read.
    if (error == 0)
        *size = done < most ? done : std::max<uint64_t>(static_cast<uint64_t>(status.st_size), done);
    if (error != 0) {
        free(*bytes);
        *bytes = nullptr;
    }
    close(file);
    return error;
}

int cache_write(int root, int folder, const char *name, const uint8_t *bytes, size_t size, uint64_t budget) {
    char part[cache_longest_name];
    const int file = begin_part(folder, part);
    if (file < 0) return errno;
    int error = write_and_sync(file, bytes, size);
    if (error == 0) {
        const int lock = lock_folder(root);
        if (!make_room(root, budget, size))
            error = cache_no_room;
        else if (renameat(folder, part, folder, name) != 0)
            error = errno;
        if (lock >= 0) close(lock);
    }
    if (error != 0) unlinkat(folder, part, 0);
    close(file);
    if (error == 0) fsync(folder);  // so that the new name outlives a power cut
    return error;
}

}  // namespace adder

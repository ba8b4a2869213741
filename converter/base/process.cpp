// What /proc and the C library tell about this process.
// SPDX-License-Identifier: MIT
#include "converter/base/process.h"

#include <sys/resource.h>

#include <cstdio>
#include <cstring>

namespace adder {

namespace {

// What Linux says of this process under that key of a file in /proc, in bytes; 0 where it says nothing.
uint64_t process_memory(const char *path, const char *key) {
    std::FILE *const file = std::fopen(path, "re");
    if (!file) return 0;
    uint64_t bytes = 0;
    char line[256], name[64];
    unsigned long long kib = 0;
    while (std::fgets(line, sizeof line, file) != nullptr)
        if (std::sscanf(line, "%63[^:]: %llu kB", name, &kib) == 2 && std::strcmp(name, key) == 0)
            bytes = uint64_t{kib} * 1024;
    std::fclose(file);
    return bytes;
}

}  // namespace

uint64_t peak_rss_bytes() {
    struct rusage usage {};
    const uint64_t bytes = process_memory("/proc/self/status", "VmHWM");
    if (bytes != 0 || getrusage(RUSAGE_SELF, &usage) != 0) return bytes;
    return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

// Not RssAnon, which lags behind by what each CPU has not added to it yet.
uint64_t anonymous_bytes() { return process_memory("/proc/self/smaps_rollup", "Anonymous"); }

uint64_t resident_bytes() { return process_memory("/proc/self/status", "VmRSS"); }

uint64_t page_faults_so_far() {
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<uint64_t>(usage.ru_minflt) + static_cast<uint64_t>(usage.ru_majflt);
}

}  // namespace adder

// Mapping and copying files, over POSIX; what only Linux has is left out elsewhere.
// SPDX-License-Identifier: MIT
#include "host/file_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace adder {

namespace {

constexpr size_t read_piece = size_t{64} << 20;

// Of the system's huge pages of default size.
size_t huge_page_size() {
    unsigned long long kib = 2048;
    if (std::FILE *const file = std::fopen("/proc/meminfo", "re")) {
        char line[128];
        while (std::fgets(line, sizeof line, file) != nullptr)
            if (std::sscanf(line, "Hugepagesize: %llu kB", &kib) == 1) break;
        std::fclose(file);
    }
    return static_cast<size_t>(kib) * 1024;
}

void *map_anonymous(size_t size, int flags) {
    void *const data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return data == MAP_FAILED ? nullptr : data;
}

// Memory in huge pages: reserved ones if there are any, else transparent ones. Null on failure, with errno set.
void *map_huge(size_t size, size_t *mapped) {
    const size_t page = huge_page_size();
    *mapped = (size + page - 1) / page * page;
#ifdef MAP_HUGETLB
    if (void *const reserved = map_anonymous(*mapped, MAP_HUGETLB)) return reserved;
#endif
    // Only what begins at a multiple of a huge page is put into one.
    auto *const start = static_cast<uint8_t *>(map_anonymous(*mapped + page, 0));
    if (!start) return nullptr;
    const size_t before = (page - reinterpret_cast<uintptr_t>(start) % page) % page;
    if (before > 0) munmap(start, before);
    munmap(start + before + *mapped, page - before);
#ifdef MADV_HUGEPAGE
    madvise(start + before, *mapped, MADV_HUGEPAGE);  // where there are none, page_kind() says so
#endif
    return start + before;
}

std::string read_all(int descriptor, size_t size, uint8_t *data) {
    for (size_t done = 0; done < size;) {
        const ssize_t got =
            pread(descriptor, data + done, std::min(size - done, read_piece), static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::strerror(errno);
        if (got == 0)
            return "it ends after " + std::to_string(done) + " of " + std::to_string(size) + " bytes";
        done += static_cast<size_t>(got);
    }
    return "";
}

// Reads every page of the mapping.
std::string populate(const uint8_t *data, size_t size) {
#ifdef MADV_POPULATE_READ
    if (madvise(const_cast<uint8_t *>(data), size, MADV_POPULATE_READ) == 0) return "";
    if (errno != EINVAL) return std::strerror(errno);  // EINVAL: a kernel before 5.14
#endif
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    for (size_t at = 0; at < size; at += page)
        static_cast<void>(*static_cast<const volatile uint8_t *>(data + at));
    return "";
}

std::string load_copy(int descriptor, size_t size, FileMemory *memory) {
    void *const data = map_huge(size, &memory->mapped);
    if (!data) return "no memory for a copy of " + std::to_string(size) + " bytes: " + std::strerror(errno);
    memory->data = data;
    const std::string reason = read_all(descriptor, size, static_cast<uint8_t *>(data));
    if (reason.empty()) mprotect(data, memory->mapped, PROT_READ);
    return reason;
}

std::string load_mapping(int descriptor, size_t size, Pages pages, FileMemory *memory) {
    void *const data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) return std::strerror(errno);
    memory->data = data;
    memory->mapped = size;
    return pages == Pages::prefault ? populate(static_cast<const uint8_t *>(data), size) : "";
}

}  // namespace

std::string file_memory_load(int descriptor, size_t size, Pages pages, FileMemory *memory) {
    *memory = FileMemory{};
    memory->size = size;
    const std::string reason = pages == Pages::huge_pages ? load_copy(descriptor, size, memory)
                                                          : load_mapping(descriptor, size, pages, memory);
    if (!reason.empty()) file_memory_release(memory);
    return reason;
}

void file_memory_release(FileMemory *memory) {
    if (memory->data) munmap(memory->data, memory->mapped);
    *memory = FileMemory{};
}

std::string page_kind(const void *address) {
    std::FILE *const file = std::fopen("/proc/self/smaps", "re");
    if (!file) return "";
    const auto wanted = static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(address));
    bool here = false;
    unsigned long long page = 0, resident = 0, huge = 0;
    char line[1024];
    while (std::fgets(line, sizeof line, file) != nullptr) {
        unsigned long long begin = 0, end = 0, kib = 0;
        char key[64];
        if (std::sscanf(line, "%llx-%llx ", &begin, &end) == 2) {
            if (here) break;
            here = begin <= wanted && wanted < end;
        } else if (here && std::sscanf(line, "%63[^:]: %llu kB", key, &kib) == 2) {
            if (std::strcmp(key, "KernelPageSize") == 0) page = kib;
            if (std::strcmp(key, "Rss") == 0) resident = kib;
            for (const char *kind : {"AnonHugePages", "FilePmdMapped", "ShmemPmdMapped"})
                if (std::strcmp(key, kind) == 0) huge += kib;
        }
    }
    std::fclose(file);
    if (page == 0) return "";
    std::string text = std::to_string(page) + " KiB pages";
    if (huge > 0 && resident > 0)
        text += ", " + std::to_string((100 * huge + resident / 2) / resident) + " % of them in huge ones";
    return text;
}

}  // namespace adder

// A file's bytes in memory, for programs on an operating system: mapped, mapped and read at once, or in huge pages.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

namespace adder {

enum class Pages {
    mapped,    // the file's own pages, read when they are touched
    prefault,  // the same, all read before the program goes on
    huge_pages  // a copy in huge pages, as far as the system has them: fewer misses when weights are read in turn
};

struct FileMemory {
    void *data = nullptr;  // read-only, aligned to a page
    size_t size = 0;       // of the file
    size_t mapped = 0;     // bytes to unmap
};

// Of an open regular file of `size` bytes, more than 0; the descriptor may be closed after it. An empty string, or the
// reason why not.
std::string file_memory_load(int descriptor, size_t size, Pages pages, FileMemory *memory);
void file_memory_release(FileMemory *memory);

// What lies under a mapping: "4 KiB pages", or "4 KiB pages, 87 % of them in huge ones"; empty where that is unknown.
std::string page_kind(const void *address);

}  // namespace adder

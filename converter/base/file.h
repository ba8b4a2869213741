// Files of the host tools: read-only mappings, and writing that never leaves a partial file behind.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "converter/base/unfinished.h"
#include "host/file_memory.h"

namespace adder {

// A whole file in memory, read-only, by default mapped. An empty file maps to an empty view. Throws Error(bad_input) if it cannot
// be opened, is not a regular file, or cannot be mapped; the message names the path and the reason. A file
// that another process shortens while it is mapped ends this one with SIGBUS.
class MappedFile {
  public:
    explicit MappedFile(const std::string &path, Pages pages = Pages::mapped);
    ~MappedFile();
    MappedFile(MappedFile &&other) noexcept;
    MappedFile &operator=(MappedFile &&other) noexcept;
    MappedFile(const MappedFile &) = delete;
    MappedFile &operator=(const MappedFile &) = delete;

    const uint8_t *data() const { return static_cast<const uint8_t *>(memory_.data); }
    size_t size() const { return memory_.size; }
    std::string_view text() const { return {static_cast<const char *>(memory_.data), memory_.size}; }
    const std::string &path() const { return path_; }

  private:
    std::string path_;
    FileMemory memory_;
};

// A file being written: to a temporary name beside the final one, then fsync and rename on commit(). If
// commit() is not reached (an exception, or a signal handled by remove_unfinished_files) nothing is left.
// Throws Error(failure), and Error(usage) if it is to be called "-". The new file's permissions are those of the umask. What is there already is replaced
// if it is a regular file, and is an error if it is anything else (/dev/null); of a symbolic link the link is
// replaced. At most 32 at a time.
class AtomicFile {
  public:
    explicit AtomicFile(const std::string &path);
    ~AtomicFile();
    AtomicFile(const AtomicFile &) = delete;
    AtomicFile &operator=(const AtomicFile &) = delete;

    void write(const void *data, size_t size);  // unbuffered
    void seek(uint64_t offset);  // a gap is filled with zeros once something is written after it
    // The whole file as writable memory, zeroed, with its disk space reserved; commit() writes it out. Once, and
    // instead of write and seek.
    uint8_t *map(uint64_t size);
    // Gives whole pages within a range of the mapping back to the system; what they hold is kept in the file.
    void release(uint64_t offset, uint64_t size) const;
    // Where the bytes are until commit(); what is written to the mapping can be read there at once.
    const std::string &temporary_path() const { return temporary_; }
    void commit();  // nothing else may follow

  private:
    std::string path_;
    std::string temporary_;
    int descriptor_ = -1;
    uint8_t *mapping_ = nullptr;
    size_t mapping_size_ = 0;
    UnfinishedPath unfinished_;
};

// A file of this text, whole or not at all.
void write_file(const std::string &path, std::string_view text);

// A directory being written: under a temporary name beside the final one, then renamed on commit(). If that is not
// reached, nothing is left, as with AtomicFile. Throws Error(failure), also if the path exists already, and Error(usage)
// if it is "-".
class AtomicDirectory {
  public:
    explicit AtomicDirectory(const std::string &path);
    ~AtomicDirectory();
    AtomicDirectory(const AtomicDirectory &) = delete;
    AtomicDirectory &operator=(const AtomicDirectory &) = delete;

    const std::string &temporary_path() const { return temporary_; }
    std::string add(const std::string &name);  // the path at which to write this file
    void commit();                             // all files are written; nothing else may follow

  private:
    std::string path_;
    std::string temporary_;
    UnfinishedPath unfinished_;
    std::deque<UnfinishedPath> unfinished_files_;
    std::vector<std::string> files_;
    bool finished_ = false;
};

// A directory to write files into, made, with those above it, where it is not there. What was made goes again, unless
// something lies in it by then. Throws Error(failure), and Error(usage) if it is "-".
class OutputDirectory {
  public:
    explicit OutputDirectory(const std::string &path);
    ~OutputDirectory();
    OutputDirectory(const OutputDirectory &) = delete;
    OutputDirectory &operator=(const OutputDirectory &) = delete;

  private:
    void remove_made();
    std::vector<std::string> made_;  // outermost first
};

// Throws Error(usage) if the path is "-": a file of that name is never what was meant.
void refuse_standard_output(const std::string &path);
// Throws what AtomicFile(path) would, and leaves nothing: a command knows before its work that it cannot write.
void check_can_create(const std::string &path);

bool file_exists(const std::string &path);  // a regular file, or a link to one
bool is_directory(const std::string &path);
// Throws Error(usage) if writing `output` would replace one of the files `inputs`, or in a directory among them one that
// belongs to a checkpoint (.json, .safetensors, .pth, .gguf, pytorch_model*).
void check_not_an_input(const std::string &output, const std::vector<std::string> &inputs);
// directory/name; `name` alone if the directory is empty.
std::string join_path(const std::string &directory, const std::string &name);

}  // namespace adder

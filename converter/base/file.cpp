// Read-only mappings, and files and directories that appear whole or not at all, over POSIX.
// SPDX-License-Identifier: MIT
#include "converter/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

#include "converter/base/error.h"

namespace adder {

namespace {

[[noreturn]] void fail_errno(const char *verb, const std::string &path, int error) {
    fail(ExitCode::failure, "cannot %s %s: %s", verb, path.c_str(), std::strerror(error));
}

std::string directory_of(const std::string &path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

// A rename is durable once its directory is. Not every file system can do that, and not every directory that
// may be written may be read: the file itself is whole in any case.
void sync_directory(const std::string &path) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    const int error = fsync(descriptor) == 0 ? 0 : errno;
    close(descriptor);
    if (error == EIO || error == ENOSPC || error == EDQUOT) fail_errno("sync the directory", path, error);
}

// Makes a file or a directory of a name of its own beside `path`, by `make`, which returns an errno; returns the name.
// Names may be taken by what a killed process of the same number has left.
template <typename Make>
std::string make_beside(const std::string &path, UnfinishedPath *unfinished, const Make &make) {
    const SignalsBlocked blocked;
    int error = EEXIST;
    std::string name;
    for (int attempt = 0; attempt < 1000 && error == EEXIST; ++attempt) {
        name = format("%s.%ld-%d.tmp", path.c_str(), static_cast<long>(getpid()), attempt);
        error = make(name.c_str());
    }
    if (error != 0) fail_errno("create", path, error);
    unfinished->remember(name);
    return name;
}

}  // namespace

void refuse_standard_output(const std::string &path) {
    if (path == "-")
        fail(ExitCode::usage,
             "- would be standard output, which cannot take it: what is written here is written beside "
             "its name and renamed once it is whole. Give the name of a file, or ./- for one that is "
             "called -");
}

MappedFile::MappedFile(const std::string &path, Pages pages) : path_(path) {
    // O_NONBLOCK: opening a pipe must fail below, not wait for a writer.
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) bad_input("cannot open %s: %s", path.c_str(), std::strerror(errno));
    struct stat status;
    std::string reason;
    if (fstat(descriptor, &status) != 0) {
        reason = std::strerror(errno);
    } else if (S_ISDIR(status.st_mode)) {
        reason = "it is a directory";
    } else if (!S_ISREG(status.st_mode)) {
        reason = "it is not a regular file";
    } else if (static_cast<uintmax_t>(status.st_size) > SIZE_MAX) {
        reason = "it is larger than the address space";
    } else if (status.st_size > 0) {
        reason = file_memory_load(descriptor, static_cast<size_t>(status.st_size), pages, &memory_);
    }
    close(descriptor);
    if (!reason.empty()) bad_input("cannot read %s: %s", path.c_str(), reason.c_str());
}

MappedFile::~MappedFile() { file_memory_release(&memory_); }

MappedFile::MappedFile(MappedFile &&other) noexcept
    : path_(std::move(other.path_)), memory_(std::exchange(other.memory_, {})) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
    std::swap(path_, other.path_);
    std::swap(memory_, other.memory_);
    return *this;
}

AtomicFile::AtomicFile(const std::string &path) : path_(path), unfinished_(path) {
    refuse_standard_output(path);
    struct stat status;
    // Renaming over /dev/null, or over a directory, is never what was meant.
    if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        fail(ExitCode::failure, "cannot write %s: it exists and is not a regular file", path.c_str());
    }
    temporary_ = make_beside(path, &unfinished_, [this](const char *name) {
        descriptor_ = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        return descriptor_ >= 0 ? 0 : errno;
    });
}

AtomicFile::~AtomicFile() {
    if (mapping_) munmap(mapping_, mapping_size_);
    if (descriptor_ < 0) return;
    close(descriptor_);
    unlink(temporary_.c_str());
}

void AtomicFile::write(const void *data, size_t size) {
    const auto *bytes = static_cast<const uint8_t *>(data);
    while (size > 0) {
        // Linux writes at most 2 GiB at once; other systems refuse more.
        const ssize_t written = ::write(descriptor_, bytes, std::min<size_t>(size, size_t{1} << 30));
        if (written < 0) {
            if (errno == EINTR) continue;
            fail_errno("write", path_, errno);
        }
        bytes += written;
        size -= static_cast<size_t>(written);
    }
}

void AtomicFile::seek(uint64_t offset) {
    const bool too_far = offset > static_cast<uint64_t>(std::numeric_limits<off_t>::max());
    if (too_far || lseek(descriptor_, static_cast<off_t>(offset), SEEK_SET) < 0) {
        fail_errno("seek in", path_, too_far ? EFBIG : errno);
    }
}

uint8_t *AtomicFile::map(uint64_t size) {
    // Without the reservation a full disk would show as a signal in the middle of a store.
    // No mapping is larger than PTRDIFF_MAX: on 32-bit processors that is 2 GiB.
    const int error = size > PTRDIFF_MAX ? EFBIG : posix_fallocate(descriptor_, 0, static_cast<off_t>(size));
    if (error != 0) fail_errno("write", path_, error);
    const auto mapped = static_cast<size_t>(size);
    void *mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
    if (mapping == MAP_FAILED) fail_errno("map", path_, errno);
    mapping_ = static_cast<uint8_t *>(mapping);
    mapping_size_ = mapped;
    return mapping_;
}

void AtomicFile::release(uint64_t offset, uint64_t size) const {
    // The mapping is shared: what was written stays in the file's pages, and comes back when it is touched.
    const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    const uint64_t first = (offset + page - 1) / page * page, last = (offset + size) / page * page;
    if (first < last) madvise(mapping_ + first, static_cast<size_t>(last - first), MADV_DONTNEED);
}

void AtomicFile::commit() {
    if (mapping_ && msync(mapping_, mapping_size_, MS_SYNC) != 0) fail_errno("write", path_, errno);
    if (fsync(descriptor_) != 0) fail_errno("write", path_, errno);
    // The descriptor is gone even if close() fails; the destructor's work is then done here.
    const int error = close(std::exchange(descriptor_, -1)) == 0 ? 0 : errno;
    const bool renamed = error == 0 && rename(temporary_.c_str(), path_.c_str()) == 0;
    const int failure = error != 0 ? error : errno;
    if (!renamed) unlink(temporary_.c_str());
    unfinished_.forget();
    if (!renamed) fail_errno("write", path_, failure);
    sync_directory(directory_of(path_));
}

void write_file(const std::string &path, std::string_view text) {
    AtomicFile file(path);
    file.write(text.data(), text.size());
    file.commit();
}

AtomicDirectory::AtomicDirectory(const std::string &path)
    : path_(path.substr(0, path.find_last_not_of('/') + 1)), unfinished_(path) {
    refuse_standard_output(path);
    struct stat status;
    if (path_.empty() || lstat(path_.c_str(), &status) == 0)
        fail(ExitCode::failure, "cannot create %s: it exists already", path.c_str());
    temporary_ =
        make_beside(path_, &unfinished_, [](const char *name) { return mkdir(name, 0777) == 0 ? 0 : errno; });
}

AtomicDirectory::~AtomicDirectory() {
    if (finished_) return;
    for (const std::string &file : files_) unlink(file.c_str());
    rmdir(temporary_.c_str());
}

std::string AtomicDirectory::add(const std::string &name) {
    const std::string path = join_path(temporary_, name);
    unfinished_files_.emplace_back(path).remember(path);
    return files_.emplace_back(path);
}

void AtomicDirectory::commit() {
    const SignalsBlocked blocked;
    sync_directory(temporary_);
    if (rename(temporary_.c_str(), path_.c_str()) != 0) fail_errno("create", path_, errno);
    finished_ = true;
    unfinished_files_.clear();
    unfinished_.forget();
    sync_directory(directory_of(path_));
}

OutputDirectory::OutputDirectory(const std::string &path) {
    refuse_standard_output(path);
    if (path.empty()) fail_errno("create", path, ENOENT);
    for (size_t slash = path.find_first_not_of('/'); slash < path.size();) {
        slash = std::min(path.find('/', slash), path.size());
        const std::string part = path.substr(0, slash);
        slash = path.find_first_not_of('/', slash);
        if (mkdir(part.c_str(), 0777) == 0) {
            made_.push_back(part);
        } else if (const int error = errno; !is_directory(part)) {
            remove_made();
            fail_errno("create", path, error == EEXIST ? ENOTDIR : error);
        }
    }
}

OutputDirectory::~OutputDirectory() { remove_made(); }

void OutputDirectory::remove_made() {
    for (; !made_.empty(); made_.pop_back()) rmdir(made_.back().c_str());
}

void check_can_create(const std::string &path) { const AtomicFile probe(path); }

bool file_exists(const std::string &path) {
    struct stat status;
    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_directory(const std::string &path) {
    struct stat status;
    return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

void check_not_an_input(const std::string &output, const std::vector<std::string> &inputs) {
    namespace fs = std::filesystem;
    std::error_code ignored;  // what cannot be looked at is found out when it is opened
    const auto check = [&](const fs::path &input) {
        if (fs::equivalent(output, input, ignored))
            fail(ExitCode::usage, "%s is an input, and would be replaced by the output", output.c_str());
    };
    for (const std::string &input : inputs) {
        if (!is_directory(input)) {
            check(input);
            continue;
        }
        fs::directory_iterator entry(input, ignored);
        for (; entry != fs::directory_iterator(); entry.increment(ignored)) {
            const fs::path &path = entry->path();
            const std::string name = path.filename(), extension = path.extension();
            if (extension == ".json" || extension == ".safetensors" || extension == ".pth" ||
                extension == ".gguf" || name.compare(0, 13, "pytorch_model") == 0)
                check(path);
        }
    }
}

std::string join_path(const std::string &directory, const std::string &name) {
    if (directory.empty()) return name;
    return directory.back() == '/' ? directory + name : directory + "/" + name;
}

}  // namespace adder

// What was typed before, in this run and in those before it.
// SPDX-License-Identifier: MIT
#include "history.h"

#include "user_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace chat {
namespace {

// Of a longer file the last so many bytes are read.
constexpr off_t max_bytes = off_t{4} << 20;
// The file may grow beyond its entries before it is written anew.
constexpr size_t slack = max_history_entries / 4;

// A descriptor that closes itself, and with it gives back its lock.
class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    int get() const { return number_; }

  private:
    int number_;
};

std::string escaped(const std::string &entry) {
    std::string line;
    for (const char byte : entry) {
        if (byte == '\n')
            line += "\\n";
        else if (byte == '\\')
            line += "\\\\";
        else
            line += byte;
    }
    return line + '\n';
}

std::string unescaped(const std::string &line) {
    std::string entry;
    for (size_t i = 0; i < line.size(); ++i) {
        const bool pair = line[i] == '\\' && i + 1 < line.size();
        if (pair) ++i;
        entry += pair && line[i] == 'n' ? '\n' : line[i];
    }
    return entry;
}

bool is_regular(int descriptor, struct stat *status) {
    return fstat(descriptor, status) == 0 && S_ISREG(status->st_mode);
}

// The last `most` lines of a file, without its first one where only a part of the file is read.
std::vector<std::string> last_lines(int descriptor, size_t most) {
    struct stat status {};
    if (!is_regular(descriptor, &status)) return {};
    const off_t begin = std::max<off_t>(0, status.st_size - max_bytes);
    std::string text(static_cast<size_t>(status.st_size - begin), '\0');
    size_t size = 0;
    while (size < text.size()) {
        const ssize_t count =
            pread(descriptor, &text[size], text.size() - size, begin + static_cast<off_t>(size));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        size += static_cast<size_t>(count);
    }
    text.resize(size);
    std::vector<std::string> lines;
    size_t at = begin > 0 ? text.find('\n') + 1 : 0;
    for (size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
        if (end > at && end - at <= 2 * max_history_entry_bytes) lines.push_back(text.substr(at, end - at));
    }
    if (lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
    return lines;
}

bool write_all(int descriptor, const std::string &bytes) {
    for (size_t done = 0; done < bytes.size();) {
        const ssize_t count = write(descriptor, bytes.data() + done, bytes.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        done += static_cast<size_t>(count);
    }
    return true;
}

// Opened and locked, and still the file of that name: another process may have written it anew while this one waited. -1 if it
// cannot be had. A file system without locks does without.
int open_locked(const std::string &path) {
    for (int attempt = 0; attempt < 16; ++attempt) {
        const int descriptor =
            open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
        if (descriptor < 0) return -1;
        struct stat opened {};
        struct stat named {};
        if (!is_regular(descriptor, &opened)) {
            close(descriptor);
            return -1;
        }
        while (flock(descriptor, LOCK_EX) != 0 && errno == EINTR) {
        }
        if (stat(path.c_str(), &named) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev)
            return descriptor;
        close(descriptor);
    }
    return -1;
}

}  // namespace

std::string History::default_path() {
    if (const char *const path = std::getenv("ADDER_HISTORY")) return path;
    const std::string folder = user_folder();
    return folder.empty() ? folder : folder + "/history";
}

History::History(const std::string &path) : path_(path) {
    if (path_.empty()) return;
    const Descriptor file(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0) return;
    for (const std::string &line : last_lines(file.get(), max_history_entries))
        entries_.push_back(unescaped(line));
}

void History::add(const std::string &entry) {
    if (entry.size() > max_history_entry_bytes || (!entries_.empty() && entries_.back() == entry)) return;
    entries_.push_back(entry);
    if (entries_.size() > max_history_entries) entries_.erase(entries_.begin());
    if (!path_.empty()) append_to_file(escaped(entry));
}

void History::append_to_file(const std::string &line) {
    const std::string folder = std::filesystem::path(path_).parent_path().string();
    if (!folder.empty()) make_private_folder(folder);
    const Descriptor file(open_locked(path_));
    if (file.get() < 0 || !write_all(file.get(), line)) return;
    const std::vector<std::string> lines = last_lines(file.get(), SIZE_MAX);
    if (lines.size() <= max_history_entries + slack) return;

    std::string text;
    for (size_t i = lines.size() - max_history_entries; i < lines.size(); ++i) text += lines[i] + '\n';
    const std::string temporary = path_ + ".part." + std::to_string(getpid());
    const Descriptor shorter(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (shorter.get() < 0) return;
    if (!write_all(shorter.get(), text) || std::rename(temporary.c_str(), path_.c_str()) != 0)
        unlink(temporary.c_str());
}

}  // namespace chat

// Maps a blob and opens it with the library.
// SPDX-License-Identifier: MIT
#include "model_file.h"

#include "failure.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace chat {

Mapping Mapping::file(const std::string &path, adder::Pages pages) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) throw Failure(Exit::bad_input, path + ": " + std::strerror(errno));
    struct stat status {};
    Mapping mapping;
    std::string problem;
    if (fstat(descriptor, &status) != 0) {
        problem = std::strerror(errno);
    } else if (S_ISDIR(status.st_mode)) {
        problem = "is a folder; a checkpoint becomes a blob with `adder convert`";
    } else if (!S_ISREG(status.st_mode)) {
        problem = "is not a regular file";
    } else if (status.st_size == 0) {
        problem = "is empty";
    } else {
        problem =
            adder::file_memory_load(descriptor, static_cast<size_t>(status.st_size), pages, &mapping.memory_);
    }
    close(descriptor);
    if (!problem.empty()) throw Failure(Exit::bad_input, path + ": " + problem);
    return mapping;
}

Mapping Mapping::anonymous(size_t size) {
    Mapping mapping;
    void *data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
        throw Failure(Exit::failure,
                      "no memory for " + std::to_string(size) + " bytes: " + std::strerror(errno));
    }
    mapping.memory_ = {data, size, size};
    return mapping;
}

Mapping::~Mapping() { adder::file_memory_release(&memory_); }

Mapping::Mapping(Mapping &&other) noexcept : memory_(std::exchange(other.memory_, {})) {}

Mapping &Mapping::operator=(Mapping &&other) noexcept {
    std::swap(memory_, other.memory_);
    return *this;
}

Model::Model(const std::string &path, adder::Pages pages) : path_(path), blob_(Mapping::file(path, pages)) {
    adder_error error{};
    if (adder_model_open(&model_, blob_.data(), blob_.size(), &error) != ADDER_OK ||
        adder_model_verify(&model_, &error) != ADDER_OK) {
        throw Failure(Exit::bad_input, path + ": " + sentence(error));
    }
    adder_model_get_info(&model_, &info_);
    if (!info_.has_tokenizer) {
        throw Failure(Exit::bad_input,
                      path + ": carries no tokenizer, so there is no text to talk with; convert the "
                             "checkpoint again with its tokenizer.json beside it");
    }
}

std::string Model::text(adder_text which) const {
    size_t size = 0;
    const char *bytes = adder_model_text(&model_, which, &size);
    return bytes ? std::string(bytes, size) : std::string();
}

std::vector<int32_t> Model::tokenize(const std::string &text, uint32_t flags) const {
    std::vector<int32_t> ids(adder_tokenize_capacity(text.size()));
    size_t count = 0;
    check(adder_tokenize(&model_, text.data(), text.size(), flags, ids.data(), ids.size(), &count),
          "tokenizing");
    ids.resize(count);
    return ids;
}

ConstraintFile::ConstraintFile(const std::string &path) : file_(Mapping::file(path)) {
    adder_error error{};
    if (adder_constraint_open(&constraint_, file_.data(), file_.size(), &error) != ADDER_OK)
        throw Failure(Exit::bad_input, path + ": " + sentence(error));
}

std::string sentence(const adder_error &error) {
    char text[256];
    adder_error_text(&error, text, sizeof text);
    return text;
}

void check(adder_status status, const char *doing) {
    if (status != ADDER_OK)
        throw Failure(Exit::failure, std::string(doing) + ": " + adder_status_text(status));
}

}  // namespace chat

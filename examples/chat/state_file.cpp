// Writes and reads the file of a saved conversation.
// SPDX-License-Identifier: MIT
#include "state_file.h"

#include "failure.h"
#include "model_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace chat {
namespace {

struct Trailer {
    char magic[8];
    int32_t recent[ADDER_SAMPLER_WINDOW];
    uint32_t accepted;
    uint32_t reserved;
    uint64_t random;
    uint64_t checksum;
};
static_assert(sizeof(Trailer) == 288, "the trailer has no padding");

constexpr char trailer_magic[8] = {'A', 'D', 'D', 'R', 'C', 'H', 'A', 'T'};

uint64_t checksum_of(const Trailer &trailer) {
    unsigned char bytes[sizeof trailer];
    std::memcpy(bytes, &trailer, sizeof trailer);
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < offsetof(Trailer, checksum); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

// errno of the step that failed, or 0. `temporary` exists afterwards only in case of success.
int write_and_sync(const std::string &temporary, const std::vector<unsigned char> &bytes) {
    const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) return errno;
    int error = 0;
    for (size_t done = 0; done < bytes.size() && error == 0;) {
        const ssize_t count = write(descriptor, bytes.data() + done, bytes.size() - done);
        if (count >= 0)
            done += static_cast<size_t>(count);
        else if (errno != EINTR)
            error = errno;
    }
    if (error == 0 && fsync(descriptor) != 0) error = errno;
    if (close(descriptor) != 0 && error == 0) error = errno;
    if (error != 0) unlink(temporary.c_str());
    return error;
}

// So that the new name outlives a power cut; a file system that cannot is no reason to fail.
void sync_folder_of(const std::string &path) {
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const int descriptor = open(folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    fsync(descriptor);
    close(descriptor);
}

}  // namespace

void write_state_file(const std::string &path, std::vector<unsigned char> bytes, const adder_sampler &sampler) {
    Trailer trailer{};
    std::copy_n(trailer_magic, sizeof trailer_magic, trailer.magic);
    std::copy_n(sampler.recent, ADDER_SAMPLER_WINDOW, trailer.recent);
    trailer.accepted = sampler.accepted;
    trailer.random = sampler.random;
    trailer.checksum = checksum_of(trailer);
    const size_t state_size = bytes.size();
    bytes.resize(state_size + sizeof trailer);
    std::memcpy(bytes.data() + state_size, &trailer, sizeof trailer);

    if (path == "-")
        throw Failure(Exit::usage, "-: is no file, and standard output cannot take one; ./- is one");
    // A rename would replace a device or a pipe by a file.
    struct stat status {};
    if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        throw Failure(Exit::failure, path + ": is not a regular file, and was not replaced");
    }
    const std::string temporary = path + ".part." + std::to_string(getpid());
    int error = write_and_sync(temporary, bytes);
    if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) {
        error = errno;
        unlink(temporary.c_str());
    }
    if (error != 0) throw Failure(Exit::failure, path + ": " + std::strerror(error));
    sync_folder_of(path);
}

std::vector<unsigned char> read_state_file(const std::string &path, const adder_model &model,
                                           uint32_t vocab_size, adder_sampler *sampler) {
    const Mapping file = Mapping::file(path);
    const unsigned char *bytes = static_cast<const unsigned char *>(file.data());
    // Where a sequence has keys and values, a state is as long as its position, the third number of its header, makes it.
    uint64_t position = 0;
    if (file.size() >= 24) std::memcpy(&position, bytes + 16, sizeof position);
    size_t state_size = adder_state_size_at(&model, position);
    if (state_size == 0) state_size = adder_state_size(&model);
    if (file.size() != state_size && file.size() != state_size + sizeof(Trailer)) {
        throw Failure(Exit::bad_input, path + ": is no state of this model: it has " +
                                           std::to_string(file.size()) + " bytes, a saved conversation has " +
                                           std::to_string(state_size + sizeof(Trailer)) + ", a bare state " +
                                           std::to_string(state_size));
    }
    std::vector<unsigned char> state(bytes, bytes + state_size);
    if (file.size() == state_size) return state;

    Trailer trailer;
    std::memcpy(&trailer, bytes + state_size, sizeof trailer);
    const uint32_t used = std::min<uint32_t>(trailer.accepted, ADDER_SAMPLER_WINDOW);
    const bool tokens_valid = std::all_of(trailer.recent, trailer.recent + used, [&](int32_t token) {
        return token >= 0 && static_cast<uint32_t>(token) < vocab_size;
    });
    if (std::memcmp(trailer.magic, trailer_magic, sizeof trailer_magic) != 0 || trailer.reserved != 0 ||
        trailer.checksum != checksum_of(trailer) || !tokens_valid) {
        throw Failure(Exit::bad_input, path + ": the part behind the state is damaged");
    }
    std::copy_n(trailer.recent, ADDER_SAMPLER_WINDOW, sampler->recent);
    sampler->accepted = trailer.accepted;
    sampler->random = trailer.random;
    return state;
}

}  // namespace chat

// Opens blobs, makes sessions, and turns text and lists into ids, with the library's errors as exceptions.
// SPDX-License-Identifier: MIT
#include "converter/blob_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "converter/error.h"
#include "runtime/model.h"
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>

namespace adder {

std::string error_text(adder_status status, const adder_error &error) {
    if (error.status != status) return adder_status_text(status);
    char text[400];
    adder_error_text(&error, text, sizeof text);
    return text;
}

BlobFile::BlobFile(const std::string &path, Checksum checksum, Pages pages)
    : file_(path, pages), model_{}, info_{} {
    const auto start = std::chrono::steady_clock::now();
    adder_error error{};
    adder_status status = adder_model_open(&model_, file_.data(), file_.size(), &error);
    open_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (status == ADDER_OK && checksum == Checksum::compare) status = adder_model_verify(&model_, &error);
    if (status != ADDER_OK) bad_input("%s: %s", path.c_str(), error_text(status, error).c_str());
    adder_model_get_info(&model_, &info_);
}

std::string_view BlobFile::text(adder_text which) const {
    size_t size = 0;
    const char *const bytes = adder_model_text(&model_, which, &size);
    return bytes != nullptr ? std::string_view(bytes, size) : std::string_view();
}

double BlobFile::bits_per_weight() const {
    const Model &model = *model_of(&model_);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < model.header->tensor_count; ++i) {
        const BlobTensor &tensor = model.tensors[i];
        const auto role = static_cast<Role>(tensor.role);
        const auto granularity = static_cast<Granularity>(tensor.granularity);
        const TensorExtent extent = tensor_extent(model.shape, role, static_cast<Dtype>(tensor.dtype));
        bytes += tensor.size + scale_extent(extent, granularity, tensor.group).bytes;
    }
    return info_.parameters > 0 ? 8 * static_cast<double>(bytes) / static_cast<double>(info_.parameters) : 0;
}

const Option prefault_option = {"prefault", 0, nullptr, false,
                                "Read the whole blob before the work begins, not where it is touched."};
const Option huge_pages_option = {
    "hugepages", 0, nullptr, false,
    "Copy the blob into huge pages, as far as the system has them, instead of mapping it."};

Pages pages_of(const Arguments &arguments) {
    return arguments.has("hugepages")  ? Pages::huge_pages
           : arguments.has("prefault") ? Pages::prefault
                                       : Pages::mapped;
}

bool is_blob(const std::string &path) {
    if (!file_exists(path)) return false;
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    uint8_t magic[sizeof blob_magic];
    const ssize_t got = read(descriptor, magic, sizeof magic);
    close(descriptor);
    return got == static_cast<ssize_t>(sizeof magic) && std::memcmp(magic, blob_magic, sizeof magic) == 0;
}

Session::Session(const BlobFile &blob, const adder_options &options) {
    arena_bytes_ = adder_arena_size(blob.model(), &options);
    if (arena_bytes_ == 0)
        fail(ExitCode::usage, "%s: no arena has chunk %u, logit rows %u and threads %u", blob.path().c_str(),
             options.chunk, options.logit_rows, options.threads);
#ifdef MAP_POPULATE
    constexpr int populate = MAP_POPULATE;  // no page faults in the first tokens
#else
    constexpr int populate = 0;
#endif
    void *const arena =
        mmap(nullptr, arena_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | populate, -1, 0);
    if (arena == MAP_FAILED)
        fail(ExitCode::failure, "%s: an arena of %zu bytes cannot be had: %s", blob.path().c_str(),
             arena_bytes_, std::strerror(errno));
    arena_ = arena;
    adder_error error{};
    const adder_status status =
        adder_session_init(&session_, blob.model(), &options, arena_, arena_bytes_, &error);
    if (status == ADDER_OK) return;
    unmap();
    if (status == ADDER_ERROR_ISA) fail(ExitCode::usage, "%s", error_text(status, error).c_str());
    fail(ExitCode::failure, "%s: %s", blob.path().c_str(), error_text(status, error).c_str());
}

void Session::unmap() {
    if (arena_ != nullptr) munmap(arena_, arena_bytes_);
    arena_ = nullptr;
}

void check(adder_status status, const std::string &what) {
    if (status != ADDER_OK) fail(ExitCode::failure, "%s: %s", what.c_str(), adder_status_text(status));
}

std::vector<int32_t> tokenize(const BlobFile &blob, std::string_view text, bool special) {
    if (!blob.info().has_tokenizer)
        bad_input("%s carries no tokenizer: give the prompt as token ids", blob.path().c_str());
    std::vector<int32_t> ids(adder_tokenize_capacity(text.size()));
    size_t count = 0;
    const adder_status status =
        adder_tokenize(blob.model(), text.data(), text.size(), special ? uint32_t{ADDER_TOKENIZE_SPECIAL} : 0,
                       ids.data(), ids.size(), &count);
    if (status != ADDER_OK)
        bad_input("%s: tokenizing %zu bytes of text: %s", blob.path().c_str(), text.size(),
                  adder_status_text(status));
    ids.resize(count);
    return ids;
}

std::vector<int32_t> parse_ids(const std::string &list, uint32_t vocab_size) {
    std::vector<int32_t> ids;
    const char *at = list.data();
    const char *const end = at + list.size();
    while (true) {
        while (at < end && *at == ' ') ++at;
        uint32_t id = 0;
        const auto [next, error] = std::from_chars(at, end, id);
        if (error == std::errc::invalid_argument)
            fail(ExitCode::usage, "\"%s\" is no list of token ids; \"5,17,3\" would be one", list.c_str());
        if (error != std::errc() || id >= vocab_size)
            fail(ExitCode::usage, "token id %.*s is outside of the vocabulary, 0 to %u",
                 static_cast<int>(next - at), at, vocab_size - 1);
        ids.push_back(static_cast<int32_t>(id));
        at = next;
        if (at == end) return ids;
        if (*at++ != ',')
            fail(ExitCode::usage, "\"%s\" is no list of token ids; \"5,17,3\" would be one", list.c_str());
    }
}

TextStream::TextStream(const BlobFile &blob, bool special)
    : blob_(blob), special_(special), buffer_(adder_detokenize_capacity(blob.model()), '\0') {}

std::string TextStream::put(int32_t token) {
    if (!special_ || !adder_token_is_special(blob_.model(), token)) return detokenize(token);
    std::string text = detokenize(-1);
    const char *bytes = nullptr;
    size_t size = 0;
    check(adder_token_bytes(blob_.model(), token, &bytes, &size), blob_.path());
    return text.append(bytes, size);
}

std::string TextStream::detokenize(int32_t token) {
    const size_t size = adder_detokenize(blob_.model(), &detokenizer_, token, buffer_.data(), buffer_.size());
    return buffer_.substr(0, size);
}

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

}  // namespace adder

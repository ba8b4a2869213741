// Opens blobs, with the library's errors as exceptions.
// SPDX-License-Identifier: MIT
#include "converter/blob/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "converter/base/error.h"
#include "runtime/model.h"

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
        const TensorExtent extent{tile_size * tensor.tiles, round_up_to_tile(tensor.cols), tensor.size};
        const auto granularity = static_cast<Granularity>(tensor.granularity);
        bytes += tensor.size + scale_extent(extent, granularity, tensor.group).bytes;
    }
    return info_.parameters > 0 ? 8 * static_cast<double>(bytes) / static_cast<double>(info_.parameters) : 0;
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

void check(adder_status status, const std::string &what) {
    if (status != ADDER_OK) fail(ExitCode::failure, "%s: %s", what.c_str(), adder_status_text(status));
}

}  // namespace adder

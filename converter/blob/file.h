// A blob opened by a tool: the mapped file, the model, its whole checksum compared.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "adder/adder.h"
#include "converter/base/file.h"

namespace adder {

// Throws Error(bad_input) naming the path, and the library's sentence with item and numbers.
class BlobFile {
  public:
    enum class Checksum { compare, skip };
    explicit BlobFile(const std::string &path, Checksum checksum = Checksum::compare,
                      Pages pages = Pages::mapped);
    BlobFile(const BlobFile &) = delete;
    BlobFile &operator=(const BlobFile &) = delete;
    const adder_model *model() const { return &model_; }
    const adder_model_info &info() const { return info_; }
    const std::string &path() const { return file_.path(); }
    std::string page_kind() const { return adder::page_kind(file_.data()); }
    std::string_view text(adder_text which) const;  // null data if the blob has none
    // Bits per parameter of the checkpoint that the blob's tensors take, scales and padding included.
    double bits_per_weight() const;
    // Of mapping and adder_model_open, without the checksum.
    double open_seconds() const { return open_seconds_; }

  private:
    MappedFile file_;
    adder_model model_;
    adder_model_info info_;
    double open_seconds_;
};

// True if the path is a regular file that begins as a blob does.
bool is_blob(const std::string &path);

// What the library says about a failure: item and numbers, or the status's sentence if there is no more.
std::string error_text(adder_status status, const adder_error &error);

// Throws Error with the library's sentence unless status is ADDER_OK. `what`: "FILE: tokenizing the prompt".
void check(adder_status status, const std::string &what);

}  // namespace adder

// A blob and an arena as a host program holds them: two mappings, checked once.
// SPDX-License-Identifier: MIT
#pragma once

#include <adder/adder.h>

#include "host/file_memory.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace chat {

// Bytes of memory from mmap, given back at the end. Both kinds are aligned to a page, so to ADDER_ALIGNMENT
// too.
class Mapping {
  public:
    // Read-only; Failure(bad_input) names path and reason.
    static Mapping file(const std::string &path, adder::Pages pages = adder::Pages::mapped);
    static Mapping anonymous(size_t size);  // zeroed

    Mapping() = default;
    ~Mapping();
    Mapping(Mapping &&other) noexcept;
    Mapping &operator=(Mapping &&other) noexcept;
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;

    void *data() const { return memory_.data; }
    size_t size() const { return memory_.size; }

  private:
    adder::FileMemory memory_;
};

// An opened and verified blob. It stays where it is: sessions keep a pointer to it.
class Model {
  public:
    // Failure(bad_input) if it cannot be read, is no intact blob, or carries no tokenizer.
    Model(const std::string &path, adder::Pages pages);
    Model(const Model &) = delete;
    Model &operator=(const Model &) = delete;

    const adder_model *get() const { return &model_; }
    const std::string &path() const { return path_; }
    std::string page_kind() const { return adder::page_kind(blob_.data()); }
    const adder_model_info &info() const { return info_; }

    std::string text(adder_text which) const;  // empty if the blob has none
    // `flags` as for adder_tokenize.
    std::vector<int32_t> tokenize(const std::string &text, uint32_t flags) const;
    bool is_special(int32_t token) const { return adder_token_is_special(&model_, token) != 0; }

  private:
    std::string path_;
    Mapping blob_;
    adder_model model_{};
    adder_model_info info_{};
};

// A form that answers keep to: a file of adder constrain.
class ConstraintFile {
  public:
    // Failure(bad_input) if it cannot be read, or is no intact constraint.
    explicit ConstraintFile(const std::string &path);
    const adder_constraint &get() const { return constraint_; }

  private:
    Mapping file_;
    adder_constraint constraint_{};
};

// The library's sentence about an error, with its numbers.
std::string sentence(const adder_error &error);

// Throws Failure(failure) with the library's sentence unless `status` is ADDER_OK.
void check(adder_status status, const char *doing);

}  // namespace chat

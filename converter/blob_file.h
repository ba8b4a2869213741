// A blob opened by a tool: the mapped file, the model, its whole checksum compared; and a session on it.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adder/adder.h"
#include "converter/cli.h"
#include "converter/file.h"

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
    std::string_view text(adder_text which) const;  // null data if the blob has none
    // Bits of the tensors, scales and padding included, a parameter of the checkpoint.
    double bits_per_weight() const;
    std::string page_kind() const { return adder::page_kind(file_.data()); }
    double open_seconds() const {
        return open_seconds_;
    }  // of mapping and adder_model_open, without the checksum

  private:
    MappedFile file_;
    adder_model model_;
    adder_model_info info_;
    double open_seconds_;
};

// Tokens of a prompt that go through a layer together in the host's programs, unless they are told. The library's own default is
// for small memories; weights that are larger than the caches are read a quarter as often with this one.
constexpr uint32_t host_chunk = 64;

// The options --prefault and --hugepages of a command that runs a blob, and what they ask for.
extern const Option prefault_option, huge_pages_option;
Pages pages_of(const Arguments &arguments);

// True if the path is a regular file that begins as a blob does.
bool is_blob(const std::string &path);

// What the library says about a failure: item and numbers, or the status's sentence if there is no more.
std::string error_text(adder_status status, const adder_error &error);

// An arena and its session.
class Session {
  public:
    Session(const BlobFile &blob, const adder_options &options);
    ~Session() { unmap(); }
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;
    adder_session *get() const { return session_; }
    size_t arena_bytes() const { return arena_bytes_; }

  private:
    void unmap();
    void *arena_ = nullptr;
    size_t arena_bytes_ = 0;
    adder_session *session_ = nullptr;
};

// Throws Error with the library's sentence unless status is ADDER_OK. `what`: "FILE: tokenizing the prompt".
void check(adder_status status, const std::string &what);

// Text to ids; throws if the blob has no tokenizer.
std::vector<int32_t> tokenize(const BlobFile &blob, std::string_view text, bool special);

// "5,17,3": throws Error(usage) on anything else, or an id outside of the vocabulary.
std::vector<int32_t> parse_ids(const std::string &list, uint32_t vocab_size);

// Bytes to text: the pieces of a token are held back until they are whole UTF-8 sequences.
class TextStream {
  public:
    // With `special`, the names of special tokens are part of the text.
    TextStream(const BlobFile &blob, bool special);
    std::string put(int32_t token);
    std::string flush() { return detokenize(-1); }

  private:
    std::string detokenize(int32_t token);
    const BlobFile &blob_;
    const bool special_;
    adder_detokenizer detokenizer_{};
    std::string buffer_;
};

// Peak resident bytes of this process: what Linux says in /proc, else getrusage, which also remembers the process that
// started this one.
uint64_t peak_rss_bytes();

// Resident bytes of this process that are of no file: heap, stacks, arenas. 0 where the system does not say.
uint64_t anonymous_bytes();

}  // namespace adder

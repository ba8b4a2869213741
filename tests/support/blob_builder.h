// Small blobs for tests: a random checkpoint, converted in memory; and blobs that are wrong on purpose.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "adder/adder.h"
#include "converter/blob/writer.h"
#include "runtime/blob.h"
#include "tests/support/checkpoint_builder.h"

namespace adder::test {

// Bytes at an address that blobs and arenas may have. A copy has an address of its own.
class AlignedBytes {
  public:
    AlignedBytes() = default;
    explicit AlignedBytes(size_t size)
        : storage_(std::min<size_t>(size, PTRDIFF_MAX) + ADDER_ALIGNMENT), size_(size) {}
    AlignedBytes(const uint8_t *bytes, size_t size) : AlignedBytes(size) { std::copy_n(bytes, size, data()); }
    AlignedBytes(const AlignedBytes &other) : AlignedBytes(other.data(), other.size()) {}
    AlignedBytes &operator=(const AlignedBytes &other) {
        AlignedBytes copy(other);
        storage_.swap(copy.storage_);
        size_ = copy.size_;
        return *this;
    }
    uint8_t *data() { return storage_.data() + shift(); }
    const uint8_t *data() const { return storage_.data() + shift(); }
    size_t size() const { return size_; }
    void resize(size_t size) {
        AlignedBytes copy(size);
        std::copy_n(data(), std::min(size, size_), copy.data());
        *this = copy;
    }

  private:
    size_t shift() const { return (0 - reinterpret_cast<uintptr_t>(storage_.data())) % ADDER_ALIGNMENT; }
    std::vector<uint8_t> storage_;
    size_t size_ = 0;
};

// What a blob is made from. The default: two layers, int8 weights by row, int8 activations, no tokenizer.
struct BlobSpec {
    BlobSpec();  // not inline: gcc 12 warns of its vectors in temporaries
    CheckpointSpec checkpoint;
    Recipe recipe;
    StateType state = StateType::f32;
    StateType cache = StateType::int8;
    bool tokenizer = false;   // the section of toy_tokenizer; the vocabulary must have 260 tokens
    bool longest = false;     // that of a tokenizer of longest match in its place
    bool characters = false;  // that of BPE over characters in its place
    bool split = false;       // that of byte-level BPE with a split of its own in its place
    std::vector<std::pair<uint32_t, std::string>> texts;  // by adder_text
    Tokens golden = {1, 2, 3, 0};                         // each taken modulo vocab_size
    // A checkpoint on disk instead of `checkpoint`; no other field than recipe and golden counts then.
    std::string directory;
};

// The blob of a specification. The same specification gives the same bytes.
AlignedBytes build_blob(const BlobSpec &spec);

// A toy of a family, by its model_type: odd widths, two groups of everything that has groups, biases, a head of its own,
// toy_tokenizer, and weights large enough to see the state in the logits.
BlobSpec toy_model(const std::string &model_type, const Recipe &recipe, StateType state);

// A byte-level tokenizer of 260 tokens: id is the byte, up to 255; 256 "ab", 257 "abc", 258 a special "<|end|>",
// 259 "é" in two bytes.
std::vector<uint8_t> toy_tokenizer();
std::vector<uint8_t> toy_longest();  // the same tokens, the longest at each place
// 259 tokens: 0 the special "<s>" that begins texts, 1 to 256 the bytes, 257 a space, 258 "a".
std::vector<uint8_t> toy_characters();
// The same tokens, of texts that are split into letters and single other characters, and token 259 begins every text.
std::vector<uint8_t> toy_split();

// The parts of a blob, to be changed in place.
inline BlobHeader &header_of(AlignedBytes &blob) { return *reinterpret_cast<BlobHeader *>(blob.data()); }
inline BlobShape *shapes_of(AlignedBytes &blob) {
    return reinterpret_cast<BlobShape *>(blob.data() + header_of(blob).shape_table_offset);
}
inline BlobBlock *blocks_of(AlignedBytes &blob) {
    return reinterpret_cast<BlobBlock *>(blob.data() + header_of(blob).block_table_offset);
}
inline BlobTensor *tensors_of(AlignedBytes &blob) {
    return reinterpret_cast<BlobTensor *>(blob.data() + header_of(blob).tensor_table_offset);
}
inline BlobSection *sections_of(AlignedBytes &blob) {
    return reinterpret_cast<BlobSection *>(blob.data() + header_of(blob).section_table_offset);
}

// Makes the checksums right again. What lies outside of the bytes is left out of the sums.
void fix_checksums(uint8_t *blob, size_t size);
inline void fix_checksums(AlignedBytes &blob) { fix_checksums(blob.data(), blob.size()); }

// An opened model with a session in an arena of its exact size; the blob is read in place. Throws std::runtime_error on
// any error.
class TestSession {
  public:
    explicit TestSession(const AlignedBytes &blob, const adder_options &options = adder_options{});
    explicit TestSession(AlignedBytes &&) = delete;  // the blob has to stay
    // The same of a streamed blob, with memory of the exact size.
    explicit TestSession(const adder_source *source, const adder_options &options = adder_options{},
                         uint32_t flags = 0);
    TestSession(const TestSession &) = delete;
    TestSession &operator=(const TestSession &) = delete;
    adder_session *get() const { return session_; }
    const adder_model *model() const { return &model_; }
    const adder_model_info &info() const { return info_; }
    std::vector<uint8_t> state() const;
    std::vector<float> step(int32_t token);  // its logits

  private:
    void init(const adder_options &options);

    adder_model model_;
    adder_model_info info_{};
    AlignedBytes memory_;  // of a streamed blob
    AlignedBytes arena_;
    adder_session *session_ = nullptr;
};

// The names of the kernel tables that this CPU runs.
std::vector<const char *> usable_isas();

// Ids below vocab_size, the same for the same seed.
Tokens random_tokens(size_t count, uint32_t vocab_size, uint64_t seed);

}  // namespace adder::test

// Small sound blobs, and how a test expects a changed one to be refused.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "tests/support/blob_builder.h"
#include "tests/support/families.h"

namespace adder::test {

inline BlobSpec small_spec(const std::string &family) {
    BlobSpec spec;
    spec.checkpoint.config.model_type = family;
    spec.checkpoint.config.vocab_size = 260;
    spec.checkpoint.config.tie_word_embeddings = false;
    spec.checkpoint.config.use_bias = true;
    spec.tokenizer = true;
    spec.texts = {{ADDER_TEXT_NAME, "toy"}, {ADDER_TEXT_USER_PREFIX, "u:"}};
    return spec;
}

// One that is sound, with all that the changes need: a tokenizer, texts, biases, a head of its own.
inline const AlignedBytes &small_blob(const std::string &family = model_types().front()) {
    static std::map<std::string, AlignedBytes> blobs;
    const auto found = blobs.find(family);
    return found != blobs.end() ? found->second : blobs[family] = build_blob(small_spec(family));
}

inline adder_status open_blob(const AlignedBytes &blob, adder_error *error) {
    adder_model model;
    return adder_model_open(&model, blob.data(), blob.size(), error);
}

// Opens a changed copy whose checksums are right, and expects this error.
inline void expect_refusal(const AlignedBytes &sound, const std::function<void(AlignedBytes &)> &change,
                           adder_status status, const char *item, uint64_t found, uint64_t needed,
                           int32_t index = -1) {
    SCOPED_TRACE(std::string(item) + " " + std::to_string(found));
    AlignedBytes blob = sound;
    change(blob);
    fix_checksums(blob);
    adder_error error{};
    EXPECT_EQ(open_blob(blob, &error), status);
    EXPECT_EQ(error.status, status);
    EXPECT_STREQ(error.item, item);
    EXPECT_EQ(error.found, found);
    EXPECT_EQ(error.needed, needed);
    EXPECT_EQ(error.index, index);
}

inline void expect_refused(const std::function<void(AlignedBytes &)> &change, adder_status status,
                           const char *item, uint64_t found, uint64_t needed, int32_t index = -1) {
    expect_refusal(small_blob(), change, status, item, found, needed, index);
}

template <typename Field>
std::function<void(AlignedBytes &)> set_header(Field BlobHeader::*field, Field value) {
    return [=](AlignedBytes &blob) { header_of(blob).*field = value; };
}
template <typename Field>
std::function<void(AlignedBytes &)> set_tensor(int32_t i, Field BlobTensor::*field, Field value) {
    return [=](AlignedBytes &blob) { tensors_of(blob)[i].*field = value; };
}
template <typename Field>
std::function<void(AlignedBytes &)> set_section(int32_t i, Field BlobSection::*field, Field value) {
    return [=](AlignedBytes &blob) { sections_of(blob)[i].*field = value; };
}

class BlobFamilies : public testing::TestWithParam<std::string> {};

}  // namespace adder::test

// A cache in a folder of its own, sessions that read through it, and what is in the folder.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "adder/cache.h"
#include "tests/support/blob_builder.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {

using Cache = std::unique_ptr<adder_cache, void (*)(adder_cache *)>;

// The smallest model: a file of it has some hundred bytes.
inline BlobSpec smallest_model() {
    BlobSpec spec;
    ModelConfig &config = spec.checkpoint.config;
    config.n_layer = 1;
    config.d_model = 8;
    config.d_inner = 8;
    config.d_state = 1;
    config.vocab_size = 5;
    return spec;
}

class CacheTest : public testing::Test {
  protected:
    const AlignedBytes blob_ = build_blob(smallest_model());
    const TestSession model_{blob_};
    TemporaryDirectory directory_;
    const std::string folder_ = directory_.file("cache");

    Cache open(uint64_t budget = 0, uint32_t interval = 1000) {
        adder_cache_options options{};
        options.budget = budget;
        options.interval = interval;
        return {adder_cache_open(folder_.c_str(), model_.model(), &options), adder_cache_close};
    }

    // How many of the tokens a new session resumes.
    size_t resumed(const Cache &cache, const Tokens &tokens) {
        TestSession session(blob_);
        size_t count = 99;
        EXPECT_EQ(adder_cache_resume(cache.get(), session.get(), tokens.data(), tokens.size(), &count),
                  ADDER_OK);
        EXPECT_EQ(adder_session_position(session.get()), count);
        return count;
    }
    // Reads them with a new session, and says how many were resumed.
    size_t feed(const Cache &cache, const Tokens &tokens) {
        TestSession session(blob_);
        size_t count = 99;
        EXPECT_EQ(adder_cache_feed(cache.get(), session.get(), tokens.data(), tokens.size(), &count),
                  ADDER_OK);
        EXPECT_EQ(adder_session_position(session.get()), tokens.size());
        EXPECT_EQ(session.state(), state_after(tokens));
        return count;
    }
    std::vector<uint8_t> state_after(const Tokens &tokens) const {
        TestSession session(blob_);
        EXPECT_EQ(adder_feed(session.get(), tokens.data(), tokens.size()), ADDER_OK);
        return session.state();
    }

    // The paths of all files, sorted.
    std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> all;
        for (const auto &entry : std::filesystem::recursive_directory_iterator(folder_))
            if (!entry.is_directory()) all.push_back(entry.path());
        std::sort(all.begin(), all.end());
        return all;
    }
    uint64_t bytes() const {
        uint64_t sum = 0;
        for (const auto &path : files()) sum += std::filesystem::file_size(path);
        return sum;
    }
    uint64_t file_bytes(uint64_t tokens) const { return 64 + 4 * tokens + adder_state_size(model_.model()); }

    // Sequences that have nothing in common: each begins with its number, in digits.
    static Tokens sequence(uint32_t number, size_t size) {
        Tokens tokens;
        for (; tokens.size() < size; number /= 5) tokens.push_back(static_cast<int32_t>(number % 5));
        return tokens;
    }
};

}  // namespace adder::test

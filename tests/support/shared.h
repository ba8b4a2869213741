// The folder of real models and texts that some tests read.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace adder::test {

// From the environment variable ADDER_SHARED, else the compile definition ADDER_SHARED_DIR; empty if neither
// names a directory: the test then says GTEST_SKIP() << shared_missing.
inline std::string shared_directory() {
    const char *path = std::getenv("ADDER_SHARED");
#ifdef ADDER_SHARED_DIR
    if (path == nullptr) path = ADDER_SHARED_DIR;
#endif
    return path != nullptr && std::filesystem::is_directory(path) ? std::string(path) : std::string();
}

constexpr char shared_missing[] = "NOT TESTED: set ADDER_SHARED to the folder of models/ and tokenizers/";

}  // namespace adder::test

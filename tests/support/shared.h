// The real models and texts that tests read: models of examples/models, and what is not part of the repository.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace adder::test {

// The folder of models/, tokenizers/ and data/ that are not bundled: from the environment variable ADDER_SHARED, else
// CMake's option ADDER_EXTRA_MODELS; empty if neither names a directory: the test then says
// GTEST_SKIP() << shared_missing.
inline std::string shared_directory() {
    const char *path = std::getenv("ADDER_SHARED");
#ifdef ADDER_EXTRA_MODELS
    if (path == nullptr) path = ADDER_EXTRA_MODELS;
#endif
    return path != nullptr && std::filesystem::is_directory(path) ? std::string(path) : std::string();
}

constexpr char shared_missing[] = "NOT TESTED: the model, text or tokenizer is not part of the repository; "
                                  "-DADDER_EXTRA_MODELS=FOLDER or the environment variable ADDER_SHARED names "
                                  "the folder of models/, tokenizers/ and data/";

// The checkpoint of this name: "adder-13m", "conformance/mamba". A bundled one is taken from examples/models; of
// another it is empty where there is no folder of them.
inline std::string model_directory(const std::string &name) {
    const std::string own = std::string(ADDER_SOURCE_DIR) + "/examples/models/" + name;
    if (std::filesystem::is_directory(own)) return own;
    const std::string shared = shared_directory();
    return shared.empty() ? shared : shared + "/models/" + name;
}

// What another implementation (transformers, float32) computed with it, as JSON.
inline std::string model_reference(const std::string &name) {
    const std::string own = std::string(ADDER_SOURCE_DIR) + "/tests/reference/" + name + ".json";
    return std::filesystem::exists(own) ? own : model_directory(name) + "/reference.json";
}

}  // namespace adder::test

// adder run --cache with the bundled model: the state after a resumed prompt is bit for bit that of reading it anew.
// SPDX-License-Identifier: MIT
#include "process.h"

#include <gtest/gtest.h>

namespace adder_test {
namespace {

TEST(CachedRun, StatesAreThoseOfReadingAnew) {
    const Folder folder;
    const auto prompt = [](int count) {
        std::string ids = "1";
        for (int i = 1; i < count; ++i) ids += "," + std::to_string(i * i);
        return ids;
    };
    const auto state = [&](const std::string &ids, const std::vector<std::string> &more, std::string *said) {
        std::vector<std::string> words = {ADDER_TOOL, "run", ADDER_CHAT_BLOB, "--ids", ids, "--prompt-only"};
        words.insert(words.end(), {"--state-save", folder.file("state")});
        words.insert(words.end(), more.begin(), more.end());
        const Result result = run(words);
        EXPECT_EQ(result.code, 0) << result.err;
        *said = result.err;
        return read_file(folder.file("state"));
    };
    // What the scalar kernels store others go on from.
    const struct {
        int tokens, resumed;
        std::vector<std::string> isa;
    } cases[] = {{40, 0, {"--isa", "scalar"}}, {40, 39, {}}, {50, 39, {}}};
    for (const auto &[tokens, resumed, isa] : cases) {
        std::string said;
        const std::string anew = state(prompt(tokens), {}, &said);
        std::vector<std::string> cached = {"--cache", folder.file("states")};
        cached.insert(cached.end(), isa.begin(), isa.end());
        EXPECT_TRUE(state(prompt(tokens), cached, &said) == anew) << tokens;
        const std::string expected = "prompt " + std::to_string(tokens) + " tokens, " +
                                     std::to_string(resumed) + " of them resumed, in ";
        EXPECT_NE(said.find(expected), std::string::npos) << said;
    }
}

}  // namespace
}  // namespace adder_test

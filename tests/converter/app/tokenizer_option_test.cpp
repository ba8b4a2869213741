// --tokenizer none: a checkpoint whose own tokenizer is not read becomes a blob that takes token ids.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "converter/blob/file.h"
#include "tests/support/checkpoint_builder.h"
#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

TEST(TokenizerOption, NoneLeavesItOut) {
    TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.files["tokenizer.json"] = "{\"model\": {\"type\": \"WordPiece\"}}";
    write_checkpoint(directory.path(), spec);
    const std::string blob = directory.file("m.adder"), calibration = directory.file("c.json");
    std::vector<std::string> words = {"convert", directory.path(), "-o", blob, "-q"};
    EXPECT_EQ(adder_command(words).code, 3);
    words.insert(words.end(), {"--tokenizer", "none"});
    const Outcome made = adder_command(words);
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_NE(made.err.find("the blob takes token ids"), std::string::npos) << made.err;
    EXPECT_FALSE(BlobFile(blob).info().has_tokenizer);
    EXPECT_EQ(adder_command({"run", blob, "--ids", "1,2", "-n", "2", "-q"}).code, 0);
    const Outcome calibrated =
        adder_command({"calibrate", directory.path(), "-o", calibration, "-q", "--tokenizer", "none"});
    EXPECT_EQ(calibrated.code, 0) << calibrated.err;
}

}  // namespace
}  // namespace adder::test

// adder inspect as a user calls it: blobs, checkpoints, and what is neither.
// SPDX-License-Identifier: MIT
#include <unistd.h>

#include "adder/adder.h"
#include "converter/blob/file.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/support/error_of.h"

namespace adder::test {
namespace {

TEST_F(ToyCommands, InspectAgreesWithTheLibrary) {
    const BlobFile blob(blob_);
    const Json json =
        json_of(adder_command({"inspect", blob_, "--json", "--chunk", "7", "--logit-rows", "3", "--tensors"}));
    adder_options options{};
    options.chunk = 7;
    options.logit_rows = 3;
    EXPECT_EQ(integer(json, "arena_bytes"), static_cast<int64_t>(adder_arena_size(blob.model(), &options)));
    int64_t regions = 0;
    for (const auto &[name, bytes] : json.find("arena_regions")->object("regions"))
        regions += bytes.integer(name, 0, INT64_MAX);
    EXPECT_EQ(regions, integer(json, "arena_bytes"));
    EXPECT_EQ(text(json, "kind"), "blob");
    EXPECT_EQ(text(json, "checksum"), "ok");
    EXPECT_EQ(text(json, "name"), "toy");
    EXPECT_EQ(integer(json, "state_bytes"), static_cast<int64_t>(adder_state_size(blob.model())));
    EXPECT_EQ(integer(json, "blob_bytes"), static_cast<int64_t>(std::filesystem::file_size(blob_)));
    EXPECT_EQ(integer(json, "bytes_per_token"), static_cast<int64_t>(blob.info().bytes_per_token));
    EXPECT_TRUE(json.find("quantization_record")->is_object());
    EXPECT_TRUE(json.find("tokenizer")->is_null());
    EXPECT_GT(json.find("tensors")->array("tensors").size(), 20u);
    const Outcome words = adder_command({"inspect", blob_, "--tensors"});
    for (const char *part : {"an Adder blob of format version 3", "d_model", "in_proj", "checksum", "arena"})
        EXPECT_HAS(words.out, part);
}

TEST_F(ToyCommands, InspectTellsTheArenaBeforeConverting) {
    const Json before =
        json_of(adder_command({"inspect", checkpoint_, "--json", "--chunk", "5", "--tensors"}));
    EXPECT_EQ(text(before, "kind"), "checkpoint");
    EXPECT_FALSE(before.find("tokenizer")->boolean("tokenizer"));
    EXPECT_EQ(before.find("files")->array("files").size(), 1u);
    EXPECT_GT(integer(before, "arena_bytes"), integer(before, "state_bytes"));
    EXPECT_HAS(adder_command({"inspect", checkpoint_}).out, "Converted with the defaults");
}

TEST_F(ToyCommands, InspectReportsDamageAndStrangers) {
    std::string bytes = read_text(blob_);
    bytes[bytes.size() - 100] = static_cast<char>(bytes[bytes.size() - 100] ^ 1);
    const std::string damaged = directory_.file("damaged.adder");
    write_text(damaged, bytes);
    Outcome outcome = adder_command({"inspect", damaged});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_HAS(outcome.out, "d_model");
    EXPECT_HAS(outcome.err, "is damaged");
    EXPECT_EQ(adder_command({"run", damaged, "--ids", "1"}).code, 3);

    write_text(directory_.file("note.txt"), "hello");
    for (const std::string &stranger : {directory_.file("note.txt"), directory_.path()}) {
        outcome = adder_command({"inspect", stranger});
        EXPECT_EQ(outcome.code, 3);
        EXPECT_HAS(outcome.err, "is neither an Adder blob (FILE.adder) nor a checkpoint");
    }
    outcome = adder_command({"inspect", directory_.file("nothing")});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_HAS(outcome.err, "No such file");
}

TEST_F(SpeakingCommands, InspectShowsTheChatTemplateAndTheArenaToCome) {
    const Json blob = json_of(adder_command({"inspect", *blob_, "--json", "--chunk", "32"}));
    const Json checkpoint =
        json_of(adder_command({"inspect", model_directory("adder-1m-int4"), "--json", "--chunk", "32"}));
    EXPECT_EQ(integer(checkpoint, "arena_bytes"), integer(blob, "arena_bytes"));
    EXPECT_EQ(integer(checkpoint, "parameters"), integer(blob, "parameters"));
    EXPECT_TRUE(checkpoint.find("chat_template")->boolean("chat_template"));
    EXPECT_EQ(integer(*blob.find("tokenizer"), "tokens"), 2048);
}

}  // namespace
}  // namespace adder::test

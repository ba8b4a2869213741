// Files that commands write: never over an input, never by half.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>

#include "converter/app/cli.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/support/error_of.h"

namespace adder::test {
namespace {

TEST_F(ToyCommands, OutputsReplaceNoInputs) {
    const std::string text = directory_.file("text"), blob = read_text(blob_);
    write_text(text, "once upon a time");
    const auto refuses = [](const std::vector<std::string> &words) {
        const Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, 2) << outcome.err;
        EXPECT_HAS(outcome.err, "is an input, and would be replaced");
    };
    refuses({"run", blob_, "--ids", "1", "--state-save", directory_.file("toy/../toy.adder")});
    refuses({"convert", checkpoint_, "-o", checkpoint_ + "/model.safetensors"});
    refuses({"convert", checkpoint_, "-o", checkpoint_ + "/config.json"});
    refuses({"convert", checkpoint_, "-o", text, "--calib", text});
    refuses({"convert", checkpoint_, "-o", text, "--gate-text", text});
    EXPECT_EQ(read_text(blob_), blob);
    EXPECT_EQ(read_text(text), "once upon a time");
    // A blob among the files of the checkpoint is an output like any other.
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(adder_command({"convert", checkpoint_, "-o", checkpoint_ + "/toy.adder", "-q"}).code, 0);
}

TEST_F(ToyCommands, RunKnowsBeforeItBeginsThatItCannotSave) {
    const Outcome outcome =
        adder_command({"run", blob_, "--ids", "1", "-n", "3", "--state-save", directory_.file("no/where")});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_HAS(outcome.err, "cannot create " + directory_.file("no/where") + ": ");
}

TEST_F(ToyCommands, StandardOutputIsNoPlaceForAFile) {
    const std::string before = std::filesystem::current_path();
    std::filesystem::current_path(directory_.path());
    const std::vector<std::vector<std::string>> commands = {
        {"convert", checkpoint_, "-o", "-"},
        {"convert", checkpoint_, "-o", "-", "--dry-run"},
        {"calibrate", checkpoint_, "-o", "-"},
        {"export-c", blob_, "-o", "-"},
        {"make-random", "--like", "8,1,16", "-o", "-"},
        {"outliers", checkpoint_, "-o", "-"},
        {"outliers", checkpoint_, "--html", "-"},
        {"study", checkpoint_, "--valid", blob_, "--out", "-"},
        {"eval", blob_, "--ppl", blob_, "--html", "-"},
        {"run", blob_, "--ids", "1", "--state-save", "-"}};
    for (const std::vector<std::string> &words : commands) {
        const Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, 2) << words[0];
        EXPECT_EQ(outcome.out, "") << words[0];
        EXPECT_HAS(outcome.err, "adder " + words[0] + ": - would be standard output, which cannot take it");
        EXPECT_HAS(outcome.err, "Give the name of a file");
    }
    EXPECT_FALSE(std::filesystem::exists("-"));
    EXPECT_EQ(adder_command({"convert", checkpoint_, "-o", "./-", "-q"}).code, 0);
    EXPECT_TRUE(std::filesystem::exists("-"));
    std::filesystem::current_path(before);
}

// The weights of this checkpoint cannot be read to the end: who comes so far ends with another message.
TEST_F(ToyCommands, AnOutputThatCannotBeWrittenIsRefusedBeforeTheWork) {
    CheckpointSpec spec;
    spec.edit = [](const std::string &name, std::vector<float> &values) {
        if (name.find("layers.1.mixer.x_proj") != std::string::npos) values[3] = NAN;
    };
    const std::string checkpoint = directory_.file("odd"), nowhere = directory_.file("no/where");
    std::filesystem::create_directory(checkpoint);
    write_checkpoint(checkpoint, spec);
    for (const char *command : {"convert", "calibrate"}) {
        EXPECT_EQ(adder_command({command, checkpoint, "-o", directory_.file("out")}).code, 3);
        const Outcome outcome = adder_command({command, checkpoint, "-o", nowhere});
        EXPECT_EQ(outcome.code, 1);
        EXPECT_EQ(outcome.err, "adder " + std::string(command) + ": cannot create " + nowhere +
                                   ": No such file or directory\n");
    }
    EXPECT_FALSE(std::filesystem::exists(directory_.file("no")));
}

TEST_F(ToyCommands, AFileThatGrowsTooLargeLeavesNothing) {
    const std::string output = directory_.file("large.adder"), state = directory_.file("large.state");
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit little{512, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &little), 0);
    const Outcome outcome = adder_command({"convert", checkpoint_, "-o", output, "-q"});
    const Outcome run = adder_command({"run", blob_, "--ids", "1", "-n", "1", "--state-save", state, "-q"});
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_HAS(outcome.err, "cannot write " + output);
    EXPECT_EQ(run.code, 1);
    EXPECT_HAS(run.err, "cannot write " + state);
    EXPECT_TRUE(!run.out.empty() && run.out.back() == '\n') << run.out;
    for (const auto &entry : std::filesystem::directory_iterator(directory_.path()))
        EXPECT_EQ(entry.path().filename().string().rfind("large", 0), std::string::npos) << entry.path();
}

TEST_F(ToyCommands, AFullDiskIsNoSuccess) {
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0) GTEST_SKIP() << "NOT TESTED: there is no /dev/full";
    std::fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    const std::vector<Command> commands = {inspect_command()};
    std::vector<std::string> words = {"adder", "inspect", blob_};
    std::vector<char *> argv = {words[0].data(), words[1].data(), words[2].data()};
    testing::internal::CaptureStderr();
    dup2(full, STDOUT_FILENO);
    const int code = cli_main(commands, 3, argv.data());
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(full);
    EXPECT_EQ(code, 1);
    EXPECT_HAS(testing::internal::GetCapturedStderr(),
               "cannot write to standard output: No space left on device");
}

}  // namespace
}  // namespace adder::test

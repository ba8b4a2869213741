// export-c: the files that it writes, and those that it leaves alone. tests/library compiles and runs them.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <filesystem>

#include "converter/app/cli.h"
#include "converter/base/file.h"
#include "converter/blob/export_c.h"
#include "tests/support/blob_builder.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/stream_source.h"
#include "tests/support/temporary_directory.h"

namespace adder {
namespace {

namespace fs = std::filesystem;

class ExportC : public testing::Test {
  protected:
    void SetUp() override {
        blob_ = directory_.file("toy-1.adder");
        const test::AlignedBytes bytes = test::build_blob({});
        AtomicFile file(blob_);
        file.write(bytes.data(), bytes.size());
        file.commit();
    }
    int run(std::vector<std::string> words) {
        words.insert(words.begin(), "export-c");
        const test::Outcome outcome = test::adder_command(std::move(words));
        out_ = outcome.out;
        err_ = outcome.err;
        return outcome.code;
    }
    // Name and text of every file of a directory, sorted.
    static std::map<std::string, std::string> files(const std::string &directory) {
        std::map<std::string, std::string> all;
        for (const fs::directory_entry &entry : fs::directory_iterator(directory))
            all[entry.path().filename().string()] =
                entry.is_regular_file() ? test::read_text(entry.path().string()) : "no file";
        return all;
    }
    test::TemporaryDirectory directory_;
    std::string blob_, out_, err_;
};

TEST_F(ExportC, TheSameInputGivesTheSameFiles) {
    const std::string first = directory_.file("first"), second = directory_.file("second");
    ASSERT_EQ(run({blob_, "-o", first}), 0) << err_;
    EXPECT_EQ(out_, first + "/toy_1.h\n" + first + "/toy_1.c\n" + first + "/toy_1.S\n" + first +
                        "/toy_1.adder\n" + first + "/toy_1.ld\n");
    ASSERT_EQ(run({blob_, "-o", second}), 0) << err_;
    ASSERT_EQ(run({blob_, "-o", second}), 0) << "over what is there: " << err_;
    EXPECT_EQ(files(first), files(second));
    EXPECT_EQ(files(first).size(), 5u);
    EXPECT_EQ(files(first)["toy_1.adder"], test::read_text(blob_));
}

TEST_F(ExportC, WritesTheFormsAskedFor) {
    const std::string array = directory_.file("array"), incbin = directory_.file("incbin");
    ASSERT_EQ(run({blob_, "-o", array, "--name", "voice", "--form", "array"}), 0) << err_;
    ASSERT_EQ(run({blob_, "-o", incbin, "--name", "voice", "--form", "incbin"}), 0) << err_;
    const auto names = [](const std::string &directory) {
        std::string list;
        for (const auto &[name, text] : files(directory)) list += name + " ";
        return list;
    };
    EXPECT_EQ(names(array), "voice.c voice.h voice.ld ");
    EXPECT_EQ(names(incbin), "voice.S voice.adder voice.h voice.ld ");
}

TEST_F(ExportC, BytesBehindTheBlobAreNotPartOfIt) {
    const std::string longer = directory_.file("longer.adder");
    AtomicFile file(longer);
    const std::string bytes = test::read_text(blob_) + "more";
    file.write(bytes.data(), bytes.size());
    file.commit();
    ASSERT_EQ(run({blob_, "-o", directory_.file("a"), "--name", "m"}), 0) << err_;
    ASSERT_EQ(run({longer, "-o", directory_.file("b"), "--name", "m"}), 0) << err_;
    EXPECT_EQ(files(directory_.file("a")), files(directory_.file("b")));
}

TEST_F(ExportC, LeavesItsInputAlone) {
    const std::string before = test::read_text(blob_);
    const std::string named_as_output = directory_.file("model.c");
    fs::copy(blob_, named_as_output);
    EXPECT_EQ(run({named_as_output, "-o", directory_.file(""), "--name", "model"}), 2);
    EXPECT_HAS(err_, "is an input");
    EXPECT_EQ(test::read_text(named_as_output), before);
    EXPECT_EQ(files(directory_.file("")).size(), 2u) << "a file was left behind";
    // In the blob's own directory and under its own name there is nothing to copy.
    fs::copy(blob_, directory_.file("model.adder"));
    ASSERT_EQ(run({directory_.file("model.adder"), "-o", directory_.file(""), "--form", "incbin"}), 0) << err_;
    EXPECT_EQ(test::read_text(directory_.file("model.adder")), before);
    EXPECT_EQ(out_.find("model.adder"), std::string::npos) << out_;
}

TEST_F(ExportC, AFailureLeavesNothing) {
    const std::string directory = directory_.file("made");
    fs::create_directories(directory + "/toy_1.ld");
    EXPECT_EQ(run({blob_, "-o", directory}), 1);
    EXPECT_HAS(err_, "toy_1.ld: it exists and is not a regular file");
    EXPECT_EQ(files(directory).size(), 1u);
    EXPECT_EQ(run({blob_, "-o", blob_}), 1) << "a file is no directory";
    for (const char *folder : {"new", "new/er"})
        EXPECT_EQ(run({directory_.file("none.adder"), "-o", directory_.file(folder)}), 3);
    EXPECT_FALSE(fs::exists(directory_.file("new")));
    // What cannot be written is known before the blob is read.
    EXPECT_EQ(run({directory_.file("none.adder"), "-o", blob_}), 1);
    EXPECT_HAS(err_, "cannot create " + blob_ + ": Not a directory");
}

// tests/firmware runs a program that starts from one.
TEST_F(ExportC, TakesAStateAlong) {
    const std::string state = directory_.file("s.state"), out = directory_.file("out");
    ASSERT_EQ(
        test::adder_command({"run", blob_, "--ids", "1,2,3", "--prompt-only", "--state-save", state, "-q"}).code,
        0);
    ASSERT_EQ(run({blob_, "-o", out, "--state", state}), 0) << err_;
    std::map<std::string, std::string> written = files(out);
    EXPECT_EQ(written["toy_1.state"], test::read_text(state));
    const std::string bytes = std::to_string(test::read_text(state).size());
    EXPECT_HAS(written["toy_1.h"], "that after 3 tokens. */\n#define TOY_1_SAVED_BYTES " + bytes + "\n");
    EXPECT_HAS(written["toy_1.h"], "adder_state_load(session, toy_1_state, TOY_1_SAVED_BYTES, &error);");
    EXPECT_HAS(written["toy_1.c"], "const uint64_t toy_1_state[");
    EXPECT_HAS(written["toy_1.S"], ".incbin \"toy_1.state\"");
    // Not one of another model, nor what is none.
    test::write_text(state, "no state");
    EXPECT_EQ(run({blob_, "-o", out, "--state", state}), 3);
    EXPECT_HAS(err_, "s.state: ");
    EXPECT_EQ(files(out), written);
    EXPECT_EQ(run({blob_, "-o", out, "--state", out + "/toy_1.state"}), 2) << "it would be written over";
}

TEST_F(ExportC, KnowsTheSizesOfAStreamedBlob) {
    const std::string out = directory_.file("out");
    // The last number of a macro.
    const auto number = [&](const std::string &name) -> uint64_t {
        const std::string text = files(out)["toy_1.h"], begin = "#define TOY_1_" + name + " ";
        const size_t at = text.find(begin);
        if (at == text.npos) return 0;
        std::string line = text.substr(at, text.find('\n', at) - at);
        line.resize(std::min(line.find(" /*"), line.size()));
        line.resize(line.find_last_of("0123456789") + 1);
        return std::stoull(line.substr(line.find_last_not_of("0123456789") + 1));
    };
    test::AlignedBytes bytes = test::build_blob({});
    for (const uint32_t buffer : {0u, 16384u})
        for (const uint32_t flags : {0u, uint32_t{ADDER_STREAM_NO_TEXT}}) {
            std::vector<std::string> words = {blob_, "-o", out, "--stream", "--chunk", "3"};
            if (buffer != 0) words.insert(words.end(), {"--stream-buffer", std::to_string(buffer)});
            if (flags != 0) words.emplace_back("--no-text");
            ASSERT_EQ(run(words), 0) << err_;
            EXPECT_EQ(files(out).size(), 1u);
            test::StreamSource source(bytes);
            EXPECT_EQ(number("STREAM_MEMORY_BYTES"), adder_stream_memory_size(source.get(), flags, nullptr));
            EXPECT_EQ(number("STREAM_FLAGS"), flags);
            adder_options options{};
            options.chunk = 3;
            options.stream_buffer = buffer;
            const test::TestSession session(source.get(), options, flags);
            EXPECT_EQ(ADDER_SESSION_BYTES + ADDER_STREAM_READER_BYTES + number("ARENA_BYTES"),
                      adder_arena_size(session.model(), &options));
        }
    EXPECT_EQ(run({blob_, "-o", out, "--stream", "--form", "array"}), 2);
    EXPECT_EQ(run({blob_, "-o", out, "--no-text"}), 2);
    EXPECT_HAS(err_, "--no-text goes with --stream");
    EXPECT_EQ(run({blob_, "-o", out, "--stream", "--stream-buffer", "64"}), 3);
    EXPECT_HAS(err_, "stream buffer");
}

// tests/firmware compiles one and runs it.
TEST_F(ExportC, WritesAConstraintAsAnArray) {
    const std::string constraint = directory_.file("yes-no.adderc"), out = directory_.file("out");
    ASSERT_EQ(test::adder_command({"constrain", "--regex", "(yes|no)", "-o", constraint, "-q"}).code, 0);
    const std::string bytes = test::read_text(constraint);
    test::write_text(constraint, bytes + "what follows is not of it");
    ASSERT_EQ(run({constraint, "-o", out}), 0) << err_;
    EXPECT_EQ(out_, out + "/yes_no.h\n" + out + "/yes_no.c\n");
    std::map<std::string, std::string> written = files(out);
    EXPECT_EQ(written.size(), 2u);
    EXPECT_HAS(written["yes_no.h"], "#define YES_NO_CONSTRAINT_BYTES " + std::to_string(bytes.size()) + "\n");
    EXPECT_HAS(written["yes_no.h"], "#define YES_NO_LONGEST 3 ");
    std::string found;
    const std::string &array = written["yes_no.c"];
    for (size_t at = array.find("0x"); at != array.npos; at = array.find("0x", at + 1)) {
        const uint64_t word = std::stoull(array.substr(at), nullptr, 16);
        for (int shift = 0; shift < 64; shift += 8) found += static_cast<char>(word >> shift & 255);
    }
    EXPECT_EQ(found.substr(0, bytes.size()), bytes);
    EXPECT_EQ(found.size(), (bytes.size() + 7) / 8 * 8);

    EXPECT_EQ(run({constraint, "-o", out, "--chunk", "2"}), 2);
    EXPECT_HAS(err_, "--chunk is for a blob, not for a constraint");
    test::write_text(constraint, bytes.substr(0, bytes.size() - 1));
    EXPECT_EQ(run({constraint, "-o", out}), 3);
    EXPECT_HAS(err_, "yes-no.adderc");
}

TEST_F(ExportC, RefusesNamesThatAreNoIdentifiers) {
    for (const char *name : {"", "1st", "a-b", "a b", "../a", "\xC3\xA9", "adder", "Adder"}) {
        EXPECT_EQ(run({blob_, "-o", directory_.file("new"), "--name", name}), 2) << name;
        EXPECT_HAS(err_, "--name");
    }
    EXPECT_EQ(run({blob_, "-o", directory_.file("new"), "--name", std::string(65, 'a')}), 2);
    EXPECT_FALSE(fs::exists(directory_.file("new")));
    EXPECT_EQ(run({blob_, "-o", directory_.file("new"), "--name", std::string(64, 'a')}), 0) << err_;
}

TEST(ExportName, IsAnIdentifierMadeOfTheFile) {
    EXPECT_EQ(export_name_of("adder-1m.int4"), "adder_1m_int4");
    EXPECT_EQ(export_name_of("13m"), "model_13m");
    EXPECT_EQ(export_name_of(""), "model_");
    EXPECT_EQ(export_name_of("\xC3\xA9"), "__");
}

}  // namespace
}  // namespace adder

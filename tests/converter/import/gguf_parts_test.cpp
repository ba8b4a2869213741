// Models in several GGUF files: found by their names, and refused where one is missing, doubled or another than it
// should be.
// SPDX-License-Identifier: MIT
#include "converter/import/gguf_parts.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "converter/base/process.h"
#include "converter/import/tensor_files.h"
#include "converter/model/checkpoint.h"
#include "tests/support/error_of.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/pytorch_builder.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

TEST(GgufParts, NamesSayWhichPart) {
    const auto name = gguf_part_name("folder/m-1-00002-of-00013.gguf");
    ASSERT_TRUE(name.has_value());
    EXPECT_EQ(name->stem, "folder/m-1");
    EXPECT_EQ(name->number, 2u);
    EXPECT_EQ(name->count, 13u);
    EXPECT_EQ(name->path(), "folder/m-1-00002-of-00013.gguf");
    EXPECT_EQ(name->of(1).path(), "folder/m-1-00001-of-00013.gguf");
    for (const char *other :
         {"m.gguf", "m-00003-of-00002.gguf", "m-00000-of-00002.gguf", "m-0001-of-00002.gguf",
          "m-00001-of-2.gguf", "m-00001-of-00002.bin", "-00001-of-00002.gguf", "m-00001of-00002.gguf",
          "m_00001-of-00002.gguf", "m-0000a-of-00002.gguf", ""})
        EXPECT_FALSE(gguf_part_name(other).has_value()) << other;
    EXPECT_EQ(without_later_gguf_parts(
                  {"a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "b-00002-of-00002.gguf", "c.gguf"}),
              (std::vector<std::string>{"a-00001-of-00002.gguf", "b-00002-of-00002.gguf", "c.gguf"}));
}

// A model of twelve tensors in three files: all keys and some tensors in the first, tensors in the others.
class GgufPartFiles : public testing::Test {
  protected:
    void SetUp() override {
        const GgufBuilder whole = gguf_checkpoint(CheckpointSpec{});
        write_text(directory_.file("whole.gguf"), whole.bytes());
        parts_.resize(3);
        parts_[0].keys = whole.keys;
        for (size_t i = 0; i < whole.tensors.size(); ++i)
            parts_[i * 3 / whole.tensors.size()].tensors.push_back(whole.tensors[i]);
        for (size_t i = 0; i < 3; ++i) number(&parts_[i], i, 3, whole.tensors.size());
        write();
    }
    static void number(GgufBuilder *part, uint64_t number, uint64_t count, size_t tensors) {
        for (const char *key : {"split.no", "split.count", "split.tensors.count"}) part->drop(key);
        part->raw("split.no", 2, little_endian(number, 2)).raw("split.count", 2, little_endian(count, 2));
        part->raw("split.tensors.count", 5, little_endian(tensors, 4));
    }
    std::string path(size_t i) const {
        return directory_.file("m-0000" + std::to_string(i + 1) + "-of-00003.gguf");
    }
    void write() {
        for (size_t i = 0; i < 3; ++i) write_text(path(i), parts_[i].bytes());
    }
    std::string opening_error(const std::string &file) const {
        return error_of([&] { const Checkpoint checkpoint(file); });
    }

    TemporaryDirectory directory_;
    std::vector<GgufBuilder> parts_;
};

TEST_F(GgufPartFiles, AreOneModel) {
    const Checkpoint split(path(0)), whole(directory_.file("whole.gguf"));
    EXPECT_EQ(split.weights_crc(), whole.weights_crc());
    EXPECT_EQ(split.parameters(), whole.parameters());
    EXPECT_TRUE(split.unused_tensors().empty());
    EXPECT_EQ(split.read(Role::out_proj, 1).values, whole.read(Role::out_proj, 1).values);
    EXPECT_EQ(checkpoint_name(path(0)), "m");
    // A folder of them is one model; with another beside it it is two.
    std::filesystem::create_directory(directory_.file("folder"));
    for (size_t i = 0; i < 3; ++i)
        std::filesystem::copy(
            path(i), directory_.file("folder/" + std::filesystem::path(path(i)).filename().string()));
    EXPECT_EQ(Checkpoint(directory_.file("folder")).weights_crc(), whole.weights_crc());
    EXPECT_HAS(opening_error(directory_.path()),
               "has 2 files of weights: \"m-00001-of-00003.gguf\", \"whole.gguf\"");
    // The first may have no tensor at all (llama-gguf-split --no-tensor-first-split).
    parts_[1].tensors.insert(parts_[1].tensors.begin(), parts_[0].tensors.begin(), parts_[0].tensors.end());
    parts_[0].tensors.clear();
    write();
    EXPECT_EQ(Checkpoint(path(0)).weights_crc(), whole.weights_crc());
}

TEST_F(GgufPartFiles, OthersThanTheFirstNameIt) {
    EXPECT_HAS(opening_error(path(1)), "m-00002-of-00003.gguf is part 2 of 3; give the first, " + path(0));
    std::filesystem::copy(path(0), directory_.file("renamed.gguf"));
    EXPECT_HAS(opening_error(directory_.file("renamed.gguf")),
               "renamed.gguf is part 1 of 3, but is not named NAME-00001-of-00003.gguf");
    std::filesystem::copy(path(0), directory_.file("m-00001-of-00004.gguf"));
    EXPECT_HAS(opening_error(directory_.file("m-00001-of-00004.gguf")),
               "m-00001-of-00004.gguf says that it is part 1 of 3");
}

TEST_F(GgufPartFiles, MissingDoubledAndLyingPartsAreNamed) {
    std::filesystem::remove(path(2));
    EXPECT_HAS(opening_error(path(0)),
               path(2) + " is missing: " + path(0) + " says that it is the first of 3 parts");
    std::filesystem::copy(path(1), path(2));  // the second once more
    EXPECT_HAS(opening_error(path(0)), "m-00003-of-00003.gguf says that it is part 2 of 3");
    GgufBuilder twice = parts_[1];
    number(&twice, 2, 3, 12);
    write_text(path(2), twice.bytes());
    EXPECT_HAS(opening_error(path(0)), path(2) + ": tensor \"");
    EXPECT_HAS(opening_error(path(0)), "is in " + path(1) + ", too");
    write_text(path(2), std::string("GGUX"));
    EXPECT_HAS(opening_error(path(0)), "m-00003-of-00003.gguf is no GGUF file");
    GgufBuilder fewer = parts_[2];
    fewer.tensors.pop_back();
    write_text(path(2), fewer.bytes());
    const size_t all = parts_[0].tensors.size() + parts_[1].tensors.size() + parts_[2].tensors.size();
    EXPECT_HAS(opening_error(path(0)), "m-00001-of-00003.gguf announces " + std::to_string(all) +
                                           " tensors; its 3 parts have " + std::to_string(all - 1));
    GgufBuilder alone = parts_[2];
    number(&alone, 0, 1, all);
    write_text(path(2), alone.bytes());
    EXPECT_HAS(opening_error(path(0)), "m-00003-of-00003.gguf says that it is part 1 of 1");
}

// A file of 30 GB of which nothing is stored: it is mapped, and what is read of it is given back.
TEST(Gguf, LargeFilesAreMapped) {
    TemporaryDirectory directory;
    const std::string path = directory.file("large.gguf");
    GgufBuilder built = gguf_checkpoint(CheckpointSpec{});
    const uint64_t rows = 117187500, cols = 64;  // floats: 30 GB
    std::string bytes = built.tensor("large", 0, {rows, cols}, "").bytes();
    write_text(path, bytes);
    std::error_code refused;
    std::filesystem::resize_file(path, bytes.size() + rows * cols * 4, refused);
    if (refused) GTEST_SKIP() << "NOT TESTED: no file of 30 GB here: " << refused.message();
    // In a process of its own, whose peak is its own.
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const uint64_t before = peak_rss_bytes();
        const Checkpoint checkpoint(path);
        std::vector<float> row(cols);
        checkpoint.embed_row(3, row.data());
        checkpoint.read(Role::out_proj, 1);
        const TensorView *const view = checkpoint.files().find("large");
        bool read = view != nullptr;
        for (uint64_t at = 0; read && at < rows; at += rows / 200) {
            checkpoint.files().read(*view, at * cols, cols, row.data());
            read = row[5] == 0;
        }
        const uint64_t used = peak_rss_bytes() - before;
        const bool written = write(ends[1], &used, sizeof used) == sizeof used;
        _exit(read && written ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    uint64_t used = 0;
    ASSERT_EQ(read(ends[0], &used, sizeof used), static_cast<ssize_t>(sizeof used));
    close(ends[0]);
    close(ends[1]);
    EXPECT_LT(used, uint64_t{64} << 20);
}

}  // namespace
}  // namespace adder::test

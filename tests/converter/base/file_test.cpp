// Tests of mappings and atomically replaced files.
// SPDX-License-Identifier: MIT
#include "converter/base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "tests/support/error_of.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {

static size_t entries(const std::string &directory) {
    const std::filesystem::directory_iterator all(directory);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

TEST(MappedFile, MapsWholeFiles) {
    const TemporaryDirectory directory;
    write_text(directory.file("a"), std::string("x\0y", 3));
    write_text(directory.file("empty"), "");
    MappedFile file(directory.file("a"));
    EXPECT_EQ(file.text(), std::string_view("x\0y", 3));
    EXPECT_EQ(file.path(), directory.file("a"));
    const MappedFile empty(directory.file("empty"));
    EXPECT_EQ(empty.size(), 0u);
    EXPECT_TRUE(empty.text().empty());

    MappedFile moved(std::move(file));
    EXPECT_EQ(moved.size(), 3u);
    MappedFile other(directory.file("empty"));
    other = std::move(moved);
    EXPECT_EQ(other.text(), std::string_view("x\0y", 3));
}

TEST(MappedFile, NamesPathAndReason) {
    const TemporaryDirectory directory;
    const auto opening = [](const std::string &path) {
        return error_of([&] { const MappedFile file(path); });
    };
    EXPECT_EQ(opening(directory.file("none")),
              "cannot open " + directory.file("none") + ": No such file or directory");
    EXPECT_HAS(opening(directory.path()), "it is a directory");
    ASSERT_EQ(mkfifo(directory.file("pipe").c_str(), 0600), 0);
    EXPECT_HAS(opening(directory.file("pipe")), "it is not a regular file");  // and does not hang
}

// Faults of this process while every page of the file is read once.
static int64_t faults_of_reading(const MappedFile &file) {
    const auto faults = [] {
        struct rusage usage {};
        getrusage(RUSAGE_SELF, &usage);
        return int64_t{usage.ru_minflt} + int64_t{usage.ru_majflt};
    };
    const int64_t before = faults();
    uint32_t sum = 0;
    for (size_t i = 0; i < file.size(); i += 4096)
        sum += *static_cast<const volatile uint8_t *>(&file.data()[i]);
    return faults() - before + (sum == 1 ? 1 : 0);
}

TEST(MappedFile, TheSameBytesInEveryKindOfPages) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("large");
    std::string bytes(30'000'001, '\0');
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 24);
    write_text(path, bytes);
    for (const Pages pages : {Pages::mapped, Pages::prefault, Pages::huge_pages}) {
        const MappedFile file(path, pages);
        // Of a mapping, one every few pages.
        if (pages != Pages::mapped) {
            EXPECT_LE(faults_of_reading(file), 2);
        }
        EXPECT_TRUE(file.text() == bytes);
        EXPECT_HAS(page_kind(file.data()), "KiB pages");
        EXPECT_HAS(page_kind(file.data() + bytes.size() - 1), "KiB pages");
    }
    EXPECT_EQ(page_kind(nullptr), "");
    write_text(path, "");
    for (const Pages pages : {Pages::prefault, Pages::huge_pages})
        EXPECT_EQ(MappedFile(path, pages).size(), 0u);
}

TEST(MappedFile, ACopyThatCannotBeHadIsAnError) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("sparse");
    write_text(path, "");
    std::error_code refused;
    std::filesystem::resize_file(path, uint64_t{1} << 43, refused);  // 8 TiB of nothing
    std::ifstream overcommit("/proc/sys/vm/overcommit_memory");
    if (refused || overcommit.get() == '1') GTEST_SKIP() << "NOT TESTED: any amount of memory can be had";
    const std::string reason = SIZE_MAX == UINT64_MAX ? "no memory for a copy of 8796093022208 bytes: "
                                                      : "it is larger than the address space";
    EXPECT_HAS(error_of([&] { MappedFile file(path, Pages::huge_pages); }, ExitCode::bad_input),
               "cannot read " + path + ": " + reason);
}

TEST(AtomicFile, ReplacesOnCommitOnly) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("out");
    write_text(path, "old");
    {
        AtomicFile file(path);
        file.write("new!", 4);
        file.seek(8);
        file.write("z", 1);
        EXPECT_EQ(read_text(path), "old");
        EXPECT_EQ(entries(directory.path()), 2u);
        file.commit();
    }
    EXPECT_EQ(read_text(path), std::string("new!\0\0\0\0z", 9));
    EXPECT_EQ(entries(directory.path()), 1u);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
    const TemporaryDirectory directory;
    try {
        AtomicFile file(directory.file("out"));
        file.write("x", 1);
        throw std::runtime_error("stop");
    } catch (const std::runtime_error &) {
    }
    EXPECT_EQ(entries(directory.path()), 0u);
}

TEST(AtomicFile, PermissionsAreTheUmasks) {
    const TemporaryDirectory directory;
    const mode_t before = umask(027);
    AtomicFile file(directory.file("out"));
    file.commit();
    umask(before);
    struct stat status;
    ASSERT_EQ(stat(directory.file("out").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, mode_t{0640});
}

TEST(AtomicFile, PassesOverWhatAKilledProcessLeft) {
    const TemporaryDirectory directory;
    const std::string left = directory.file("out." + std::to_string(getpid()) + "-0.tmp");
    write_text(left, "left");
    AtomicFile file(directory.file("out"));
    file.write("x", 1);
    file.commit();
    EXPECT_EQ(read_text(directory.file("out")), "x");
    EXPECT_EQ(read_text(left), "left");
}

TEST(AtomicFile, NamesPathAndReason) {
    const TemporaryDirectory directory;
    const auto creating = [](const std::string &path) {
        return error_of([&] { AtomicFile file(path); }, ExitCode::failure);
    };
    EXPECT_HAS(creating(directory.file("none/out")), "No such file or directory");
    EXPECT_HAS(creating(directory.file("none/out")), directory.file("none/out"));
    EXPECT_HAS(creating(directory.path()), "it exists and is not a regular file");
    EXPECT_HAS(creating("/dev/null"), "it exists and is not a regular file");
    EXPECT_HAS(creating(directory.file(std::string(5000, 'x'))), "File name too long");
    EXPECT_HAS(creating(directory.file(std::string(255, 'x'))), "File name too long");
}

TEST(AtomicFile, ManyAtOnce) {
    const TemporaryDirectory directory;
    for (int round = 0; round < 3; ++round) {  // slots are given back
        std::vector<std::unique_ptr<AtomicFile>> files;
        for (int i = 0; i < 32; ++i) {
            files.push_back(std::make_unique<AtomicFile>(directory.file(std::to_string(i))));
        }
        EXPECT_HAS(error_of([&] { AtomicFile more(directory.file("more")); }, ExitCode::failure),
                   "32 files are being written already");
        if (round == 1) files.front()->commit();
    }
    EXPECT_EQ(entries(directory.path()), 1u);
}

TEST(AtomicFile, TwoWritersOfOnePathDoNotMix) {
    const TemporaryDirectory directory;
    AtomicFile first(directory.file("out")), second(directory.file("out"));
    first.write("first", 5);
    second.write("second", 6);
    first.commit();
    EXPECT_EQ(read_text(directory.file("out")), "first");
    second.commit();
    EXPECT_EQ(read_text(directory.file("out")), "second");
    error_of([&] { first.commit(); }, ExitCode::failure);
}

// Runs `code` in a child process, so that it may be killed or limited.
template <typename Code>
static int status_of_child(Code &&code) {
    const pid_t child = fork();
    if (child == 0) {
        code();
        _exit(0);
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
}

TEST(AtomicFile, ASignalHandlerRemovesWhatIsUnfinished) {
    const TemporaryDirectory directory;
    const int status = status_of_child([&] {
        std::signal(SIGTERM, [](int) {
            remove_unfinished_files();
            _exit(7);
        });
        AtomicFile done(directory.file("done")), first(directory.file("a")), second(directory.file("b"));
        done.write("x", 1);
        done.commit();
        first.write("x", 1);
        raise(SIGTERM);
    });
    EXPECT_EQ(WEXITSTATUS(status), 7);
    EXPECT_EQ(entries(directory.path()), 1u);
    EXPECT_EQ(read_text(directory.file("done")), "x");
}

TEST(AtomicDirectory, AppearsWholeOrNotAtAll) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("out");
    const auto fill = [](AtomicDirectory &out) {
        for (const char *name : {"a", "b"}) write_text(out.add(name), name);
        EXPECT_EQ(out.add("never written").find("never"), out.temporary_path().size() + 1);
    };
    {
        AtomicDirectory out(path);
        fill(out);
    }
    EXPECT_EQ(entries(directory.path()), 0u);
    {
        AtomicDirectory out(path + "//");
        fill(out);
        EXPECT_FALSE(is_directory(path));
        out.commit();
    }
    EXPECT_EQ(entries(directory.path()), 1u);
    EXPECT_EQ(entries(path), 2u);
    EXPECT_EQ(read_text(path + "/b"), "b");
    for (const std::string &taken : {path, path + "/a", std::string("/"), std::string()})
        EXPECT_HAS(error_of([&] { AtomicDirectory again(taken); }, ExitCode::failure),
                   "cannot create " + taken + ": it exists already");
    EXPECT_HAS(error_of([&] { AtomicDirectory out(directory.file("none/out")); }, ExitCode::failure),
               "cannot create " + directory.file("none/out") + ": No such file");
}

TEST(AtomicDirectory, ASignalHandlerRemovesWhatIsUnfinished) {
    const TemporaryDirectory directory;
    const int status = status_of_child([&] {
        std::signal(SIGTERM, [](int) {
            remove_unfinished_files();
            _exit(7);
        });
        AtomicFile early(directory.file("early"));
        AtomicDirectory done(directory.file("done")), out(directory.file("out"));
        done.commit();
        write_text(out.add("a"), "a");
        AtomicFile late(out.add("b"));
        raise(SIGTERM);
    });
    EXPECT_EQ(WEXITSTATUS(status), 7);
    EXPECT_EQ(entries(directory.path()), 1u);
    EXPECT_TRUE(is_directory(directory.file("done")));
}

TEST(AtomicFile, AFullDiskLeavesTheOldFile) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("out");
    write_text(path, "old");
    const int status = status_of_child([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{4096, 4096};
        setrlimit(RLIMIT_FSIZE, &limit);
        const std::string data(10'000, 'x');
        try {
            AtomicFile file(path);
            file.write(data.data(), data.size());
            file.commit();
        } catch (const Error &error) {
            const bool named = std::string(error.what()) == "cannot write " + path + ": File too large";
            _exit(named && error.code() == ExitCode::failure ? 3 : 4);
        }
    });
    EXPECT_EQ(WEXITSTATUS(status), 3);
    EXPECT_EQ(read_text(path), "old");
    EXPECT_EQ(entries(directory.path()), 1u);
}

TEST(OutputDirectory, IsMadeAndGoesAgainWhereNothingLiesInIt) {
    const TemporaryDirectory directory;
    const std::string outer = directory.file("outer"), inner = outer + "/middle//inner/";
    {
        const OutputDirectory made(inner);
        EXPECT_TRUE(is_directory(inner));
    }
    EXPECT_EQ(entries(directory.path()), 0u);
    {
        const OutputDirectory made(inner);
        write_text(outer + "/middle/a", "a");
    }
    EXPECT_FALSE(is_directory(inner));
    EXPECT_EQ(read_text(outer + "/middle/a"), "a");
    { const OutputDirectory there(outer + "/middle"), above("/"), here("."); }
    EXPECT_EQ(read_text(outer + "/middle/a"), "a");
    for (const std::string &bad : {outer + "/new/../middle/a", outer + "/middle/a/new", std::string()})
        EXPECT_HAS(error_of([&] { const OutputDirectory made(bad); }, ExitCode::failure),
                   "cannot create " + bad);
    EXPECT_FALSE(is_directory(outer + "/new"));
}

TEST(AtomicFile, WhetherItCanBeMadeIsKnownWithoutALeftover) {
    const TemporaryDirectory directory;
    check_can_create(directory.file("out"));
    EXPECT_EQ(entries(directory.path()), 0u);
    EXPECT_HAS(error_of([&] { check_can_create(directory.file("none/out")); }, ExitCode::failure),
               "cannot create " + directory.file("none/out") + ": No such file");
    EXPECT_HAS(error_of([&] { check_can_create(directory.path()); }, ExitCode::failure),
               "it exists and is not a regular file");
}

TEST(Paths, JoinAndExist) {
    const TemporaryDirectory directory;
    write_text(directory.file("a"), "");
    EXPECT_EQ(join_path("d", "n"), "d/n");
    EXPECT_EQ(join_path("d/", "n"), "d/n");
    EXPECT_EQ(join_path("", "n"), "n");
    EXPECT_TRUE(file_exists(directory.file("a")));
    EXPECT_FALSE(file_exists(directory.path()));
    EXPECT_FALSE(file_exists(directory.file("b")));
    EXPECT_TRUE(is_directory(directory.path()));
    EXPECT_FALSE(is_directory(directory.file("a")));
}

}  // namespace adder::test

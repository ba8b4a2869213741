// The cache's folder among others: damaged and foreign files, disks that are full, several processes, and one that is killed.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <set>
#include <thread>

#include "host/cache_file.h"
#include "tests/cache/cache_fixture.h"
#include "tests/support/random.h"
#include "tests/support/sample.h"

namespace adder::test {
namespace {

namespace fs = std::filesystem;

class CacheFiles : public CacheTest {
  protected:
    const Tokens tokens_ = sequence(11, 9);

    std::vector<uint8_t> whole_file() {
        TestSession session(blob_);
        EXPECT_EQ(adder_feed(session.get(), tokens_.data(), tokens_.size()), ADDER_OK);
        std::vector<uint8_t> bytes(cache_file_size(model_.model(), tokens_.size()));
        EXPECT_EQ(cache_file_save(session.get(), tokens_.data(), tokens_.size(), bytes.data(), bytes.size()),
                  ADDER_OK);
        return bytes;
    }
    // Runs it in a child, which ends without what a test program does at its end; waits, unless told not to.
    template <typename Code>
    pid_t child(const Code &code) {
        const pid_t process = fork();
        if (process != 0) return process;
        code();
        _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    static int end_of(pid_t process) {
        int status = 0;
        EXPECT_EQ(waitpid(process, &status, 0), process);
        return status;
    }
    bool has_parts() const {
        const auto all = files();
        return std::any_of(all.begin(), all.end(),
                           [](const fs::path &path) { return path.extension() == ".part"; });
    }
};

// ---- Bytes ----------------------------------------------------------------------------------------------------------------

TEST_F(CacheFiles, AFileIsWhatTheStoreWrites) {
    TestSession session(blob_);
    const Cache cache = open();
    feed(cache, tokens_);
    ASSERT_EQ(files().size(), 1u);
    const std::string text = read_text(files()[0]);
    const std::vector<uint8_t> bytes = whole_file();
    EXPECT_EQ(std::vector<uint8_t>(text.begin(), text.end()), bytes);
    EXPECT_EQ(bytes.size(), file_bytes(9));
    EXPECT_EQ(cache_file_load(session.get(), tokens_.data(), 9, bytes.data(), bytes.size()), CacheFile::whole);
    EXPECT_EQ(session.state(), state_after(tokens_));
}

// The hexdump of docs/cache.md.
TEST_F(CacheFiles, ThePageShowsOne) {
    const Tokens tokens = {1, 2, 3, 4};
    TestSession session(blob_);
    ASSERT_EQ(adder_feed(session.get(), tokens.data(), 4), ADDER_OK);
    std::vector<uint8_t> bytes(cache_file_size(model_.model(), 4));
    ASSERT_EQ(cache_file_save(session.get(), tokens.data(), 4, bytes.data(), bytes.size()), ADDER_OK);
    std::string dump;
    for (size_t at = 0; at < 144; ++at) {
        char text[8];
        if (at % 16 == 0) std::snprintf(text, sizeof text, "%03zx ", at), dump += text;
        std::snprintf(text, sizeof text, "%s%02x", at % 4 == 0 ? " " : "", bytes[at]);
        dump += text;
        if (at % 16 == 15) dump += '\n';
    }
    EXPECT_NE(read_text(ADDER_SOURCE_DIR "/docs/cache.md").find("```\n" + dump + "```\n"), std::string::npos)
        << dump;
}

// 100,000 files: cut at every length, with every single bit wrong, and with up to eight bytes wrong, moved or left out.
TEST_F(CacheFiles, DamagedBytesAreRefused) {
    const std::vector<uint8_t> sound = whole_file();
    TestSession session(blob_);
    session.step(1);
    const std::vector<uint8_t> before = session.state();
    size_t tried = 0;
    const auto refused = [&](const std::vector<uint8_t> &bytes) {
        ++tried;
        // A block of its own size, so that a sanitizer sees a read past the end.
        const std::vector<uint8_t> exact(bytes);
        return cache_file_load(session.get(), tokens_.data(), 9, exact.data(), exact.size()) !=
               CacheFile::whole;
    };
    for (size_t size = 0; size < sound.size(); ++size)
        EXPECT_TRUE(refused({sound.begin(), sound.begin() + static_cast<ptrdiff_t>(size)})) << size;
    for (size_t bit = 0; bit < 8 * sound.size(); ++bit) {
        std::vector<uint8_t> bytes = sound;
        bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1u << bit % 8);
        EXPECT_TRUE(refused(bytes)) << bit;
    }
    SplitMix random(1);
    const size_t runs = all_combinations() ? 100000 : 10000;
    while (tried < runs) {
        std::vector<uint8_t> bytes = sound;
        for (size_t changes = random.below(8) + 1; changes > 0; --changes) {
            const size_t at = random.below(bytes.size()), from = random.below(bytes.size());
            switch (random.below(5)) {
            case 0: bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at)); break;
            case 1: bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), bytes[from]); break;
            case 2: bytes[at] = bytes[from]; break;
            default: bytes[at] = static_cast<uint8_t>(random.next());
            }
        }
        if (bytes == sound) continue;
        ASSERT_TRUE(refused(bytes)) << tried;
    }
    ASSERT_EQ(session.state(), before);  // none has touched the session
    Tokens others = tokens_;
    others[8] ^= 1;
    EXPECT_EQ(cache_file_load(session.get(), others.data(), 9, sound.data(), sound.size()), CacheFile::other);
    EXPECT_EQ(cache_file_load(session.get(), tokens_.data(), 8, sound.data(), sound.size()), CacheFile::other);
    EXPECT_EQ(session.state(), before);
}

// ---- Files ----------------------------------------------------------------------------------------------------------------

// On disk: absent to who looks for it, removed, and written anew.
TEST_F(CacheFiles, DamagedFilesAreRemoved) {
    const Cache cache = open(0, 4);
    const std::vector<uint8_t> sound = whole_file();
    const std::vector<size_t> sizes = {0, 1, 63, 64, 100, sound.size() - 1, sound.size()};
    for (const size_t size : sizes) {
        feed(cache, tokens_);
        const fs::path path = files().back();
        ASSERT_EQ(path.filename().string().substr(0, 2), "9-");
        std::string bytes = read_text(path).substr(0, size);
        if (size == sound.size()) bytes[size - 1] = static_cast<char>(bytes[size - 1] ^ 4);
        write_text(path, bytes);
        EXPECT_EQ(resumed(cache, tokens_), 8u) << size;
        EXPECT_FALSE(fs::exists(path)) << size;
    }
    feed(cache, tokens_);
    write_text(files().back(), read_text(files().back()) + "x");
    EXPECT_EQ(resumed(cache, tokens_), 8u);
    EXPECT_EQ(feed(cache, tokens_), 8u);
    EXPECT_EQ(feed(cache, tokens_), 9u);
}

// What this library has not written is neither loaded nor deleted, whatever its name is.
TEST_F(CacheFiles, ForeignFilesStay) {
    const Cache cache = open(0, 4);
    feed(cache, tokens_);
    const fs::path path = files().back(), folder = path.parent_path();
    std::string later = read_text(path);
    later[8] = 2;  // the version
    for (const std::string &content : {std::string(300, 'x'), later}) {
        write_text(path, content);
        EXPECT_EQ(resumed(cache, tokens_), 8u);
        EXPECT_EQ(read_text(path), content);
    }
    // A name that says what the tokens in the file do not.
    const std::string name = path.filename();
    feed(cache, sequence(12, 9));
    fs::path other;
    for (const auto &file : files())
        if (file.filename().string().rfind("9-", 0) == 0 && file != path) other = file;
    ASSERT_FALSE(other.empty());
    fs::rename(other, path);
    EXPECT_EQ(resumed(cache, tokens_), 8u);
    EXPECT_TRUE(fs::exists(path));
    // A link, a folder, a pipe.
    fs::remove(path);
    fs::create_symlink("/etc/passwd", path);
    EXPECT_EQ(resumed(cache, tokens_), 8u);
    fs::remove(path);
    fs::create_directory(path);
    EXPECT_EQ(resumed(cache, tokens_), 8u);
    fs::remove(path);
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    EXPECT_EQ(resumed(cache, tokens_), 8u);
    fs::remove(path);
    // The budget's eviction looks at names as this library writes them, and at no other.
    const std::set<std::string> foreign = {"notes.txt",
                                           "9-0123456789abcdef.state2",
                                           "09-0123456789abcdef.state",
                                           "9-0123456789ABCDEF.state",
                                           "writing-0123.part",
                                           "99999999999999999999999-0123456789abcdef.state"};
    for (const std::string &file : foreign) {
        write_text(folder / file, "mine");
        write_text(folder_ + "/" + file, "mine");
    }
    fs::create_directory(folder_ + "/holiday");
    write_text(folder_ + "/holiday/" + name, "mine");
    feed(open(file_bytes(9)), sequence(13, 9));
    EXPECT_EQ(files().size(), 2 * foreign.size() + 2);
}

TEST_F(CacheFiles, StalePartsAreRemoved) {
    const Cache cache = open();
    feed(cache, tokens_);
    const fs::path folder = files()[0].parent_path();
    const fs::path stale = folder / "writing-00000000000000000000000000000001.part",
                   alive = folder / "writing-00000000000000000000000000000002.part";
    write_text(stale, "half of a st");
    write_text(alive, "half of a st");
    const int lock = ::open(alive.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(flock(lock, LOCK_EX), 0);
    feed(cache, sequence(12, 9));
    EXPECT_FALSE(fs::exists(stale));
    EXPECT_TRUE(fs::exists(alive));
    close(lock);
    feed(cache, sequence(13, 9));
    EXPECT_FALSE(fs::exists(alive));
}

TEST_F(CacheFiles, TheFolderMayGoAtAnyTime) {
    const Cache cache = open();
    feed(cache, tokens_);
    fs::remove_all(files()[0].parent_path());
    EXPECT_EQ(feed(cache, tokens_), 0u);
    EXPECT_EQ(feed(cache, tokens_), 9u);
    fs::remove_all(folder_);
    EXPECT_EQ(feed(cache, tokens_), 0u);
    EXPECT_NE(adder_cache_problem(cache.get()), nullptr);
}

// ---- What cannot be stored ------------------------------------------------------------------------------------------------

TEST_F(CacheFiles, AFullDiskIsSaidOnce) {
    const Cache cache = open(0, 4);
    feed(cache, sequence(12, 9));
    const auto before = files();
    // A file of more than 100 bytes cannot be written.
    struct rlimit limit;
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit full = {100, limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
    const size_t first = feed(cache, tokens_), again = feed(cache, tokens_);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_DFL);
    EXPECT_EQ(first, 0u);
    EXPECT_EQ(again, 0u);
    EXPECT_EQ(files(), before);  // and nothing half written
    const char *const problem = adder_cache_problem(cache.get());
    ASSERT_NE(problem, nullptr);
    EXPECT_EQ(std::string(problem), "states cannot be stored in " + folder_ + ": " + std::strerror(EFBIG));
    EXPECT_EQ(adder_cache_problem(cache.get()), nullptr);
    feed(cache, tokens_);
    EXPECT_EQ(feed(cache, tokens_), 9u);  // as soon as there is room
}

TEST_F(CacheFiles, AFolderThatCannotBeWrittenToIsResumedFrom) {
    feed(open(), tokens_);
    const fs::path folder = files()[0].parent_path();
    const auto try_it = [&] {
        const Cache cache = open();
        ASSERT_TRUE(cache);
        EXPECT_EQ(feed(cache, tokens_), 9u);
        EXPECT_EQ(feed(cache, sequence(12, 9)), 0u);
        EXPECT_EQ(feed(cache, sequence(12, 9)), 0u);
        EXPECT_NE(adder_cache_problem(cache.get()), nullptr);
        EXPECT_EQ(adder_cache_problem(cache.get()), nullptr);
    };
    fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec);
    const pid_t process = child([&] {
        // To the superuser no folder is read-only.
        if (geteuid() == 0) {
            fs::permissions(directory_.path(), fs::perms::all);
            fs::permissions(folder_, fs::perms::all);
            fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read |
                                        fs::perms::others_exec);
            fs::permissions(files()[0], fs::perms::owner_read | fs::perms::others_read);
            if (setgid(65534) != 0 || setuid(65534) != 0) _exit(0);
        }
        try_it();
    });
    EXPECT_EQ(end_of(process), 0);
    fs::permissions(folder, fs::perms::owner_all);
}

// ---- Several processes ----------------------------------------------------------------------------------------------------

// Two processes store, resume and delete in one folder, with room for a few: each gets what reading anew gives, and at the end
// the budget holds and nothing is left half written.
TEST_F(CacheFiles, TwoProcessesInOneFolder) {
    const uint64_t budget = 6 * file_bytes(16);
    const uint32_t rounds = all_combinations() ? 60 : 10;
    const auto work = [&](uint32_t seed) {
        const Cache cache = open(budget, 4);
        SplitMix random(seed);
        for (uint32_t i = 0; i < rounds; ++i)
            feed(cache, sequence(static_cast<uint32_t>(random.below(8)), 1 + random.below(16)));
        EXPECT_EQ(adder_cache_problem(cache.get()), nullptr);
    };
    open();  // makes the folder
    const pid_t process = child([&] { work(1); });
    work(2);
    EXPECT_EQ(end_of(process), 0);
    EXPECT_LE(bytes(), budget);
    EXPECT_GT(bytes(), budget / 2);
    EXPECT_FALSE(has_parts());
}

// Who stores waits for who counts and renames, but not for a process that was stopped in it.
TEST_F(CacheFiles, TheFolderIsLockedWhileItIsCounted) {
    const Cache cache = open();
    const int lock = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_EQ(flock(lock, LOCK_EX), 0);
    const auto start = std::chrono::steady_clock::now();
    feed(cache, tokens_);
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50));
    EXPECT_EQ(feed(cache, tokens_), 9u);
    close(lock);
}

// A process is killed at some moment of its storing: every state that is there is whole, and what it was writing goes with the
// next store.
TEST_F(CacheFiles, AKilledProcessLeavesWholeFiles) {
    const uint64_t budget = 8 * file_bytes(16);
    const uint32_t rounds = all_combinations() ? 100 : 10;
    SplitMix random(3);
    size_t left = 0;
    for (uint32_t round = 0; round < rounds; ++round) {
        int ready[2];
        ASSERT_EQ(pipe(ready), 0);
        const pid_t process = child([&] {
            const Cache cache = open(budget, 4);
            if (write(ready[1], "", 1) != 1) _exit(1);
            for (uint32_t i = 0;; ++i) {
                TestSession session(blob_);
                const Tokens tokens = sequence(1000 * round + i, 16);
                adder_cache_feed(cache.get(), session.get(), tokens.data(), tokens.size(), nullptr);
            }
        });
        char byte;
        EXPECT_EQ(read(ready[0], &byte, 1), 1);
        std::this_thread::sleep_for(std::chrono::microseconds(random.below(3000)));
        kill(process, SIGKILL);
        EXPECT_EQ(WTERMSIG(end_of(process)), SIGKILL);
        close(ready[0]);
        close(ready[1]);

        for (const fs::path &path : files()) {
            if (path.extension() == ".part") {
                ++left;
                continue;
            }
            const std::string bytes = read_text(path);
            const size_t count = std::stoul(path.filename());
            Tokens tokens(count);
            ASSERT_GE(bytes.size(), 64 + 4 * count) << path;
            std::memcpy(tokens.data(), bytes.data() + 64, 4 * count);
            TestSession session(blob_);
            ASSERT_EQ(cache_file_load(session.get(), tokens.data(), count,
                                      reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()),
                      CacheFile::whole)
                << path;
            ASSERT_EQ(session.state(), state_after(tokens)) << path;
        }
        feed(open(budget), sequence(round, 3));
        EXPECT_FALSE(has_parts());
        EXPECT_LE(bytes(), budget);
    }
    if (rounds > 10) {
        EXPECT_GT(left, 0u) << "no process was killed while it wrote";
    }
}

}  // namespace
}  // namespace adder::test

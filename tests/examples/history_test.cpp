// The file of what was typed.
// SPDX-License-Identifier: MIT
#include "process.h"

#include "examples/chat/history.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace adder_test {
namespace {

using chat::History;
using Entries = std::vector<std::string>;

TEST(History, KeepsEntriesForTheNextRunForTheirOwnerAlone) {
    const Folder folder;
    const std::string path = folder.file("a/b/history");
    const Entries entries = {"one", "two\nlines", "back\\slash \\n", "caf\xc3\xa9", "\\"};
    {
        History history(path);
        EXPECT_TRUE(history.entries().empty());
        for (const std::string &entry : entries) history.add(entry);
        history.add(entries.back());  // the same again
        history.add(std::string(chat::max_history_entry_bytes + 1, 'x'));
        EXPECT_EQ(history.entries(), entries);
    }
    EXPECT_EQ(History(path).entries(), entries);
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    ASSERT_EQ(stat(folder.file("a").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST(History, HasABound) {
    const Folder folder;
    const std::string path = folder.file("history");
    History history(path);
    for (size_t i = 0; i < 1300; ++i) history.add(std::to_string(i));
    EXPECT_EQ(history.entries().size(), chat::max_history_entries);
    EXPECT_EQ(history.entries().back(), "1299");
    const Entries kept = History(path).entries();
    EXPECT_EQ(kept, history.entries());
    const std::string file = read_file(path);
    EXPECT_LE(std::count(file.begin(), file.end(), '\n'), 1250);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1)
        << "nothing is left beside it";
}

TEST(History, SeveralProcessesAddToItAtOnce) {
    const Folder folder;
    const std::string path = folder.file("history");
    constexpr int processes = 4, each = 300;
    // It is nearly as long as it may be, so that it is written anew several times meanwhile.
    std::string before;
    for (int i = 0; i < 1240; ++i) before += "before\n";
    write_file(path, before);
    std::vector<pid_t> children;
    for (int p = 0; p < processes; ++p) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            History history(path);
            for (int i = 0; i < each; ++i)
                history.add(std::string(1, static_cast<char>('a' + p)) + std::to_string(i));
            _exit(0);
        }
        children.push_back(child);
    }
    for (const pid_t child : children) waitpid(child, nullptr, 0);
    const Entries entries = History(path).entries();
    EXPECT_EQ(entries.size(), chat::max_history_entries);
    // The last of each is there, and each one's entries stand in the order in which they were added.
    std::vector<int> last(processes, -1);
    for (const std::string &entry : entries) {
        ASSERT_GE(entry.size(), 2u);
        const int number = std::stoi(entry.substr(1));
        int &previous = last[static_cast<size_t>(entry[0] - 'a')];
        ASSERT_TRUE(previous < 0 || number == previous + 1) << entry;
        previous = number;
    }
    EXPECT_EQ(std::count(last.begin(), last.end(), each - 1), processes);
}

TEST(History, WhatIsNoFileIsNoHistory) {
    const Folder folder;
    const std::string pipe = folder.file("pipe");
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    for (const std::string &path :
         {std::string(), pipe, folder.path(), std::string("/dev/null/x"), std::string("/dev/zero")}) {
        History history(path);
        history.add("x");
        EXPECT_EQ(history.entries(), Entries{"x"}) << path;
    }
    write_file(folder.file("odd"), "\n\ntrailing\\\nno end");
    EXPECT_EQ(History(folder.file("odd")).entries(), Entries{"trailing\\"});
    // Of a large file the end is read.
    write_file(folder.file("large"), std::string(5 << 20, 'x') + "\nlast\n");
    EXPECT_EQ(History(folder.file("large")).entries(), Entries{"last"});
}

TEST(History, LiesWhereTheEnvironmentSays) {
    const auto path = [](const char *own, const char *state, const char *home) {
        for (const auto &[name, value] :
             {std::pair("ADDER_HISTORY", own), {"XDG_STATE_HOME", state}, {"HOME", home}})
            value ? setenv(name, value, 1) : unsetenv(name);
        return History::default_path();
    };
    EXPECT_EQ(path(nullptr, nullptr, "/home/x"), "/home/x/.local/state/adder/history");
    EXPECT_EQ(path(nullptr, "/s", "/home/x"), "/s/adder/history");
    EXPECT_EQ(path(nullptr, "relative", "/home/x"), "/home/x/.local/state/adder/history")
        << "as its specification says";
    EXPECT_EQ(path("mine", "/s", "/home/x"), "mine");
    EXPECT_EQ(path("", "/s", "/home/x"), "");
    EXPECT_EQ(path(nullptr, nullptr, nullptr), "");
}

}  // namespace
}  // namespace adder_test

// The cache of states: the longest beginning is resumed, with the bits of reading anew; what is used least goes first.
// SPDX-License-Identifier: MIT
#include <cerrno>

#include "tests/cache/cache_fixture.h"
#include "tests/support/families.h"

namespace adder::test {
namespace {

// ---- The same bits ------------------------------------------------------------------------------------------------------

class CacheBits : public testing::TestWithParam<std::string> {};

// A prompt, the same again, a longer one and one that leaves it: the logits of reading anew, in chunks of any size.
TEST_P(CacheBits, AreThoseOfReadingAnew) {
    const AlignedBytes blob = build_blob(toy_model(GetParam(), recipe_named("best"), StateType::f32));
    const TemporaryDirectory directory;
    const TestSession model(blob);
    adder_cache_options options{};
    options.interval = 16;
    const Cache cache(adder_cache_open(directory.path().c_str(), model.model(), &options), adder_cache_close);
    ASSERT_TRUE(cache);
    const Tokens prompt = random_tokens(45, 260, 1);
    Tokens longer = prompt, other = prompt;
    longer.insert(longer.end(), {5, 6, 7});
    for (size_t i = 35; i < other.size(); ++i) other[i] ^= 1;
    const struct {
        const Tokens &tokens;
        size_t resumed;
    } cases[] = {{prompt, 0}, {prompt, 44}, {longer, 44}, {other, 32}, {other, 44}};
    for (size_t i = 0; i < std::size(cases); ++i) {
        const Tokens &tokens = cases[i].tokens;
        TestSession anew(blob);
        ASSERT_EQ(adder_feed(anew.get(), tokens.data(), tokens.size() - 1), ADDER_OK);
        adder_options session_options{};
        session_options.chunk = static_cast<uint32_t>(1 + 5 * i);
        TestSession session(blob, session_options);
        size_t resumed = 99;
        ASSERT_EQ(adder_cache_feed(cache.get(), session.get(), tokens.data(), tokens.size() - 1, &resumed),
                  ADDER_OK);
        EXPECT_EQ(resumed, cases[i].resumed) << i;
        EXPECT_EQ(session.state(), anew.state()) << i;
        for (const int32_t next : {tokens.back(), 3, 200})
            EXPECT_EQ(session.step(next), anew.step(next)) << i;
    }
    EXPECT_EQ(adder_cache_problem(cache.get()), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Family, CacheBits, testing::ValuesIn(model_types()),
                         [](const auto &one) { return one.param; });

// ---- Which state ----------------------------------------------------------------------------------------------------------

TEST_F(CacheTest, TheLongestBeginningIsResumed) {
    const Cache cache = open(0, 8);
    const Tokens tokens = random_tokens(30, 5, 1);
    const auto first = [&](size_t count, const Tokens &then = {}) {
        Tokens some(tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(count));
        some.insert(some.end(), then.begin(), then.end());
        return some;
    };
    EXPECT_EQ(resumed(cache, tokens), 0u);
    EXPECT_EQ(feed(cache, tokens), 0u);
    EXPECT_EQ(files().size(), 4u);  // after 8, 16, 24 and 30
    EXPECT_EQ(bytes(), file_bytes(8) + file_bytes(16) + file_bytes(24) + file_bytes(30));
    EXPECT_EQ(resumed(cache, tokens), 30u);
    EXPECT_EQ(resumed(cache, first(30, {1, 2, 3})), 30u);
    EXPECT_EQ(resumed(cache, first(29)), 24u);
    EXPECT_EQ(resumed(cache, first(24)), 24u);
    EXPECT_EQ(resumed(cache, first(23)), 16u);
    EXPECT_EQ(resumed(cache, first(9, {(tokens[9] + 1) % 5, 0, 0, 0, 0, 0, 0, 0, 0})), 8u);
    EXPECT_EQ(resumed(cache, first(7)), 0u);
    EXPECT_EQ(resumed(cache, {}), 0u);
    Tokens wrong = tokens;
    wrong[0] = (wrong[0] + 1) % 5;
    EXPECT_EQ(resumed(cache, wrong), 0u);
    // A file between is missing: the next shorter one.
    for (const auto &path : files())
        if (path.filename().string().rfind("30-", 0) == 0) std::filesystem::remove(path);
    EXPECT_EQ(resumed(cache, tokens), 24u);
}

TEST_F(CacheTest, NothingStoredResetsTheSession) {
    const Cache cache = open();
    TestSession session(blob_);
    const std::vector<uint8_t> empty = session.state();
    session.step(1);
    const int32_t token = 2;
    size_t count = 99;
    EXPECT_EQ(adder_cache_resume(cache.get(), session.get(), &token, 1, &count), ADDER_OK);
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(session.state(), empty);
}

// A conversation: each turn is read by the session that stands behind those before it.
TEST_F(CacheTest, ASessionGoesOnWhereItStands) {
    const Cache cache = open(0, 8);
    const Tokens tokens = random_tokens(30, 5, 2);
    TestSession session(blob_);
    for (const size_t end : {5u, 5u, 12u, 30u}) {
        size_t count = 99;
        ASSERT_EQ(adder_cache_feed(cache.get(), session.get(), tokens.data(), end, &count), ADDER_OK);
        EXPECT_EQ(count, 0u);
    }
    EXPECT_EQ(session.state(), state_after(tokens));
    EXPECT_EQ(files().size(), 6u);  // 5, 8, 12, 16, 24, 30
    EXPECT_EQ(resumed(cache, Tokens(tokens.begin(), tokens.begin() + 14)), 12u);
    EXPECT_EQ(adder_cache_feed(cache.get(), session.get(), tokens.data(), 29, nullptr), ADDER_ERROR_ARGUMENT);
}

TEST_F(CacheTest, ModelsDoNotMeet) {
    const Cache cache = open();
    const Tokens tokens = sequence(7, 9);
    feed(cache, tokens);
    BlobSpec spec = smallest_model();
    spec.checkpoint.seed = 2;
    const AlignedBytes other_blob = build_blob(spec);
    TestSession other(other_blob);
    const Cache others(adder_cache_open(folder_.c_str(), other.model(), nullptr), adder_cache_close);
    size_t count = 99;
    EXPECT_EQ(adder_cache_resume(others.get(), other.get(), tokens.data(), tokens.size(), &count), ADDER_OK);
    EXPECT_EQ(count, 0u);
    // A session of another model is left as it is, and so are the files.
    other.step(1);
    const std::vector<uint8_t> before = other.state();
    EXPECT_EQ(adder_cache_resume(cache.get(), other.get(), tokens.data(), tokens.size(), &count),
              ADDER_ERROR_STATE);
    EXPECT_EQ(adder_cache_feed(cache.get(), other.get(), tokens.data(), tokens.size(), &count),
              ADDER_ERROR_STATE);
    EXPECT_EQ(adder_cache_store(cache.get(), other.get(), tokens.data(), 1), ADDER_ERROR_STATE);
    EXPECT_EQ(other.state(), before);
    EXPECT_EQ(files().size(), 1u);
    EXPECT_EQ(resumed(cache, tokens), tokens.size());
}

// ---- What goes ------------------------------------------------------------------------------------------------------------

TEST_F(CacheTest, WhatWasUsedLeastGoesFirst) {
    const Cache cache = open(3 * file_bytes(9));
    for (const uint32_t number : {1u, 2u, 3u}) feed(cache, sequence(number, 9));
    EXPECT_EQ(resumed(cache, sequence(1, 9)), 9u);  // used
    feed(cache, sequence(4, 9));                    // takes the place of 2
    EXPECT_EQ(files().size(), 3u);
    EXPECT_EQ(resumed(cache, sequence(2, 9)), 0u);
    for (const uint32_t number : {3u, 1u, 4u}) EXPECT_EQ(resumed(cache, sequence(number, 9)), 9u);
    feed(cache, sequence(3, 9));  // stored again: used
    feed(cache, sequence(5, 9));  // takes the place of 1
    EXPECT_EQ(resumed(cache, sequence(1, 9)), 0u);
    EXPECT_EQ(resumed(cache, sequence(3, 9)), 9u);
    EXPECT_EQ(adder_cache_problem(cache.get()), nullptr);
}

TEST_F(CacheTest, OfOneSequenceTheShorterStaysLonger) {
    const Tokens tokens = random_tokens(30, 5, 3);
    feed(open(0, 8), tokens);
    EXPECT_EQ(resumed(open(), tokens), 30u);
    // Room for what is there but two.
    const Cache tight = open(bytes() - file_bytes(30) - 1);
    feed(tight, sequence(3, 1));
    EXPECT_EQ(resumed(tight, tokens), 16u);
}

TEST_F(CacheTest, TheBudgetHoldsForAllModelsTogether) {
    const uint64_t budget = 5 * file_bytes(20);
    BlobSpec spec = smallest_model();
    spec.checkpoint.seed = 2;
    const AlignedBytes other_blob = build_blob(spec);
    const TestSession other(other_blob);
    adder_cache_options options{};
    options.budget = budget;
    const Cache others(adder_cache_open(folder_.c_str(), other.model(), &options), adder_cache_close);
    const Cache cache = open(budget);
    for (uint32_t i = 0; i < 40; ++i) {
        const Tokens tokens = sequence(i + 1, 1 + i * 7 % 20);
        TestSession session(i % 3 == 0 ? other_blob : blob_);
        EXPECT_EQ(adder_cache_feed((i % 3 == 0 ? others : cache).get(), session.get(), tokens.data(),
                                   tokens.size(), nullptr),
                  ADDER_OK);
        EXPECT_LE(bytes(), budget);
    }
    EXPECT_GT(files().size(), 4u);
}

// At most half of the budget is one sequence's: the interval is doubled.
TEST_F(CacheTest, ALongSequenceDoesNotPushOutTheOthers) {
    const Cache cache = open(10 * file_bytes(64), 4);
    feed(cache, sequence(4, 9));
    feed(cache, random_tokens(64, 5, 4));
    EXPECT_LE(bytes(), 5 * file_bytes(64) + 3 * file_bytes(9));
    EXPECT_GT(files().size(), 4u);
    EXPECT_EQ(resumed(cache, sequence(4, 9)), 9u);
    EXPECT_EQ(resumed(cache, random_tokens(64, 5, 4)), 64u);
}

TEST_F(CacheTest, AStateLargerThanTheBudgetIsNotStored) {
    const Cache cache = open(file_bytes(9) - 1);
    EXPECT_EQ(feed(cache, sequence(1, 9)), 0u);
    const std::string problem = adder_cache_problem(cache.get());
    EXPECT_NE(problem.find(std::to_string(file_bytes(9)) + " bytes"), std::string::npos) << problem;
    EXPECT_NE(problem.find(folder_), std::string::npos) << problem;
    EXPECT_EQ(feed(cache, sequence(2, 9)), 0u);
    EXPECT_EQ(adder_cache_problem(cache.get()), nullptr);  // said once
    EXPECT_TRUE(files().empty());
    feed(cache, sequence(1, 8));
    EXPECT_EQ(files().size(), 1u);
}

// ---- Calls ----------------------------------------------------------------------------------------------------------------

TEST_F(CacheTest, FoldersAreMadeForTheirOwnerAlone) {
    const std::string deep = folder_ + "/a/b";
    const Cache cache(adder_cache_open(deep.c_str(), model_.model(), nullptr), adder_cache_close);
    ASSERT_TRUE(cache);
    feed(cache, sequence(1, 3));
    ASSERT_EQ(files().size(), 1u);
    using std::filesystem::perms;
    for (std::filesystem::path path = files()[0]; path != directory_.path(); path = path.parent_path())
        EXPECT_EQ(std::filesystem::status(path).permissions() & (perms::group_all | perms::others_all),
                  perms::none)
            << path;
}

TEST_F(CacheTest, WhatCannotBeOpened) {
    write_text(directory_.file("file"), "");
    const struct {
        const char *folder;
        const adder_model *model;
        int error;
    } cases[] = {
        {nullptr, model_.model(), EINVAL}, {"", model_.model(), EINVAL}, {folder_.c_str(), nullptr, EINVAL}};
    for (const auto &one : cases) {
        errno = 0;
        EXPECT_EQ(adder_cache_open(one.folder, one.model, nullptr), nullptr);
        EXPECT_EQ(errno, one.error);
    }
    EXPECT_EQ(adder_cache_open(directory_.file("file").c_str(), model_.model(), nullptr), nullptr);
    EXPECT_EQ(errno, ENOTDIR);
    EXPECT_EQ(adder_cache_open(directory_.file("file/below").c_str(), model_.model(), nullptr), nullptr);
    EXPECT_EQ(errno, ENOTDIR);
    adder_cache_close(nullptr);
}

TEST_F(CacheTest, WrongCallsTakeNothing) {
    const Cache cache = open();
    TestSession session(blob_);
    const Tokens wrong = {1, 2, 5};
    size_t count = 99;
    EXPECT_EQ(adder_cache_feed(cache.get(), session.get(), wrong.data(), 3, &count), ADDER_ERROR_TOKEN);
    EXPECT_EQ(adder_session_position(session.get()), 0u);
    EXPECT_EQ(adder_cache_feed(nullptr, session.get(), wrong.data(), 2, &count), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_cache_feed(cache.get(), nullptr, wrong.data(), 2, &count), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_cache_feed(cache.get(), session.get(), nullptr, 2, &count), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_cache_resume(cache.get(), session.get(), wrong.data(), 2, nullptr), ADDER_ERROR_ARGUMENT);
    EXPECT_EQ(adder_cache_store(cache.get(), session.get(), wrong.data(), 2),
              ADDER_ERROR_ARGUMENT);  // position 0
    EXPECT_EQ(adder_cache_store(cache.get(), session.get(), nullptr, 0), ADDER_OK);
    ASSERT_EQ(adder_step_begin(session.get(), 1), ADDER_OK);
    EXPECT_EQ(adder_cache_feed(cache.get(), session.get(), wrong.data(), 2, &count), ADDER_ERROR_SEQUENCE);
    EXPECT_EQ(adder_cache_store(cache.get(), session.get(), wrong.data(), 0), ADDER_ERROR_SEQUENCE);
    EXPECT_TRUE(files().empty());
}

TEST_F(CacheTest, TheContextIsTheSessions) {
    const AlignedBytes blob = build_blob(toy_model("granitemoehybrid", recipe_named("best"), StateType::f32));
    const Tokens tokens = random_tokens(30, 260, 1);
    adder_options small{};
    small.context = 20;
    TestSession session(blob, small), large(blob);
    adder_cache_options options{};
    options.interval = 8;
    const Cache cache(adder_cache_open(folder_.c_str(), large.model(), &options), adder_cache_close);
    ASSERT_EQ(adder_cache_feed(cache.get(), large.get(), tokens.data(), 30, nullptr), ADDER_OK);
    EXPECT_EQ(adder_cache_feed(cache.get(), session.get(), tokens.data(), 21, nullptr), ADDER_ERROR_CONTEXT);
    EXPECT_EQ(adder_session_position(session.get()), 0u);
    // What has no room is passed over, and kept.
    size_t count = 99;
    EXPECT_EQ(adder_cache_resume(cache.get(), session.get(), tokens.data(), 30, &count), ADDER_OK);
    EXPECT_EQ(count, 16u);
    EXPECT_EQ(adder_cache_resume(cache.get(), large.get(), tokens.data(), 30, &count), ADDER_OK);
    EXPECT_EQ(count, 30u);
}

TEST_F(CacheTest, ProgressMayEndIt) {
    std::vector<size_t> taken;
    adder_cache_options options{};
    options.interval = 8;
    options.piece = 3;
    options.progress = [](void *context, size_t count) {
        static_cast<std::vector<size_t> *>(context)->push_back(count);
        return count == 11 ? 1 : 0;
    };
    options.progress_context = &taken;
    const Cache cache(adder_cache_open(folder_.c_str(), model_.model(), &options), adder_cache_close);
    const Tokens tokens = random_tokens(17, 5, 5);
    TestSession session(blob_);
    EXPECT_EQ(adder_cache_feed(cache.get(), session.get(), tokens.data(), 17, nullptr), ADDER_MORE);
    EXPECT_EQ(taken, (std::vector<size_t>{3, 6, 8, 11}));
    EXPECT_EQ(adder_session_position(session.get()), 11u);
    EXPECT_EQ(adder_cache_feed(cache.get(), session.get(), tokens.data(), 17, nullptr), ADDER_OK);
    EXPECT_EQ(taken, (std::vector<size_t>{3, 6, 8, 11, 14, 16, 17}));
    EXPECT_EQ(session.state(), state_after(tokens));
}

}  // namespace
}  // namespace adder::test

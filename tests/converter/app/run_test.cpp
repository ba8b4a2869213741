// adder run as a user calls it: ids, text, states, threads and pages.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include "adder/adder.h"
#include "converter/blob/file.h"
#include "converter/blob/text.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/support/error_of.h"

namespace adder::test {
namespace {

TEST_F(ToyCommands, RunPrintsIdsWhereThereIsNoTokenizer) {
    const std::vector<std::string> words = {"run", blob_,    "--ids", "1,2,3",       "-n",
                                            "5",   "--temp", "0",     "--ignore-eos"};
    const Outcome plain = adder_command(words);
    ASSERT_EQ(plain.code, 0) << plain.err;
    std::vector<std::string> with_json = words;
    with_json.push_back("--json");
    const Json json = json_of(adder_command(with_json));
    std::string list;
    for (const int64_t id : ids(json, "generated_ids"))
        list += (list.empty() ? "" : ",") + std::to_string(id);
    EXPECT_EQ(plain.out, list + "\n");
    EXPECT_EQ(ids(json, "prompt_ids"), (std::vector<int64_t>{1, 2, 3}));
    EXPECT_TRUE(json.find("text")->is_null());
    EXPECT_EQ(text(json, "stop"), "length");
    EXPECT_EQ(integer(json, "threads"), 1);
    EXPECT_HAS(plain.err, "generated 5");
    std::vector<std::string> quiet = words;
    quiet.push_back("-q");
    EXPECT_EQ(adder_command(quiet).err, "");
}

TEST_F(ToyCommands, RunIsTheSameWithThreadsChunksAndIsas) {
    std::string first;
    for (const char *threads : {"1", "2", "3"})
        for (const char *chunk : {"1", "2", "16"})
            for (const char *isa : {"", "scalar"}) {
                std::vector<std::string> words = {"run",    blob_,    "--ids",   "1,2,3,4,5", "-n",
                                                  "20",     "--temp", "1",       "-t",        threads,
                                                  "--seed", "9",      "--chunk", chunk,       "--ignore-eos"};
                if (isa[0] != '\0') words.insert(words.end(), {"--isa", isa});
                const Outcome outcome = adder_command(words);
                ASSERT_EQ(outcome.code, 0) << outcome.err;
                if (first.empty()) first = outcome.out;
                EXPECT_EQ(outcome.out, first);
            }
    EXPECT_NE(adder_command({"run", blob_, "--ids", "1,2,3,4,5", "-n", "20", "--temp", "1", "--seed", "10",
                             "--ignore-eos"})
                  .out,
              first);
}

TEST_F(ToyCommands, ASavedStateContinuesWhereItWas) {
    const std::string state = directory_.file("s.state");
    const auto generated = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"run", blob_, "--json", "--temp", "0", "--ignore-eos"});
        return ids(json_of(adder_command(words)), "generated_ids");
    };
    const std::vector<int64_t> whole = generated({"--ids", "1,2,3,4,5,6", "-n", "8"});
    EXPECT_TRUE(generated({"--ids", "1,2,3,4", "--prompt-only", "--state-save", state}).empty());
    EXPECT_EQ(std::filesystem::file_size(state), adder_state_size(BlobFile(blob_).model()));
    EXPECT_EQ(generated({"--ids", "5,6", "-n", "8", "--state-load", state}), whole);
    // A state saved after generating has seen the last token, too.
    const std::vector<int64_t> head = generated({"--ids", "1,2,3,4,5,6", "-n", "4", "--state-save", state});
    EXPECT_EQ(head, std::vector<int64_t>(whole.begin(), whole.begin() + 4));
    const std::string fifth = std::to_string(whole[4]);
    EXPECT_EQ(generated({"--ids", fifth, "-n", "3", "--state-load", state}),
              std::vector<int64_t>(whole.begin() + 5, whole.end()));

    write_text(state, read_text(state).substr(0, 100));
    const Outcome damaged = adder_command({"run", blob_, "--ids", "1", "--state-load", state});
    EXPECT_EQ(damaged.code, 3);
    EXPECT_HAS(damaged.err, "s.state: ");
}

// Each prompt with a cache and without: the same tokens, the same state after them, and as many resumed as can be.
TEST_F(ToyCommands, APromptIsReadOnceThroughACache) {
    const std::string cache = directory_.file("cache"), state = directory_.file("s.state");
    const uint32_t vocabulary = BlobFile(blob_).info().vocab_size;
    const auto list = [&](size_t count, size_t other_from) {
        std::string text;
        for (size_t i = 0; i < count; ++i)
            text += (i > 0 ? "," : "") + std::to_string((i * i + 3 * i + (i >= other_from)) % vocabulary);
        return text;
    };
    const struct {
        std::string prompt;
        int64_t resumed;
    } cases[] = {{list(1200, 2000), 0},    {list(1200, 2000), 1199}, {list(1250, 1205), 1199},
                 {list(1200, 1100), 1024}, {list(1024, 2000), 512},  {list(1, 2000), 0}};
    for (const auto &[prompt, resumed] : cases) {
        const std::vector<std::string> words = {"run",    blob_,          "--ids", prompt,
                                                "--json", "-n",           "9",     "--temp",
                                                "1",      "--state-save", state,   "--ignore-eos"};
        const Json anew = json_of(adder_command(words));
        const std::string expected = read_text(state);
        std::vector<std::string> with_cache = words;
        with_cache.insert(with_cache.end(), {"--cache", cache, "--chunk", "48"});
        const Outcome outcome = adder_command(with_cache);
        const Json json = json_of(outcome);
        EXPECT_EQ(ids(json, "generated_ids"), ids(anew, "generated_ids"));
        EXPECT_TRUE(read_text(state) == expected);
        EXPECT_EQ(integer(json, "resumed_tokens"), resumed);
        EXPECT_EQ(integer(anew, "resumed_tokens"), 0);
        EXPECT_HAS(outcome.err, "tokens, " + std::to_string(resumed) + " of them resumed, in ");
    }
}

TEST_F(ToyCommands, ACacheThatCannotBeUsed) {
    const std::string cache = directory_.file("cache");
    const std::vector<std::string> words = {"run", blob_, "--ids", "1,2,3", "-n", "2", "--ignore-eos"};
    const auto run = [&](const std::vector<std::string> &more) {
        std::vector<std::string> all = words;
        all.insert(all.end(), more.begin(), more.end());
        return adder_command(all);
    };
    const Outcome plain = run({});
    // A file where the model's folder would be: the run goes on, and says it once.
    std::filesystem::create_directory(cache);
    write_text(cache + "/" +
                   format("%016llx", static_cast<unsigned long long>(BlobFile(blob_).info().fingerprint)),
               "");
    const Outcome outcome = run({"--cache", cache});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, plain.out);
    const std::string problem = "adder: states cannot be stored in " + cache + ": ";
    EXPECT_EQ(outcome.err.find(problem), outcome.err.rfind(problem));
    EXPECT_HAS(outcome.err, problem);
    const Outcome no_folder = run({"--cache", blob_});
    EXPECT_EQ(no_folder.code, 1);
    EXPECT_HAS(no_folder.err, "cannot open the cache '" + blob_ + "': ");
    const Outcome size = run({"--cache-size", "5"});
    EXPECT_EQ(size.code, 2);
    EXPECT_HAS(size.err, "--cache-size needs --cache");
    const Outcome both = run({"--cache", cache, "--state-load", cache});
    EXPECT_EQ(both.code, 2);
    EXPECT_HAS(both.err, "does not go with --state-load");
}

TEST_F(ToyCommands, RunRefusesWhatItCannotDo) {
    const struct {
        std::vector<std::string> words;
        int code;
        const char *expected;
    } cases[] = {
        {{"-p", "x"}, 3, "carries no tokenizer"},
        {{"--ids", "1", "-p", "x"}, 2, "the prompt comes from one place"},
        {{"--ids", "1,x"}, 2, "is no list of token ids"},
        {{"--ids", "1,,2"}, 2, "is no list of token ids"},
        {{"--ids", "1,"}, 2, "is no list of token ids"},
        {{"--ids", "999999"}, 2, "token id 999999 is outside of the vocabulary, 0 to "},
        {{"--ids", "99999999999"}, 2, "token id 99999999999 is outside"},
        {{"--ids", "-1"}, 2, "is no list of token ids"},
        {{"--ids", "1", "--isa", "mmx"},
         2,
         "the instruction set is not built in or not on this CPU: mmx; usable here: scalar"},
        {{"--ids", "1", "--temp", "-1"}, 2, "--temp is -1"},
        {{"--ids", "1", "--chunk", "0"}, 2, "--chunk is 0"},
        {{"--ids", "1", "--state-load", directory_.file("none")}, 3, "cannot open"},
        {{"--ids", "1", "-n", "1", "--state-save", directory_.file("no/where")}, 1, "cannot create"},
    };
    for (const auto &[options, code, expected] : cases) {
        std::vector<std::string> words = {"run", blob_};
        words.insert(words.end(), options.begin(), options.end());
        const Outcome outcome = adder_command(words);
        EXPECT_EQ(outcome.code, code) << expected;
        EXPECT_HAS(outcome.err, expected);
    }
    setenv("ADDER_ISA", "mmx", 1);
    EXPECT_HAS(adder_command({"run", blob_, "--ids", "1"}).err, "mmx (from ADDER_ISA); usable here: scalar");
    unsetenv("ADDER_ISA");
}

TEST_F(ToyCommands, EveryKindOfPagesGivesTheSame) {
    const std::vector<std::string> words = {"run", blob_, "--ids", "1,2,3", "-n", "5", "--ignore-eos"};
    const Outcome plain = adder_command(words);
    EXPECT_EQ(plain.err.find("KiB pages"), std::string::npos);
    for (const char *option : {"--prefault", "--hugepages"}) {
        std::vector<std::string> more = words;
        more.push_back(option);
        const Outcome outcome = adder_command(more);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(outcome.out, plain.out);
        EXPECT_EQ(outcome.err.find("KiB pages") != std::string::npos, more.back() == "--hugepages");
        EXPECT_EQ(adder_command({"bench", blob_, "-p", "4", "-n", "2", "-r", "1", option}).code, 0);
    }
}

TEST_F(EndingToyCommands, AnEmptyPromptBeginsFromTheBosToken) {
    const Outcome outcome = adder_command({"run", blob_, "--ids", "", "--json", "-n", "2"});
    EXPECT_EQ(ids(json_of(outcome), "prompt_ids"), std::vector<int64_t>{3});
    EXPECT_HAS(outcome.err, "the prompt is empty: beginning from token 3");
}

TEST_F(SpeakingCommands, ACacheHasASize) {
    const std::string cache = directory_->file("cache");
    uint64_t bytes = 0;
    for (const char *prompt : {"1,2", "2,2", "3,2", "4,2", "5,2", "6,2", "7,2", "8,2", "9,2", "10,2"})
        EXPECT_EQ(adder_command({"run", *blob_, "--ids", prompt, "-n", "1", "-q", "--cache", cache,
                                 "--cache-size", "1"})
                      .code,
                  0);
    for (const auto &entry : std::filesystem::recursive_directory_iterator(cache))
        bytes += entry.is_regular_file() ? entry.file_size() : 0;
    EXPECT_LE(bytes, uint64_t{1} << 20);
    EXPECT_GT(bytes, (uint64_t{1} << 20) - 2 * adder_state_size(BlobFile(*blob_).model()));
}

TEST_F(SpeakingCommands, TheTextIsWhatTheIdsSay) {
    const std::vector<std::string> words = {"run", *blob_, "-p",          "Once upon a time",
                                            "-n",  "30",   "--ignore-eos"};
    const Outcome plain = adder_command(words);
    std::vector<std::string> with_json = words;
    with_json.push_back("--json");
    const Json json = json_of(adder_command(with_json));
    EXPECT_EQ(plain.out, text(json, "text") + "\n");
    const BlobFile blob(*blob_);
    TextStream stream(blob, false);
    std::string joined;
    for (const int64_t id : ids(json, "generated_ids")) joined += stream.put(static_cast<int32_t>(id));
    EXPECT_EQ(joined + stream.flush(), text(json, "text"));
    EXPECT_EQ(ids(json, "generated_ids").size(), 30u);
}

TEST_F(SpeakingCommands, PromptsFromFilesAndStandardInputAreAlike) {
    const std::string path = directory_->file("prompt.txt");
    write_text(path, "The old man");
    const std::vector<int64_t> expected = ids(
        json_of(adder_command({"run", *blob_, "--json", "-n", "4", "-p", "The old man"})), "generated_ids");
    EXPECT_EQ(ids(json_of(adder_command({"run", *blob_, "--json", "-n", "4", "-f", path})), "generated_ids"),
              expected);
    const int saved = dup(STDIN_FILENO);
    for (const bool explicitly : {true, false}) {
        const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        dup2(file, STDIN_FILENO);
        close(file);
        std::vector<std::string> words = {"run", *blob_, "--json", "-n", "4"};
        if (explicitly) words.insert(words.end(), {"-f", "-"});
        EXPECT_EQ(ids(json_of(adder_command(words)), "generated_ids"), expected);
    }
    dup2(saved, STDIN_FILENO);
    close(saved);
}

TEST_F(SpeakingCommands, EndTokensSpecialTokensAndThePenalty) {
    // A turn of the user is followed by the assistant's, which ends.
    const std::vector<std::string> chat = {"run", *blob_, "-p",    "<|user|>hello<|end|><|assistant|>",
                                           "-n",  "0",    "--json"};
    std::vector<std::string> special = chat;
    special.push_back("--special");
    const Json json = json_of(adder_command(special));
    EXPECT_EQ(text(json, "stop"), "eos");
    EXPECT_LT(ids(json, "prompt_ids").size(), 8u);
    EXPECT_EQ(text(json, "text").find("<|end|>"), std::string::npos);
    // Without --special the names are text like any other.
    std::vector<std::string> literal = chat;
    literal[5] = "1";
    EXPECT_GT(ids(json_of(adder_command(literal)), "prompt_ids").size(), 10u);

    const Json greedy = json_of(adder_command({"run", *blob_, "-p", "a", "-n", "1", "--temp", "0", "--json"}));
    EXPECT_EQ(greedy.find("repetition_penalty")->number("penalty"), 1);
    const Json sampled = json_of(adder_command({"run", *blob_, "-p", "a", "-n", "1", "--json"}));
    EXPECT_NEAR(sampled.find("repetition_penalty")->number("penalty"), 1.1, 1e-6);
    const Json both = json_of(adder_command(
        {"run", *blob_, "-p", "a", "-n", "1", "--temp", "0", "--repeat-penalty", "1.5", "--json"}));
    EXPECT_EQ(both.find("repetition_penalty")->number("penalty"), 1.5);
}

}  // namespace
}  // namespace adder::test

// The sentence that a page begins with.
// SPDX-License-Identifier: MIT
#include "converter/app/made.h"

#include <cstdlib>
#include <ctime>

#include "adder/adder.h"
#include "converter/base/error.h"
#include "converter/bench/machine.h"

namespace adder {
namespace {

// In quotes where a shell would take it apart.
std::string shell_word(const std::string &word) {
    static constexpr char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./,:+@%";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

}  // namespace

std::string made_sentence(const char *command, const Arguments &arguments) {
    std::string words = format("adder %s", command);
    for (const std::string &word : arguments.words()) words += " " + shell_word(word);
    const char *const epoch = std::getenv("SOURCE_DATE_EPOCH");
    std::string machine;
    if (epoch == nullptr)
        for (const BenchFact &fact : machine_facts())
            if (fact.key == std::string("cpu") || fact.key == std::string("cpus"))
                machine += (machine.empty() ? " on " : ", ") + fact.text;
    const time_t now =
        epoch == nullptr ? std::time(nullptr) : static_cast<time_t>(std::strtoll(epoch, nullptr, 10));
    tm utc{};
    char date[64] = "";
    if (gmtime_r(&now, &utc) != nullptr) std::strftime(date, sizeof date, "%Y-%m-%d", &utc);
    return format("Made by '%s' with adder %s%s, %s.", words.c_str(), adder_version(), machine.c_str(), date);
}

}  // namespace adder

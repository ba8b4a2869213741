// Parses the command line by the table of commands, runs the command and reports its errors.
// SPDX-License-Identifier: MIT
#include "converter/app/cli.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "adder/adder.h"
#include "converter/app/help.h"
#include "converter/base/error.h"
#include "converter/base/progress.h"

namespace adder {

namespace {

// The other end of standard output is closed: nobody is left to be told.
struct ReaderGone {};

void flush_output() {
    errno = 0;
    const bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
    const int error = errno;
    if (!failed) return;
    std::clearerr(stdout);
    if (error == EPIPE) throw ReaderGone{};
    fail(ExitCode::failure, "cannot write to standard output%s%s", error != 0 ? ": " : "",
         error != 0 ? std::strerror(error) : "");
}

const Command *find_command(const std::vector<Command> &commands, const std::string &name) {
    for (const std::vector<Command> *list : {&commands, &builtin_commands()})
        for (const Command &command : *list)
            if (name == command.name) return &command;
    return nullptr;
}

const Command &get_command(const std::vector<Command> &commands, const std::string &name) {
    if (const Command *const command = find_command(commands, name)) return *command;
    std::vector<std::string> names;
    for (const std::vector<Command> *list : {&commands, &builtin_commands()})
        for (const Command &command : *list) names.emplace_back(command.name);
    const std::string guess = nearest(name, names);
    if (guess.empty()) fail(ExitCode::usage, "there is no command %s; see `adder help`", name.c_str());
    fail(ExitCode::usage, "there is no command %s; did you mean %s?", name.c_str(), guess.c_str());
}

}  // namespace

// Sorts the words behind a command into options and positional arguments.
struct CommandLine {
    const Command &command;
    const std::vector<Option> options;
    Arguments arguments;

    explicit CommandLine(const Command &which) : command(which), options(all_options(which)) {}

    const Option *find(const std::string &word) const {
        for (const Option &option : options) {
            if (word == std::string("--") + option.name) return &option;
            if (option.short_name != 0 && word == std::string("-") + option.short_name) return &option;
        }
        return nullptr;
    }

    const Option &get(const std::string &word) const {
        if (const Option *const option = find(word)) return *option;
        std::vector<std::string> names;
        for (const Option &option : options) names.push_back(std::string("--") + option.name);
        const std::string guess = word.compare(0, 2, "--") == 0 ? nearest(word, names) : std::string();
        if (guess.empty())
            fail(ExitCode::usage, "there is no option %s; see `adder %s --help`", word.c_str(), command.name);
        fail(ExitCode::usage, "there is no option %s; did you mean %s?", word.c_str(), guess.c_str());
    }

    // Takes the option at words[i] and its argument; returns the index of the last word taken.
    size_t take_option(const std::vector<std::string> &words, size_t i) {
        const std::string &word = words[i];
        const size_t equals = word.compare(0, 2, "--") == 0 ? word.find('=') : std::string::npos;
        const std::string name = word.substr(0, equals);
        const Option &option = get(name);
        std::string value;
        if (equals != std::string::npos) {
            if (option.argument == nullptr) fail(ExitCode::usage, "%s takes no argument", name.c_str());
            value = word.substr(equals + 1);
        } else if (option.argument != nullptr) {
            // An option's name is no argument: `-o --force` is a slip. `--output=--force` says that it is meant.
            if (i + 1 == words.size() || find(words[i + 1]) != nullptr || words[i + 1] == "--")
                fail(ExitCode::usage, "%s needs an argument: %s", name.c_str(), option.argument);
            value = words[++i];
        }
        arguments.options_.emplace_back(option.name, value);
        return i;
    }

    void parse(const std::vector<std::string> &words) {
        bool only_positional = false;
        for (size_t i = 0; i < words.size(); ++i) {
            const std::string &word = words[i];
            if (!only_positional && word == "--") {
                only_positional = true;
            } else if (!only_positional && word.size() > 1 && word[0] == '-') {
                i = take_option(words, i);
            } else {
                arguments.positional_.push_back(word);
            }
        }
    }

    void check_positional() const {
        const std::vector<std::string> &given = arguments.positional_;
        if (given.size() < command.min_positional)
            fail(ExitCode::usage, "an argument is missing; usage: adder %s %s", command.name, command.usage);
        if (given.size() > command.max_positional)
            fail(ExitCode::usage, "there is one argument too many, %s; usage: adder %s %s",
                 given[command.max_positional].c_str(), command.name, command.usage);
    }
};

Arguments parse_words(const Command &command, const std::vector<std::string> &words) {
    CommandLine line(command);
    line.parse(words);
    return line.arguments;
}

bool Arguments::has(const std::string &name) const {
    return std::any_of(options_.begin(), options_.end(),
                       [&](const auto &option) { return option.first == name; });
}

std::string Arguments::text(const std::string &name, const std::string &fallback) const {
    const auto last = std::find_if(options_.rbegin(), options_.rend(),
                                   [&](const auto &option) { return option.first == name; });
    return last != options_.rend() ? last->second : fallback;
}

std::vector<std::string> Arguments::all(const std::string &name) const {
    std::vector<std::string> values;
    for (const auto &[option, value] : options_)
        if (option == name) values.push_back(value);
    return values;
}

int64_t Arguments::integer(const std::string &name, int64_t fallback, int64_t low, int64_t high) const {
    if (!has(name)) return fallback;
    const std::string value = text(name);
    char *end = nullptr;
    errno = 0;
    const long long number = std::strtoll(value.c_str(), &end, 10);
    const bool is_number =
        !value.empty() && *end == '\0' && std::isspace(static_cast<unsigned char>(value[0])) == 0;
    if (!is_number || errno == ERANGE || number < low || number > high)
        fail(ExitCode::usage, "--%s is %s; an integer from %lld to %lld is needed", name.c_str(),
             value.c_str(), static_cast<long long>(low), static_cast<long long>(high));
    return number;
}

double Arguments::number(const std::string &name, double fallback, double low, double high) const {
    if (!has(name)) return fallback;
    const std::string value = text(name);
    char *end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    const bool is_number =
        !value.empty() && *end == '\0' && std::isspace(static_cast<unsigned char>(value[0])) == 0;
    if (!is_number || !(number >= low && number <= high))
        fail(ExitCode::usage, "--%s is %s; a number from %g to %g is needed", name.c_str(), value.c_str(),
             low, high);
    return number;
}

std::string Arguments::choice(const std::string &name, const std::string &fallback,
                              const std::vector<std::string> &choices) const {
    if (!has(name)) return fallback;
    const std::string value = text(name);
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
    std::string list;
    for (const std::string &choice : choices) list += (list.empty() ? "" : ", ") + choice;
    fail(ExitCode::usage, "--%s is %s; one of these is needed: %s", name.c_str(), value.c_str(),
         list.c_str());
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    flush_output();
}

namespace {

int run_help(const std::vector<Command> &commands, const Arguments &arguments) {
    if (arguments.has("markdown")) {
        print(help_markdown(commands));
    } else if (arguments.positional().empty()) {
        print(help_overview(commands));
    } else {
        print(help_page(get_command(commands, arguments.positional()[0])));
    }
    return 0;
}

int run_completion(const std::vector<Command> &commands, const Arguments &arguments) {
    if (arguments.positional()[0] != "bash")
        fail(ExitCode::usage, "there is no completion for %s; only for bash",
             arguments.positional()[0].c_str());
    print(bash_completion(commands));
    return 0;
}

int run_words(const std::vector<Command> &commands, const std::vector<std::string> &words, std::string *who) {
    if (words.empty() || words[0] == "--help" || words[0] == "-h") {
        print(help_overview(commands));
        return 0;
    }
    if (words[0] == "--version") {
        print(format("adder %s\n", adder_version()));
        return 0;
    }
    const Command &command = get_command(commands, words[0]);
    *who = std::string("adder ") + command.name;
    CommandLine line(command);
    line.parse({words.begin() + 1, words.end()});
    if (line.arguments.has("help")) {
        print(help_page(command));
        return 0;
    }
    line.check_positional();
    Progress::quiet(line.arguments.has("quiet"));
    if (command.run != nullptr) return command.run(line.arguments);
    return command.name == std::string("help") ? run_help(commands, line.arguments)
                                               : run_completion(commands, line.arguments);
}

}  // namespace

int cli_main(const std::vector<Command> &commands, int argc, char **argv) {
    // A reader that goes away (adder run | head) is noticed where it is written to, so that unfinished files can be
    // removed on the way out.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is an error like a full disk
    std::string who = "adder";
    ExitCode code;
    try {
        const int result = run_words(commands, {argv + std::min(argc, 1), argv + argc}, &who);
        flush_output();
        return result;
    } catch (const ReaderGone &) {
        std::signal(SIGPIPE, SIG_DFL);
        std::raise(SIGPIPE);
        return static_cast<int>(ExitCode::failure);
    } catch (const Error &error) {
        std::fflush(stdout);
        std::fprintf(stderr, "%s: %s\n", who.c_str(), error.what());
        code = error.code();
    } catch (const std::bad_alloc &) {
        std::fprintf(stderr, "%s: there is not enough memory\n", who.c_str());
        code = ExitCode::failure;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s: internal error: %s\n", who.c_str(), error.what());
        code = ExitCode::failure;
    }
    return static_cast<int>(code);
}

}  // namespace adder

// Finds the command that is meant, runs it and reports its errors.
// SPDX-License-Identifier: MIT
#include "converter/app/cli.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
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

// In the order in which the help lists them.
std::vector<Command> all_commands() {
    return {
        convert_command(),     calibrate_command(), inspect_command(),  export_c_command(),
        constrain_command(),   run_command(),       choose_command(),   verify_command(),
        eval_command(),        bench_command(),     outliers_command(), study_command(),
        make_random_command(),
    };
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    flush_output();
}

namespace {

void check_positional(const Command &command, const std::vector<std::string> &given) {
    if (given.size() < command.min_positional)
        fail(ExitCode::usage, "an argument is missing; usage: adder %s %s", command.name, command.usage);
    if (given.size() > command.max_positional)
        fail(ExitCode::usage, "there is one argument too many, %s; usage: adder %s %s",
             given[command.max_positional].c_str(), command.name, command.usage);
}

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
    const Arguments arguments =
        parse_words(command.name, all_options(command), {words.begin() + 1, words.end()});
    if (arguments.has("help")) {
        print(help_page(command));
        return 0;
    }
    check_positional(command, arguments.positional());
    Progress::quiet(arguments.has("quiet"));
    if (command.run != nullptr) return command.run(arguments);
    return command.name == std::string("help") ? run_help(commands, arguments)
                                               : run_completion(commands, arguments);
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

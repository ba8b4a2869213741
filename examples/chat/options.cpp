// Parses the command line, and says how it goes.
// SPDX-License-Identifier: MIT
#include "options.h"

#include "failure.h"

#include <adder/pool.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>

namespace chat {
namespace {

std::string line(const std::string &left, const std::string &right) {
    std::string text = "  " + left;
    text.resize(std::max<size_t>(text.size() + 2, 24), ' ');
    return text + right + "\n";
}

struct Switch {
    const char *name;
    bool Options::*field;
    bool value;  // that it gives to the field
    const char *help;
};

constexpr Switch switches[] = {
    {"--json", &Options::json, true, "lines of JSON on standard input and output, see docs/chat.md"},
    {"--stats", &Options::stats, true, "after each answer, tokens and how many a second"},
    {"--no-wrap", &Options::wrap, false, "do not break lines between words on a terminal"},
};

// The long name of a short one, or the name as it is.
std::string long_name(const std::string &name) {
    if (name == "-p") return "--prompt";
    if (name == "-f") return "--file";
    if (name == "-t") return "--threads";
    for (const Setting &setting : all_settings()) {
        if (setting.short_name && name == std::string{'-', setting.short_name})
            return std::string("--") + setting.name;
    }
    return name;
}

uint32_t whole_number(const std::string &name, const std::string &value, uint32_t low, uint32_t high) {
    uint32_t number = 0;
    const char *const end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || stop != end || number < low || number > high)
        throw Failure(Exit::usage, name + " needs a whole number from " + std::to_string(low) + " to " +
                                       std::to_string(high) + ", not '" + value + "'");
    return number;
}

}  // namespace

Options parse_options(int count, char **arguments) {
    Options options;
    bool only_files = false;
    for (int i = 1; i < count; ++i) {
        std::string name = arguments[i];
        if (only_files || name.size() < 2 || name[0] != '-') {
            if (!options.blob.empty())
                throw Failure(Exit::usage, "one blob at a time: '" + name + "' is a second one");
            options.blob = name;
            continue;
        }
        if (name == "--") {
            only_files = true;
            continue;
        }
        const size_t equals = name.find('=');
        const bool has_value = equals != std::string::npos;
        std::string value = has_value ? name.substr(equals + 1) : "";
        if (has_value) name.resize(equals);
        const std::string given = name;
        if (!has_value) name = long_name(name);

        const bool help = name == "--help" || name == "-h";
        if (help || name == "--version") {
            if (has_value) throw Failure(Exit::usage, name + " takes no value");
            options.action = help ? Options::Action::help : Options::Action::version;
            return options;
        }
        if (name == "--hugepages" || name == "--prefault") {
            if (has_value) throw Failure(Exit::usage, name + " takes no value");
            if (name == "--hugepages" || options.pages == adder::Pages::mapped)
                options.pages = name == "--hugepages" ? adder::Pages::huge_pages : adder::Pages::prefault;
            continue;
        }
        if (name == "--resume" || name == "--cache") {
            if (!has_value && ++i == count) throw Failure(Exit::usage, name + " needs a value");
            (name == "--resume" ? options.resume : options.cache) = has_value ? value : arguments[i];
            continue;
        }
        const Switch *const found = std::find_if(std::begin(switches), std::end(switches),
                                                 [&](const Switch &s) { return name == s.name; });
        if (found != std::end(switches)) {
            if (has_value) throw Failure(Exit::usage, name + " takes no value");
            options.*found->field = found->value;
            continue;
        }
        const Setting *setting = name.rfind("--", 0) == 0 ? find_setting(name.substr(2)) : nullptr;
        if (!setting && name != "--prompt" && name != "--file" && name != "--system" && name != "--isa" &&
            name != "--threads" && name != "--context" && name != "--constraint") {
            throw Failure(Exit::usage, "unknown option '" + given + "'");
        }
        if (!has_value) {
            if (++i == count) throw Failure(Exit::usage, given + " needs a value");
            value = arguments[i];
        }
        if (setting) {
            Settings scratch;
            apply(*setting, scratch, given, value);
            options.settings.emplace_back(setting, value);
        } else if (name == "--system") {
            if (value.empty()) throw Failure(Exit::usage, "--system needs a text");
            options.system = value;
        } else if (name == "--isa") {
            options.isa = value;
        } else if (name == "--constraint") {
            options.constraint = value;
        } else if (name == "--threads") {
            options.threads = whole_number(name, value, 0, ADDER_POOL_MAX_THREADS);
        } else if (name == "--context") {
            options.context = whole_number(name, value, 1, 1u << 24);
        } else {
            const bool is_file = name == "--file";
            if (value.empty())
                throw Failure(Exit::usage, given + (is_file ? " needs a file" : " needs a text"));
            if (options.one_prompt && is_file == options.prompt_file.empty())
                throw Failure(Exit::usage, "the prompt comes from one place: --prompt or --file");
            options.one_prompt = true;
            (is_file ? options.prompt_file : options.prompt) = value;
        }
    }
    if (options.blob.empty()) throw Failure(Exit::usage, "no blob given");
    return options;
}

std::string help_text() {
    std::string text = "usage: adder-chat FILE.adder [options]\n"
                       "\n"
                       "Talks with the model in FILE.adder. From a terminal it is a conversation (/help "
                       "lists its commands);\n"
                       "from a pipe each line is answered. Answers go to stdout, everything else to stderr.\n"
                       "\n";
    text += line("-p, --prompt TEXT", "answer TEXT, and exit");
    text += line("-f, --file FILE", "answer the text in FILE, and exit; - is the standard input");
    text += line("--system TEXT",
                 "begin every conversation with this system text, in place of the template's own");
    for (const Setting &setting : all_settings()) {
        const std::string short_name = setting.short_name ? std::string{'-', setting.short_name} + ", " : "";
        text += line(short_name + "--" + setting.name + " " + setting.value, setting.help);
    }
    text += line("--resume NAME", "go on with the conversation of this name, and save it after every answer");
    text +=
        line("--cache DIR",
             "a folder of states: how a conversation begins, its system text and first turn, is read once");
    text += line("--constraint FILE", "answer only what the constraint allows, a file of adder constrain");
    text +=
        line("--isa NAME", "instruction set to compute with (scalar, avx2, ...); the results are the same");
    text += line("-t, --threads N", "threads to compute with; 0: one a CPU (default 1)");
    text += line("--context N",
                 "of a model whose attention sees all of a conversation, tokens that there is room for");
    for (const Switch &s : switches) text += line(s.name, s.help);
    text += line("--prefault", "read the whole blob at once, not where it is touched");
    text += line("--hugepages", "copy the blob into huge pages, as far as the system has them");
    text += line("--help, --version", "");
    text +=
        "\n"
        "Sampling starts from the blob's own defaults and, without --seed, from a random seed; but adder-13m\n"
        "answers at temperature 0.1, where bookings hold together, and continues texts at the blob's.\n"
        "\n"
        "environment: ADDER_ISA=NAME as --isa; NO_COLOR=1 for no colours; ADDER_HISTORY=FILE keeps what was typed\n"
        "             there, and empty nowhere (default: adder/history in XDG_STATE_HOME or ~/.local/state)\n"
        "exit codes:  0 ok, 1 failure, 2 usage, 3 a file that cannot be read or is not supported\n";
    return text;
}

}  // namespace chat

// Help pages, docs/cli.md, shell completion and suggestions, from the table of commands.
// SPDX-License-Identifier: MIT
#include "converter/app/help.h"

#include <algorithm>
#include <numeric>

#include "adder/adder.h"

namespace adder {

namespace {

constexpr size_t page_width = 100;

struct CodeMeaning {
    int code;
    const char *meaning;
};
constexpr CodeMeaning exit_codes[] = {
    {0, "success"},
    {1, "an operation failed: no space, a verification that differs, an interrupt"},
    {2, "the command line is wrong"},
    {3, "a file cannot be read, is damaged or is not supported"},
    {4, "the result is worse than the quality gate allows"},
};

// Fills lines up to page_width; lines after the first are indented. An empty line separates paragraphs, and other
// line breaks are spaces.
std::string wrapped(const std::string &text, size_t indent, size_t column) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find_first_of(" \n", at), text.size());
        const bool starts_line = out.empty() || column == indent;
        if (!starts_line && column + 1 + (end - at) > page_width) {
            out += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (!starts_line) {
            out += ' ';
            ++column;
        }
        out.append(text, at, end - at);
        column += end - at;
        at = std::min(text.find_first_not_of(" \n", end), text.size());
        if (at < text.size() && std::count(text.begin() + static_cast<std::ptrdiff_t>(end),
                                           text.begin() + static_cast<std::ptrdiff_t>(at), '\n') > 1) {
            out += "\n\n" + std::string(indent, ' ');
            column = indent;
        }
    }
    return out;
}

// "-o, --output FILE"; without a short name the long one stands in its column.
std::string option_heading(const Option &option, bool align) {
    std::string text;
    if (option.short_name != 0) {
        text = std::string("-") + option.short_name + ", ";
    } else if (align) {
        text = "    ";
    }
    text += std::string("--") + option.name;
    if (option.argument != nullptr) text += std::string(" ") + option.argument;
    return text;
}

std::string option_help(const Option &option) {
    return std::string(option.help) + (option.repeatable ? " May be repeated." : "");
}

std::vector<Command> with_builtins(const std::vector<Command> &commands) {
    std::vector<Command> all = commands;
    all.insert(all.end(), builtin_commands().begin(), builtin_commands().end());
    return all;
}

size_t longest_name(const std::vector<Command> &commands) {
    size_t longest = 0;
    for (const Command &command : commands) longest = std::max(longest, std::string(command.name).size());
    return longest;
}

// Replaces what Markdown's tables would take for a column's end.
std::string table_cell(const std::string &text) {
    std::string out;
    for (const char c : text)
        out += c == '|' ? std::string("\\|") : c == '<' ? std::string("&lt;") : std::string(1, c);
    return out;
}

std::string option_words(const Command &command) {
    std::string words;
    for (const Option &option : all_options(command))
        words += (words.empty() ? "--" : " --") + std::string(option.name);
    return words;
}

}  // namespace

const std::vector<Option> &common_options() {
    static const std::vector<Option> options = {
        {"quiet", 'q', nullptr, false, "Print no progress and no remarks on standard error."},
        {"help", 'h', nullptr, false, "Print this help and exit."},
    };
    return options;
}

std::vector<Option> all_options(const Command &command) {
    std::vector<Option> options = command.options;
    for (const Option &common : common_options()) {
        const bool defined = std::any_of(options.begin(), options.end(), [&](const Option &option) {
            return std::string(option.name) == common.name;
        });
        if (!defined) options.push_back(common);
    }
    return options;
}

const std::vector<Command> &builtin_commands() {
    static const std::vector<Command> commands = {
        {"help",
         "[COMMAND]",
         "Show this overview, or the help of a command",
         "With --markdown the help of all commands as one document: docs/cli.md.",
         {"adder help run", "adder help --markdown > docs/cli.md"},
         {{"markdown", 0, nullptr, false, "Print the help of all commands as a Markdown document."}},
         0,
         1,
         nullptr},
        {"completion",
         "bash",
         "Print a script that completes commands and options",
         "Load it in ~/.bashrc, or keep it in the directory of completions.",
         {"source <(adder completion bash)",
          "adder completion bash > ~/.local/share/bash-completion/completions/adder"},
         {},
         1,
         1,
         nullptr},
    };
    return commands;
}

std::string help_overview(const std::vector<Command> &commands) {
    std::string out = "adder " + std::string(adder_version()) +
                      ": Mamba language models with int8 weights, on small machines\n\nExamples:\n";
    for (const Command &command : commands)
        if (!command.examples.empty()) out += std::string("  ") + command.examples.front() + "\n";
    out += "\nUsage: adder COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:\n";
    const std::vector<Command> all = with_builtins(commands);
    const size_t width = longest_name(all);
    for (const Command &command : all) {
        const std::string name = command.name;
        out += "  " + name + std::string(width - name.size() + 2, ' ') + command.summary + "\n";
    }
    out += "\n`adder help COMMAND` and `adder COMMAND --help` describe a command; `adder --version` prints "
           "the version.\n";
    out += "\nExit codes:\n";
    for (const CodeMeaning &code : exit_codes)
        out += "  " + std::to_string(code.code) + "  " + code.meaning + "\n";
    return out;
}

std::string help_page(const Command &command) {
    std::string out = std::string("adder ") + command.name + ": " + command.summary + "\n\n";
    if (!command.examples.empty()) {
        out += "Examples:\n";
        for (const char *example : command.examples) out += std::string("  ") + example + "\n";
        out += "\n";
    }
    out += std::string("Usage: adder ") + command.name + " " + command.usage + "\n\n";
    out += wrapped(command.description, 0, 0) + "\n\nOptions:\n";
    const std::vector<Option> options = all_options(command);
    size_t width = 0;
    for (const Option &option : options) width = std::max(width, option_heading(option, true).size());
    const size_t column = 2 + width + 2;
    for (const Option &option : options) {
        const std::string heading = option_heading(option, true);
        out += "  " + heading + std::string(width - heading.size() + 2, ' ') +
               wrapped(option_help(option), column, column) + "\n";
    }
    return out;
}

std::string help_markdown(const std::vector<Command> &commands) {
    std::string out = "# The command line\n\nThis page is what `adder help --markdown` prints.\n\n";
    out += "| command | what it does |\n|---|---|\n";
    const std::vector<Command> all = with_builtins(commands);
    for (const Command &command : all)
        out += std::string("| [`adder ") + command.name + "`](#adder-" + command.name + ") | " +
               table_cell(command.summary) + " |\n";
    out += "\n| exit code | meaning |\n|---|---|\n";
    for (const CodeMeaning &code : exit_codes)
        out += "| " + std::to_string(code.code) + " | " + code.meaning + " |\n";
    for (const Command &command : all) {
        out += std::string("\n## adder ") + command.name + "\n\n" + command.summary + ".\n";
        if (!command.examples.empty()) {
            out += "\n```sh\n";
            for (const char *example : command.examples) out += std::string(example) + "\n";
            out += "```\n";
        }
        out += std::string("\nUsage: `adder ") + command.name + " " + command.usage + "`\n";
        out += "\n" + wrapped(command.description, 0, 0) + "\n";
        out += "\n| option | |\n|---|---|\n";
        for (const Option &option : all_options(command))
            out += "| `" + table_cell(option_heading(option, false)) + "` | " +
                   table_cell(option_help(option)) + " |\n";
    }
    return out;
}

std::string bash_completion(const std::vector<Command> &commands) {
    const std::vector<Command> all = with_builtins(commands);
    std::string names, cases;
    for (const Command &command : all) {
        names += (names.empty() ? "" : " ") + std::string(command.name);
        cases += std::string("        ") + command.name + ") options=\"" + option_words(command) + "\" ;;\n";
    }
    return "# Completion of adder's commands and options for bash: source <(adder completion bash)\n"
           "_adder() {\n"
           "    local word=\"${COMP_WORDS[COMP_CWORD]}\" options=\"\"\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W \"" +
           names +
           " --help --version\" -- \"$word\"))\n"
           "        return\n"
           "    fi\n"
           "    case \"${COMP_WORDS[1]}\" in\n" +
           cases +
           "    esac\n"
           "    case \"${COMP_WORDS[1]}\" in\n"
           "        help) options=\"$options " +
           names +
           "\" ;;\n"
           "        completion) options=\"$options bash\" ;;\n"
           "        *) [[ \"$word\" == -* ]] || return ;;  # a file: what bash does by default\n"
           "    esac\n"
           "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
           "}\n"
           "complete -o bashdefault -o default -F _adder adder\n";
}

}  // namespace adder

// The table of commands, and what each does.
// SPDX-License-Identifier: MIT
#include "commands.h"

#include "failure.h"
#include "terminal.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace chat {
namespace {

struct Call {
    Conversation &conversation;
    std::string argument;
    std::string *message;
};

struct Command {
    const char *name;
    const char *argument;  // how the help calls it; null: takes none; [in brackets]: takes one or none
    const char *help;
    Next (*run)(const Call &call);
};

std::string home(const std::string &path) {
    const char *folder = std::getenv("HOME");
    return path.rfind("~/", 0) == 0 && folder ? folder + path.substr(1) : path;
}

// A message as a note shows it: its beginning, whole UTF-8 sequences, one line.
std::string shortened(std::string text) {
    constexpr size_t most = 60;
    if (text.size() > most) {
        size_t end = most;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0u) == 0x80) --end;
        text = text.substr(0, end) + "...";
    }
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

Next show_help(const Call &call);

const std::vector<Command> &all_commands() {
    static const std::vector<Command> table = {
        {"help", nullptr, "this list", show_help},
        {"reset", nullptr, "forget the conversation, and start anew",
         [](const Call &call) {
             call.conversation.reset();
             show_note("The conversation starts anew.");
             return Next::line;
         }},
        {"undo", nullptr, "take back the last message and its answer (or the last /reset or /load)",
         [](const Call &call) {
             std::string said;
             const std::string *exchange = call.conversation.last_message();
             const bool was_exchange = exchange != nullptr;
             if (!call.conversation.undo(&said))
                 show_note("There is nothing to take back.");
             else if (was_exchange)
                 show_note("Taken back: " + shortened(said));
             else
                 show_note("Taken back.");
             return Next::line;
         }},
        {"retry", nullptr, "take back the last answer, and answer again",
         [](const Call &call) {
             if (!call.conversation.last_message()) {
                 show_note("There is nothing to answer again.");
                 return Next::line;
             }
             call.conversation.undo(call.message);
             return Next::again;
         }},
        {"raw", "[TEXT]",
         "continue TEXT as it stands, apart from the conversation; without TEXT, go on with the last one",
         [](const Call &call) {
             if (call.conversation.is_constrained())
                 throw Failure(Exit::usage, "/raw would not keep to the constraint");
             if (!call.argument.empty()) *call.message = call.argument;
             if (call.message->empty()) throw Failure(Exit::usage, "/raw needs a TEXT the first time");
             return Next::raw;
         }},
        {"save", "FILE", "save the conversation",
         [](const Call &call) {
             call.conversation.save(home(call.argument));
             show_note("Saved to " + call.argument + ".");
             return Next::line;
         }},
        {"load", "FILE", "go on with a saved conversation",
         [](const Call &call) {
             call.conversation.load(home(call.argument));
             show_note("Loaded from " + call.argument + ".");
             return Next::line;
         }},
        {"stats", nullptr, "speed, memory and settings",
         [](const Call &call) {
             show_note(call.conversation.report());
             return Next::line;
         }},
        {"exit", nullptr, "leave, as Ctrl-D does", [](const Call &) { return Next::leave; }},
        {"quit", nullptr, "the same", [](const Call &) { return Next::leave; }},
    };
    return table;
}

std::string help_line(const std::string &name, const char *argument, const char *help) {
    std::string text = "/" + name + (argument ? std::string(" ") + argument : "");
    text.resize(std::max<size_t>(text.size() + 2, 20), ' ');
    return text + help;
}

Next show_help(const Call &call) {
    for (const Command &command : all_commands()) {
        show_note(help_line(command.name, command.argument, command.help));
    }
    for (const Setting &setting : all_settings())
        show_note(help_line(setting.name, setting.value, setting.help));
    show_note("A setting without a value shows the one in force. A text that begins with a slash is written "
              "with two.");
    show_note("Ctrl-C stops an answer. Up to " + std::to_string(call.conversation.undo_levels()) +
              " messages can be taken back.");
    return Next::line;
}

void change_setting(const Setting &setting, const Call &call) {
    Settings &settings = call.conversation.settings;
    if (!call.argument.empty()) apply(setting, settings, std::string("/") + setting.name, call.argument);
    show_note(std::string(setting.name) + " " + setting.get(settings));
}

}  // namespace

bool is_command(const std::string &line) {
    return line.size() >= 1 && line[0] == '/' && line.rfind("//", 0) != 0;
}

std::string text_of(const std::string &line) { return line.rfind("//", 0) == 0 ? line.substr(1) : line; }

Next run_command(const std::string &line, Conversation &conversation, std::string *message) {
    constexpr const char *blanks = " \t\n";
    const size_t name_end = std::min(line.find_first_of(blanks), line.size());
    const std::string name = line.substr(1, name_end - 1);
    const size_t first = line.find_first_not_of(blanks, name_end);
    const size_t last = line.find_last_not_of(blanks);
    const Call call{conversation, first == std::string::npos ? "" : line.substr(first, last + 1 - first),
                    message};
    try {
        for (const Command &command : all_commands()) {
            if (name != command.name) continue;
            if (!command.argument && !call.argument.empty())
                throw Failure(Exit::usage, "/" + name + " takes no value");
            if (command.argument && command.argument[0] != '[' && call.argument.empty()) {
                throw Failure(Exit::usage, "/" + name + " needs a " + command.argument);
            }
            return command.run(call);
        }
        const Setting *setting = find_setting(name);
        if (!setting) throw Failure(Exit::usage, "unknown command '/" + name + "'; /help lists the commands");
        change_setting(*setting, call);
    } catch (const Failure &failure) {
        show_error(failure.what());
    }
    return Next::line;
}

}  // namespace chat

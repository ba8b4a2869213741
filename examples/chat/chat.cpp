// adder-chat: talks with a model on a terminal, from a pipe, or once. See help_text() in options.cpp.
// SPDX-License-Identifier: MIT
#include "commands.h"
#include "conversation.h"
#include "failure.h"
#include "model_file.h"
#include "named_conversation.h"
#include "options.h"
#include "prompt_cache.h"
#include "terminal.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <random>

namespace chat {
namespace {

// " of 2048 tokens ...", where they are used up.
std::string ways_on(const Conversation &conversation) {
    return " of " + std::to_string(conversation.context()) +
           " tokens: /reset begins anew, /undo takes back, --context N makes room for more.";
}

std::string no_room(const Conversation &conversation) {
    return "There is no room for this in the context" + ways_on(conversation);
}

const char *const unformed =
    "No answer within max-tokens keeps to the constraint: your message is taken back.";

// Streams an answer to stdout and ends it with a newline. Failure(failure) if stdout takes no more.
End answer(Conversation &conversation, const std::string &text) {
    clear_interrupt();
    const End end = conversation.answer(text, [](std::string_view piece) {
        std::fwrite(piece.data(), 1, piece.size(), stdout);
        std::fflush(stdout);
    });
    if (end != End::taken_back && end != End::no_room && end != End::unformed) std::fputc('\n', stdout);
    std::fflush(stdout);
    if (std::ferror(stdout))
        throw Failure(Exit::failure, std::string("standard output: ") + std::strerror(errno));

    if (end == End::taken_back) show_note("\nStopped before the answer began: your message is taken back.");
    if (end == End::stopped) show_note("Stopped.");
    if (end == End::full) show_note("The context" + ways_on(conversation));
    if (end == End::limit && conversation.has_template()) {
        show_note("Cut off after " + std::to_string(conversation.settings.max_tokens) +
                  " tokens, see max-tokens.");
    }
    return end;
}

void greet(const Conversation &conversation) {
    const Model &model = conversation.model();
    std::string name = model.text(ADDER_TEXT_NAME);
    if (name.empty()) name = "a model without a name";
    char numbers[128];
    std::snprintf(numbers, sizeof numbers, ", %.1f M parameters, on %s; context %zu bytes, arena %zu bytes",
                  static_cast<double>(model.info().parameters) / 1e6, conversation.isa(),
                  conversation.state_bytes(), conversation.arena_bytes());
    show_note(name + numbers);
    show_note("/help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves.");
}

// Answers line after line until the input ends.
void converse(Conversation &conversation, bool on_terminal) {
    if (on_terminal) {
        catch_interrupts();
        greet(conversation);
    }
    LineReader lines;
    std::string line;
    bool leave_on_interrupt = false;
    for (;;) {
        if (on_terminal) show_prompt("> ");
        const Input input = lines.next(line);
        if (input == Input::interrupted) {
            std::fputc('\n', stderr);
            if (leave_on_interrupt) return;
            show_note("Ctrl-C again, Ctrl-D or /exit leaves.");
            leave_on_interrupt = true;
            clear_interrupt();
            continue;
        }
        leave_on_interrupt = false;
        if (input == Input::end) {
            if (on_terminal) std::fputc('\n', stderr);
            return;
        }
        if (line.find_first_not_of(" \t") == std::string::npos) continue;
        std::string text = text_of(line);
        if (is_command(line)) {
            const Next next = run_command(line, conversation, &text);
            if (next == Next::leave) return;
            if (next == Next::line) continue;
        }
        const End end = answer(conversation, text);
        if (end == End::no_room) show_note(no_room(conversation));
        if (end == End::unformed && !on_terminal) throw Failure(Exit::failure, unformed);
        if (end == End::unformed) show_note(unformed);
        clear_interrupt();
    }
}

void run(const Options &options) {
    const Model model(options.blob, options.pages);
    if (options.pages == adder::Pages::huge_pages) show_note("The model lies in " + model.page_kind() + ".");
    std::optional<ConstraintFile> constraint;
    if (!options.constraint.empty()) constraint.emplace(options.constraint);
    Conversation conversation(model, options.isa, options.threads, options.context, options.system);
    if (constraint) conversation.constrain(constraint->get());
    apply(*find_setting("seed"), conversation.settings, "seed", std::to_string(std::random_device{}()));
    for (const auto &[setting, value] : options.settings) {
        apply(*setting, conversation.settings, setting->name, value);
    }
    std::optional<PromptCache> cache;
    if (options.cache) conversation.read_through(cache.emplace(*options.cache, model));
    std::optional<NamedConversation> named;
    if (options.resume) {
        named.emplace(*options.resume, conversation).resume(options.system.has_value());
        conversation.after_answer = [&] { named->save(); };
    }
    if (!conversation.has_template())
        show_note("This model has no chat template: your text is simply continued.");

    if (options.one_prompt) {
        const End end = answer(conversation, options.prompt);
        if (end == End::no_room) throw Failure(Exit::failure, no_room(conversation));
        if (end == End::unformed) throw Failure(Exit::failure, unformed);
    } else {
        converse(conversation, isatty(STDIN_FILENO) != 0);
    }
}

int fail(Exit code, const char *sentence) {
    show_error(sentence);
    if (code == Exit::usage) show_note("adder-chat --help tells more.");
    return static_cast<int>(code);
}

}  // namespace
}  // namespace chat

int main(int count, char **arguments) {
    using namespace chat;
    try {
        const Options options = parse_options(count, arguments);
        if (options.action == Options::Action::help)
            std::fputs(help_text().c_str(), stdout);
        else if (options.action == Options::Action::version)
            std::printf("adder-chat %s\n", adder_version());
        else
            run(options);
    } catch (const Failure &failure) {
        return fail(failure.code(), failure.what());
    } catch (const std::exception &exception) {
        return fail(Exit::failure, exception.what());
    }
    return static_cast<int>(Exit::ok);
}

// adder-chat: talks with a model on a terminal, from a pipe, or once. See help_text() in options.cpp.
// SPDX-License-Identifier: MIT
#include "commands.h"
#include "conversation.h"
#include "failure.h"
#include "json_chat.h"
#include "known_models.h"
#include "message_reader.h"
#include "model_file.h"
#include "named_conversation.h"
#include "options.h"
#include "prompt_cache.h"
#include "terminal.h"
#include "word_wrap.h"

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

enum class Form { turn, raw };

// Streams an answer to stdout, on a terminal with its lines broken between words, and ends it with a newline; adds it to
// *written. Failure(failure) if stdout takes no more.
End answer(Conversation &conversation, const Options &options, Form form, const std::string &text,
           std::string *written) {
    clear_interrupt();
    const Statistics before = conversation.statistics();
    WordWrap wrap;
    const bool wraps = options.wrap && isatty(STDOUT_FILENO) != 0;
    const auto width = [&] { return wraps ? terminal_size(STDOUT_FILENO).columns : 0; };
    const auto print = [](std::string_view piece) {
        std::fwrite(piece.data(), 1, piece.size(), stdout);
        std::fflush(stdout);
    };
    const auto show = [&](std::string_view piece) {
        *written += piece;
        print(wrap.take(piece, width()));
    };
    const End end =
        form == Form::raw ? conversation.continue_text(text, show) : conversation.answer(text, show);
    print(wrap.rest(width()));
    if (end != End::taken_back && end != End::no_room && end != End::unformed) std::fputc('\n', stdout);
    std::fflush(stdout);
    if (std::ferror(stdout))
        throw Failure(Exit::failure, std::string("standard output: ") + std::strerror(errno));

    if (end == End::taken_back) show_note("\nStopped before the answer began: your message is taken back.");
    if (end == End::stopped) show_note("Stopped.");
    if (end == End::full) show_note("The context" + ways_on(conversation));
    if (end == End::limit && conversation.has_template() && form == Form::turn) {
        show_note("Cut off after " + std::to_string(conversation.settings.max_tokens) +
                  " tokens, see max-tokens.");
    }
    if (end == End::limit && form == Form::raw) show_note("/raw goes on.");
    if (options.stats) show_note(describe(conversation.statistics() - before));
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
    show_note(hint_for(model.text(ADDER_TEXT_NAME), conversation.has_template()));
    show_note("/help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves.");
}

// Answers message after message until the input ends.
void converse(Conversation &conversation, const Options &options, bool on_terminal) {
    if (on_terminal) {
        catch_interrupts();
        greet(conversation);
    }
    MessageReader reader(on_terminal);
    Message message;
    std::string raw_text;  // that /raw without a text goes on with
    bool leave_on_interrupt = false;
    for (;;) {
        const Input input = reader.next(message);
        if (input == Input::interrupted) {
            if (leave_on_interrupt) return;
            show_note("Ctrl-C again, Ctrl-D or /exit leaves.");
            leave_on_interrupt = true;
            clear_interrupt();
            continue;
        }
        leave_on_interrupt = false;
        if (input == Input::end) return;
        if (message.text.find_first_not_of(" \t\n") == std::string::npos) continue;
        std::string text = message.verbatim ? message.text : text_of(message.text), written;
        Form form = Form::turn;
        if (!message.verbatim && is_command(message.text)) {
            text = raw_text;
            const Next next = run_command(message.text, conversation, &text);
            if (next == Next::leave) return;
            if (next == Next::line) continue;
            if (next == Next::raw) form = Form::raw;
        }
        reader.answering(true);
        const End end = answer(conversation, options, form, text, &written);
        reader.answering(false);
        if (form == Form::raw) raw_text = text + written;
        if (end == End::no_room) show_note(no_room(conversation));
        if (end == End::unformed && !on_terminal) throw Failure(Exit::failure, unformed);
        if (end == End::unformed) show_note(unformed);
        clear_interrupt();
    }
}

// Without the newlines at its end.
std::string text_of_file(const std::string &path) {
    std::string text;
    if (path == "-") {
        char bytes[4096];
        for (size_t count; (count = std::fread(bytes, 1, sizeof bytes, stdin)) > 0;)
            text.append(bytes, count);
        if (std::ferror(stdin))
            throw Failure(Exit::bad_input, std::string("standard input: ") + std::strerror(errno));
    } else {
        const Mapping file = Mapping::file(path);
        text.assign(static_cast<const char *>(file.data()), file.size());
    }
    text.resize(text.find_last_not_of("\r\n") + 1);
    if (text.empty()) throw Failure(Exit::bad_input, path + ": there is no text in it");
    return text;
}

void run(const Options &options) {
    const Model model(options.blob, options.pages);
    if (options.pages == adder::Pages::huge_pages) show_note("The model lies in " + model.page_kind() + ".");
    std::optional<ConstraintFile> constraint;
    if (!options.constraint.empty()) constraint.emplace(options.constraint);
    Conversation conversation(model, options.isa, options.threads, options.context, options.system);
    if (constraint) conversation.constrain(constraint->get());
    apply(*find_setting("seed"), conversation.settings, "seed", std::to_string(std::random_device{}()));
    const KnownModel *const known = find_known_model(model.text(ADDER_TEXT_NAME));
    if (known && known->temperature) {
        conversation.settings.text_temperature = conversation.settings.sampler.temperature;
        conversation.settings.sampler.temperature = *known->temperature;
    }
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

    const std::string prompt =
        options.prompt_file.empty() ? options.prompt : text_of_file(options.prompt_file);
    if (options.json) {
        converse_in_json(conversation, options.one_prompt ? &prompt : nullptr);
    } else if (options.one_prompt) {
        std::string written;
        const End end = answer(conversation, options, Form::turn, prompt, &written);
        if (end == End::no_room) throw Failure(Exit::failure, no_room(conversation));
        if (end == End::unformed) throw Failure(Exit::failure, unformed);
    } else {
        converse(conversation, options, isatty(STDIN_FILENO) != 0);
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

// --json: a conversation as lines of JSON.
// SPDX-License-Identifier: MIT
#include "json_chat.h"

#include "failure.h"
#include "json_object.h"
#include "terminal.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace chat {
namespace {

using Kind = JsonMember::Kind;

// What a line asks for.
struct Request {
    std::optional<std::string> prompt, raw, system;
    bool reset = false;
    std::vector<std::pair<const Setting *, std::string>> settings;  // valid, in the order given
};

void print_line(const std::string &line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
    if (std::ferror(stdout))
        throw Failure(Exit::failure, std::string("standard output: ") + std::strerror(errno));
}

void print_error(const std::string &sentence) { print_line("{\"error\": " + json_string(sentence) + "}"); }

const Setting *setting_of(const std::string &name) {
    for (const Setting &setting : all_settings()) {
        if (name == setting.json) return &setting;
    }
    return nullptr;
}

std::string needed(const JsonMember &member, Kind kind, const char *what) {
    if (member.kind != kind) throw Failure(Exit::usage, member.name + " needs " + what);
    return member.text;
}

Request read_request(const std::string &line) {
    Request request;
    Settings scratch;
    for (const JsonMember &member : parse_json_object(line)) {
        const Setting *const setting = setting_of(member.name);
        if (setting) {
            apply(*setting, scratch, member.name, needed(member, Kind::number, setting->range));
            request.settings.emplace_back(setting, member.text);
        } else if (member.name == "prompt") {
            request.prompt = needed(member, Kind::string, "a string");
        } else if (member.name == "raw") {
            request.raw = needed(member, Kind::string, "a string");
        } else if (member.name == "system") {
            request.system = needed(member, Kind::string, "a string");
        } else if (member.name == "reset") {
            request.reset = needed(member, Kind::boolean, "true or false") == "true";
        } else {
            throw Failure(Exit::usage, "there is no member " + json_string(member.name));
        }
    }
    if (request.prompt && request.raw) throw Failure(Exit::usage, "a line has a prompt or raw, not both");
    if (request.prompt && request.prompt->empty()) throw Failure(Exit::usage, "prompt is empty");
    if (request.raw && request.raw->empty()) throw Failure(Exit::usage, "raw is empty");
    if (request.system && !request.reset)
        throw Failure(Exit::usage, "system begins a conversation: it needs reset");
    return request;
}

const char *name_of(End end) {
    switch (end) {
    case End::complete: return "complete";
    case End::limit: return "limit";
    case End::stopped: return "stopped";
    case End::taken_back: return "taken_back";
    case End::full: return "full";
    case End::no_room:
    case End::unformed: break;
    }
    return nullptr;
}

void answer(Conversation &conversation, const std::string &text, bool raw) {
    if (raw && conversation.is_constrained())
        throw Failure(Exit::usage, "raw would not keep to the constraint");
    clear_interrupt();
    const Statistics before = conversation.statistics();
    const auto start = std::chrono::steady_clock::now();
    const auto show = [](std::string_view piece) {
        if (!piece.empty()) print_line("{\"text\": " + json_string(piece) + "}");
    };
    const End end = raw ? conversation.continue_text(text, show) : conversation.answer(text, show);
    clear_interrupt();  // before the last line is written: one that comes after it ends the program
    if (end == End::no_room)
        throw Failure(Exit::failure, "there is no room for this in the context of " +
                                         std::to_string(conversation.context()) + " tokens");
    if (end == End::unformed)
        throw Failure(Exit::failure, "no answer within max_tokens keeps to the constraint");
    const Statistics done = conversation.statistics() - before;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    char numbers[128];
    std::snprintf(numbers, sizeof numbers,
                  "\"prompt_tokens\": %llu, \"answer_tokens\": %llu, \"seconds\": %.6f",
                  static_cast<unsigned long long>(done.prompt_tokens),
                  static_cast<unsigned long long>(done.answer_tokens), seconds);
    print_line(std::string("{\"end\": \"") + name_of(end) + "\", " + numbers + "}");
}

// A line that is wrong changes nothing.
void answer_line(Conversation &conversation, const std::string &line) {
    const Request request = read_request(line);
    if (request.system)
        conversation.begin_with(*request.system, "system");
    else if (request.reset)
        conversation.reset();
    for (const auto &[setting, value] : request.settings) {
        apply(*setting, conversation.settings, setting->json, value);
    }
    if (request.prompt || request.raw)
        answer(conversation, request.prompt ? *request.prompt : *request.raw, request.raw.has_value());
    else
        print_line("{\"end\": \"complete\"}");
}

}  // namespace

void converse_in_json(Conversation &conversation, const std::string *prompt) {
    catch_interrupts();
    if (prompt) {
        try {
            answer(conversation, *prompt, false);
        } catch (const Failure &failure) {
            print_error(failure.what());
            throw;
        }
        return;
    }
    LineReader lines(max_json_line);
    std::string line;
    for (;;) {
        const Input input = lines.next(line);
        if (input == Input::end || input == Input::interrupted) return;
        if (input == Input::too_long) {
            print_error("a line has more than " + std::to_string(max_json_line) + " bytes");
            continue;
        }
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        try {
            answer_line(conversation, line);
        } catch (const JsonError &error) {
            print_error(error.what());
        } catch (const Failure &failure) {
            if (std::ferror(stdout)) throw;
            print_error(failure.what());
        }
    }
}

}  // namespace chat

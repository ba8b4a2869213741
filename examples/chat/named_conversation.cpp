// Where named conversations are, and whose they are.
// SPDX-License-Identifier: MIT
#include "named_conversation.h"

#include "failure.h"
#include "model_file.h"
#include "terminal.h"
#include "user_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace chat {
namespace {

void check_name(const std::string &name) {
    const bool has_wrong_byte = std::any_of(name.begin(), name.end(), [](char c) {
        return c == '/' || static_cast<unsigned char>(c) < 32 || c == 127;
    });
    if (name.empty() || name.size() > 100 || name[0] == '.' || has_wrong_byte)
        throw Failure(Exit::usage,
                      "--resume needs a name of 1 to 100 bytes without '/', not beginning with '.', "
                      "not '" +
                          name + "'; a file is for /load");
}

// Made if need be, for its owner alone.
std::string folder() {
    if (user_folder().empty())
        throw Failure(Exit::failure, "--resume: neither XDG_STATE_HOME nor HOME names a folder");
    const std::string path = user_folder() + "/conversations";
    if (!make_private_folder(path))
        throw Failure(Exit::failure, "--resume: " + path + ": " + std::strerror(errno));
    return path;
}

std::string description(const std::string &name, const std::string &path) {
    return (name.empty() ? "a model without a name" : name) + " (" + path + ")";
}

}  // namespace

NamedConversation::NamedConversation(const std::string &name, Conversation &conversation)
    : name_(name), conversation_(conversation) {
    check_name(name);
    const std::string base = folder() + "/" + name;
    path_ = base + ".state";
    model_path_ = base + ".model";
}

// The fingerprint stands behind the magic number, 8 bytes each. All else the reader of the file checks.
void NamedConversation::check_model() const {
    uint64_t start[2] = {0, 0};
    std::ifstream(path_, std::ios::binary).read(reinterpret_cast<char *>(start), sizeof start);
    const Model &model = conversation_.model();
    if (std::memcmp(start, "ADDERST1", 8) != 0 || start[1] == model.info().fingerprint) return;
    std::string other = "another model", name, path;
    std::ifstream told(model_path_);
    if (std::getline(told, name) && std::getline(told, path)) other = description(name, path);
    throw Failure(Exit::bad_input, path_ + ": the conversation '" + name_ + "' is one with " + other +
                                       ", not with " + description(model.text(ADDER_TEXT_NAME), model.path()) +
                                       ": another name begins another one");
}

void NamedConversation::resume(bool with_system_text) {
    std::error_code ignored;
    if (!std::filesystem::exists(path_, ignored)) {
        show_note("'" + name_ + "' is a new conversation.");
        return;
    }
    check_model();
    conversation_.load(path_);
    show_note("Resumed '" + name_ + "' after " + std::to_string(conversation_.position()) + " tokens.");
    if (with_system_text)
        show_note("Its system text is the one that it began with; --system counts after /reset.");
}

void NamedConversation::save() {
    try {
        conversation_.save(path_);
    } catch (const Failure &failure) {
        if (isatty(STDIN_FILENO) == 0) throw;
        show_error(failure.what());
        return;
    }
    if (told_model_) return;
    const Model &model = conversation_.model();
    std::error_code ignored;
    std::filesystem::path path = std::filesystem::absolute(model.path(), ignored);
    std::ofstream(model_path_) << model.text(ADDER_TEXT_NAME) << '\n' << path.string() << '\n';
    told_model_ = true;
}

}  // namespace chat

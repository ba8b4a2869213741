// Chat templates: what stands around the turns of a conversation, found by rendering a checkpoint's Jinja template.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace adder {

// A turn is prefix + text + suffix, whatever its position. A conversation is begin, then its turns; where an answer is
// asked for, assistant_prefix ends it.
struct ChatTemplate {
    std::string begin;  // before the first turn: the bos token, or nothing
    std::string own_system;  // after it, where the first turn is not a system's: a system text that the template has of its own
    std::string system_prefix, system_suffix;
    std::string user_prefix, user_suffix;
    std::string assistant_prefix, assistant_suffix;
    bool has_system;  // the template takes a system message
};

// Reads the chat_template.jinja beside a tokenizer_config.json, or else its chat_template: a text, or a list of {name,
// template}, of which "default" counts. The tokens are those of the tokenizer_config.json. Nothing, and no warning, if the file has none; nothing and a sentence in *warning if the template has no such form,
// or cannot be understood. Throws Error(bad_input) if the file cannot be read or is no JSON.
std::optional<ChatTemplate> read_chat_template(const std::string &tokenizer_config_path, std::string *warning);

// That of a checkpoint: of its tokenizer_config.json if there is one and it has any; else that of a GGUF file which the tokenizer is
// in; else, where the tokenizer is a vocabulary of RWKV's World models, what those were trained on. Paths are empty where there is no such file.
std::optional<ChatTemplate> find_chat_template(const std::string &tokenizer_config_path,
                                               const std::string &tokenizer_path, std::string *warning);

// What the user asks for: "plain", "chatml", or the path of a Jinja template; its tokens are those of the tokenizer_config.json,
// if there is one. Throws Error(bad_input) where it cannot be used.
ChatTemplate chat_template_of_form(const std::string &form, const std::string &tokenizer_config_path);

// The same for the template itself. Work and memory are bounded, whatever the template is.
std::optional<ChatTemplate> probe_chat_template(std::string_view source, const std::string &bos_token,
                                                const std::string &eos_token, std::string *warning);

}  // namespace adder

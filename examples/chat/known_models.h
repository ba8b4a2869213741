// What is known of the models that come with Adder: how to begin, and at which temperature a conversation holds together.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

namespace chat {

struct KnownModel {
    const char *name;  // as its blob states it
    const char *hint;
    // Of answers, where another one than the blob's holds a conversation together better: docs/chat.md has the measurements.
    std::optional<float> temperature;
};

const KnownModel *find_known_model(const std::string &name);  // null: it is another one

// One line for someone who has a prompt in front of him, and does not know what to type.
std::string hint_for(const std::string &name, bool has_template);

}  // namespace chat

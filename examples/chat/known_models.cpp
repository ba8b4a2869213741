// What is known of the models that come with Adder.
// SPDX-License-Identifier: MIT
#include "known_models.h"

namespace chat {
namespace {

constexpr KnownModel known_models[] = {
    {"adder-13m",
     "It books tables and tells stories, and invents freely. Try: I am looking for a restaurant in Oakland.",
     0.1f},
    {"adder-1m-int4", "It books tables, and invents freely. Try: I am looking for a restaurant in Oakland.", {}},
};

}  // namespace

const KnownModel *find_known_model(const std::string &name) {
    for (const KnownModel &model : known_models) {
        if (name == model.name) return &model;
    }
    return nullptr;
}

std::string hint_for(const std::string &name, bool has_template) {
    if (const KnownModel *const known = find_known_model(name)) return known->hint;
    return has_template
               ? "Type a message, and Enter; or /raw and the beginning of a text that is to be continued."
               : "Type the beginning of a text, and Enter: the model continues it.";
}

}  // namespace chat

// Where what belongs to a user is kept: adder/ in XDG_STATE_HOME or ~/.local/state (XDG Base Directory Specification).
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace chat {

// Empty where there is neither XDG_STATE_HOME nor HOME.
std::string user_folder();

// Makes a folder and those above it, where they are not there, for their owner alone. False, with errno set, if it cannot be made.
bool make_private_folder(const std::string &path);

}  // namespace chat

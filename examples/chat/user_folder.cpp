// The folder of a user's files.
// SPDX-License-Identifier: MIT
#include "user_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

namespace chat {

std::string user_folder() {
    const char *const state = std::getenv("XDG_STATE_HOME"), *const home = std::getenv("HOME");
    if (state && state[0] == '/') return std::string(state) + "/adder";
    return home && home[0] == '/' ? std::string(home) + "/.local/state/adder" : std::string();
}

bool make_private_folder(const std::string &path) {
    bool made = true;
    for (size_t at = 0; at != std::string::npos;) {
        at = path.find('/', at + 1);
        made = mkdir(path.substr(0, at).c_str(), 0700) == 0 || errno == EEXIST;
    }
    return made;
}

}  // namespace chat

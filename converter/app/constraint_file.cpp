// Opens the file of a constraint.
// SPDX-License-Identifier: MIT
#include "converter/app/constraint_file.h"

#include <cstring>
#include <fstream>

#include "converter/base/error.h"
#include "converter/blob/file.h"
#include "runtime/constraint.h"

namespace adder {

const Option constraint_option = {
    "constraint", 0, "FILE", false,
    "Generate only what the constraint allows, a file of adder constrain (default: anything)."};

ConstraintFile::ConstraintFile(const std::string &path) : file_(path) {
    adder_error error{};
    const adder_status status = adder_constraint_open(&constraint_, file_.data(), file_.size(), &error);
    if (status != ADDER_OK) bad_input("%s: %s", path.c_str(), error_text(status, error).c_str());
}

bool is_constraint(const std::string &path) {
    char begin[sizeof constraint_magic] = {};
    std::ifstream file(path, std::ios::binary);
    return file.read(begin, sizeof begin) && std::memcmp(begin, constraint_magic, sizeof begin) == 0;
}

std::string_view ConstraintFile::bytes() const {
    ConstraintHeader header;
    std::memcpy(&header, file_.data(), sizeof header);
    return file_.text().substr(0, header.size);
}

std::vector<std::string> ConstraintFile::texts(size_t most) const {
    const auto &header = *reinterpret_cast<const ConstraintHeader *>(file_.data());
    std::vector<std::string> found;
    // A way into the automaton: its states, and in each the byte that is tried next. No way is longer than the longest text, and
    // each leads to a text, so that few are tried in vain.
    std::vector<std::pair<uint32_t, unsigned>> way = {{0, 0}};
    std::string text;
    while (!way.empty()) {
        auto &[state, byte] = way.back();
        if (byte == 0 && header.state()[state].lacks == 0) {
            if (found.size() == most)
                bad_input("%s allows more than %zu texts, too many to choose from", path().c_str(), most);
            found.push_back(text);
        }
        uint32_t next = constraint_no_state;
        for (; byte < 256 && next == constraint_no_state; ++byte) {
            const auto one = static_cast<uint8_t>(byte);
            next = constraint_walk(header, state, &one, 1);
            if (next != constraint_no_state && text.size() + 1 + header.state()[next].lacks > header.longest)
                next = constraint_no_state;
        }
        if (next == constraint_no_state) {
            way.pop_back();
            if (!text.empty()) text.pop_back();
        } else {
            text += static_cast<char>(byte - 1);
            way.emplace_back(next, 0);
        }
    }
    return found;
}

}  // namespace adder

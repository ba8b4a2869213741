// Cutting of paths.
// SPDX-License-Identifier: MIT
#include "converter/base/paths.h"

namespace adder {

std::string path_end(std::string path, int parts) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    size_t at = path.size();
    while (parts-- > 0) {
        at = at == 0 ? std::string::npos : path.rfind('/', at - 1);
        if (at == std::string::npos) return path;
    }
    return path.substr(at + 1);
}

std::string file_name(const std::string &path) { return path_end(path, 1); }

}  // namespace adder

// Whether a page is well-formed: every element is closed in turn, every attribute quoted, every & an entity.
// SPDX-License-Identifier: MIT
#pragma once

#include <regex>
#include <string>
#include <vector>

namespace adder::test {

// What is wrong with a page that has no comments and no CDATA sections; empty: nothing.
inline std::string xml_error(const std::string &page) {
    static const std::regex tag("<(/?)([a-zA-Z][a-zA-Z0-9]*)((\\s+[a-zA-Z0-9:-]+=\"[^\"<]*\")*)\\s*(/?)>");
    static const std::regex entity("^&(amp|lt|gt|quot|#39);");
    std::vector<std::string> open;
    const auto excerpt = [&](size_t at) { return "'" + page.substr(at, 60) + "'"; };
    size_t at = 0;
    if (page.rfind("<!DOCTYPE html>", 0) == 0) at = 15;
    while (at < page.size()) {
        const char c = page[at];
        if (c == '&' && !std::regex_search(page.substr(at, 8), entity)) return "no entity: " + excerpt(at);
        if (c == '>') return "a bare >: " + excerpt(at);
        if (c != '<') {
            ++at;
            continue;
        }
        const size_t end = page.find('>', at);
        const std::string text = page.substr(at, end == std::string::npos ? end : end - at + 1);
        std::smatch match;
        if (!std::regex_match(text, match, tag)) return "no tag: " + excerpt(at);
        const std::string name = match[2];
        if (match[1].length() > 0) {
            if (open.empty() || open.back() != name) return "closes nothing: " + excerpt(at);
            open.pop_back();
        } else if (match[5].length() == 0) {
            open.push_back(name);
        }
        at = end + 1;
        // A style sheet is no markup.
        if (name == "style" && match[1].length() == 0) at = page.find("</style>", at);
    }
    return open.empty() ? "" : "never closed: " + open.back();
}

}  // namespace adder::test

// Whether a page is well-formed: every element is closed in turn, every attribute quoted, every & an entity.
// SPDX-License-Identifier: MIT
#pragma once

#include <regex>
#include <string>
#include <vector>

namespace adder::test {

// A page without what its links save and where they lead to in it: what remains of an address is one of elsewhere.
inline std::string without_own_links(std::string page) {
    for (const std::string &begin : {std::string("href=\"#"), std::string("href=\"data:")})
        for (size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at))
            page.erase(at, page.find('"', at + begin.size()) + 1 - at);
    return page;
}

// What is wrong with a page that has no comments and no CDATA sections; empty: nothing.
inline std::string xml_error(const std::string &whole) {
    const std::string page = without_own_links(whole);  // which are long for a regular expression
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

// Reading of these options and lists.
// SPDX-License-Identifier: MIT
#include "converter/app/pages.h"

#include <charconv>

#include "converter/base/error.h"

namespace adder {

const Option prefault_option = {"prefault", 0, nullptr, false,
                                "Read the whole blob before the work begins, not where it is touched."};
const Option huge_pages_option = {
    "hugepages", 0, nullptr, false,
    "Copy the blob into huge pages, as far as the system has them, instead of mapping it."};

Pages pages_of(const Arguments &arguments) {
    return arguments.has("hugepages")  ? Pages::huge_pages
           : arguments.has("prefault") ? Pages::prefault
                                       : Pages::mapped;
}

std::vector<int32_t> parse_ids(const std::string &list, uint32_t vocab_size) {
    std::vector<int32_t> ids;
    const char *at = list.data();
    const char *const end = at + list.size();
    while (true) {
        while (at < end && *at == ' ') ++at;
        uint32_t id = 0;
        const auto [next, error] = std::from_chars(at, end, id);
        if (error == std::errc::invalid_argument)
            fail(ExitCode::usage, "\"%s\" is no list of token ids; \"5,17,3\" would be one", list.c_str());
        if (error != std::errc() || id >= vocab_size)
            fail(ExitCode::usage, "token id %.*s is outside of the vocabulary, 0 to %u",
                 static_cast<int>(next - at), at, vocab_size - 1);
        ids.push_back(static_cast<int32_t>(id));
        at = next;
        if (at == end) return ids;
        if (*at++ != ',')
            fail(ExitCode::usage, "\"%s\" is no list of token ids; \"5,17,3\" would be one", list.c_str());
    }
}

}  // namespace adder

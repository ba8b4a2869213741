// Reads the beginning of a conversation through a cache of states.
// SPDX-License-Identifier: MIT
#include "prompt_cache.h"

#include "failure.h"
#include "terminal.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace chat {

PromptCache::PromptCache(const std::string &folder, const Model &model) : cache_(nullptr, adder_cache_close) {
    adder_cache_options options{};
    options.piece = 128;  // tokens between two looks at Ctrl-C
    options.progress = [](void *, size_t) { return interrupted() ? 1 : 0; };
    cache_.reset(adder_cache_open(folder.c_str(), model.get(), &options));
    if (!cache_) throw Failure(Exit::failure, "--cache: " + folder + ": " + std::strerror(errno));
}

bool PromptCache::feed(adder_session *session, const std::vector<int32_t> &tokens, size_t count, size_t begin,
                       size_t *resumed) {
    // The longest of all first: the turn may have been read before as well.
    check(adder_cache_resume(cache_.get(), session, tokens.data(), count, resumed), "resuming");
    for (const size_t end : {std::min(begin, count), count}) {
        if (adder_session_position(session) >= end) continue;
        const adder_status status = adder_cache_feed(cache_.get(), session, tokens.data(), end, nullptr);
        if (status == ADDER_MORE) return false;
        check(status, "reading");
    }
    if (const char *const problem = adder_cache_problem(cache_.get())) show_note(problem);
    if (*resumed > 0)
        show_note("Resumed " + std::to_string(*resumed) + " of " + std::to_string(count) +
                  " tokens from the cache.");
    return true;
}

}  // namespace chat

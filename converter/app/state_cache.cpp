// Reading a prompt, through the folder of --cache where there is one.
// SPDX-License-Identifier: MIT
#include "converter/app/state_cache.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "converter/base/error.h"

namespace adder {

namespace {

constexpr int64_t mebibyte = 1 << 20;

}  // namespace

const Option cache_option = {
    "cache", 0, "DIR", false,
    "A folder of states: what the prompt begins with alike with one read before is not read again (docs/cache.md)."};
const Option cache_size_option = {
    "cache-size", 0, "MIB", false,
    "Mebibytes that this folder may have; what was not used for the longest time goes first (default: 1024)."};

StateCache::StateCache(const Arguments &arguments, const BlobFile &blob, uint32_t piece)
    : blob_(blob), piece_(piece), cache_(nullptr, adder_cache_close) {
    const int64_t size = arguments.integer("cache-size", ADDER_CACHE_BUDGET / mebibyte, 1, int64_t{1} << 40);
    if (!arguments.has("cache")) {
        if (arguments.has("cache-size")) fail(ExitCode::usage, "--cache-size needs --cache");
        return;
    }
    adder_cache_options options{};
    options.budget = static_cast<uint64_t>(size * mebibyte);
    options.piece = piece;
    options.progress = look;
    options.progress_context = this;
    const std::string directory = arguments.text("cache");
    cache_.reset(adder_cache_open(directory.c_str(), blob.model(), &options));
    if (!cache_)
        fail(ExitCode::failure, "cannot open the cache '%s': %s", directory.c_str(), std::strerror(errno));
}

int StateCache::look(void *context, size_t taken) {
    auto *const cache = static_cast<StateCache *>(context);
    cache->progress_->advance(taken - cache->taken_);
    cache->taken_ = taken;
    return interrupted() ? 1 : 0;
}

size_t StateCache::feed(adder_session *session, const int32_t *tokens, size_t count) {
    const std::string what = blob_.path() + ": feeding the prompt";
    Progress progress("prompt", count);
    size_t resumed = 0;
    if (cache_) {
        progress_ = &progress;
        taken_ = 0;
        const adder_status status = adder_cache_feed(cache_.get(), session, tokens, count, &resumed);
        if (const char *const problem = adder_cache_problem(cache_.get()))
            std::fprintf(stderr, "adder: %s\n", problem);
        throw_if_interrupted();
        check(status, what);
        return resumed;
    }
    // In pieces, so that an interrupt is noticed.
    for (size_t done = 0; done < count;) {
        const size_t some = std::min<size_t>(piece_, count - done);
        check(adder_feed(session, tokens + done, some), what);
        done += some;
        progress.advance(some);
        throw_if_interrupted();
    }
    return resumed;
}

}  // namespace adder

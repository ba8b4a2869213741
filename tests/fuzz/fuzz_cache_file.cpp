// Fuzz target: a file of the cache of states of any bytes, as it is, and with its checksums made right.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "host/cache_file.h"
#include "runtime/crc32.h"
#include "tests/support/blob_builder.h"

using namespace adder;
using namespace adder::test;

namespace {

constexpr size_t count = 9;  // tokens; of the hybrid more than a page

// A Mamba, and a hybrid, whose state has pages.
struct Toy {
    AlignedBytes blob;
    std::unique_ptr<TestSession> session;
    Tokens tokens;
    std::vector<uint8_t> file, before;
};
std::vector<Toy> &toys() {
    static std::vector<Toy> all = [] {
        std::vector<Toy> made(2);
        BlobSpec spec;
        ModelConfig &config = spec.checkpoint.config;
        config.n_layer = 1;
        config.d_model = config.d_inner = 8;
        config.vocab_size = 5;
        made[0].blob = build_blob(spec);
        made[1].blob = build_blob(toy_model("granitemoehybrid", recipe_named("best"), StateType::f32));
        for (Toy &toy : made) {
            toy.session = std::make_unique<TestSession>(toy.blob);
            toy.tokens = random_tokens(count, 5, 1);
            if (adder_feed(toy.session->get(), toy.tokens.data(), count) != ADDER_OK) std::abort();
            toy.file.resize(cache_file_size(toy.session->model(), count));
            if (cache_file_save(toy.session->get(), toy.tokens.data(), count, toy.file.data(),
                                toy.file.size()) != ADDER_OK)
                std::abort();
            adder_state_reset(toy.session->get());
            toy.session->step(1);
            toy.before = toy.session->state();
        }
        return made;
    }();
    return all;
}

void require(bool holds) {
    if (!holds) std::abort();
}

// Loaded whole, or the session is what it was.
CacheFile load(Toy &toy, const std::vector<uint8_t> &bytes) {
    adder_session *const session = toy.session->get();
    const CacheFile result = cache_file_load(session, toy.tokens.data(), count, bytes.data(), bytes.size());
    if (result != CacheFile::whole) {
        require(toy.session->state() == toy.before);
        return result;
    }
    require(adder_session_position(session) == count);
    toy.session->step(3);  // whatever the floats are
    require(adder_state_load(session, toy.before.data(), toy.before.size(), nullptr) == ADDER_OK);
    return result;
}

void put_u32(std::vector<uint8_t> &bytes, size_t at, uint32_t value) {
    if (bytes.size() >= at + 4) std::memcpy(bytes.data() + at, &value, 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (Toy &toy : toys()) {
        std::vector<uint8_t> bytes(data, data + size);
        if (load(toy, bytes) == CacheFile::whole) require(bytes == toy.file);

        // The sums made right of what the header says: still nothing but the state of these tokens, of the right size, is loaded.
        uint64_t tokens = 0;
        if (size >= 64) std::memcpy(&tokens, data + 24, 8);
        if (size < 128 || tokens > (size - 128) / 4) continue;
        const auto state = static_cast<size_t>(64 + 4 * tokens);
        put_u32(bytes, state + 32, 0);
        put_u32(bytes, state + 32, crc32(0, bytes.data() + state, bytes.size() - state));
        put_u32(bytes, 12, 0);
        put_u32(bytes, 12, crc32(0, bytes.data(), state + 64));
        if (load(toy, bytes) == CacheFile::whole)
            require(std::memcmp(bytes.data() + 64, toy.file.data() + 64, 4 * count) == 0 &&
                    bytes.size() == toy.file.size());
    }
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *data, size_t size)) {
    for (const Toy &toy : toys()) add(toy.file.data(), toy.file.size());
}

extern "C" const char *const adder_fuzz_words[] = {"ADDERCS1", "ADDERST1", "ADDERMK1", nullptr};

// Fuzz target: a saved state of any bytes, as it is, and with its checksum, magic and fingerprint made right.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "runtime/crc32.h"
#include "tests/support/blob_builder.h"

using namespace adder;
using namespace adder::test;

namespace {

// Mamba, Mamba-2, Mamba-2 with a state in half precision, and a hybrid, whose state has pages.
constexpr uint32_t toys = 4;
const AlignedBytes &toy_blob(uint32_t which) {
    static const std::vector<AlignedBytes> blobs = [] {
        std::vector<AlignedBytes> all;
        for (uint32_t kind = 0; kind + 1 < toys; ++kind) {
            BlobSpec spec;
            ModelConfig &config = spec.checkpoint.config;
            config.model_type = kind == 0 ? "mamba" : "mamba2";
            config.n_layer = 1;
            config.d_model = 8;
            config.d_inner = kind == 0 ? 8 : 16;
            config.n_head = 2;
            config.vocab_size = 5;
            spec.state = kind == 2 ? StateType::f16 : StateType::f32;
            all.push_back(build_blob(spec));
        }
        all.push_back(build_blob(toy_model("granitemoehybrid", recipe_named("best"), StateType::f32)));
        return all;
    }();
    return blobs[which];
}

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

namespace {

void load_and_go_on(TestSession &session, const std::vector<uint8_t> &empty, const uint8_t *data, size_t size) {
    adder_error error{};
    const std::vector<uint8_t> before = session.state();
    const bool sound = adder_state_load(session.get(), data, size, &error) == ADDER_OK;
    require(sound || (session.state() == before && error.status != ADDER_OK));

    // The header made right: whatever the floats are, going on is safe.
    std::vector<uint8_t> state(empty);
    std::copy_n(data, std::min(size, state.size() - 64), state.begin() + 64);
    std::memset(state.data() + 32, 0, 4);
    const uint32_t crc = crc32(0, state.data(), state.size());
    std::memcpy(state.data() + 32, &crc, 4);
    require(adder_state_load(session.get(), state.data(), state.size(), nullptr) == ADDER_OK);
    require(session.state() == state);
    session.step(3);

    // A mark's the same, in front of the token that the session has.
    std::vector<uint8_t> mark(adder_mark_size(session.model()));
    require(adder_mark_save(session.get(), mark.data(), mark.size()) == ADDER_OK);
    std::copy_n(data, std::min(size, mark.size() - 64), mark.begin() + 64);
    std::memset(mark.data() + 32, 0, 4);
    const uint32_t crc_of_mark = crc32(0, mark.data(), mark.size());
    std::memcpy(mark.data() + 32, &crc_of_mark, 4);
    require(adder_state_load(session.get(), mark.data(), mark.size(), nullptr) == ADDER_OK);
    require(adder_session_position(session.get()) == 1);
    session.step(3);
    require(adder_feed(session.get(), Tokens{0, 1, 2, 3, 4}.data(), 5) == ADDER_OK);
    adder_state_reset(session.get());
    require(session.state() == empty);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const std::vector<std::unique_ptr<TestSession>> sessions = [] {
        std::vector<std::unique_ptr<TestSession>> all;
        for (uint32_t i = 0; i < toys; ++i) all.push_back(std::make_unique<TestSession>(toy_blob(i)));
        return all;
    }();
    static const std::vector<std::vector<uint8_t>> empty = [] {
        std::vector<std::vector<uint8_t>> all;
        for (const auto &session : sessions) all.push_back(session->state());
        return all;
    }();
    for (uint32_t i = 0; i < toys; ++i) load_and_go_on(*sessions[i], empty[i], data, size);
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (uint32_t which = 0; which < toys; ++which) {
        TestSession session(toy_blob(which));
        for (int32_t token = 0; token < 3; ++token) {
            const std::vector<uint8_t> state = session.state();
            add(state.data(), state.size());
            session.step(token);
        }
    }
    const uint32_t specials[] = {0x7f800000, 0xff800000, 0x7fc00000, 1,
                                 0x80000000, 0x7f7fffff, 0x00800000, 0xffffffff};
    add(reinterpret_cast<const uint8_t *>(specials), sizeof specials);
}

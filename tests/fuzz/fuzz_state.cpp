// Fuzz target: a saved state of any bytes, as it is, and with its checksum, magic and fingerprint made right.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "runtime/crc32.h"
#include "tests/support/blob_builder.h"

using namespace adder;
using namespace adder::test;

namespace {

const AlignedBytes &toy_blob() {
    static const AlignedBytes blob = [] {
        BlobSpec spec;
        spec.checkpoint.config.n_layer = 1;
        spec.checkpoint.config.d_model = 8;
        spec.checkpoint.config.d_inner = 8;
        spec.checkpoint.config.vocab_size = 5;
        return build_blob(spec);
    }();
    return blob;
}

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static TestSession session(toy_blob());
    static const std::vector<uint8_t> empty = session.state();
    adder_error error{};
    const std::vector<uint8_t> before = session.state();
    const bool sound = adder_state_load(session.get(), data, size, &error) == ADDER_OK;
    require(sound || (session.state() == before && error.status != ADDER_OK));

    // The header made right: whatever the floats are, going on is safe.
    std::vector<uint8_t> state(empty);
    const size_t floats = std::min(size, state.size() - 64);
    std::copy_n(data, floats, state.begin() + 64);
    std::memset(state.data() + 32, 0, 4);
    const uint32_t crc = crc32(0, state.data(), state.size());
    std::memcpy(state.data() + 32, &crc, 4);
    require(adder_state_load(session.get(), state.data(), state.size(), nullptr) == ADDER_OK);
    require(session.state() == state);
    session.step(3);
    require(adder_feed(session.get(), Tokens{0, 1, 2, 3, 4}.data(), 5) == ADDER_OK);
    adder_state_reset(session.get());
    require(session.state() == empty);
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    TestSession session(toy_blob());
    for (int32_t token = 0; token < 3; ++token) {
        const std::vector<uint8_t> state = session.state();
        add(state.data(), state.size());
        session.step(token);
    }
    const uint32_t specials[] = {0x7f800000, 0xff800000, 0x7fc00000, 1,
                                 0x80000000, 0x7f7fffff, 0x00800000, 0xffffffff};
    add(reinterpret_cast<const uint8_t *>(specials), sizeof specials);
}

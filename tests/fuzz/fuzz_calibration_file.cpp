// Fuzz target: calibration files, which may come from another machine.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "converter/base/error.h"
#include "converter/calibrate/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    try {
        const adder::CalibrationFile file(text, "c.json");
        adder::each_input_of(file.source(), [&](adder::Role role, uint32_t block) {
            const adder::ChannelStatistics statistics = file.statistics(role, block);
            for (uint32_t i = 0; i < statistics.channels(); ++i)
                if (!std::isfinite(statistics.absmax(i)) || !std::isfinite(statistics.mean_square(i)))
                    std::abort();
        });
        // What was read is written so that it reads the same.
        const std::string written = adder::merge_calibrations({file});
        if (adder::merge_calibrations({adder::CalibrationFile(written, "d.json")}) != written) std::abort();
    } catch (const adder::Error &) {
    }
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    const char text[] =
        R"({"adder_calibration":2,"checkpoint":{"name":"m","weights_crc32":"00000000","tokenizer_crc32":"ffffffff",)"
        R"("d_model":2,"n_layer":1,"vocab_size":9,"d_inner":3,"dt_rank":1},"window":512,"texts":[{"name":"t","bytes":3,)"
        R"("crc32":"01234567","tokens":700}],"golden":[1,8],"inputs":[)"
        R"({"tensor":"layers.0.in_proj","absmax":[1,1.5],"counts":["160b","150Bd3d9z"]},)"
        R"({"tensor":"layers.0.x_proj","absmax":[0,0.5,1e5],"counts":["","152b","286bb"]},)"
        R"({"tensor":"layers.0.dt_proj","absmax":[1],"counts":["160b"]},)"
        R"({"tensor":"layers.0.out_proj","absmax":[1,1e-7,3],"counts":["160b","","172b"]},)"
        R"({"tensor":"head","absmax":[1,1],"counts":["160b","160Zb"]}]})";
    const char mamba2[] =
        R"({"adder_calibration":2,"checkpoint":{"name":"m","weights_crc32":"00000000","tokenizer_crc32":"ffffffff",)"
        R"("d_model":2,"n_layer":1,"vocab_size":9,"kind":"mamba2","d_inner":3},"window":512,"texts":[{"name":"t",)"
        R"("bytes":3,"crc32":"01234567","tokens":700}],"golden":[1,8],"inputs":[)"
        R"({"tensor":"layers.0.in_proj","absmax":[1,1.5],"counts":["160b","150Bd3d9z"]},)"
        R"({"tensor":"layers.0.out_proj","absmax":[1,1e-7,3],"counts":["160b","","172b"]},)"
        R"({"tensor":"head","absmax":[1,1],"counts":["160b","160Zb"]}]})";
    // Two shapes of a kind, of which one has more inputs.
    const char rwkv7[] =
        R"({"adder_calibration":2,"checkpoint":{"name":"m","weights_crc32":"00000000","tokenizer_crc32":"ffffffff",)"
        R"("d_model":2,"n_layer":2,"vocab_size":9,"shapes":[{"kind":"rwkv7","w_rank":1,"a_rank":1,"g_rank":1,"d_inner":2},)"
        R"({"kind":"rwkv7","flags":16,"w_rank":1,"v_rank":1,"a_rank":1,"g_rank":1,"d_inner":2}],)"
        R"("blocks":[0,1],"layers":[0,1]},)"
        R"("window":512,"texts":[{"name":"t","bytes":3,"crc32":"01234567","tokens":700}],"golden":[1,8],"inputs":[)"
        R"({"tensor":"layers.0.r_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.0.w1_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.0.w2_proj","absmax":[1],"counts":["160b"]},)"
        R"({"tensor":"layers.0.k_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.0.v_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.0.a1_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.0.a2_proj","absmax":[1],"counts":["160b"]},)"
        R"({"tensor":"layers.0.g1_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.0.g2_proj","absmax":[1],"counts":["160b"]},)"
        R"({"tensor":"layers.0.out_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.1.r_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.1.w1_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.1.w2_proj","absmax":[1],"counts":["160b"]},)"
        R"({"tensor":"layers.1.k_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.1.v_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.1.v1_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.1.v2_proj","absmax":[1],"counts":["160b"]},)"
        R"({"tensor":"layers.1.a1_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.1.a2_proj","absmax":[1],"counts":["160b"]},)"
        R"({"tensor":"layers.1.g1_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"layers.1.g2_proj","absmax":[1],"counts":["160b"]},)"
        R"({"tensor":"layers.1.out_proj","absmax":[1,1],"counts":["160b","160b"]},)"
        R"({"tensor":"head","absmax":[1,1],"counts":["160b","160b"]}]})";
    for (const char *seed : {text, mamba2, rwkv7})
        add(reinterpret_cast<const uint8_t *>(seed), std::strlen(seed));
}

extern "C" const char *const adder_fuzz_words[] = {"\"absmax\"",
                                                   "\"counts\"",
                                                   "\"tensor\"",
                                                   "\"160b\"",
                                                   "\"kind\":\"mamba2\",",
                                                   "\"flags\":16,",
                                                   "287",
                                                   "ZZZZZZZ",
                                                   "1e39",
                                                   "-1",
                                                   "null",
                                                   "[]",
                                                   "{}",
                                                   "head",
                                                   "layers.",
                                                   "b",
                                                   "A",
                                                   "NaN",
                                                   "1e-46",
                                                   nullptr};

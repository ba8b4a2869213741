// Fuzz target: study.json, which a study goes on from.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "converter/base/error.h"
#include "converter/study/study.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    try {
        const adder::Study study = adder::read_study(text, "study.json");
        for (const adder::StudyFinding &finding : study.findings)
            if (finding.impossible.empty() && finding.texts.size() != study.settings.valid.size())
                std::abort();
        // What was read is written so that it reads the same.
        const std::string written = adder::study_json(study);
        const adder::Study again = adder::read_study(written, "study.json");
        if (adder::study_json(again) != written) std::abort();
        if (!adder::difference(study.settings, again.settings).empty()) std::abort();
    } catch (const adder::Error &) {
    }
    return 0;
}

#define FIGURES                                                                                                \
    R"("perplexity":21.5,"float_perplexity":21,"change_percent":2.4,"change_percent_se":null,"kl_mean":0.01,)" \
    R"("kl_mean_se":1e-3,"same_top1":0.97,"same_top1_se":0.01)"

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    const char text[] =
        R"({"adder_study":1,"settings":{"version":"0.1.0","checkpoint":"m","weights_crc32":"00000000",)"
        R"("tokenizer_crc32":"ffffffff","calibration":[{"name":"c","bytes":3,"crc32":"01234567"}],)"
        R"("calibration_tokens":700,"calibration_window":512,"valid":[{"name":"v","bytes":9,"crc32":"89abcdef"}],)"
        R"("window":512,"state_window":2048,"tokens":8192,"seed":1},"rows":[)"
        R"({"experiment":"table","series":"naive","at":"W8","convert":["--recipe=naive"],"notes":["n"],)"
        R"("bits_per_weight":8.4,"texts":[{)" FIGURES R"(}]},)"
        R"({"experiment":"table","series":"s","at":"W8A8","convert":["--recipe=static"],"impossible":"d_inner"},)"
        R"({"experiment":"outliers","series":"all","at":"4","zero":{"input":"all","sigma":4,"random":true},)"
        R"("channels":3,"texts":[{)" FIGURES R"(}]},)"
        R"({"experiment":"state","series":"scan","at":"int8","state":{"part":"scan","type":"int8"},"texts":[{)" FIGURES
        R"(,"positions":[{"begin":0,"end":256,)" FIGURES R"(}]}]}]})";
    add(reinterpret_cast<const uint8_t *>(text), std::strlen(text));
}

extern "C" const char *const adder_fuzz_words[] = {
    "\"texts\"", "\"convert\"", "\"state\"", "\"zero\"", "\"positions\"", "\"impossible\"", "\"rows\"",
    "null",      "[]",          "{}",        "-1",       "1e308",         "4294967296",     "\"conv\"",
    "\"head\"",  nullptr};

// Writes a tiny blob as a C array: make_blob FILE.c
// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/support/blob_builder.h"

int main(int count, char **arguments) {
    if (count != 2) return 2;
    adder::test::BlobSpec spec;
    spec.checkpoint.config.vocab_size = 260;
    spec.tokenizer = true;
    const adder::test::AlignedBytes blob = adder::test::build_blob(spec);
    std::FILE *file = std::fopen(arguments[1], "w");
    if (!file) return 1;
    std::fprintf(file,
                 "#include <stddef.h>\n#include <stdint.h>\nextern const size_t tiny_blob_size;\n"
                 "extern const uint64_t tiny_blob[];\nconst size_t tiny_blob_size = %zu;\n"
                 "__attribute__((aligned(64))) const uint64_t tiny_blob[] = {\n",
                 blob.size());
    for (size_t at = 0; at < blob.size(); at += 8) {
        uint64_t word = 0;
        std::memcpy(&word, blob.data() + at, 8);  // sizes of blobs are multiples of 64
        std::fprintf(file, "0x%016llxu,%s", static_cast<unsigned long long>(word),
                     at % 40 == 32 ? "\n" : " ");
    }
    std::fprintf(file, "};\n");
    return std::fclose(file) == 0 ? 0 : 1;
}

// Writes a tiny blob, and exports it as a program carries it: make_blob DIR
// SPDX-License-Identifier: MIT
#include <string>

#include "converter/cli.h"
#include "converter/file.h"
#include "tests/support/blob_builder.h"

int main(int count, char **arguments) {
    if (count != 2) return 2;
    adder::test::BlobSpec spec;
    spec.checkpoint.config.vocab_size = 260;
    spec.tokenizer = true;
    // A name that C takes apart where it is not escaped: a trigraph, quotes, a digit behind an escape, an end of comment.
    spec.texts = {{ADDER_TEXT_NAME, "tiny? ?\?/ \"\\ \x01"
                                    "7 */ \xC3\xA9"}};
    const adder::test::AlignedBytes blob = adder::test::build_blob(spec);
    const std::string directory = arguments[1], path = directory + "/tiny.adder";
    adder::AtomicFile file(path);
    file.write(blob.data(), blob.size());
    file.commit();
    std::string words[] = {"adder", "export-c", path, "-o", directory, "--chunk", "5", "--logit-rows", "2"};
    std::vector<char *> pointers;
    for (std::string &word : words) pointers.push_back(word.data());
    return adder::cli_main(adder::all_commands(), static_cast<int>(pointers.size()), pointers.data());
}

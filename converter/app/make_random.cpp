// adder make-random: a checkpoint of a given shape with random weights.
// SPDX-License-Identifier: MIT
#include <cstdio>

#include "converter/app/cli.h"
#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/families/random_checkpoint.h"

namespace adder {

static DType dtype_of(const std::string &name) {
    return name == "f32" ? DType::f32 : name == "f16" ? DType::f16 : DType::bf16;
}

static int run_make_random(const Arguments &arguments) {
    RandomCheckpoint wanted;
    wanted.directory = arguments.text("output");
    if (wanted.directory.empty()) fail(ExitCode::usage, "where to? Give -o DIR");
    if (!arguments.has("like"))
        fail(ExitCode::usage, "of which shape? Give --like %s, or --like D_MODEL,N_LAYER,VOCAB",
             published_models()[0].c_str());
    wanted.shape = shape_like(arguments.text("like"));
    wanted.dtype = dtype_of(arguments.choice("dtype", "f32", {"f32", "f16", "bf16"}));
    wanted.seed = static_cast<uint64_t>(arguments.integer("seed", 0, 0, INT64_MAX));
    Progress::quiet(arguments.has("quiet"));
    const WrittenCheckpoint written = write_random_checkpoint(wanted);
    print(format("%s: %llu parameters, %llu bytes in %zu file%s\n", wanted.directory.c_str(),
                 static_cast<unsigned long long>(written.parameters),
                 static_cast<unsigned long long>(written.tensor_bytes), written.files.size(),
                 written.files.size() == 1 ? "" : "s"));
    return static_cast<int>(ExitCode::ok);
}

Command make_random_command() {
    return {
        "make-random",
        "--like MODEL -o DIR [OPTIONS]",
        "Write a checkpoint with random weights",
        "Makes a Hugging Face checkpoint (config.json, safetensors) of the shape of a published model, or of "
        "any other, to measure time and memory where the trained weights are not at hand. The weights are "
        "those of a model before its training, and the text it gives is noise. The same options give the "
        "same bytes on every machine. There is no tokenizer: what is converted from it takes token ids.\n"
        "\nmamba-130m, mamba-370m, mamba-790m, mamba-1.4b and mamba-2.8b have a vocabulary of 50280; "
        "mamba2-130m, mamba2-370m, mamba2-780m, mamba2-1.3b and mamba2-2.7b one of 50288; falcon-mamba-7b "
        "65024. D_MODEL,N_LAYER,VOCAB is a model with all else as mamba-130m has it: an inner dimension of "
        "2 D_MODEL, 16 states per channel, a convolution of 4, the head tied to the embedding. "
        "mamba2:D_MODEL,N_LAYER,VOCAB is one as mamba2-130m.",
        {"adder make-random --like mamba-130m -o random-130m",
         "adder make-random --like 384,12,4096 -o random-13m --dtype bf16 --seed 7"},
        {
            {"like", 0, "MODEL", false, "mamba-130m, mamba2-130m, ... or D_MODEL,N_LAYER,VOCAB."},
            {"output", 'o', "DIR", false, "The directory to make; it must not exist."},
            {"dtype", 0, "TYPE", false, "Type of the weights: f32, f16 or bf16 (default: f32)."},
            {"seed", 's', "S", false, "Seed of the random numbers (default: 0)."},
        },
        0,
        0,
        run_make_random,
    };
}

}  // namespace adder

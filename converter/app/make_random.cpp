// adder make-random: a checkpoint of a given shape with random weights.
// SPDX-License-Identifier: MIT
#include <cstdio>

#include "converter/app/cli.h"
#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/families/random_checkpoint.h"
#include "converter/plan/names.h"

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

// "mamba-130m and mamba-370m have a vocabulary of 50280; falcon-mamba-7b one of 65024"
static std::string published_vocabularies() {
    std::string text;
    for (const Family *family : families()) {
        std::vector<std::string> names;
        for (const PublishedShape &shape : family->published) names.emplace_back(shape.name);
        text += text.empty() ? "" : "; ";
        const char *const first = names.size() > 1 ? " have a vocabulary of " : " has a vocabulary of ";
        text += listed(names) + (family == families().front() ? first : " one of ");
        text += std::to_string(family->published.front().vocab_size);
    }
    return text;
}

// "falcon-mamba:D_MODEL,N_LAYER,VOCAB is one as falcon-mamba-7b" for all families but the first
static std::string others_by_dimensions() {
    std::vector<std::string> others;
    for (const Family *family : families())
        if (family != families().front())
            others.push_back(format("%s:D_MODEL,N_LAYER,VOCAB is one as %s", family->name,
                                    family->published.front().name));
    return listed(others);
}

Command make_random_command() {
    static const std::string description =
        "Makes a Hugging Face checkpoint (config.json, safetensors) of the shape of a published model, or of "
        "any other, to measure time and memory where the trained weights are not at hand. The weights are "
        "those of a model before its training, and the text it gives is noise. The same options give the "
        "same bytes on every machine. There is no tokenizer: what is converted from it takes token ids.\n\n" +
        published_vocabularies() +
        ". D_MODEL,N_LAYER,VOCAB is a model with all else as mamba-130m has it: an inner dimension of "
        "2 D_MODEL, 16 states per channel, a convolution of 4, the head tied to the embedding. " +
        others_by_dimensions() + ".";
    return {
        "make-random",
        "--like MODEL -o DIR [OPTIONS]",
        "Write a checkpoint with random weights",
        description.c_str(),
        {"adder make-random --like mamba-130m -o random-130m",
         "adder make-random --like 384,12,4096 -o random-13m --dtype bf16 --seed 7"},
        {
            {"like", 0, "MODEL", false, "A published model, as mamba-130m, or D_MODEL,N_LAYER,VOCAB."},
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

// adder calibrate: what the inputs of the linear layers are like on a text, as a file that convert takes.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/calibrate.h"
#include "converter/app/cli.h"
#include "converter/base/error.h"
#include "converter/base/progress.h"

namespace adder {
namespace {

constexpr uint32_t calibration_window = 512;  // as convert has it

std::string calibrate_checkpoint(const Arguments &arguments) {
    const Checkpoint checkpoint(arguments.positional()[0], false, arguments.text("tokenizer"));
    const CheckpointTokenizer tokenizer(checkpoint.tokenizer_path(), checkpoint.shape().vocab_size);
    const auto tokens = static_cast<uint64_t>(arguments.integer("calib-tokens", 65536, 128, UINT32_MAX));
    const std::vector<CalibrationText> texts =
        read_calibration(arguments.all("calib"), checkpoint, tokenizer, tokens, calibration_window);
    ThreadPool pool(static_cast<uint32_t>(arguments.integer("threads", 0, 0, 256)));
    FloatModel model(checkpoint, pool);
    return calibration_json(model, calibration_source(checkpoint, texts, calibration_window),
                            calibration_windows(texts, tokenizer));
}

std::string merge(const Arguments &arguments) {
    for (const char *option : {"calib", "calib-tokens", "threads", "tokenizer"})
        if (arguments.has(option)) fail(ExitCode::usage, "--merge runs no model: --%s has no place", option);
    if (arguments.positional().size() < 2)
        fail(ExitCode::usage,
             "--merge takes two files or more: adder calibrate --merge A.json B.json -o C.json");
    std::vector<CalibrationFile> files;
    for (const std::string &path : arguments.positional()) files.push_back(read_calibration_file(path));
    return merge_calibrations(files);
}

int run_calibrate(const Arguments &arguments) {
    const std::string output = arguments.text("output");
    if (output.empty()) fail(ExitCode::usage, "where to? Give -o FILE.json");
    if (!arguments.has("merge") && arguments.positional().size() > 1)
        fail(ExitCode::usage, "there is one argument too many, %s; --merge takes several files",
             arguments.positional()[1].c_str());
    std::vector<std::string> inputs = arguments.positional();
    for (const char *option : {"calib", "tokenizer"})
        for (const std::string &path : arguments.all(option)) inputs.push_back(path);
    check_not_an_input(output, inputs);
    install_interrupt_handler();
    AtomicFile file(output);  // made now: that it cannot be written is better known before the work
    const std::string text = arguments.has("merge") ? merge(arguments) : calibrate_checkpoint(arguments);
    file.write(text.data(), text.size());
    file.commit();
    print(format("%s: %zu bytes\n", output.c_str(), text.size()));
    return static_cast<int>(ExitCode::ok);
}

}  // namespace

Command calibrate_command() {
    return {
        "calibrate",
        "CHECKPOINT [--calib FILE]... -o FILE.json | --merge FILE.json FILE.json... -o FILE.json",
        "Record what a checkpoint's activations are like on a text",
        "Runs a checkpoint in float over a calibration text, as convert does, and writes what it saw of the "
        "input of each linear layer: the largest magnitude of every channel and a histogram of its "
        "magnitudes. convert --calibration takes such a file in place of the text, for one recipe after "
        "another. The same inputs give the same bytes with any number of threads.\n"
        "\nWith --merge, files of one checkpoint and different texts become one.",
        {"adder calibrate mamba-130m --calib sample.txt -o sample.json",
         "adder calibrate --merge books.json dialogues.json -o both.json"},
        {
            {"output", 'o', "FILE.json", false, "The file to write."},
            {"tokenizer", 0, "PATH", false,
             "The tokenizer: a tokenizer.json, a tokenizer.model, a vocabulary of RWKV's World models, a GGUF file, or the folder "
             "of one; none: to have none (default: what lies beside the weights, or in a GGUF file)."},
            {"calib", 0, "FILE", true, "Calibration text (default: a small text that comes with the tool)."},
            {"calib-tokens", 0, "N", false,
             "Tokens to calibrate on, evenly spread over the texts (default 65536)."},
            {"merge", 0, nullptr, false, "The arguments are files to be merged."},
            {"threads", 't', "N", false, "Threads (default: all CPUs); does not change a byte."},
        },
        1,
        1024,
        run_calibrate,
    };
}

}  // namespace adder

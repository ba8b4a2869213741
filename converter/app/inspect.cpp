// adder inspect: tells what a blob or a checkpoint holds, and the memory that it needs.
// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstring>
#include <sys/stat.h>

#include "converter/app/cli.h"
#include "converter/app/context.h"
#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/blob/file.h"
#include "converter/import/tensor_files.h"
#include "converter/inspect/inspect.h"

namespace adder {

// A file of weights, or a folder that has one or a config.json.
static bool holds_checkpoint(const std::string &path) {
    if (!is_checkpoint(path)) return false;
    const CheckpointPaths paths = find_checkpoint(path);
    return !paths.config.empty() || TensorFiles::are_there(paths);
}

static int run_inspect(const Arguments &arguments) {
    const std::string &path = arguments.positional()[0];
    InspectOptions options;
    options.json = arguments.has("json");
    options.tensors = arguments.has("tensors");
    options.session.chunk = static_cast<uint32_t>(arguments.integer("chunk", 16, 1, 4096));
    options.session.logit_rows =
        static_cast<uint32_t>(arguments.integer("logit-rows", 1, 1, options.session.chunk));
    options.session.context = context_of(arguments);
    bool damaged = false;
    if (is_blob(path)) {
        print(inspect_blob(path, options, &damaged));
    } else if (holds_checkpoint(path)) {
        print(inspect_checkpoint(path, options));
    } else {
        struct stat status;
        if (stat(path.c_str(), &status) != 0)
            bad_input("cannot open %s: %s", path.c_str(), std::strerror(errno));
        bad_input("%s is neither an Adder blob (FILE.adder) nor a checkpoint (a directory with config.json and "
                  "model.safetensors, or a file of weights: FILE.pth, FILE.gguf)",
                  path.c_str());
    }
    if (damaged) bad_input("%s is damaged: its checksum differs", path.c_str());
    return static_cast<int>(ExitCode::ok);
}

Command inspect_command() {
    return {
        "inspect",
        "FILE.adder | CHECKPOINT [OPTIONS]",
        "Show what a blob or a checkpoint holds, and the memory it needs",
        "For a blob: its shape, types and sizes, generation defaults, tokenizer, chat template, the record "
        "of its "
        "quantization, whether the checksum is right, and the exact bytes of arena and state. For a "
        "checkpoint: its "
        "shape, weights and files, and the arena that the blob converted from it with the defaults needs.",
        {"adder inspect adder-13m.adder", "adder inspect adder-13m.adder --chunk 64 --json",
         "adder inspect models/adder-13m --tensors"},
        {
            {"json", 0, nullptr, false, "Print one JSON object."},
            {"chunk", 0, "N", false, "Give the arena for chunks of N tokens, 1 to 4096 (default: 16)."},
            {"logit-rows", 0, "N", false, "Give the arena for N rows of logits, 1 to the chunk (default: 1)."},
            context_option,
            {"tensors", 0, nullptr, false, "List every tensor."},
        },
        1,
        1,
        run_inspect,
    };
}

}  // namespace adder

// adder study: the experiments of Mamba-PTQ on a checkpoint, in one run that can be stopped and goes on.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>

#include "converter/app/cli.h"
#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/study/run.h"

namespace adder {
namespace {

constexpr uint64_t quick_tokens = 2048;  // of each text

// "table,alpha"
std::vector<std::string> read_only(const std::string &list) {
    std::vector<std::string> only;
    for (size_t begin = 0; begin <= list.size();) {
        const size_t end = std::min(list.find(',', begin), list.size());
        const std::string name = list.substr(begin, end - begin);
        std::string names;
        bool known = false;
        for (const Experiment &experiment : experiments()) {
            known = known || name == experiment.name;
            names += std::string(names.empty() ? "" : ", ") + experiment.name;
        }
        if (!known)
            fail(ExitCode::usage, "--only: there is no experiment '%s'; there are %s", name.c_str(),
                 names.c_str());
        only.push_back(name);
        begin = end + 1;
    }
    return only;
}

StudyOptions read_options(const Arguments &arguments) {
    StudyOptions options;
    options.checkpoint = arguments.positional()[0];
    options.output = arguments.text("out");
    options.calibration_files = arguments.all("calib");
    options.valid = arguments.all("valid");
    if (options.output.empty()) fail(ExitCode::usage, "where to? Give --out DIRECTORY");
    if (options.valid.empty()) fail(ExitCode::usage, "text to tell the loss by is needed: give --valid FILE");
    if (arguments.has("only")) options.only = read_only(arguments.text("only"));
    options.calibration_tokens =
        static_cast<uint64_t>(arguments.integer("calib-tokens", 65536, 128, UINT32_MAX));
    options.window = static_cast<uint32_t>(arguments.integer("window", 512, 16, 1 << 20));
    options.state_window = static_cast<uint32_t>(arguments.integer("state-window", 2048, 16, 1 << 20));
    if (arguments.has("quick") + arguments.has("windows") + arguments.has("valid-tokens") > 1)
        fail(ExitCode::usage, "--quick, --windows and --valid-tokens say the same: give one of them");
    const auto tokens = static_cast<uint64_t>(arguments.integer("valid-tokens", 16384, 128, int64_t{1} << 32));
    options.tokens = arguments.has("quick")
                         ? quick_tokens
                         : std::max<uint64_t>(options.window, tokens / options.valid.size());
    if (arguments.has("windows"))
        options.tokens = static_cast<uint64_t>(arguments.integer("windows", 1, 1, 1 << 20)) * options.window;
    options.seed = static_cast<uint64_t>(arguments.integer("seed", 1, 0, int64_t{1} << 40));
    options.most_logit_bytes =
        static_cast<uint64_t>(arguments.integer("logits-mb", 4096, 0, 1 << 30)) * 1000000;
    options.most_rows = static_cast<uint64_t>(arguments.integer("rows", 0, 0, 1 << 20));
    options.keep_blobs = arguments.has("keep-blobs");
    options.fresh = arguments.has("fresh");
    return options;
}

int run(const Arguments &arguments) {
    const StudyOptions options = read_options(arguments);
    Progress::quiet(arguments.has("quiet"));
    install_interrupt_handler();
    if (!is_checkpoint(options.checkpoint))
        bad_input("%s is no checkpoint directory, and no file of weights", options.checkpoint.c_str());
    std::error_code unknown;
    if (std::filesystem::equivalent(options.checkpoint, options.output, unknown))
        fail(ExitCode::usage, "--out %s is the checkpoint", options.output.c_str());
    std::vector<std::string> inputs = options.calibration_files;
    inputs.insert(inputs.end(), options.valid.begin(), options.valid.end());
    for (const char *name : {"study.json", "study.html", "calibration.json"})
        check_not_an_input(join_path(options.output, name), inputs);
    ThreadPool pool(static_cast<uint32_t>(arguments.integer("threads", 0, 0, 256)));
    const Study study = run_study(options, pool);
    const std::string page = study_html(study);
    write_file(join_path(options.output, "study.html"), page);
    print(study_text(study));
    return static_cast<int>(ExitCode::ok);
}

}  // namespace

Command study_command() {
    return {
        "study",
        "CHECKPOINT [--calib FILE]... --valid FILE... --out DIRECTORY [OPTIONS]",
        "Repeat the experiments of Mamba-PTQ on a checkpoint",
        "Converts the checkpoint again and again, as adder convert would, compares each blob with the "
        "checkpoint in "
        "float on held-out text, and puts all of it on one page: what 8 and 4 bits cost, where smoothing "
        "helps and "
        "with which alpha, how many scales the weights need, what outlier channels are worth, whether a "
        "rounded state "
        "loses more with time, and which layers and tensors are sensitive (Mamba-PTQ, arXiv 2407.12397). "
        "docs/study.md says what each experiment does.\n"
        "\nWrites DIRECTORY/study.json and study.html, prints the tables, and keeps the calibration's "
        "statistics in "
        "DIRECTORY/calibration.json. A study that was stopped goes on where it was when the same command is "
        "given "
        "again; experiments may be added one after the other with --only. No figure depends on threads or "
        "instruction "
        "set.",
        {"adder study mamba-130m --calib sample.txt --valid held-out.txt --out study",
         "adder study mamba-130m --valid held-out.txt --out study --quick --only table,state"},
        {
            {"calib", 0, "FILE", true, "Calibration text (default: a small text that comes with the tool)."},
            {"calib-tokens", 0, "N", false,
             "Tokens to calibrate on, evenly spread over the texts (default 65536)."},
            {"valid", 0, "FILE", true, "Held-out text to evaluate on."},
            {"valid-tokens", 0, "N", false,
             "Tokens to evaluate on, an equal share of each text, evenly spread (default: 16384)."},
            {"windows", 0, "N", false, "The same as a number of windows of each text."},
            {"quick", 0, nullptr, false, "The same, 2048 tokens of each text."},
            {"window", 0, "N", false, "Tokens a window, each from an empty state (default: 512)."},
            {"state-window", 0, "N", false, "Tokens a window where the state is rounded (default: 2048)."},
            {"only", 0, "LIST", false,
             "Experiments to do: table, alpha, granularity, outliers, state, layers, tensors (default: "
             "all)."},
            {"out", 0, "DIRECTORY", false, "Where study.json and study.html go; made if need be."},
            {"fresh", 0, nullptr, false, "Compute rows again that study.json has."},
            {"rows", 0, "N", false, "Stop after so many rows, to go on another time; 0: do all (default: 0)."},
            {"keep-blobs", 0, nullptr, false, "Keep the blobs, in DIRECTORY/blobs."},
            {"logits-mb", 0, "N", false,
             "Disk space for the float model's logits, in MB; where they need more they are computed again "
             "for each "
             "row (default: 4096)."},
            {"seed", 0, "N", false, "Of the random channels (default: 1)."},
            {"threads", 't', "N", false, "Threads (default: all CPUs); does not change a digit."},
            {"quiet", 'q', nullptr, false, "No progress."},
        },
        1,
        1,
        run};
}

}  // namespace adder

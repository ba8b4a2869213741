// adder outliers: which channels of which inputs are far beyond the rest, and what the model loses without them.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "converter/app/cli.h"
#include "converter/base/error.h"
#include "converter/base/paths.h"
#include "converter/base/progress.h"
#include "converter/study/outliers_report.h"

namespace adder {
namespace {

constexpr uint64_t least_tokens = 128;  // to measure on

// "4,6,8", in ascending order.
std::vector<double> parse_sigmas(const std::string &text) {
    std::vector<double> sigmas;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        double sigma = 0;
        const auto [rest, error] = std::from_chars(text.data() + begin, text.data() + end, sigma);
        if (error != std::errc() || rest != text.data() + end || !(sigma > 0) || sigma > 1000 ||
            sigmas.size() == 8)
            fail(ExitCode::usage, "--sigma is %s; up to 8 numbers above 0 are needed, as in 4,6,8",
                 text.c_str());
        sigmas.push_back(sigma);
        begin = end + 1;
    }
    std::sort(sigmas.begin(), sigmas.end());
    sigmas.erase(std::unique(sigmas.begin(), sigmas.end()), sigmas.end());
    return sigmas;
}

EvalOptions read_zeroing_options(const Arguments &arguments) {
    EvalOptions options;
    options.texts = arguments.all("valid");
    options.window = options.stride = static_cast<uint32_t>(arguments.integer("window", 512, 16, 1 << 20));
    options.limit = static_cast<uint64_t>(arguments.integer("limit", 0, 0, int64_t{1} << 40));
    for (const std::string &specification : arguments.all("task"))
        options.tasks.push_back(read_task(specification, options.limit, false));
    if (options.texts.empty() && options.tasks.empty())
        fail(ExitCode::usage,
             "--zero needs text or tasks to tell the loss by: give --valid FILE or --task NAME=FILE");
    const uint64_t tokens =
        static_cast<uint64_t>(arguments.integer("valid-tokens", 16384, 128, int64_t{1} << 32));
    options.windows =
        std::max<uint64_t>(1, tokens / options.window / std::max<size_t>(1, options.texts.size()));
    return options;
}

void write_file(AtomicFile &file, const std::string &text) {
    file.write(text.data(), text.size());
    file.commit();
}

int run_outliers(const Arguments &arguments) {
    const std::string checkpoint = arguments.positional()[0];
    OutlierReport report;
    report.checkpoint = checkpoint_name(checkpoint);
    report.sigmas = parse_sigmas(arguments.text("sigma", "4,6,8"));
    report.window = static_cast<uint32_t>(arguments.integer("window", 512, 16, 1 << 20));
    report.seed = static_cast<uint64_t>(arguments.integer("seed", 1, 0, int64_t{1} << 40));
    const auto tokens =
        static_cast<uint64_t>(arguments.integer("calib-tokens", 65536, least_tokens, int64_t{1} << 32));
    if (!arguments.has("zero"))
        for (const char *option : {"valid", "valid-tokens", "task", "limit", "seed"})
            if (arguments.has(option)) fail(ExitCode::usage, "--%s goes with --zero", option);
    std::optional<EvalOptions> zeroing;
    if (arguments.has("zero")) zeroing = read_zeroing_options(arguments);
    std::vector<std::string> inputs = arguments.all("calib");
    inputs.push_back(checkpoint);
    for (const std::string &text : arguments.all("valid")) inputs.push_back(text);
    for (const std::string &task : arguments.all("task")) inputs.push_back(task.substr(task.find('=') + 1));
    std::optional<AtomicFile> page, output;
    if (arguments.has("html")) {
        check_not_an_input(arguments.text("html"), inputs);
        page.emplace(arguments.text("html"));
    }
    if (arguments.has("output")) {
        check_not_an_input(arguments.text("output"), inputs);
        output.emplace(arguments.text("output"));
    }
    Progress::quiet(arguments.has("quiet"));
    install_interrupt_handler();
    ThreadPool pool(static_cast<uint32_t>(arguments.integer("threads", 0, 0, 256)));
    if (!is_checkpoint(checkpoint))
        bad_input("%s is no checkpoint directory, and no file of weights", checkpoint.c_str());
    CheckpointScorer model(checkpoint, pool);
    report.fingerprint = model.facts().fingerprint;
    report.texts = read_calibration(arguments.all("calib"), model.checkpoint(), model.tokenizer(), tokens,
                                    report.window);
    const std::vector<Tokens> windows = calibration_windows(report.texts, model.tokenizer());
    for (const Tokens &window : windows) report.tokens += window.size();
    report.inputs = measure_inputs(model.model(), windows);
    if (zeroing)
        report.zeroing =
            run_zeroing(model, zeroing_cases(report.inputs, report.sigmas, report.seed), *zeroing, pool);
    if (page) write_file(*page, outliers_html(report));
    const std::string text = arguments.has("json") ? outliers_json(report) : outliers_text(report);
    if (output)
        write_file(*output, text);
    else
        print(text);
    return 0;
}

}  // namespace

Command outliers_command() {
    return {
        "outliers",
        "CHECKPOINT [--calib FILE] [--zero --valid FILE] [OPTIONS]",
        "Find outlier channels of the activations, and what the model loses without them",
        "Runs the checkpoint in float over a text, layer by layer, and looks at the input of each linear "
        "layer: "
        "in_proj, x_proj, dt_proj, out_proj and the head. A channel is an outlier beyond k sigma if its "
        "largest "
        "magnitude is above the mean of the channels' largest magnitudes by more than k standard deviations "
        "(Mamba-PTQ, arXiv 2407.12397). Printed are count and share of outliers, the kurtosis of the "
        "channels' "
        "largest magnitudes and of all values (3 for a normal distribution), the largest over the median "
        "channel, "
        "and in how many layers the same channel is an outlier. No figure depends on threads or instruction "
        "set.\n"
        "\nWith --zero the float model is evaluated with those channels zeroed, for each kind of input, for "
        "all "
        "of them and each sigma, and beside it with as many channels drawn at random.",
        {"adder outliers mamba-130m --calib sample.txt --html outliers.html",
         "adder outliers mamba-130m --calib sample.txt --sigma 6 --zero --valid held-out.txt --json"},
        {
            {"calib", 0, "FILE", true, "Text to measure on (default: a small text that comes with the tool)."},
            {"calib-tokens", 0, "N", false,
             "Tokens to measure on, evenly spread over the texts (default: 65536)."},
            {"window", 0, "N", false, "Tokens a sequence, each from an empty state (default: 512)."},
            {"sigma", 0, "LIST", false, "Thresholds in standard deviations (default: 4,6,8)."},
            {"zero", 0, nullptr, false, "Evaluate the model with the outlier channels zeroed as well."},
            {"valid", 0, "FILE", true, "Text to evaluate on."},
            {"valid-tokens", 0, "N", false,
             "Tokens to evaluate on, evenly spread over the texts (default: 16384)."},
            {"task", 0, "NAME=FILE", true, "Task to evaluate on, as for adder eval."},
            {"limit", 0, "N", false, "The first N examples of each task; 0: all (default: 0)."},
            {"seed", 0, "N", false, "Of the random channels (default: 1)."},
            {"json", 0, nullptr, false, "One JSON document, with the largest magnitude of every channel."},
            {"html", 0, "FILE", false, "Write one page with pictures as well."},
            {"output", 'o', "FILE", false, "Write the report there instead of printing it."},
            {"threads", 't', "N", false, "Threads (default: all CPUs); does not change a digit."},
            {"quiet", 'q', nullptr, false, "No progress."},
        },
        1,
        1,
        run_outliers};
}

}  // namespace adder

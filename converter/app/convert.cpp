// adder convert: a checkpoint directory to a blob, and a summary of what came out.
// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdio>

#include "converter/app/cli.h"
#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/base/process.h"
#include "converter/base/progress.h"
#include "converter/blob/file.h"
#include "converter/convert/dry_run.h"
#include "converter/convert/options.h"
#include "converter/families/gguf.h"
#include "converter/import/gguf_types.h"
#include "converter/plan/names.h"
#include "converter/text/json.h"

namespace adder {
namespace {

double bits_per_weight(const WrittenBlob &blob) {
    return static_cast<double>(blob.weight_bits) / static_cast<double>(blob.parameters);
}

void print_json(const std::string &path, const Conversion &c, double seconds) {
    JsonWriter json;
    json.begin_object();
    json.key("path").value(path);
    json.key("written").value(c.written);
    json.key("bytes").value(c.blob.bytes);
    json.key("parameters").value(c.blob.parameters);
    json.key("bits_per_weight").value(bits_per_weight(c.blob));
    json.key("arena_bytes").value(c.arena_bytes);
    json.key("calibration_tokens").value(c.calibration_tokens);
    json.key("seconds").value(seconds);
    json.key("peak_rss_bytes").value(peak_rss_bytes());
    json.key("warnings").begin_array();
    for (const std::string &warning : c.warnings) json.value(warning);
    json.end_array();
    if (c.quality) write_quality(json.key("quality"), *c.quality);
    if (!c.gate_missed.empty()) json.key("gate_missed").value(c.gate_missed);
    json.end_object();
    std::printf("%s\n", json.text().c_str());
}

void print_summary(const std::string &path, const Conversion &c, double seconds) {
    const auto count = [](uint64_t n) { return static_cast<unsigned long long>(n); };
    std::printf("%s\n", path.c_str());
    std::printf("  parameters       %llu\n", count(c.blob.parameters));
    std::printf("  bytes            %llu\n", count(c.blob.bytes));
    std::printf("  bits per weight  %.2f\n", bits_per_weight(c.blob));
    std::printf("  arena            %llu bytes\n", count(c.arena_bytes));
    if (c.calibration_tokens) std::printf("  calibration      %llu tokens\n", count(c.calibration_tokens));
    if (c.quality) std::fputs(quality_lines(*c.quality).c_str(), stdout);
    std::printf("  time             %.1f s\n", seconds);
    std::printf("  peak memory      %.1f MB\n", static_cast<double>(peak_rss_bytes()) / 1e6);
}

QualityOptions read_quality(const Arguments &arguments) {
    QualityOptions quality;
    quality.texts = arguments.all("gate-text");
    quality.tokens = static_cast<uint64_t>(arguments.integer("gate-tokens", 65536, 1024, int64_t{1} << 32));
    if (arguments.has("gate-ppl")) quality.most_percent = arguments.number("gate-ppl", 0, -100, 1e6);
    if (arguments.has("gate-top1")) quality.least_top1 = arguments.number("gate-top1", 0, 0, 1);
    quality.keep = arguments.has("gate-keep");
    if (quality.keep && !quality.most_percent && !quality.least_top1)
        fail(ExitCode::usage, "--gate-keep needs a gate: --gate-ppl or --gate-top1");
    if ((quality.most_percent || quality.least_top1 || arguments.has("gate-tokens")) && quality.texts.empty())
        fail(ExitCode::usage, "a gate needs text that the calibration has not seen: give --gate-text FILE");
    return quality;
}

int run_convert(const Arguments &arguments) {
    const auto start = std::chrono::steady_clock::now();
    ConvertOptions options;
    options.checkpoint = arguments.positional()[0];
    options.output = arguments.text("output");
    const bool dry = arguments.has("dry-run");
    if (options.output.empty() && !dry) fail(ExitCode::usage, "where to? Give -o FILE.adder");
    options.name = arguments.text("name");
    options.tokenizer = arguments.text("tokenizer");
    options.chat_template = arguments.text("chat-template");
    options.calibration_files = arguments.all("calib");
    options.calibration_tokens =
        static_cast<uint64_t>(arguments.integer("calib-tokens", 65536, 128, int64_t{1} << 32));
    options.calibration = arguments.text("calibration");
    if (!options.calibration.empty() && (arguments.has("calib") || arguments.has("calib-tokens")))
        fail(ExitCode::usage, "--calibration takes the place of --calib and --calib-tokens");
    set_recipe(arguments, &options);
    options.quality = read_quality(arguments);
    std::vector<std::string> inputs = {options.checkpoint};
    for (const auto &files : {options.calibration_files, options.quality.texts, arguments.all("rules"),
                              arguments.all("calibration"), arguments.all("tokenizer")})
        inputs.insert(inputs.end(), files.begin(), files.end());
    if (!options.output.empty()) check_not_an_input(options.output, inputs);
    Progress::quiet(arguments.has("quiet"));
    install_interrupt_handler();
    ThreadPool pool(static_cast<uint32_t>(arguments.integer("threads", 0, 0, 256)));
    if (dry) {
        const DryRun run = dry_run(options, pool);
        for (const std::string &warning : run.warnings)
            std::fprintf(stderr, "adder convert: warning: %s\n", warning.c_str());
        print(arguments.has("json") ? dry_run_json(run) : dry_run_text(run));
        return 0;
    }
    const Conversion conversion = convert(options, pool);
    for (const std::string &warning : conversion.warnings)
        std::fprintf(stderr, "adder convert: warning: %s\n", warning.c_str());
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (arguments.has("json"))
        print_json(options.output, conversion, elapsed.count());
    else if (conversion.written)
        print_summary(options.output, conversion, elapsed.count());
    if (!conversion.gate_missed.empty())
        fail(ExitCode::quality_gate, conversion.written ? "%s was kept, but %s" : "%s was not written: %s",
             options.output.c_str(), conversion.gate_missed.c_str());
    return 0;
}

std::vector<Option> convert_options() {
    std::vector<Option> options = {
        {"output", 'o', "FILE", false, "The blob to write."},
        {"tokenizer", 0, "PATH", false,
         "The tokenizer: a tokenizer.json, a tokenizer.model, a vocabulary of RWKV's World models, a GGUF file, or the folder of one, "
         "with its tokenizer_config.json; none: to have none, where that of the checkpoint is of a kind that is not read (default: what "
         "lies beside the weights, or in a GGUF file)."},
        {"calib", 0, "FILE", true, "Calibration text (default: a small text that comes with the tool)."},
        {"calib-tokens", 0, "N", false,
         "Tokens to calibrate on, evenly spread over the texts (default 65536)."},
        {"calibration", 0, "FILE.json", false,
         "A file of adder calibrate in place of the text: the same blob without running the model. Not "
         "for "
         "GPTQ, percentiles and Hadamard transforms, which take the text."},
    };
    options.insert(options.end(), recipe_options().begin(), recipe_options().end());
    const std::vector<Option> others = {
        {"gate-text", 0, "FILE", true,
         "Held-out text: measure on it what the conversion cost, and store that in the blob."},
        {"gate-tokens", 0, "N", false,
         "Tokens to measure on, in windows of 1024, evenly spread over the texts (default: 65536)."},
        {"gate-ppl", 0, "PERCENT", false,
         "Exit with 4, and write no blob, if the perplexity of any text grows by more."},
        {"gate-top1", 0, "SHARE", false,
         "Exit with 4, and write no blob, if on any text less than this share, 0 to 1, of the most "
         "likely "
         "tokens stays the same."},
        {"gate-keep", 0, nullptr, false,
         "Write the blob even if a gate is missed; the exit code is 4 all the same."},
        {"dry-run", 0, nullptr, false,
         "Write nothing: print the plan of each tensor, the sizes of blob and arena, and about how long "
         "the "
         "conversion would take."},
        {"chat-template", 0, "FORM", false,
         "The form of a conversation, where that of the checkpoint is not used: plain, lines that begin with User: and "
         "Assistant:; chatml; a file with a Jinja template; none (default: the checkpoint's, if it has one that can be)."},
        {"name", 0, "TEXT", false, "Name to store in the blob (default: the checkpoint's)."},
        {"threads", 't', "N", false, "Threads (default: all CPUs); does not change a byte."},
        {"json", 0, nullptr, false, "The summary as one JSON document on standard output."},
        {"quiet", 'q', nullptr, false, "No progress."},
    };
    options.insert(options.end(), others.begin(), others.end());
    return options;
}

}  // namespace

Command convert_command() {
    static const std::string description =
        "Reads a checkpoint: a folder of config.json, weights (the first of model.safetensors, its index, "
        "pytorch_model.bin, its index, and the one *.pth) and tokenizer.json, or the path of a file of weights alone, "
        "with what lies beside it. Of PyTorch's files nothing is ever executed. Or a GGUF file, FILE.gguf, which has "
        "all of that in itself: what lies beside it is not looked at; of a model in several, "
        "NAME-00001-of-00003.gguf and so on, the first. Runs the model in float over a\n"
        "calibration text to find the range of every activation, quantizes, writes the blob, opens it again "
        "and\n"
        "checks it. The same inputs and options give the same bytes.\n"
        "\nGGUF files may be of architecture " +
        listed(gguf_architectures(), " or ") + ", their tensors of types " + readable_gguf_types() +
        ". Quantized weights are made floats and quantized anew, as the recipe says; the blob's record tells of which types they "
        "were. Such a file does not say whether its tokenizer normalizes texts to NFC, as that of GPT-NeoX does, and they are "
        "taken as they are; --tokenizer takes the original.\n"
        "\nWith --gate-text the blob, run by the kernels that ship, is compared with the checkpoint, run in "
        "float, "
        "and the result is stored in the blob's record, which inspect shows. When a gate is missed an older "
        "file "
        "of that name stays as it was.";
    return {"convert",
            "CHECKPOINT -o FILE.adder",
            "Convert a checkpoint to a blob",
            description.c_str(),
            {"adder convert mamba-130m -o mamba-130m.adder --calib sample.txt",
             "adder convert weights/model.pth --tokenizer gpt-neox-20b/tokenizer.json -o model.adder",
             "adder convert mamba-130m-Q8_0.gguf -o mamba-130m.adder",
             "adder convert mamba-130m -o mamba-130m.adder --calibration sample.json",
             "adder convert mamba-130m -o small.adder --recipe small",
             "adder convert mamba-130m -o mamba-130m.adder --gate-text heldout.txt --gate-ppl 2"},
            convert_options(),
            1,
            1,
            run_convert};
}

}  // namespace adder

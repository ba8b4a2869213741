// adder bench: how fast a blob runs, and the kernels alone.
// SPDX-License-Identifier: MIT
#include <cstdlib>

#include "converter/app/cli.h"
#include "converter/app/pages.h"
#include "converter/base/error.h"
#include "converter/bench/kernels.h"
#include "converter/bench/machine.h"
#include "converter/bench/model.h"
#include "converter/blob/session.h"
#include "kernels/kernels.h"

namespace adder {

namespace {

std::vector<std::string> split(const std::string &list) {
    std::vector<std::string> items(1);
    for (const char c : list) {
        if (c == ',')
            items.emplace_back();
        else
            items.back() += c;
    }
    return items;
}

std::string join(const std::vector<std::string> &items) {
    std::string list;
    for (const std::string &item : items) list += (list.empty() ? "" : ", ") + item;
    return list;
}

// Numbers from 1 to 256 with commas between.
std::vector<uint32_t> counts_of(const char *option, const std::string &list) {
    std::vector<uint32_t> counts;
    for (const std::string &item : split(list)) {
        char *end = nullptr;
        const unsigned long count = std::strtoul(item.c_str(), &end, 10);
        if (item.empty() || item[0] < '0' || item[0] > '9' || *end != '\0' || count < 1 || count > 256)
            fail(ExitCode::usage, "--%s is %s; numbers from 1 to 256 with commas between are needed", option,
                 list.c_str());
        counts.push_back(static_cast<uint32_t>(count));
    }
    return counts;
}

std::vector<uint32_t> thread_counts(const Arguments &arguments) {
    return counts_of("threads", arguments.text("threads", "1"));
}

// Throws Error(usage) where an option of the one use is given to the other.
void refuse(const Arguments &arguments, const std::vector<const char *> &options, const char *reason) {
    for (const char *const option : options)
        if (arguments.has(option)) fail(ExitCode::usage, "--%s %s", option, reason);
}

BenchReport bench_of_kernels(const Arguments &arguments) {
    refuse(arguments, {"prompt", "tokens", "long", "after", "sessions"},
           "is for a model, not for bench kernels");
    KernelBenchPlan plan;
    plan.threads = thread_counts(arguments);
    plan.chunk = static_cast<uint32_t>(arguments.integer("chunk", host_chunk, 1, 4096));
    plan.repeats = static_cast<uint32_t>(arguments.integer("repeats", 5, 1, 10000));
    plan.pin = arguments.has("pin");
    plan.least_part = static_cast<uint32_t>(arguments.integer("least-part", 0, 1, UINT32_MAX));
    if (arguments.has("kernel")) plan.kernels = split(arguments.text("kernel"));
    plan.isas = isa_names();
    if (arguments.has("isa")) {
        plan.isas = split(arguments.text("isa"));
        for (const std::string &isa : plan.isas)
            if (kernels_find(isa.c_str()) == nullptr)
                fail(ExitCode::usage, "--isa is %s; usable here: %s", isa.c_str(), join(isa_names()).c_str());
    }
    if (!arguments.has("model")) return bench_kernels(plan);
    refuse(arguments, {"kernel", "chunk"}, "goes without --model");
    const BlobFile blob(arguments.text("model"), BlobFile::Checksum::compare, pages_of(arguments));
    return bench_matrices(blob, plan);
}

BenchReport bench_of_model(const Arguments &arguments) {
    refuse(arguments, {"kernel", "model"}, "is for `adder bench kernels`");
    BenchPlan plan;
    plan.prompt_tokens = static_cast<uint32_t>(arguments.integer("prompt", 512, 0, 1 << 24));
    plan.generate_tokens = static_cast<uint32_t>(arguments.integer("tokens", 128, 0, 1 << 24));
    plan.long_tokens = static_cast<uint32_t>(arguments.integer("long", 0, 100, 1 << 30));
    plan.before = static_cast<uint32_t>(arguments.integer("after", 0, 0, 1 << 23));
    if (arguments.has("sessions")) plan.sessions = counts_of("sessions", arguments.text("sessions"));
    plan.chunk = static_cast<uint32_t>(arguments.integer("chunk", host_chunk, 1, 4096));
    plan.repeats = static_cast<uint32_t>(arguments.integer("repeats", 5, 1, 10000));
    plan.pin = arguments.has("pin");
    plan.least_part = static_cast<uint32_t>(arguments.integer("least-part", 0, 1, UINT32_MAX));
    if (plan.generate_tokens == 0 && !plan.sessions.empty())
        fail(ExitCode::usage, "--sessions with -n 0: there is nothing that they could generate");
    if (plan.prompt_tokens == 0 && plan.generate_tokens == 0 && plan.long_tokens == 0)
        fail(ExitCode::usage, "-p 0 and -n 0 leave nothing to measure");
    const std::vector<std::string> isas =
        arguments.has("isa") ? split(arguments.text("isa")) : std::vector<std::string>{""};
    for (const uint32_t threads : thread_counts(arguments))
        for (const std::string &isa : isas) plan.configurations.push_back({threads, isa});
    const BlobFile blob(arguments.positional()[0], BlobFile::Checksum::compare, pages_of(arguments));
    ModelBench bench(blob, plan);
    bench.measure();
    return bench.report();
}

int run_bench(const Arguments &arguments) {
    const std::string form = arguments.choice("output", "table", bench_forms());
    const bool kernels = arguments.positional()[0] == "kernels";
    print(bench_report_text(kernels ? bench_of_kernels(arguments) : bench_of_model(arguments), form));
    return static_cast<int>(ExitCode::ok);
}

}  // namespace

Command bench_command() {
    return {
        "bench",
        "FILE.adder | kernels [OPTIONS]",
        "Measure speed, and what bounds it",
        "Of a blob: prompt, taking in tokens in chunks without computing logits; generate, one token at a "
        "time with the logits of each, without sampling; and on the same threads and memory, in turn with "
        "them, three bounds. matrices: the matrix products of a token and nothing else. read: reading the "
        "bytes of a token. product: as many products as a token has, from the first-level cache. Then the "
        "latency of single tokens, and the time of a token by step. Numbers are medians over the repeats; "
        "each repeat begins with a warm-up that is not counted.\n"
        "\nOf kernels: every kernel alone, with every instruction set that this CPU has, out of the first- "
        "and second-level cache and out of memory; with --model the matrix products of a model's token "
        "alone. (A blob named kernels: ./kernels.)\n"
        "\ndocs/performance.md says what each column means, and how to measure well.",
        {"adder bench adder-13m.adder", "adder bench adder-13m.adder -t 1,2,4 -o json",
         "adder bench adder-13m.adder --isa scalar,avx2 -p 256 -n 64 -r 9",
         "adder bench adder-13m.adder -p 0 -n 0 --long 100000", "adder bench kernels --kernel matmul_q8,scan",
         "adder bench kernels --model adder-13m.adder -t 1,4"},
        {
            {"prompt", 'p', "N", false, "Tokens of the prompt; 0: do not measure it (default: 512)."},
            {"tokens", 'n', "N", false, "Tokens to generate; 0: do not measure it (default: 128)."},
            {"after", 0, "N", false,
             "Generate after N tokens that are fed before and not counted (default: 0): where attention sees all "
             "of a text, later tokens cost more."},
            {"sessions", 0, "LIST", false,
             "Besides, generate with so many sessions at once, which read the weights together; several numbers "
             "with commas between. Tokens a second are those of all sessions."},
            {"long", 0, "N", false,
             "Besides, generate N tokens, once, the last 5 % of them in turns with the first ones of another "
             "session, and compare these; at least 100."},
            {"threads", 't', "LIST", false, "Numbers of threads, with commas between (default: 1)."},
            {"least-part", 0, "N", false,
             "Multiply-accumulates, about, that are worth a thread; 1: every step goes to all threads "
             "(default: the instruction set's)."},
            {"pin", 0, nullptr, false, "Bind each thread to a CPU of its own (Linux)."},
            {"repeats", 'r', "N", false, "Repeats of each measurement (default: 5)."},
            {"chunk", 0, "N", false,
             "Tokens of the prompt that go through a layer together, 1 to 4096 (default: 64)."},
            {"isa", 0, "LIST", false,
             "Instruction sets, with commas between (default: ADDER_ISA in the environment, else the best of "
             "this CPU; for kernels all of "
             "them)."},
            {"kernel", 0, "LIST", false, "Of kernels: these alone, with commas between."},
            {"model", 0, "FILE", false, "Of kernels: the matrix products of this blob's token alone."},
            prefault_option,
            huge_pages_option,
            {"output", 'o', "FORM", false, "table, json, csv or md (default: table)."},
        },
        1,
        1,
        run_bench,
    };
}

}  // namespace adder

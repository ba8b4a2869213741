// adder eval: perplexity and zero-shot accuracy of models, and what they lost against a base.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "converter/app/cli.h"
#include "converter/app/made.h"
#include "converter/app/pages.h"
#include "converter/app/shard.h"
#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/blob/file.h"
#include "converter/eval/report.h"
#include "converter/eval/score.h"
#include "converter/eval/shard.h"

namespace adder {
namespace {

// The page of --html, made before the work: that it cannot be written is better known then.
void open_page(const Arguments &arguments, std::optional<AtomicFile> *page) {
    if (!arguments.has("html")) return;
    std::vector<std::string> inputs = arguments.positional();
    for (const std::string &text : arguments.all("ppl")) inputs.push_back(text);
    for (const std::string &task : arguments.all("task")) inputs.push_back(task.substr(task.find('=') + 1));
    if (arguments.has("base")) inputs.push_back(arguments.text("base"));
    check_not_an_input(arguments.text("html"), inputs);
    page->emplace(arguments.text("html"));
}

void print_report(const Arguments &arguments, const Evaluation &evaluation, std::optional<AtomicFile> *page) {
    const std::string report = arguments.has("json")  ? eval_json(evaluation)
                               : arguments.has("csv") ? eval_csv(evaluation)
                                                      : eval_table(evaluation);
    if (*page) {
        const std::string html = eval_html(evaluation, made_sentence("eval", arguments));
        try {
            (*page)->write(html.data(), html.size());
            (*page)->commit();
        } catch (const Error &) {
            print(report);  // a full disk costs the page, not the figures
            throw;
        }
    }
    print(report);
}

int run_merge(const Arguments &arguments) {
    for (const char *option : {"ppl", "task", "base", "window", "stride", "limit", "shard", "skip-bad"})
        if (arguments.has(option))
            fail(ExitCode::usage, "--%s does not go with --merge: the shards have their settings in them",
                 option);
    std::optional<AtomicFile> page;
    open_page(arguments, &page);
    std::vector<Evaluation> parts;
    for (const std::string &path : arguments.positional()) {
        const MappedFile file(path);
        parts.push_back(read_shard(file.text(), path));
    }
    print_report(arguments, merge_shards(std::move(parts), arguments.positional()), &page);
    return 0;
}

EvalOptions read_options(const Arguments &arguments) {
    EvalOptions options;
    options.texts = arguments.all("ppl");
    options.window = static_cast<uint32_t>(arguments.integer("window", 1024, 2, 1 << 20));
    options.stride = static_cast<uint32_t>(arguments.integer("stride", options.window, 1, options.window));
    options.limit = static_cast<uint64_t>(arguments.integer("limit", 0, 0, int64_t{1} << 40));
    if (arguments.has("shard")) {
        const Shard shard = parse_shard(arguments.text("shard"));
        options.shard = shard.number;
        options.shards = shard.count;
    }
    if (arguments.has("shard") && (arguments.has("csv") || arguments.has("html")))
        fail(ExitCode::usage, "--shard writes its own JSON; --csv and --html go with --merge");
    for (const std::string &specification : arguments.all("task")) {
        options.tasks.push_back(read_task(specification, options.limit, arguments.has("skip-bad")));
        const Task &task = options.tasks.back();
        for (size_t i = 0; i + 1 < options.tasks.size(); ++i)
            if (options.tasks[i].name == task.name)
                fail(ExitCode::usage, "two tasks have the name %s", task.name.c_str());
        for (const std::string &why : task.skipped)
            std::fprintf(stderr, "adder eval: left out: %s\n", why.c_str());
    }
    if (options.texts.empty() && options.tasks.empty())
        fail(ExitCode::usage, "nothing to evaluate: give --ppl FILE or --task NAME=FILE.jsonl");
    return options;
}

int run_eval(const Arguments &arguments) {
    if (arguments.has("json") && arguments.has("csv"))
        fail(ExitCode::usage, "--json and --csv: standard output has room for one");
    if (arguments.has("merge")) return run_merge(arguments);
    Progress::quiet(arguments.has("quiet"));
    install_interrupt_handler();
    const EvalOptions options = read_options(arguments);
    std::optional<AtomicFile> page;
    open_page(arguments, &page);
    ThreadPool pool(static_cast<uint32_t>(arguments.integer("threads", 0, 0, 256)));
    std::vector<std::unique_ptr<Scorer>> models;
    for (const std::string &path : arguments.positional())
        models.push_back(open_scorer(path, pool, pages_of(arguments)));
    const size_t given = models.size();
    int base = -1;
    if (arguments.has("base")) {
        const std::string path = arguments.text("base");
        const auto found = std::find(arguments.positional().begin(), arguments.positional().end(), path);
        base = static_cast<int>(found - arguments.positional().begin());
        if (found == arguments.positional().end())
            models.push_back(open_scorer(path, pool, pages_of(arguments)));
    }
    std::vector<Scorer *> all;
    for (const auto &model : models) all.push_back(model.get());
    Evaluation evaluation = evaluate(all, base, options, pool);
    evaluation.given = given;
    if (arguments.has("shard"))
        print(write_shard(evaluation));
    else
        print_report(arguments, evaluation, &page);
    if (evaluation.interrupted)
        fail(ExitCode::failure, "interrupted: the figures are those of what was done");
    return 0;
}

}  // namespace

Command eval_command() {
    return {"eval",
            "MODEL... [--ppl FILE] [--task NAME=FILE.jsonl] [--base MODEL] [OPTIONS]",
            "Measure perplexity and accuracy, and what they lost against another model",
            "A MODEL is a blob, run by the kernels that ship, or a checkpoint directory, run in float. "
            "docs/evaluation.md "
            "defines every figure and its standard error. No figure depends on threads, instruction set or "
            "shards.\n"
            "\nTexts are cut into windows of tokens; each starts from an empty state and is scored from its "
            "second token on. "
            "Special tokens in the text are recognised.\n"
            "\nTasks are files with one JSON object a line, zero-shot: multiple choice, LAMBADA and "
            "WinoGrande, in Adder's own "
            "form or that in which HellaSwag, PIQA, ARC, WinoGrande and LAMBADA are published. Rows that "
            "cannot be scored are "
            "an error that names each, or are left out with --skip-bad.\n"
            "\nWith --base: KL divergence, share of equal top-1 tokens, change of perplexity, and change of "
            "accuracy with its "
            "paired standard error.\n"
            "\nWith --shard K/N a process does its share and prints what it found; adder eval --merge "
            "FILE... gives the report "
            "of one run. Ctrl-C ends with the figures of what is done, and exit code 1.",
            {"adder eval model.adder --ppl books.txt",
             "adder eval a.adder b.adder --base CHECKPOINT --ppl books.txt --html report.html",
             "adder eval a.adder --task lambada_openai=lambada.jsonl --task piqa=piqa.jsonl --limit 500",
             "adder eval a.adder --ppl books.txt --shard 1/2 > 1.json", "adder eval --merge 1.json 2.json"},
            {
                {"ppl", 0, "FILE", true, "Text to score."},
                {"window", 0, "N", false, "Tokens a window (default: 1024)."},
                {"stride", 0, "N", false,
                 "Tokens from one window to the next; what a window shares with the one before is context "
                 "only (default: the "
                 "window)."},
                {"task", 0, "NAME=FILE", true, "Task to score: one JSON object a line."},
                {"limit", 0, "N", false, "The first N examples of each task; 0: all (default: 0)."},
                {"skip-bad", 0, nullptr, false, "Leave out rows that cannot be scored, and count them."},
                {"base", 0, "MODEL", false, "Compare with this one."},
                {"threads", 't', "N", false, "Threads (default: all CPUs); does not change a digit."},
                prefault_option,
                huge_pages_option,
                {"json", 0, nullptr, false, "Print one JSON object, with each example's log-likelihoods."},
                {"csv", 0, nullptr, false, "Print CSV, one line a model."},
                {"html", 0, "FILE", false, "Write one page with tables and pictures as well."},
                {"shard", 0, "K/N", false, "Do the K-th of N equal shares, and print it for --merge."},
                {"merge", 0, nullptr, false,
                 "Put the outputs of all shards together; the MODELs are their files."},
                {"quiet", 'q', nullptr, false, "No progress."},
            },
            1,
            1000,
            run_eval};
}

}  // namespace adder

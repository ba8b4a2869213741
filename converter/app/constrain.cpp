// adder constrain: makes a constraint, which generated texts then keep to.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>

#include "converter/app/cli.h"
#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/constrain/automaton.h"
#include "converter/constrain/regex.h"

namespace adder {
namespace {

constexpr const char *sources[] = {"regex"};

// "1,234"
std::string with_commas(uint64_t number) {
    std::string text = std::to_string(number);
    for (size_t i = text.size(); i > 3;) text.insert(i -= 3, ",");
    return text;
}

Expr read_source(const Arguments &arguments) {
    return parse_regex(arguments.text("regex"), "--regex", RegexDialect::whole);
}

void print_facts(const std::string &path, const Automaton &automaton, const std::vector<uint8_t> &file) {
    size_t edges = 0, most = 0;
    for (const Automaton::State &state : automaton.states) {
        edges += state.edges.size();
        most = std::max(most, state.edges.size());
    }
    unsigned comparisons = 1;
    while (most >> comparisons != 0) ++comparisons;
    const ConstraintHeader &header = *reinterpret_cast<const ConstraintHeader *>(file.data());
    print(format("%s: %s bytes; %s states, %zu ranges of bytes\n", path.c_str(),
                 with_commas(file.size()).c_str(), with_commas(automaton.states.size()).c_str(), edges));
    print(format("texts: %s to %s bytes%s\n", with_commas(automaton.states[0].lacks).c_str(),
                 with_commas(header.longest).c_str(),
                 automaton.unbounded ? ", where --max-bytes ends them" : ""));
    print(format(
        "work for a generated token: for each token of the vocabulary at most its bytes, %u comparisons each\n",
        comparisons));
}

int run_constrain(const Arguments &arguments) {
    int given = 0;
    for (const char *source : sources) given += arguments.has(source);
    if (given != 1) fail(ExitCode::usage, "a constraint comes from one place: give --regex R");
    if (!arguments.has("output")) fail(ExitCode::usage, "where to? Give -o FILE.adderc");
    const std::string path = arguments.text("output");
    const auto max_bytes = static_cast<uint32_t>(arguments.integer("max-bytes", 0, 1, constraint_max_longest));
    AtomicFile output(path);
    const Automaton automaton = make_automaton(read_source(arguments), "--regex");
    const std::vector<uint8_t> file = write_constraint(automaton, max_bytes, "--regex");
    output.write(file.data(), file.size());
    output.commit();
    if (!arguments.has("quiet")) print_facts(path, automaton, file);
    return 0;
}

}  // namespace

Command constrain_command() {
    return {
        "constrain",
        "--regex R -o FILE.adderc",
        "Make a constraint, which generated texts then keep to",
        "Makes an automaton of the texts that a regular expression matches. `adder run --constraint`, `adder-chat --constraint` "
        "and adder_constraint_mask of the library let a model generate these texts and no others. Prints the file's size, the "
        "automaton's, how long texts may be, and the work for a token.",
        {"adder constrain --regex \"(yes|no)\" -o answer.adderc"},
        {
            {"output", 'o', "FILE", false, "The file to write."},
            {"regex", 0, "R", false,
             "The texts that this regular expression matches from their starts to their ends, in RE2's syntax."},
            {"max-bytes", 0, "N", false,
             "No text is longer than N bytes; needed where texts may have any length (default: as the source has it)."},
        },
        0,
        0,
        run_constrain,
    };
}

}  // namespace adder

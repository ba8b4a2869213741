// adder constrain: makes a constraint, which generated texts then keep to.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>

#include "converter/app/cli.h"
#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/constrain/automaton.h"
#include "converter/constrain/grammar.h"
#include "converter/constrain/numbers.h"
#include "converter/constrain/regex.h"
#include "converter/constrain/schema.h"

namespace adder {
namespace {

constexpr const char *sources[] = {"json-schema", "regex", "grammar"};
constexpr size_t max_source_bytes = size_t{16} << 20;

// "1,234"
std::string with_commas(uint64_t number) {
    std::string text = std::to_string(number);
    for (size_t i = text.size(); i > 3;) text.insert(i -= 3, ",");
    return text;
}

// What texts are allowed, and in *what what messages call it.
Expr read_source(const Arguments &arguments, std::string *what) {
    int given = 0;
    for (const char *source : sources) given += arguments.has(source);
    if (given != 1)
        fail(ExitCode::usage,
             "a constraint comes from one place: give --json-schema FILE, --regex R or --grammar FILE");
    for (const char *option : {"any-order", "spaces", "max-length", "max-items", "decimals"})
        if (arguments.has(option) && !arguments.has("json-schema"))
            fail(ExitCode::usage, "--%s has a meaning with --json-schema only", option);
    if (arguments.has("depth") && arguments.has("regex"))
        fail(ExitCode::usage, "--depth has no meaning with --regex");
    const auto number = [&](const char *name, uint32_t fallback, int64_t low, int64_t high) {
        return static_cast<uint32_t>(arguments.integer(name, fallback, low, high));
    };
    if (arguments.has("regex")) {
        *what = "--regex";
        return parse_regex(arguments.text("regex"), *what, RegexDialect::whole);
    }
    SchemaOptions options;
    options.depth = number("depth", options.depth, 0, 1000);
    *what = arguments.text(arguments.has("grammar") ? "grammar" : "json-schema");
    const MappedFile file(*what);
    if (file.size() > max_source_bytes)
        bad_input("%s: %zu bytes are too many; at most %zu are taken", what->c_str(), file.size(),
                  max_source_bytes);
    if (arguments.has("grammar")) return parse_grammar(std::string(file.text()), *what, options.depth);
    options.any_order = arguments.has("any-order");
    options.spaces = arguments.has("spaces");
    options.max_length = number("max-length", options.max_length, 0, 65535);
    options.max_items = number("max-items", options.max_items, 0, 65535);
    options.decimals = number("decimals", options.decimals, 0, max_decimals);
    std::vector<std::string> notes;
    const Expr expression = parse_schema(Json::parse(file.text(), *what), *what, options, &notes);
    for (const std::string &note : notes)
        if (!arguments.has("quiet"))
            std::fprintf(stderr, "adder constrain: %s: %s\n", what->c_str(), note.c_str());
    return expression;
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
    if (!arguments.has("output")) fail(ExitCode::usage, "where to? Give -o FILE.adderc");
    const std::string path = arguments.text("output");
    const auto max_bytes = static_cast<uint32_t>(arguments.integer("max-bytes", 0, 1, constraint_max_longest));
    check_not_an_input(path, {arguments.text("json-schema"), arguments.text("grammar")});
    AtomicFile output(path);
    std::string what;
    const Expr expression = read_source(arguments, &what);
    const Automaton automaton = make_automaton(expression, what);
    const std::vector<uint8_t> file = write_constraint(automaton, max_bytes, what);
    output.write(file.data(), file.size());
    output.commit();
    if (!arguments.has("quiet")) print_facts(path, automaton, file);
    return 0;
}

}  // namespace

Command constrain_command() {
    return {
        "constrain",
        "{--json-schema FILE | --regex R | --grammar FILE} -o FILE.adderc",
        "Make a constraint, which generated texts then keep to",
        "Makes an automaton of the texts that a JSON Schema, a regular expression or a grammar allows. `adder run "
        "--constraint`, `adder-chat --constraint` and adder_constraint_mask of the library let a model generate these texts and "
        "no others. What cannot be kept to is refused by name. Prints the file's size, the automaton's, how long texts may be, "
        "and the work for a token. docs/constrain.md says what is taken.\n"
        "\nOf a JSON Schema every text that is generated is valid; strings and arrays without a bound get one.",
        {"adder constrain --json-schema order.json -o order.adderc",
         "adder constrain --regex \"(yes|no)\" -o answer.adderc",
         "adder constrain --grammar moves.gbnf --depth 3 -o moves.adderc"},
        {
            {"output", 'o', "FILE", false, "The file to write."},
            {"json-schema", 0, "FILE", false,
             "JSON texts that are valid for this schema (JSON Schema 2020-12, a part of it)."},
            {"regex", 0, "R", false,
             "The texts that this regular expression matches from their starts to their ends, in RE2's syntax."},
            {"grammar", 0, "FILE", false,
             "The texts that the rule `root` of this grammar makes, in GBNF's syntax."},
            {"max-bytes", 0, "N", false,
             "No text is longer than N bytes; needed where texts may have any length (default: as the source has it)."},
            {"depth", 0, "N", false,
             "How often a rule of a grammar, or a $ref of a schema, may lead to itself, 0 to 1000 (default: 8)."},
            {"any-order", 0, nullptr, false,
             "Members of objects come in any order, up to 6 of each (default: in that of `properties`)."},
            {"spaces", 0, nullptr, false,
             "A space may follow each colon and comma between values (default: none does)."},
            {"max-length", 0, "N", false, "Characters of strings without maxLength, at most (default: 64)."},
            {"max-items", 0, "N", false, "Items of arrays without maxItems, at most (default: 8)."},
            {"decimals", 0, "N", false,
             "Digits behind the point of numbers that are no integers, 0 to 6 (default: 6)."},
        },
        0,
        0,
        run_constrain,
    };
}

}  // namespace adder

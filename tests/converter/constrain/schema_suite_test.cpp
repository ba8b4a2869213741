// JSON Schemas of the published test suite (github.com/json-schema-org/JSON-Schema-Test-Suite): a constraint that is made from one
// writes no text that the suite calls invalid. The suite is not a part of this repository:
//
//     ADDER_SCHEMA_SUITE=JSON-Schema-Test-Suite/tests/draft2020-12 adder_converter_test --gtest_filter='SchemaSuite*'
//
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "converter/base/error.h"
#include "converter/constrain/schema.h"
#include "tests/support/constraint.h"
#include "tests/support/json_text.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

struct Counts {
    size_t groups = 0, taken = 0, valid = 0, written = 0, invalid = 0;
};

void try_group(const Json &group, const std::string &where, const SchemaOptions &options, Counts *counts) {
    ++counts->groups;
    std::vector<uint8_t> constraint;
    try {
        std::vector<std::string> notes;
        const Expr expression = parse_schema(*group.find("schema"), where, options, &notes);
        // oneOf is taken as anyOf, and a note says so.
        if (!notes.empty()) return;
        constraint = write_constraint(make_automaton(expression, where), 0, where);
    } catch (const Error &) {
        return;  // refused by name
    }
    ++counts->taken;
    for (const Json &one : group.find("tests")->array(where)) {
        const std::string text = json_text(*one.find("data"));
        const bool written = accepts(constraint, text), valid = one.find("valid")->boolean(where);
        EXPECT_TRUE(valid || !written) << where << ": " << text;
        ++(valid ? counts->valid : counts->invalid);
        counts->written += valid && written;
    }
}

TEST(SchemaSuite, NothingThatIsInvalidIsWritten) {
    const char *const folder = std::getenv("ADDER_SCHEMA_SUITE");
    if (folder == nullptr) GTEST_SKIP() << "ADDER_SCHEMA_SUITE names no copy of the JSON-Schema-Test-Suite";
    std::vector<std::string> files;
    for (const auto &entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".json") files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    for (const bool any_order : {false, true}) {
        SchemaOptions options;
        options.any_order = any_order;
        Counts counts;
        for (const std::string &file : files) {
            const Counts before = counts;
            const Json groups = Json::parse(read_text(file), file);
            for (const Json &group : groups.array(file))
                try_group(group, file + ": " + group.find("description")->string(file), options, &counts);
            std::printf("%s: %zu of %zu schemas\n", std::filesystem::path(file).stem().c_str(),
                        counts.taken - before.taken, counts.groups - before.groups);
        }
        std::printf(
            "%s: %zu of %zu schemas are taken; %zu invalid texts, none written; of %zu valid ones %zu\n",
            any_order ? "any order" : "in order", counts.taken, counts.groups, counts.invalid, counts.valid,
            counts.written);
        EXPECT_GT(counts.taken, 50u);
        EXPECT_GT(counts.written, 50u);
    }
}

}  // namespace
}  // namespace adder::test

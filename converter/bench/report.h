// What a benchmark reports: facts and tables, written for a terminal, as JSON, CSV or Markdown.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace adder {

using BenchCell = std::variant<std::monostate, std::string, uint64_t, double>;  // monostate: does not apply

struct BenchColumn {
    const char *key;    // of JSON and CSV, with the unit: "gb_per_second"
    const char *title;  // of the table and Markdown; null: left out there
    int digits = 0;     // after the point in the table and Markdown; JSON and CSV have all
};

struct BenchTable {
    const char *name;                  // of JSON and CSV: "rates"
    std::string title;                 // a line above the table
    std::vector<BenchColumn> columns;  // the first are text, and what tells rows apart
    std::vector<std::vector<BenchCell>> rows;
};

struct BenchFact {
    const char *key;
    BenchCell value;
    std::string text;  // in the line that says it: "load 0.52"; empty: not said there
};

struct BenchReport {
    std::vector<BenchFact> machine;  // above the tables
    std::vector<BenchTable> tables;
    std::vector<BenchFact> facts;  // below
};

const std::vector<std::string> &bench_forms();  // "table", "json", "csv", "md"

// CSV: one header for all tables, the first column naming the table; what a table lacks is empty. Facts are rows of the
// table "facts", with columns key and value.
std::string bench_report_text(const BenchReport &report, const std::string &form);

}  // namespace adder

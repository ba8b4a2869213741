// The four forms of a benchmark's report.
// SPDX-License-Identifier: MIT
#include "converter/bench/report.h"

#include <algorithm>
#include <cmath>

#include "converter/base/error.h"
#include "converter/report/table.h"
#include "converter/text/json.h"

namespace adder {
namespace {

std::string number_text(uint64_t number) {
    const std::string digits = std::to_string(number);
    std::string text;
    for (size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
        text += digits[i];
    }
    return text;
}

// For people: thousands set apart, and as many digits as the column has.
std::string cell_text(const BenchCell &cell, int digits) {
    if (const auto *text = std::get_if<std::string>(&cell)) return *text;
    if (const auto *whole = std::get_if<uint64_t>(&cell)) return number_text(*whole);
    const auto *number = std::get_if<double>(&cell);
    if (number == nullptr || !std::isfinite(*number)) return "-";
    if (digits == 0 && *number >= 0 && *number < 1e15)
        return number_text(static_cast<uint64_t>(std::llround(*number)));
    return format("%.*f", digits, *number);
}

void write_cell(JsonWriter &w, const BenchCell &cell) {
    if (const auto *text = std::get_if<std::string>(&cell))
        w.value(*text);
    else if (const auto *whole = std::get_if<uint64_t>(&cell))
        w.value(*whole);
    else if (const auto *number = std::get_if<double>(&cell))
        w.value(*number);
    else
        w.null();
}

// For machines: JSON's number, whose digits read back the same; nothing where it does not apply.
std::string csv_cell(const BenchCell &cell) {
    if (const auto *text = std::get_if<std::string>(&cell)) return csv_field(*text);
    const auto *number = std::get_if<double>(&cell);
    if (std::holds_alternative<std::monostate>(cell) || (number != nullptr && !std::isfinite(*number)))
        return "";
    JsonWriter w(false);
    write_cell(w, cell);
    return w.text();
}

std::string line_of(const std::vector<BenchFact> &facts) {
    std::string line;
    for (const BenchFact &fact : facts)
        if (!fact.text.empty()) line += (line.empty() ? "" : "; ") + fact.text;
    return line;
}

std::string for_people(const BenchReport &report, bool markdown) {
    std::string out = line_of(report.machine) + "\n";
    for (const BenchTable &table : report.tables) {
        if (table.rows.empty()) continue;
        std::vector<std::string> titles;
        for (const BenchColumn &column : table.columns)
            if (column.title != nullptr) titles.push_back(column.title);
        TextTable text(titles);
        for (const std::vector<BenchCell> &row : table.rows) {
            std::vector<std::string> cells;
            for (size_t c = 0; c < row.size(); ++c)
                if (table.columns[c].title != nullptr)
                    cells.push_back(cell_text(row[c], table.columns[c].digits));
            text.add(std::move(cells));
        }
        out += "\n" + table.title + "\n" + (markdown ? "\n" + text.markdown() : text.text());
    }
    const std::string below = line_of(report.facts);
    return below.empty() ? out : out + "\n" + below + "\n";
}

std::string as_json(const BenchReport &report) {
    JsonWriter w;
    w.begin_object();
    w.key("machine").begin_object();
    for (const BenchFact &fact : report.machine) write_cell(w.key(fact.key), fact.value);
    w.end_object();
    for (const BenchTable &table : report.tables) {
        w.key(table.name).begin_array();
        for (const std::vector<BenchCell> &row : table.rows) {
            w.begin_object();
            for (size_t c = 0; c < row.size(); ++c) write_cell(w.key(table.columns[c].key), row[c]);
            w.end_object();
        }
        w.end_array();
    }
    for (const BenchFact &fact : report.facts) write_cell(w.key(fact.key), fact.value);
    w.end_object();
    return w.text() + "\n";
}

std::string as_csv(const BenchReport &report) {
    std::vector<std::string> keys = {"table", "key", "value"};
    for (const BenchTable &table : report.tables)
        for (const BenchColumn &column : table.columns)
            if (std::find(keys.begin(), keys.end(), column.key) == keys.end()) keys.emplace_back(column.key);
    std::string out;
    for (const std::string &key : keys) out += (out.empty() ? "" : ",") + csv_field(key);
    out += "\r\n";
    for (const BenchTable &table : report.tables)
        for (const std::vector<BenchCell> &row : table.rows) {
            std::vector<std::string> fields(keys.size());
            fields[0] = table.name;
            for (size_t c = 0; c < row.size(); ++c) {
                const auto key = std::find(keys.begin(), keys.end(), table.columns[c].key);
                fields[static_cast<size_t>(key - keys.begin())] = csv_cell(row[c]);
            }
            std::string line;
            for (size_t f = 0; f < fields.size(); ++f) line += (f == 0 ? "" : ",") + fields[f];
            out += line + "\r\n";
        }
    const std::string rest(keys.size() - 3, ',');
    for (const std::vector<BenchFact> *facts : {&report.machine, &report.facts})
        for (const BenchFact &fact : *facts)
            out += "facts," + csv_field(fact.key) + "," + csv_cell(fact.value) + rest + "\r\n";
    return out;
}

}  // namespace

const std::vector<std::string> &bench_forms() {
    static const std::vector<std::string> forms = {"table", "json", "csv", "md"};
    return forms;
}

std::string bench_report_text(const BenchReport &report, const std::string &form) {
    if (form == "json") return as_json(report);
    if (form == "csv") return as_csv(report);
    return for_people(report, form == "md");
}

}  // namespace adder

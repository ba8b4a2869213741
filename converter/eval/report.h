// Reports of an evaluation: tables for a terminal, JSON, CSV, and one HTML page with pictures.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "converter/eval/result.h"
#include "converter/report/table.h"

namespace adder {

std::string eval_table(const Evaluation &evaluation);
std::string eval_json(const Evaluation &evaluation);
// A header line and one line a model (RFC 4180).
std::string eval_csv(const Evaluation &evaluation);
// Self-contained: no script, and nothing that is loaded from elsewhere.
// `made`: a sentence that says by what, where and when.
std::string eval_html(const Evaluation &evaluation, const std::string &made);

// ---- Shared by the table and the page ----

struct EvalSection {
    std::string title;
    TextTable table;
};
// The models, then a section a text, then the tasks; one row a model in each.
std::vector<EvalSection> eval_sections(const Evaluation &evaluation);
// Names of the models in a table: the shortest ends of their paths that tell them apart.
std::vector<std::string> model_names(const Evaluation &evaluation);

}  // namespace adder

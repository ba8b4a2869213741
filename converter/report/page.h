// Pages of reports that open from a file: one style for light and dark, no script, nothing loaded from elsewhere.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "converter/report/table.h"

namespace adder {

// A whole page around `body`, well-formed as XML too. Pictures take their colours from its classes: "ink" and "paper"
// (strokes "line", "grid"), and "s0" .. "s7" for series, each as fill and, with "stroke" beside it, as stroke.
std::string html_page(const std::string &title, const std::string &body);

// The first row is the header; the first column is text, the others are figures.
std::string html_table(const TextTable &table);

// <p>text</p>, escaped.
std::string html_paragraph(const std::string &text);

}  // namespace adder

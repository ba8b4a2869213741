// Pages of reports that open from a file: one style for light and dark, no script, nothing loaded from elsewhere.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/report/table.h"

namespace adder {

// A whole page around `body`, well-formed as XML too. Pictures take their colours from its classes: "ink" and "paper"
// (strokes "line", "grid"), and "s0" .. "s7" for series, each as fill and, with "stroke" beside it, as stroke.
std::string html_page(const std::string &title, const std::string &body);

// A part of a page under a heading, which the table of contents has, too.
struct PageSection {
    std::string title;
    std::string html;
};
// The table of contents, then all sections.
std::string html_sections(const std::vector<PageSection> &sections);

// The first row is the header; the first column is text, the others are figures. With a name the table can be saved from the
// page as NAME.csv.
std::string html_table(const TextTable &table, const std::string &name = {});

// A picture, <svg>, that can be saved from the page as NAME.svg, with the colours of a light page.
std::string html_figure(const std::string &svg, const std::string &name);

// <p>text</p>, escaped.
std::string html_paragraph(const std::string &text);
// <ul>, an item each; empty of none.
std::string html_list(const std::vector<std::string> &items);

}  // namespace adder

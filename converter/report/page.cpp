// The frame, the style and the parts of report pages.
// SPDX-License-Identifier: MIT
#include "converter/report/page.h"

#include <algorithm>

#include "converter/report/svg.h"

namespace adder {
namespace {

// The series' colours are Okabe and Ito's, which colour-blind readers tell apart, a little lighter on dark.
constexpr char colours[] = R"(
:root { color-scheme: light dark; --ink: #1c2024; --soft: #626a72; --grid: #e3e6e9; --paper: #ffffff; --cell: #f2f4f6;
  --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #cc79a7; --s4: #b58900; --s5: #56b4e9; --s6: #7a5195; --s7: #626a72; }
)";
constexpr char dark_colours[] = R"(
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --soft: #9aa3ab; --grid: #32383e; --paper: #15181b;
  --cell: #1f2428; --s0: #4ba3dc; --s1: #f08a3c; --s2: #2cc295; --s3: #e29cc2; --s4: #e0b93b; --s5: #8fd0f5;
  --s6: #b18ad1; --s7: #9aa3ab; } }
)";
constexpr char layout[] = R"(
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; padding: 0 1.5em; max-width: 84em; color: var(--ink);
  background: var(--paper); overflow-wrap: break-word; }
h1 { font-size: 1.6em; } h2 { font-size: 1.25em; margin-top: 2em; border-bottom: 1px solid var(--grid); }
h3 { font-size: 1em; margin: 1.2em 0 0.3em; } p, li { max-width: 60em; } a { color: var(--s0); }
nav { columns: 16em; } nav ul { margin: 0; padding-left: 1.2em; }
.wide { overflow-x: auto; } .plots { display: flex; flex-wrap: wrap; gap: 1em; } figure { margin: 0; max-width: 100%; }
.found { border-left: 4px solid var(--s2); padding-left: 0.9em; } .save { font-size: 0.85em; margin: -0.6em 0 1em; }
table { border-collapse: collapse; margin: 0.5em 0 1em; font-size: 0.9em; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2em 0.7em; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th { font-weight: 600; background: var(--cell); white-space: normal; vertical-align: bottom; min-width: 3.5em; }
th:first-child, td:first-child, .text { text-align: left; } td.text { white-space: normal; min-width: 18em; }
tbody tr:hover { background: var(--cell); }
code { font-size: 0.92em; background: var(--cell); padding: 0.1em 0.3em; overflow-wrap: anywhere; }
@media (max-width: 36em) { body { padding: 0 0.8em; margin: 1em auto; } }
)";
// Of pictures, also where they are saved.
constexpr char pictures[] = R"(
svg { font: 11px system-ui, sans-serif; max-width: 100%; height: auto; }
svg text { fill: var(--ink); } svg .soft { fill: var(--soft); }
svg .line { stroke: var(--soft); fill: none; } svg .grid { stroke: var(--grid); fill: none; }
svg .cell { fill: var(--cell); } svg .stroke { fill: none; stroke-width: 1.6; } svg .title { font-weight: 600; font-size: 12px; }
)";

std::string picture_style() {
    std::string css = pictures;
    for (char i = '0'; i <= '7'; ++i) {
        const std::string series(1, i);
        css += "svg .s" + series + " { fill: var(--s" + series + "); } svg .s" + series +
               ".stroke { fill: none; stroke: var(--s" + series + "); }\n";
    }
    return css;
}

std::string base64(const std::string &bytes) {
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (size_t k = 0; k < 4; ++k)
            text += i + k > bytes.size() ? '=' : digits[group >> (18 - 6 * k) & 63];
    }
    return text;
}

// A link that saves bytes which the page itself holds.
std::string save_link(const std::string &file, const char *type, const std::string &bytes, const char *label) {
    return "<a download=\"" + xml_escape(file) + "\" href=\"data:" + type + ";base64," + base64(bytes) +
           "\">" + label + "</a>";
}

// "weights-and-activations": for places in the page, and names of files.
std::string slug(const std::string &title) {
    std::string id;
    for (const char c : title)
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            id += c;
        else if (c >= 'A' && c <= 'Z')
            id += static_cast<char>(c - 'A' + 'a');
        else if (!id.empty() && id.back() != '-')
            id += '-';
    while (!id.empty() && id.back() == '-') id.pop_back();
    return id.empty() ? "part" : id;
}

// Those with long cells, which may be broken into lines.
std::vector<bool> columns_of_text(const TextTable &table) {
    constexpr size_t most = 40;  // characters of a cell in one line
    std::vector<bool> columns;
    for (size_t r = 1; r < table.rows().size(); ++r)
        for (size_t c = 0; c < table.rows()[r].size(); ++c) {
            if (columns.size() <= c) columns.resize(c + 1, false);
            columns[c] = columns[c] || table.rows()[r][c].size() > most;
        }
    if (!table.rows().empty()) columns.resize(std::max(columns.size(), table.rows()[0].size()), false);
    return columns;
}

}  // namespace

std::string html_page(const std::string &title, const std::string &body) {
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
           "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>" +
           xml_escape(title) + "</title>\n<style>" + colours + dark_colours + layout + picture_style() +
           "</style>\n</head>\n<body>\n<h1>" + xml_escape(title) + "</h1>\n" + body + "</body>\n</html>\n";
}

std::string html_sections(const std::vector<PageSection> &sections) {
    std::string contents = "<nav>\n<ul>\n", all;
    for (const PageSection &section : sections) {
        const std::string id = slug(section.title), title = xml_escape(section.title);
        contents += "<li><a href=\"#" + id + "\">" + title + "</a></li>\n";
        all += "<section>\n<h2 id=\"" + id + "\">" + title + "</h2>\n" + section.html + "</section>\n";
    }
    return contents + "</ul>\n</nav>\n" + all;
}

std::string html_table(const TextTable &table, const std::string &name) {
    std::string html = "<div class=\"wide\"><table>\n";
    const std::vector<bool> text_columns = columns_of_text(table);
    for (size_t r = 0; r < table.rows().size(); ++r) {
        const std::string cell = r == 0 ? "th" : "td";
        html += r == 0 ? "<thead>\n<tr>" : r == 1 ? "<tbody>\n<tr>" : "<tr>";
        for (size_t c = 0; c < table.rows()[r].size(); ++c)
            html += "<" + cell + (text_columns[c] ? " class=\"text\">" : ">") +
                    xml_escape(table.rows()[r][c]) + "</" + cell + ">";
        html += r == 0 ? "</tr>\n</thead>\n" : "</tr>\n";
    }
    if (table.rows().size() > 1) html += "</tbody>\n";
    html += "</table></div>\n";
    if (name.empty()) return html;
    return html + "<p class=\"save\">" +
           save_link(slug(name) + ".csv", "text/csv", table.csv(), "Save as CSV") + "</p>\n";
}

std::string html_figure(const std::string &svg, const std::string &name) {
    const size_t begin = svg.find('>') + 1;  // of the content of the element
    const std::string alone =
        svg.substr(0, begin) + "<style>" + colours + picture_style() + "</style>" + svg.substr(begin);
    return "<figure>\n" + svg + "<p class=\"save\">" +
           save_link(slug(name) + ".svg", "image/svg+xml", alone, "Save as SVG") + "</p>\n</figure>\n";
}

std::string html_paragraph(const std::string &text) { return "<p>" + xml_escape(text) + "</p>\n"; }

std::string html_list(const std::vector<std::string> &items) {
    if (items.empty()) return {};
    std::string html = "<ul>\n";
    for (const std::string &item : items) html += "<li>" + xml_escape(item) + "</li>\n";
    return html + "</ul>\n";
}

}  // namespace adder

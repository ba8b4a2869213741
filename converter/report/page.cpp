// The frame and the style of report pages.
// SPDX-License-Identifier: MIT
#include "converter/report/page.h"

#include "converter/report/svg.h"

namespace adder {
namespace {

// The series' colours are Okabe and Ito's, which colour-blind readers tell apart, a little lighter on dark.
constexpr char style[] = R"(
:root { color-scheme: light dark; --ink: #1c2024; --soft: #626a72; --grid: #e3e6e9; --paper: #ffffff; --cell: #f2f4f6;
  --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #cc79a7; --s4: #b58900; --s5: #56b4e9; --s6: #7a5195; --s7: #626a72; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --soft: #9aa3ab; --grid: #32383e; --paper: #15181b;
  --cell: #1f2428; --s0: #4ba3dc; --s1: #f08a3c; --s2: #2cc295; --s3: #e29cc2; --s4: #e0b93b; --s5: #8fd0f5;
  --s6: #b18ad1; --s7: #9aa3ab; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; padding: 0 1.5em; max-width: 84em; color: var(--ink);
  background: var(--paper); }
h1 { font-size: 1.6em; } h2 { font-size: 1.25em; margin-top: 2em; border-bottom: 1px solid var(--grid); }
h3 { font-size: 1em; margin: 1.2em 0 0.3em; } p { max-width: 60em; }
.wide { overflow-x: auto; } .plots { display: flex; flex-wrap: wrap; gap: 1em; } figure { margin: 0; }
table { border-collapse: collapse; margin: 0.5em 0 1em; font-size: 0.9em; font-variant-numeric: tabular-nums; }
th, td { padding: 0.15em 0.7em; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th { font-weight: 600; background: var(--cell); } th:first-child, td:first-child { text-align: left; }
code { font-size: 0.92em; background: var(--cell); padding: 0.1em 0.3em; overflow-wrap: anywhere; }
svg { font: 11px system-ui, sans-serif; max-width: 100%; } svg text { fill: var(--ink); } svg .soft { fill: var(--soft); }
svg .line { stroke: var(--soft); fill: none; } svg .grid { stroke: var(--grid); fill: none; }
svg .cell { fill: var(--cell); } svg .stroke { fill: none; stroke-width: 1.6; } svg .title { font-weight: 600; font-size: 12px; }
)";

}  // namespace

std::string html_page(const std::string &title, const std::string &body) {
    std::string html = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                       "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>";
    html += xml_escape(title) + "</title>\n<style>";
    html += style;
    for (char i = '0'; i <= '7'; ++i) {
        const std::string series(1, i);
        html += "svg .s" + series + " { fill: var(--s" + series + "); } svg .s" + series +
                ".stroke { fill: none; stroke: var(--s" + series + "); }\n";
    }
    return html + "</style>\n</head>\n<body>\n<h1>" + xml_escape(title) + "</h1>\n" + body +
           "</body>\n</html>\n";
}

std::string html_table(const TextTable &table) {
    std::string html = "<div class=\"wide\"><table>\n";
    for (size_t r = 0; r < table.rows().size(); ++r) {
        const std::string cell = r == 0 ? "th" : "td";
        html += "<tr>";
        for (const std::string &text : table.rows()[r])
            html += "<" + cell + ">" + xml_escape(text) + "</" + cell + ">";
        html += "</tr>\n";
    }
    return html + "</table></div>\n";
}

std::string html_paragraph(const std::string &text) { return "<p>" + xml_escape(text) + "</p>\n"; }

}  // namespace adder

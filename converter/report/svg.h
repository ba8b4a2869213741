// The elements that pictures in SVG 1.1 are made of.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace adder {

// Text with &, <, >, " and ' as entities, for HTML and SVG; control characters become U+FFFD.
std::string xml_escape(const std::string &text);

// Attributes that take their colours from the style of a page (page.h).
constexpr char svg_ink[] = "class=\"ink\"", svg_soft[] = "class=\"soft\"", svg_title[] = "class=\"title\"";
constexpr char svg_axis[] = "class=\"line\"", svg_grid[] = "class=\"grid\"";

// The beginning of a picture; "</svg>" ends it. `attributes` of the element, or none.
std::string svg_open(double width, double height, const std::string &title,
                     const std::string &attributes = {});
// anchor: "start", "middle" or "end".
std::string svg_text(double x, double y, const char *anchor, const std::string &text,
                     const std::string &attributes = {});
std::string svg_line(double x1, double y1, double x2, double y2, const std::string &attributes);

}  // namespace adder

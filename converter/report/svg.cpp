// Writing of elements.
// SPDX-License-Identifier: MIT
#include "converter/report/svg.h"

#include "converter/base/error.h"

namespace adder {

std::string xml_escape(const std::string &text) {
    std::string result;
    for (char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '&')
            result += "&amp;";
        else if (c == '<')
            result += "&lt;";
        else if (c == '>')
            result += "&gt;";
        else if (c == '"')
            result += "&quot;";
        else if (c == '\'')
            result += "&#39;";
        else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F)
            result += "\xEF\xBF\xBD";
        else
            result += c;
    }
    return result;
}

std::string svg_open(double width, double height, const std::string &title, const std::string &attributes) {
    return format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
                  "height=\"%.0f\"%s%s "
                  "role=\"img\">\n<title>",
                  width, height, width, height, attributes.empty() ? "" : " ", attributes.c_str()) +
           xml_escape(title) + "</title>\n";
}

std::string svg_text(double x, double y, const char *anchor, const std::string &text,
                     const std::string &attributes) {
    return format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s%s>", x, y, anchor,
                  attributes.empty() ? "" : " ", attributes.c_str()) +
           xml_escape(text) + "</text>\n";
}

std::string svg_line(double x1, double y1, double x2, double y2, const std::string &attributes) {
    return format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
                  attributes.c_str());
}

}  // namespace adder

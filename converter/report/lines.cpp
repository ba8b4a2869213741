// Aligning, and grouping of digits.
// SPDX-License-Identifier: MIT
#include "converter/report/lines.h"

#include "converter/base/error.h"

namespace adder {

namespace {

constexpr size_t label_width = 21;

}  // namespace

void Lines::add(const std::string &label, const std::string &text) {
    const std::string padding(label.size() < label_width ? label_width - label.size() : 1, ' ');
    text_ += "  " + label + padding + text + "\n";
}

std::string count_text(uint64_t number) {
    std::string digits = std::to_string(number);
    for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ' ');
    return digits;
}

std::string bytes_text(uint64_t bytes) {
    std::string text = count_text(bytes) + " bytes";
    if (bytes >= 10 * 1024 * 1024) {
        text += format(" (%.1f MiB)", static_cast<double>(bytes) / (1024 * 1024));
    } else if (bytes >= 10 * 1024) {
        text += format(" (%.1f KiB)", static_cast<double>(bytes) / 1024);
    }
    return text;
}

std::string list_text(const std::vector<std::string> &items) {
    std::string text;
    for (const std::string &item : items) text += (text.empty() ? "" : ", ") + item;
    return text;
}

}  // namespace adder

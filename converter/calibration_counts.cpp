// Counts to text and back.
// SPDX-License-Identifier: MIT
#include "converter/calibration_counts.h"

#include <algorithm>

#include "converter/error.h"
#include "converter/json.h"

namespace adder {

std::string counts_to_text(const uint32_t *counts, size_t bins) {
    std::string text;
    size_t empty = 0;
    for (size_t bin = 0; bin < bins; ++bin) {
        if (counts[bin] == 0) {
            ++empty;
            continue;
        }
        if (empty > 0) text += std::to_string(empty);
        empty = 0;
        char digits[8];  // 26^7 > 2^32
        size_t first = sizeof digits;
        digits[--first] = static_cast<char>('a' + counts[bin] % 26);
        for (uint32_t rest = counts[bin] / 26; rest > 0; rest /= 26)
            digits[--first] = static_cast<char>('A' + rest % 26);
        text.append(digits + first, sizeof digits - first);
    }
    return text;
}

void counts_from_text(std::string_view text, const std::string &what, uint32_t *counts, size_t bins) {
    std::fill_n(counts, bins, 0u);
    size_t bin = 0, empty = 0;
    uint64_t count = 0;
    bool inside = false;  // a count whose last digit is to come
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool last = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
        if (!last && !(c >= 'A' && c <= 'Z') && !(digit && !inside))
            bad_input("%s: character %zu is %s; a digit from A to Z or a to z%s is needed", what.c_str(),
                      i + 1, json_quote(text.substr(i, 1)).c_str(), inside ? "" : ", or a number,");
        if (digit) {
            empty = empty * 10 + static_cast<size_t>(c - '0');
        } else {
            bin += empty;
            empty = 0;
            count = count * 26 + static_cast<uint64_t>(c - (last ? 'a' : 'A'));
            inside = !last;
        }
        if (bin + empty >= bins)
            bad_input("%s: character %zu leads to bin %zu; there are %zu", what.c_str(), i + 1, bin + empty,
                      bins);
        if (count > UINT32_MAX)
            bad_input("%s: the count that character %zu belongs to exceeds %u", what.c_str(), i + 1,
                      UINT32_MAX);
        if (!last) continue;
        counts[bin++] = static_cast<uint32_t>(count);
        count = 0;
        // The next character may find no bin left for it.
        if (bin == bins && i + 1 < text.size()) bad_input("%s: more than %zu bins", what.c_str(), bins);
    }
    if (inside || empty > 0) bad_input("%s: the text ends inside a count or behind empty bins", what.c_str());
}

}  // namespace adder

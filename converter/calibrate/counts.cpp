// Counts to text and back.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/counts.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/text/json.h"

namespace adder {
namespace {

// What a count is told as the difference from: the count of the bin before, or twice that where an octave begins, whose
// bins are twice as wide.
int64_t expected_count(const uint32_t *counts, size_t bin) {
    if (bin == 0) return 0;
    return int64_t{counts[bin - 1]} * (bin % octave_bins == 0 ? 2 : 1);
}

}  // namespace

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
        const int64_t difference = counts[bin] - expected_count(counts, bin);
        const int64_t number = difference > 0 ? 2 * difference - 1 : -2 * difference;
        char digits[8];  // 26^8 > 2^34
        size_t first = sizeof digits;
        digits[--first] = static_cast<char>('a' + number % 26);
        for (int64_t rest = number / 26; rest > 0; rest /= 26)
            digits[--first] = static_cast<char>('A' + rest % 26);
        text.append(digits + first, sizeof digits - first);
    }
    return text;
}

void counts_from_text(std::string_view text, const std::string &what, uint32_t *counts, size_t bins) {
    std::fill_n(counts, bins, 0u);
    size_t bin = 0, empty = 0;
    int64_t number = 0;
    bool inside = false;  // a number whose last digit is to come
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
            number = number * 26 + (c - (last ? 'a' : 'A'));
            inside = !last;
        }
        // The next character may find no bin left for it.
        if (bin + empty >= bins)
            bad_input("%s: character %zu leads to bin %zu; there are %zu", what.c_str(), i + 1, bin + empty,
                      bins);
        if (number > int64_t{1} << 40)
            bad_input("%s: the number that character %zu belongs to exceeds 2^40", what.c_str(), i + 1);
        if (!last) continue;
        const int64_t difference = number % 2 != 0 ? number / 2 + 1 : -(number / 2);
        const int64_t count = expected_count(counts, bin) + difference;
        if (count < 1 || count > UINT32_MAX)
            bad_input("%s: character %zu makes %lld the count of bin %zu; 1 to %u is needed", what.c_str(),
                      i + 1, static_cast<long long>(count), bin, UINT32_MAX);
        counts[bin++] = static_cast<uint32_t>(count);
        number = 0;
    }
    if (inside || empty > 0) bad_input("%s: the text ends inside a count or behind empty bins", what.c_str());
}

}  // namespace adder

// Digits of numbers that lie between two others.
// SPDX-License-Identifier: MIT
#include "converter/constrain/numbers.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>

namespace adder {

namespace {

Expr digit(char first, char last) {
    return make_set({{static_cast<uint32_t>(first), static_cast<uint32_t>(last)}});
}

// Numbers of as many digits as `low` and `high` have, with a point behind the first `whole`.
class Digits {
  public:
    Digits(std::string low, std::string high, size_t whole)
        : low_(std::move(low)), high_(std::move(high)), whole_(whole) {}

    Expr between(size_t at = 0) const {
        if (at == low_.size()) return make_sequence({});
        const char a = low_[at], b = high_[at];
        if (a == b) return next(at, a, a, between(at + 1));
        std::vector<Expr> ways = {next(at, a, a, from(at + 1)), next(at, b, b, up_to(at + 1))};
        if (a + 1 < b)
            ways.push_back(next(at, static_cast<char>(a + 1), static_cast<char>(b - 1), any(at + 1)));
        return make_choice(std::move(ways));
    }

  private:
    Expr next(size_t at, char first, char last, Expr rest) const {
        std::vector<Expr> parts = {digit(first, last), std::move(rest)};
        if (at == whole_) parts.insert(parts.begin(), make_text("."));
        return make_sequence(std::move(parts));
    }
    Expr any(size_t at) const {
        return at == low_.size() ? make_sequence({}) : next(at, '0', '9', any(at + 1));
    }
    Expr from(size_t at) const {  // what is not below `low`
        if (at == low_.size()) return make_sequence({});
        std::vector<Expr> ways = {next(at, low_[at], low_[at], from(at + 1))};
        if (low_[at] < '9') ways.push_back(next(at, static_cast<char>(low_[at] + 1), '9', any(at + 1)));
        return make_choice(std::move(ways));
    }
    Expr up_to(size_t at) const {
        if (at == high_.size()) return make_sequence({});
        std::vector<Expr> ways = {next(at, high_[at], high_[at], up_to(at + 1))};
        if (high_[at] > '0') ways.push_back(next(at, '0', static_cast<char>(high_[at] - 1), any(at + 1)));
        return make_choice(std::move(ways));
    }

    const std::string low_, high_;
    const size_t whole_;
};

// 0 <= low <= high.
void add_positive(int64_t low, int64_t high, uint32_t decimals, const char *sign, std::vector<Expr> *ways) {
    int64_t least = 0, most = 9;  // of all that have one digit before the point
    for (uint32_t i = 0; i < decimals; ++i) most = most * 10 + 9;
    for (size_t size = decimals + 1;; ++size) {
        const int64_t first = std::max(low, least), last = std::min(high, most);
        if (first <= last) {
            const auto padded = [size](int64_t value) {
                const std::string text = std::to_string(value);
                return std::string(size - text.size(), '0') + text;
            };
            ways->push_back(make_sequence(
                {make_text(sign), Digits(padded(first), padded(last), size - decimals).between()}));
        }
        if (most >= high) return;
        least = most + 1;
        most = least > max_scaled / 10 ? max_scaled : least * 10 - 1;
    }
}

// value = digits * 10^exponent.
struct Decimal {
    int64_t digits;
    int exponent;
};

Decimal decimal_of(double value) {
    char text[40];
    const std::to_chars_result end =
        std::to_chars(text, text + sizeof text - 1, value, std::chars_format::scientific);
    *end.ptr = '\0';
    Decimal decimal = {0, 0};
    bool behind = false;
    const char *at = text + (text[0] == '-');
    for (; at != end.ptr && *at != 'e'; ++at) {
        if (*at == '.') {
            behind = true;
            continue;
        }
        decimal.digits = decimal.digits * 10 + (*at - '0');
        decimal.exponent -= behind;
    }
    if (at != end.ptr) decimal.exponent += std::atoi(at + 1);
    if (text[0] == '-') decimal.digits = -decimal.digits;
    return decimal;
}

// The greatest whole number that is not above value * 10^decimals, and whether that is equal.
int64_t scaled_floor(double value, uint32_t decimals, bool *equal) {
    Decimal decimal = decimal_of(value);
    *equal = true;
    decimal.exponent += static_cast<int>(decimals);
    for (; decimal.exponent > 0 && decimal.digits != 0; --decimal.exponent) {
        if (std::abs(decimal.digits) > max_scaled / 10) return decimal.digits < 0 ? -max_scaled : max_scaled;
        decimal.digits *= 10;
    }
    for (; decimal.exponent < 0; ++decimal.exponent) {
        const int64_t rest = decimal.digits % 10;
        *equal = *equal && rest == 0;
        decimal.digits = decimal.digits / 10 - (rest < 0);
    }
    return std::clamp(decimal.digits, -max_scaled, max_scaled);
}

}  // namespace

Expr make_number(int64_t low, int64_t high, uint32_t decimals) {
    std::vector<Expr> ways;
    if (low <= high && high >= 0) add_positive(std::max<int64_t>(low, 0), high, decimals, "", &ways);
    if (low <= high && low < 0) add_positive(std::max<int64_t>(-high, 1), -low, decimals, "-", &ways);
    return make_choice(std::move(ways));
}

int64_t scaled_low(double value, uint32_t decimals, bool exclusive) {
    bool equal;
    const int64_t floor = scaled_floor(value, decimals, &equal);
    return floor + (!equal || exclusive);
}

int64_t scaled_high(double value, uint32_t decimals, bool exclusive) {
    bool equal;
    const int64_t floor = scaled_floor(value, decimals, &equal);
    return floor - (equal && exclusive);
}

}  // namespace adder

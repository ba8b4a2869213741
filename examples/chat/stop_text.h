// Finds the text that ends an answer in a stream, and holds back what may become its beginning.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace chat {

class StopText {
  public:
    // Empty: never found, nothing is held back.
    explicit StopText(std::string stop) : stop_(std::move(stop)) {}

    // Takes the next piece and returns what may be shown; found() tells whether the end has come.
    std::string take(std::string_view piece) {
        held_ += piece;
        const size_t position = stop_.empty() ? std::string::npos : held_.find(stop_);
        found_ = position != std::string::npos;
        const size_t shown = found_ ? position : held_.size() - beginning();
        std::string text = held_.substr(0, shown);
        held_.erase(0, shown);
        return text;
    }

    bool found() const { return found_; }

    // What is held back.
    const std::string &held() const { return held_; }

    // What was held back and turned out not to be the end.
    std::string rest() { return found_ ? std::string() : std::move(held_); }

  private:
    // Bytes at the end of held_ that stop_ begins with.
    size_t beginning() const {
        if (stop_.empty()) return 0;
        for (size_t n = std::min(held_.size(), stop_.size() - 1); n > 0; --n) {
            if (held_.compare(held_.size() - n, n, stop_, 0, n) == 0) return n;
        }
        return 0;
    }

    std::string stop_;
    std::string held_;
    bool found_ = false;
};

}  // namespace chat

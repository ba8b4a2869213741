// Breaks a text that comes in pieces into lines between words.
// SPDX-License-Identifier: MIT
#include "word_wrap.h"

#include "columns.h"

namespace chat {

// Shows the blanks and the word after them, on this line or the next one.
void WordWrap::end_word(std::string &shown, size_t width) {
    const bool fits = width == 0 || column_ + blank_columns_ + word_columns_ <= width;
    if (fits || joined_) {
        shown += blanks_;
        column_ += blank_columns_;
    } else if (!word_.empty() && column_ > 0) {
        shown += '\n';
        column_ = 0;
    }
    shown += word_;
    column_ += word_columns_;
    if (width > 0 && column_ > width)
        column_ = (column_ - 1) % width + 1;  // the terminal has broken the word
    blanks_.clear();
    word_.clear();
    blank_columns_ = word_columns_ = 0;
    joined_ = false;
}

std::string WordWrap::take(std::string_view piece, size_t width) {
    std::string shown;
    for (size_t at = 0; at < piece.size();) {
        const Character character = character_at(piece, at);
        const std::string_view bytes = piece.substr(at, character.size);
        at += character.size;
        const size_t columns = columns_of(character.code);
        if (character.code == ' ' || character.code == '\t') {
            if (!word_.empty()) end_word(shown, width);
            joined_ = false;
            blanks_ += bytes;
            blank_columns_ += character.code == ' ' ? 1 : 8 - (column_ + blank_columns_) % 8;
        } else if (character.code == '\n' || character.code == '\r') {
            end_word(shown, width);
            shown += bytes;
            column_ = 0;
        } else {
            // Between wide characters a line may be broken: East Asian texts have no blanks.
            if (columns == 2 && !word_.empty()) end_word(shown, width);
            if (columns == 2) joined_ = false;
            word_ += bytes;
            word_columns_ += columns;
        }
    }
    // A word that cannot come to stand elsewhere need not wait.
    const bool stays = joined_ || (column_ == 0 && blanks_.empty());
    if (!word_.empty() && (width == 0 || stays || column_ + blank_columns_ + word_columns_ > width)) {
        end_word(shown, width);
        joined_ = true;
    }
    return shown;
}

std::string WordWrap::rest(size_t width) {
    std::string shown;
    end_word(shown, width);
    return shown;
}

}  // namespace chat

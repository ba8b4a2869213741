// What keys were pressed, from the bytes that a terminal sends.
// SPDX-License-Identifier: MIT
#include "keys.h"

#include <algorithm>
#include <cstring>

namespace chat {
namespace {

constexpr char escape = '\x1b';
constexpr char end_of_paste[] = "\x1b[201~";
// Longer than any key's; what goes on longer is none.
constexpr size_t longest_sequence = 32;

struct Meaning {
    const char *sequence;  // after the escape character
    Key key;
};

// Of xterm, the Linux console, rxvt and screen; 5 is Ctrl, 3 is Alt.
constexpr Meaning meanings[] = {
    {"[A", Key::up},
    {"OA", Key::up},
    {"[B", Key::down},
    {"OB", Key::down},
    {"[C", Key::right},
    {"OC", Key::right},
    {"[D", Key::left},
    {"OD", Key::left},
    {"[H", Key::home},
    {"OH", Key::home},
    {"[1~", Key::home},
    {"[7~", Key::home},
    {"[F", Key::end},
    {"OF", Key::end},
    {"[4~", Key::end},
    {"[8~", Key::end},
    {"[3~", Key::remove},
    {"[1;5C", Key::word_right},
    {"[1;5D", Key::word_left},
    {"[1;3C", Key::word_right},
    {"[1;3D", Key::word_left},
    {"[5C", Key::word_right},
    {"[5D", Key::word_left},
    {"Oc", Key::word_right},
    {"Od", Key::word_left},
    {"f", Key::word_right},
    {"b", Key::word_left},
    {"d", Key::kill_part_right},
    {"\x7f", Key::kill_part_left},
    {"\b", Key::kill_part_left},
    {"\r", Key::newline},
    {"\n", Key::newline},
};

std::string with_newlines(const std::string &text) {
    std::string lines;
    lines.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\r')
            lines += text[i];
        else if (i + 1 == text.size() || text[i + 1] != '\n')
            lines += '\n';
    }
    return lines;
}

}  // namespace

void KeyDecoder::take(const char *bytes, size_t size, std::vector<KeyPress> &keys) {
    for (size_t i = 0; i < size; ++i) take_byte(bytes[i], keys);
}

void KeyDecoder::take_byte(char byte, std::vector<KeyPress> &keys) {
    const auto value = static_cast<unsigned char>(byte);
    if (pasting_) {
        pasted_ += byte;
        constexpr size_t size = sizeof end_of_paste - 1;
        if (byte != '~' || pasted_.size() < size ||
            pasted_.compare(pasted_.size() - size, size, end_of_paste) != 0)
            return;
        pasted_.resize(pasted_.size() - size);
        keys.push_back({Key::paste, with_newlines(pasted_)});
        pasted_.clear();
        pasting_ = false;
    } else if (!sequence_.empty()) {
        take_after_escape(byte, keys);
    } else if (byte == escape) {
        sequence_ = escape;
    } else if (value >= 0x20 && value != 0x7f) {
        if (keys.empty() || keys.back().key != Key::text) keys.push_back({Key::text, {}});
        keys.back().text += byte;
    } else {
        take_control(byte, keys);
    }
}

void KeyDecoder::take_control(char byte, std::vector<KeyPress> &keys) {
    const auto press = [&](Key key) { keys.push_back({key, {}}); };
    switch (byte) {
    case 'A' - 64: return press(Key::home);
    case 'B' - 64: return press(Key::left);
    case 'D' - 64: return press(Key::remove_or_leave);
    case 'E' - 64: return press(Key::end);
    case 'F' - 64: return press(Key::right);
    case 'H' - 64:
    case '\x7f': return press(Key::backspace);
    case 'J' - 64:
    case 'M' - 64: return press(Key::enter);
    case 'K' - 64: return press(Key::kill_line_right);
    case 'L' - 64: return press(Key::clear_screen);
    case 'N' - 64: return press(Key::down);
    case 'P' - 64: return press(Key::up);
    case 'U' - 64: return press(Key::kill_line_left);
    case 'W' - 64: return press(Key::kill_word_left);
    case 'Y' - 64: return press(Key::yank);
    default: return;
    }
}

// ESC x, ESC O x, or ESC [ parameters final, where a final byte is one from '@' on. The Linux console's F1 is ESC [ [ A.
void KeyDecoder::take_after_escape(char byte, std::vector<KeyPress> &keys) {
    const auto value = static_cast<unsigned char>(byte);
    const size_t size = sequence_.size();
    if (byte == escape) {  // a key of its own, or the Alt of a sequence that follows
        sequence_ = escape;
    } else if (size == 1) {
        sequence_ += byte;
        if (byte != '[' && byte != 'O') end_sequence(keys);
    } else if (value < 0x20 || value >= 0x7f) {  // broken off
        sequence_.clear();
        take_byte(byte, keys);
    } else {
        sequence_ += byte;
        const bool is_console = size == 2 && sequence_[1] == '[' && byte == '[';
        if (sequence_[1] == 'O' || (value >= 0x40 && !is_console) || sequence_.size() > longest_sequence)
            end_sequence(keys);
    }
}

void KeyDecoder::end_sequence(std::vector<KeyPress> &keys) {
    const std::string sequence = sequence_.substr(1);
    sequence_.clear();
    pasting_ = sequence == "[200~";
    for (const Meaning &meaning : meanings) {
        if (sequence == meaning.sequence) keys.push_back({meaning.key, {}});
    }
}

}  // namespace chat

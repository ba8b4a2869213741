// Text to token ids: added tokens, normalisation, the split into words if there is one, and byte-pair encoding of each word.
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_TOKENIZER

#include <string.h>

#include "runtime/bpe.h"
#include "runtime/nfc.h"
#include "runtime/pretokenizer.h"
#include "runtime/sentencepiece.h"
#include "runtime/tokenizer.h"

namespace adder {

namespace {

constexpr size_t short_word = 32;  // symbols; longer words move from the stack to `ids`
constexpr size_t max_rest = 4;     // symbols of one code point, which may stay when a word is encoded

// Splits a stream of code points: as the GPT-2 pattern does, without ever going back,
//     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// or by the automata of the section, where symbols are bytes at first (pretokenizer.h), or between characters that never merge.
// The word being read is kept as symbols: one token a byte, to begin with.
class Splitter {
  public:
    Splitter(const Tokenizer &tokenizer, int32_t *ids, size_t capacity)
        : tokenizer_(tokenizer), ids_(ids), capacity_(capacity), word_(local_) {
#if ADDER_PRETOKENIZER
        walk_ = {};
        if (takes_split(tokenizer)) walk_.pass = tokenizer.split->pass();
#endif
    }

    size_t written() const { return written_; }
    TokenizeStatus status() const { return status_; }

    // One more code point of text. All of these return false once something went wrong: see status().
    bool push(uint32_t code_point);
    // The text ends here: an added token follows, or nothing.
    bool finish();
    bool emit(uint32_t id);
    // Forgets the white space at the end of the text.
    void drop_space() {
        if (state_ == State::space) begin_empty();
    }

  private:
    // What has been read of the current word.
    enum class State : uint8_t {
        empty,
        letters,
        numbers,
        others,
        space,       // \s+: whether its last one belongs to it depends on what follows
        apostrophe,  // ' at the start of a word
        contraction  // 'r, 'v or 'l at the start of a word
    };

    void begin_empty() {
        state_ = State::empty;
        length_ = 0;
        word_ = local_;
    }
    bool error(TokenizeStatus status) {
        status_ = status;
        return false;
    }
    bool append(uint32_t code_point);
    bool append_symbol(uint32_t id);
#if ADDER_SENTENCEPIECE
    bool push_character(uint32_t code_point);
    bool push_symbol(uint32_t id);
#endif
#if ADDER_PRETOKENIZER
    bool push_unit(uint32_t code_point);
    bool walk(bool last);
    bool encode_piece(int32_t *piece, size_t count);
    bool encode_pieces(size_t count);
#endif
    bool start(uint32_t code_point, Category category);
    bool encode(size_t count);

    const Tokenizer &tokenizer_;
    int32_t *ids_;
    size_t capacity_, written_ = 0;
    int32_t *word_;  // [length_], local_ or ids_ + written_
    size_t length_ = 0;
    size_t last_length_ = 0;     // symbols of the last code point appended
    uint32_t last_ = 0;          // the last code point appended; of characters, the last symbol + 1
    int32_t local_[short_word];  // the word while it is short
#if ADDER_PRETOKENIZER
    SplitWalk walk_;  // through the word
#endif
    State state_ = State::empty;
    TokenizeStatus status_ = TokenizeStatus::ok;
};

bool Splitter::append(uint32_t code_point) {
    uint8_t bytes[4];
    last_ = code_point;
    last_length_ = utf8_write(code_point, bytes);
    for (size_t i = 0; i < last_length_; ++i) {
        const uint32_t id = tokenizer_.byte_id[bytes[i]];
        if (id >= tokenizer_.tokens) return error(TokenizeStatus::no_token);
        if (!append_symbol(id)) return false;
    }
    return true;
}

bool Splitter::append_symbol(uint32_t id) {
    if (word_ == local_ && length_ == short_word) {
        if (capacity_ - written_ < short_word) return error(TokenizeStatus::capacity);
        word_ = ids_ + written_;
        memcpy(word_, local_, sizeof local_);
    }
    if (word_ != local_ && (length_ == capacity_ - written_ || length_ == 0x7FFFFFFF))
        return error(TokenizeStatus::capacity);
    word_[length_++] = static_cast<int32_t>(id);
    return true;
}

#if ADDER_SENTENCEPIECE
// A word ends where no merge joins what stands on both sides: nothing that is merged in one depends on the other.
bool Splitter::push_symbol(uint32_t id) {
    if (length_ > 0 && !may_join(tokenizer_, last_ - 1, id) && !encode(length_)) return false;
    last_ = id + 1;
    return append_symbol(id);
}

bool Splitter::push_character(uint32_t code_point) {
    const Tokenizer &t = tokenizer_;
    const uint32_t token = character_token(t, code_point);
    if (token < t.tokens) return push_symbol(token);
    uint8_t bytes[4];
    const uint32_t size = utf8_write(code_point, bytes);
    uint32_t known = 0;
    while (known < size && t.byte_id[bytes[known]] < t.tokens) ++known;
    if (known == size) {
        for (uint32_t i = 0; i < size; ++i)
            if (!push_symbol(t.byte_id[bytes[i]])) return false;
        return true;
    }
    const uint32_t unknown = t.characters->unknown;
    if (unknown >= t.tokens) return error(TokenizeStatus::no_token);
    if ((t.flags & tokenizer_fuse_unknown) != 0 && last_ == unknown + 1) return true;
    return push_symbol(unknown);
}
#endif

#if ADDER_PRETOKENIZER
bool Splitter::push_unit(uint32_t code_point) {
    int32_t symbols[4];
    const uint32_t count = split_symbols(*walk_.pass, code_point, symbols);
    for (uint32_t i = 0; i < count; ++i)
        if (!append_symbol(static_cast<uint32_t>(symbols[i]))) return false;
    walk_.left += count * split_read_again;
    return walk(false);
}

// Encodes what the automaton finds in the word; with `last` all of it.
bool Splitter::walk(bool last) {
    for (;;) {
        const SplitStep step = split_walk(&walk_, word_, length_, last);
        if (step == SplitStep::damaged) return error(TokenizeStatus::damaged);
        if (step == SplitStep::more) {
            if (!last) return true;
            if (length_ > 0 && !encode_pieces(length_)) return false;
            split_restart(&walk_, 0);
            return true;
        }
        // What is behind the match is moved, and read again.
        const size_t again = length_ - walk_.end;
        if (walk_.left < again) return error(TokenizeStatus::damaged);
        walk_.left -= again;
        word_[walk_.from] |= split_piece;
        if (!encode_pieces(walk_.end)) return false;
        split_restart(&walk_, 0);
    }
}

// Of one piece of the word.
bool Splitter::encode_piece(int32_t *piece, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        const uint32_t id = tokenizer_.byte_id[static_cast<size_t>(piece[i] & split_byte)];
        if (id >= tokenizer_.tokens) return error(TokenizeStatus::no_token);
        piece[i] = static_cast<int32_t>(id);
    }
    if (count <= short_word) {
        int32_t scratch[short_word];
        count = bpe_short(tokenizer_, piece, count, scratch);
    } else {  // the word is in `ids_`
        int32_t *const scratch = word_ + length_;
        if (static_cast<size_t>(ids_ + capacity_ - scratch) < bpe_long_scratch(count))
            return error(TokenizeStatus::capacity);
        count = bpe_long(tokenizer_, piece, count, scratch);
    }
    // What merges make one token of is in no need of a search.
    if (count > 1)
        if (const uint32_t whole = split_whole(tokenizer_, piece, count); whole != tokenizer_none) {
            *piece = static_cast<int32_t>(whole);
            count = 1;
        }
    if (word_ == local_ && capacity_ - written_ < count) return error(TokenizeStatus::capacity);
    memmove(ids_ + written_, piece, count * sizeof *piece);  // never past the piece
    written_ += count;
    return true;
}

// Writes the ids of the word's first `count` symbols, and leaves the rest as the next word.
bool Splitter::encode_pieces(size_t count) {
    if (!split_further(*tokenizer_.split, word_, count)) return error(TokenizeStatus::damaged);
    for (size_t from = 0, to = 0; from < count; from = to) {
        do {
            ++to;
        } while (to < count && (word_[to] & split_piece) == 0);
        if (!encode_piece(word_ + from, to - from)) return false;
    }
    length_ -= count;
    int32_t *const rest = length_ <= short_word ? local_ : ids_ + written_;
    memmove(rest, word_ + count, length_ * sizeof *rest);
    word_ = rest;
    return true;
}
#endif

// Writes the ids of the word's first `count` symbols, and leaves the rest as the next word.
bool Splitter::encode(size_t count) {
    int32_t rest[max_rest];
    const size_t rest_length = length_ - count;
    memcpy(rest, word_ + count, rest_length * sizeof *rest);
    if (count <= short_word) {
        int32_t scratch[short_word];
        count = bpe_short(tokenizer_, word_, count, scratch);
    } else {
        if (capacity_ - written_ - length_ < bpe_long_scratch(count)) return error(TokenizeStatus::capacity);
        count = bpe_long(tokenizer_, word_, count, word_ + length_);
    }
    if (word_ == local_) {
        if (capacity_ - written_ < count) return error(TokenizeStatus::capacity);
        memcpy(ids_ + written_, word_, count * sizeof *word_);
    }
    written_ += count;
    begin_empty();
    length_ = rest_length;
    memcpy(word_, rest, rest_length * sizeof *rest);
    return true;
}

bool Splitter::start(uint32_t code_point, Category category) {
    switch (category) {
    case Category::letter: state_ = State::letters; break;
    case Category::number: state_ = State::numbers; break;
    case Category::space: state_ = State::space; break;
    case Category::other:
        state_ = code_point == '\'' && length_ == 0 ? State::apostrophe : State::others;
        break;
    }
    return append(code_point);
}

bool Splitter::push(uint32_t code_point) {
#if ADDER_SENTENCEPIECE
    if (takes_characters(tokenizer_)) return push_character(code_point);
#endif
#if ADDER_PRETOKENIZER
    if (takes_split(tokenizer_)) return push_unit(code_point);
#endif
    const Category category = category_of(code_point);
    bool goes_on = false;
    switch (state_) {
    case State::empty: return start(code_point, category);
    case State::letters: goes_on = category == Category::letter; break;
    case State::numbers: goes_on = category == Category::number; break;
    case State::others: goes_on = category == Category::other; break;
    case State::space:
        if (category == Category::space) {
            goes_on = true;
            break;
        }
        // \s+(?!\S) leaves the last one; a blank then goes before the next word, any other is a word by \s+.
        if (length_ > last_length_ && !encode(length_ - last_length_)) return false;
        if (last_ != ' ' && !encode(length_)) return false;
        return start(code_point, category);
    case State::apostrophe:
        if (code_point == 's' || code_point == 't' || code_point == 'm' || code_point == 'd')
            return append(code_point) && finish();
        if (code_point == 'r' || code_point == 'v' || code_point == 'l') {
            state_ = State::contraction;
            return append(code_point);
        }
        goes_on = category == Category::other;
        if (goes_on) state_ = State::others;
        break;
    case State::contraction:
        if (code_point == (last_ == 'l' ? 'l' : 'e')) return append(code_point) && finish();
        if (!encode(1))  // none after all: the apostrophe, and a word that begins with the letter
            return false;
        state_ = State::letters;
        goes_on = category == Category::letter;
        break;
    }
    if (goes_on) return append(code_point);
    return encode(length_) && start(code_point, category);
}

bool Splitter::finish() {
#if ADDER_PRETOKENIZER
    if (takes_split(tokenizer_)) return walk(true);
#endif
    const bool apart = state_ == State::contraction && length_ == 2;  // 'r at the end: two words
    const bool done = length_ == 0 || ((!apart || encode(1)) && encode(length_));
    state_ = State::empty;
#if ADDER_SENTENCEPIECE
    last_ = 0;
#endif
    return done;
}

bool Splitter::emit(uint32_t id) {
#if ADDER_SENTENCEPIECE
    if (id >= tokenizer_.tokens) return error(TokenizeStatus::damaged);  // checked here, not at open
#endif
    if (written_ == capacity_) return error(TokenizeStatus::capacity);
    ids_[written_++] = static_cast<int32_t>(id);
    return true;
}

// The longest of `added` that begins with code_point, just read, and goes on with what `reader` holds; null
// if none. *count: its code points.
const AddedToken *match_added(const Tokenizer &tokenizer, const AddedTokens &added, uint32_t code_point,
                              CodePointReader reader, size_t *count) {
    const AddedToken *longest = nullptr;
    uint32_t low = 0, high = added.count, depth = 0;  // those that agree with the text so far
    size_t read = 0;
    do {
        uint8_t bytes[4];
        const uint32_t size = utf8_write(code_point, bytes);
        for (uint32_t i = 0; i < size; ++i, ++depth) {
            // Narrow the range to what has this byte at `depth`; texts that end there come first.
            for (uint32_t bound = bytes[i], upper = 0; upper < 2; ++upper, ++bound) {
                uint32_t a = low, b = high;
                while (a < b) {
                    const uint32_t middle = (a + b) / 2;
                    uint32_t length;
                    const uint8_t *const text = section_text(tokenizer, added.tokens[middle].id, &length);
                    if (length <= depth || text[depth] < bound)
                        a = middle + 1;
                    else
                        b = middle;
                }
                (upper == 0 ? low : high) = a;
            }
            if (low == high) return longest;
        }
        ++read;
        uint32_t length;
        section_text(tokenizer, added.tokens[low].id, &length);
        if (length == depth) {
            longest = added.tokens + low;
            *count = read;
        }
    } while (reader.next(&code_point));
    return longest;
}

bool begins_added(const AddedTokens &added, uint8_t byte) {
    return (added.first_bytes[byte / 8] >> byte % 8 & 1) != 0;
}

bool taken(const AddedToken &token, uint32_t flags) {
    return (token.flags & added_special) == 0 || (flags & tokenize_special) != 0;
}

void skip_space(CodePointReader *reader) {
    uint32_t code_point;
    for (CodePointReader ahead = *reader;
         ahead.next(&code_point) && category_of(code_point) == Category::space;)
        *reader = ahead;
}

// The end of text[0 .. end) without the white space that it ends with.
const uint8_t *trim_space(const uint8_t *text, const uint8_t *end) {
    for (;;) {
        const uint8_t *last = end;
        do {
            if (last == text) return end;
            --last;
        } while ((*last & 0xC0) == 0x80 && end - last < 4);
        uint32_t code_point;
        if (utf8_read(last, end, &code_point) != static_cast<size_t>(end - last) ||
            category_of(code_point) != Category::space)
            return end;
        end = last;
    }
}

#if ADDER_WORLD_TOKENIZER
bool longest_piece(const Tokenizer &tokenizer, const uint8_t *text, const uint8_t *end, Splitter *splitter) {
    while (text != end) {
        uint32_t token;
        text += longest_match(tokenizer, text, static_cast<size_t>(end - text), &token);
        if (!splitter->emit(token)) return false;
    }
    return true;
}
#endif

// Text without added tokens of the raw kind: normalises it, finds those of the other kind, and splits the
// rest. `first`: nothing of the text stands in front of it.
bool tokenize_piece(const Tokenizer &tokenizer, const uint8_t *text, const uint8_t *end, bool first,
                    uint32_t flags, Splitter *splitter) {
#if ADDER_WORLD_TOKENIZER
    if (takes_longest(tokenizer)) return longest_piece(tokenizer, text, end, splitter);
#endif
    CodePointReader reader;
    reader.open(text, end, (tokenizer.flags & tokenizer_nfc) != 0);
#if ADDER_SENTENCEPIECE
    if (takes_characters(tokenizer)) open_spaced(&reader, tokenizer);
#endif
    // Whether every part of the text may get the space in front, or only the first.
    const bool each = !ADDER_SENTENCEPIECE || (tokenizer.flags & tokenizer_prefix_first) == 0;
    bool at_start = first || each;
    size_t plain = 0;  // code points of a token that is not to be recognised
    uint32_t code_point;
    while (reader.next(&code_point)) {
        uint8_t bytes[4];
        utf8_write(code_point, bytes);
        size_t count = 0;
        if (plain > 0) {
            --plain;
        } else if (begins_added(tokenizer.normalized, bytes[0])) {
            const AddedToken *token = match_added(tokenizer, tokenizer.normalized, code_point, reader, &count);
            if (token && taken(*token, flags)) {
                if ((token->flags & added_lstrip) != 0) splitter->drop_space();
                if (!splitter->finish() || !splitter->emit(added_id(tokenizer, *token))) return false;
                while (--count > 0) reader.next(&code_point);
                if ((token->flags & added_rstrip) != 0) skip_space(&reader);
                at_start = each;
                continue;
            }
            if (token) plain = count - 1;
        }
        if (at_start && (tokenizer.flags & tokenizer_prefix_space) != 0 && code_point != ' ' &&
            !splitter->push(' '))
            return false;
        at_start = false;
        if (!splitter->push(code_point)) return false;
    }
    return splitter->finish();
}

}  // namespace

size_t tokenize_capacity(size_t size) {
    // A byte of text becomes at most 3 of NFC (UAX #15: U+1D160), and bpe_long needs a little more than two
    // numbers per byte; one more blank may be put in front.
    return size > (SIZE_MAX - 64) / 7 ? SIZE_MAX : 7 * size + 64;
}

TokenizeStatus tokenize(const Tokenizer *tokenizer, const char *text, size_t size, uint32_t flags,
                        int32_t *ids, size_t capacity, size_t *count) {
    const AddedTokens &added = tokenizer->raw;
    const uint8_t *at = reinterpret_cast<const uint8_t *>(text), *const end = at + size;
    const uint8_t *const start = at, *piece = at;
    Splitter splitter(*tokenizer, ids, capacity);
    bool going = true;
#if ADDER_SENTENCEPIECE || ADDER_PRETOKENIZER
    if ((flags & tokenize_begin) != 0 && begin_token(*tokenizer) != tokenizer_none)
        going = splitter.emit(begin_token(*tokenizer));
#endif
    while (going && at != end) {
        if (!begins_added(added, *at)) {
            ++at;
            continue;
        }
        CodePointReader reader;
        reader.open(at, end, false);
        uint32_t code_point;
        size_t code_points = 0;
        reader.next(&code_point);
        const AddedToken *token = match_added(*tokenizer, added, code_point, reader, &code_points);
        if (!token) {
            ++at;
            continue;
        }
        while (--code_points > 0) reader.next(&code_point);
        if (taken(*token, flags)) {
            const uint8_t *piece_end = (token->flags & added_lstrip) != 0 ? trim_space(piece, at) : at;
            going = tokenize_piece(*tokenizer, piece, piece_end, piece == start, flags, &splitter) &&
                    splitter.emit(added_id(*tokenizer, *token));
            if ((token->flags & added_rstrip) != 0) skip_space(&reader);
            piece = reader.at;
        }
        at = reader.at;
    }
    if (going) tokenize_piece(*tokenizer, piece, end, piece == start, flags, &splitter);
    *count = splitter.written();
    return splitter.status();
}

}  // namespace adder

#endif  // ADDER_TOKENIZER

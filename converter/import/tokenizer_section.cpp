// Lays a tokenizer out as docs/format.md describes.
// SPDX-License-Identifier: MIT
#include "converter/import/tokenizer_section.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "converter/base/error.h"
#include "runtime/sentencepiece.h"
#include "runtime/tokenizer.h"

namespace adder {

namespace {

// Little-endian numbers, one part after the other, each padded to 4 bytes.
class SectionWriter {
  public:
    explicit SectionWriter(bool wide) : wide_(wide) {}

    void number(uint32_t value, unsigned bytes) {
        for (unsigned i = 0; i < bytes; ++i) out_.push_back(static_cast<uint8_t>(value >> 8 * i));
    }
    void id(uint32_t value) { number(value, wide_ ? 4 : 2); }
    void text(const std::string &bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
    void end_part() {
        while (out_.size() % 4 != 0) out_.push_back(0);
    }
    std::vector<uint8_t> &out() { return out_; }

  private:
    std::vector<uint8_t> out_;
    bool wide_;
};

void write_texts(const std::vector<std::string> &texts, const std::string &path, SectionWriter *writer) {
    std::vector<uint32_t> bases;
    std::vector<uint16_t> starts;
    uint64_t position = 0;
    for (size_t id = 0; id <= texts.size(); ++id) {
        if (id % tokenizer_block == 0) bases.push_back(static_cast<uint32_t>(position));
        const uint64_t start = position - bases.back();
        if (start > 0xFFFF)
            bad_input("%s: tokens %zu to %zu have more than 65535 bytes together, which the format cannot hold",
                      path.c_str(), id / tokenizer_block * tokenizer_block, id);
        starts.push_back(static_cast<uint16_t>(start));
        if (id < texts.size()) position += texts[id].size();
        if (position > tokenizer_max_bytes)
            bad_input("%s: the tokens have more than %u bytes together", path.c_str(), tokenizer_max_bytes);
    }
    for (const uint32_t base : bases) writer->number(base, 4);
    for (const uint16_t start : starts) writer->number(start, 2);
    writer->end_part();
}

void write_merges(const std::vector<SectionSource::Merge> &merges, size_t tokens, SectionWriter *writer) {
    uint32_t first = 0;
    for (size_t left = 0; left <= tokens; ++left) {
        while (first < merges.size() && merges[first].left < left) ++first;
        writer->id(first);
    }
    writer->end_part();
    for (const auto field :
         {&SectionSource::Merge::right, &SectionSource::Merge::rank, &SectionSource::Merge::merged}) {
        for (const SectionSource::Merge &merge : merges) writer->id(merge.*field);
        writer->end_part();
    }
}

// Added tokens in order of what is looked for.
struct FoundToken {
    const std::string *text;
    uint32_t index, flags;  // index: of the token, or behind all tokens that of its spelling
};
using FoundTokens = std::vector<FoundToken>;

void write_added(const FoundTokens &tokens, SectionWriter *writer) {
    std::array<uint8_t, 32> first_bytes{};
    for (const FoundToken &token : tokens) {
        const uint8_t first = static_cast<uint8_t>((*token.text)[0]);
        first_bytes[first / 8] = static_cast<uint8_t>(first_bytes[first / 8] | 1u << first % 8);
    }
    for (const uint8_t byte : first_bytes) writer->number(byte, 1);
    for (const FoundToken &token : tokens) {
        writer->number(token.index, 4);
        writer->number(token.flags, 4);
    }
}

// The added tokens: raw, normalized, each sorted by the bytes that are looked for; and the spellings.
struct AddedGroups {
    std::array<FoundTokens, 2> found;
    std::vector<const SectionSource::Added *> spelled;
};
AddedGroups added_groups(const SectionSource &source) {
    AddedGroups groups;
    for (const SectionSource::Added &token : source.added) {
        FoundToken found = {&source.texts[token.id], token.id, token.flags};
        if (!token.spelling.empty()) {
            found.text = &token.spelling;
            found.index = static_cast<uint32_t>(source.texts.size() + groups.spelled.size());
            groups.spelled.push_back(&token);
        }
        groups.found[token.normalized ? 1 : 0].push_back(found);
    }
    for (FoundTokens &group : groups.found)
        std::sort(group.begin(), group.end(), [&](const FoundToken &a, const FoundToken &b) {
            return *a.text < *b.text;  // std::string compares bytes as unsigned
        });
    return groups;
}

void write_header(uint32_t version, uint32_t flags, size_t matched, const SectionSource &source,
                  const AddedGroups &groups, SectionWriter *writer) {
    size_t bytes = 0;
    for (const std::string &text : source.texts) bytes += text.size();
    for (const SectionSource::Added *token : groups.spelled) bytes += token->spelling.size();
    for (const size_t value : {size_t{version}, size_t{flags}, source.texts.size(), matched, bytes,
                               groups.found[0].size(), groups.found[1].size(), size_t{0}})
        writer->number(static_cast<uint32_t>(value), 4);
}

std::vector<uint8_t> finished(const SectionSource &source, const AddedGroups &groups, SectionWriter *writer) {
    for (const FoundTokens &group : groups.found) write_added(group, writer);
    for (const std::string &text : source.texts) writer->text(text);
    for (const SectionSource::Added *token : groups.spelled) writer->text(token->spelling);
    writer->end_part();
    const uint32_t size = static_cast<uint32_t>(writer->out().size());
    for (unsigned i = 0; i < 4; ++i)
        writer->out()[sizeof(TokenizerHeader) - 4 + i] = static_cast<uint8_t>(size >> 8 * i);
    return std::move(writer->out());
}

}  // namespace

std::vector<uint8_t> write_longest_section(const SectionSource &source, const std::string &path) {
    std::vector<uint32_t> order;
    for (uint32_t id = 0; id < source.texts.size(); ++id)
        if (!source.texts[id].empty()) order.push_back(id);
    for (const SectionSource::Added &token : source.added)
        order.erase(std::remove(order.begin(), order.end(), token.id), order.end());
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return source.texts[a] < source.texts[b]; });

    const AddedGroups groups = added_groups(source);
    const bool wide = source.wide || source.texts.size() > 0xFFFF;
    SectionWriter writer(wide);
    write_header(tokenizer_version_longest, wide ? tokenizer_wide : 0, order.size(), source, groups, &writer);
    write_texts(source.texts, path, &writer);
    uint32_t first = 0;
    for (uint32_t byte = 0; byte <= 256; ++byte) {
        while (first < order.size() && static_cast<uint8_t>(source.texts[order[first]][0]) < byte) ++first;
        writer.id(first);
    }
    writer.end_part();
    for (const uint32_t id : order) writer.id(id);
    writer.end_part();
    return finished(source, groups, &writer);
}

// Sorted; of equal pairs the last one counts, as in Hugging Face tokenizers.
static std::vector<SectionSource::Merge> sorted_merges(std::vector<SectionSource::Merge> merges) {
    const auto pair = [](const SectionSource::Merge &m) { return std::make_pair(m.left, m.right); };
    std::stable_sort(merges.begin(), merges.end(),
                     [&](const auto &a, const auto &b) { return pair(a) < pair(b); });
    const auto repeated = std::unique(merges.rbegin(), merges.rend(),
                                      [&](const auto &a, const auto &b) { return pair(a) == pair(b); });
    merges.erase(merges.begin(), repeated.base());
    return merges;
}

std::vector<uint8_t> write_tokenizer_section(const SectionSource &source, const std::string &path) {
    const std::vector<SectionSource::Merge> merges = sorted_merges(source.merges);
    const AddedGroups groups = added_groups(source);
    const size_t tokens = source.texts.size();
    const bool wide = source.wide || tokens > 0xFFFF || source.merges.size() > 0xFFFF;
    SectionWriter writer(wide);
    write_header(tokenizer_version, source.flags | (wide ? tokenizer_wide : 0u), merges.size(), source,
                 groups, &writer);
    write_texts(source.texts, path, &writer);
    for (const uint32_t id : source.byte_ids) writer.id(id);
    write_merges(merges, tokens, &writer);
    return finished(source, groups, &writer);
}

std::vector<uint8_t> write_split_section(const SectionSource &source, const std::string &path) {
    const std::vector<SectionSource::Merge> merges = sorted_merges(source.merges);
    std::vector<uint32_t> whole = source.whole;
    std::sort(whole.begin(), whole.end(),
              [&](uint32_t a, uint32_t b) { return source.texts[a] < source.texts[b]; });
    const AddedGroups groups = added_groups(source);
    const size_t tokens = source.texts.size();
    const bool wide = source.wide || tokens > 0xFFFF || source.merges.size() > 0xFFFF;
    SectionWriter writer(wide);
    write_header(tokenizer_version_split, source.flags | (wide ? tokenizer_wide : 0u), merges.size(), source,
                 groups, &writer);
    size_t bytes = 0;
    for (const std::vector<uint8_t> &split : source.splits) bytes += split.size();
    for (const size_t value : {source.splits.size(), bytes, whole.size(), size_t{source.begin}, size_t{0},
                               size_t{0}, size_t{0}, size_t{0}})
        writer.number(static_cast<uint32_t>(value), 4);
    for (const uint32_t id : whole) writer.number(id, 4);
    for (const std::vector<uint8_t> &split : source.splits)
        for (const uint8_t byte : split) writer.number(byte, 1);
    write_texts(source.texts, path, &writer);
    for (const uint32_t id : source.byte_ids) writer.id(id);
    write_merges(merges, tokens, &writer);
    return finished(source, groups, &writer);
}

std::vector<uint8_t> write_characters_section(const SectionSource &source, const std::string &path) {
    const std::vector<SectionSource::Merge> merges = sorted_merges(source.merges);
    std::vector<SectionSource::Character> characters = source.characters;
    std::sort(characters.begin(), characters.end(),
              [](const auto &a, const auto &b) { return a.code_point < b.code_point; });
    // One bit of eight is set, or fewer: a word ends at about seven of eight places where it could.
    std::set<std::pair<uint32_t, uint32_t>> neighbours;
    for (const SectionSource::Neighbours &pair : source.neighbours) neighbours.emplace(pair.left, pair.right);
    uint32_t adjacent_bits = tokenizer_min_adjacent_bits;
    while (adjacent_bits < tokenizer_max_adjacent_bits &&
           (uint64_t{1} << adjacent_bits) < 8 * uint64_t{neighbours.size()})
        ++adjacent_bits;
    std::vector<uint32_t> adjacent((size_t{1} << adjacent_bits) / 32);
    for (const auto &[left, right] : neighbours) {
        const uint32_t bit = neighbours_hash(left, right) >> (32 - adjacent_bits);
        adjacent[bit / 32] |= 1u << bit % 32;
    }

    const AddedGroups groups = added_groups(source);
    const size_t tokens = source.texts.size();
    const bool wide = source.wide || tokens > 0xFFFF || source.merges.size() > 0xFFFF;
    SectionWriter writer(wide);
    write_header(tokenizer_version_characters, source.flags | (wide ? tokenizer_wide : 0u), merges.size(),
                 source, groups, &writer);
    for (const size_t value : {characters.size(), groups.spelled.size(), size_t{source.unknown},
                               size_t{source.begin}, size_t{adjacent_bits}, size_t{0}, size_t{0}, size_t{0}})
        writer.number(static_cast<uint32_t>(value), 4);
    for (const SectionSource::Character &character : characters) {
        writer.number(character.code_point, 4);
        writer.number(character.id, 4);
    }
    for (const SectionSource::Added *token : groups.spelled) writer.number(token->id, 4);
    for (const uint32_t bits : adjacent) writer.number(bits, 4);
    std::vector<std::string> texts = source.texts;
    for (const SectionSource::Added *token : groups.spelled) texts.push_back(token->spelling);
    write_texts(texts, path, &writer);
    for (const uint32_t id : source.byte_ids) writer.id(id);
    write_merges(merges, tokens, &writer);
    return finished(source, groups, &writer);
}

}  // namespace adder

// Parses the central directory of ZIP archives.
// SPDX-License-Identifier: MIT
#include "converter/import/zip.h"

#include <algorithm>
#include <cinttypes>

#include "converter/base/error.h"
#include "converter/text/json.h"

namespace adder {
namespace {

constexpr uint32_t local_signature = 0x04034B50, member_signature = 0x02014B50, end_signature = 0x06054B50,
                   end64_signature = 0x06064B50, locator_signature = 0x07064B50;
constexpr size_t local_size = 30, member_size = 46, end_size = 22, end64_size = 56, locator_size = 20;
constexpr uint32_t all_ones_32 = 0xFFFFFFFF;

uint64_t number(const uint8_t *at, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = bytes; i-- > 0;) value = value << 8 | at[i];
    return value;
}
uint32_t u16(const uint8_t *at) { return static_cast<uint32_t>(number(at, 2)); }
uint32_t u32(const uint8_t *at) { return static_cast<uint32_t>(number(at, 4)); }
uint64_t u64(const uint8_t *at) { return number(at, 8); }

std::string quoted(std::string_view name) { return json_quote(name); }

class Reader {
  public:
    Reader(const uint8_t *data, size_t size, const std::string &name)
        : data_(data), size_(size), name_(name) {}

    ZipArchive read() {
        find_directory();
        ZipArchive archive;
        uint64_t at = directory_;
        for (uint64_t i = 0; i < count_; ++i) archive.members.push_back(member(i, &at));
        if (at != directory_ + directory_size_)
            bad_input("%s: its directory has %" PRIu64 " bytes, of which %" PRIu64 " members take %" PRIu64,
                      name_.c_str(), directory_size_, count_, at - directory_);
        check_overlaps();
        std::sort(archive.members.begin(), archive.members.end(),
                  [](const ZipMember &a, const ZipMember &b) { return a.name < b.name; });
        for (size_t i = 1; i < archive.members.size(); ++i)
            if (archive.members[i].name == archive.members[i - 1].name)
                bad_input("%s: member %s stands twice", name_.c_str(),
                          quoted(archive.members[i].name).c_str());
        return archive;
    }

  private:
    // The end record is the last thing in the file but for a comment, which may itself look like one: the last record
    // whose comment ends where the file does counts.
    const uint8_t *find_end() const {
        if (size_ >= end_size) {
            const size_t lowest = size_ - std::min<size_t>(size_, end_size + 0xFFFF);
            for (size_t at = size_ - end_size + 1; at-- > lowest;)
                if (u32(data_ + at) == end_signature && u16(data_ + at + 20) == size_ - at - end_size)
                    return data_ + at;
        }
        bad_input("%s has no ZIP directory at its end: it is cut, or no such file", name_.c_str());
    }

    void find_directory() {
        const uint8_t *const end = find_end();
        uint64_t disk = u16(end + 4), first_disk = u16(end + 6), here = u16(end + 8), limit = end - data_;
        count_ = u16(end + 10);
        directory_size_ = u32(end + 12);
        directory_ = u32(end + 16);
        const uint8_t *const locator = end - std::min<uint64_t>(limit, locator_size);
        if (limit >= locator_size && u32(locator) == locator_signature) {
            limit -= locator_size;
            const uint64_t at = u64(locator + 8);
            if (at > limit || limit - at < end64_size || u32(data_ + at) != end64_signature)
                bad_input("%s: the end record of ZIP64 is said to be at byte %" PRIu64 ", and is not there",
                          name_.c_str(), at);
            const uint8_t *const end64 = data_ + at;
            limit = at;
            disk = u32(end64 + 16), first_disk = u32(end64 + 20), here = u64(end64 + 24);
            count_ = u64(end64 + 32);
            directory_size_ = u64(end64 + 40);
            directory_ = u64(end64 + 48);
        }
        if (disk != 0 || first_disk != 0 || here != count_)
            bad_input("%s is one part of a ZIP archive in several", name_.c_str());
        if (directory_ > limit || directory_size_ > limit - directory_)
            bad_input("%s: its directory is said to lie at bytes %" PRIu64 " to %" PRIu64 "; %" PRIu64
                      " is where it must end",
                      name_.c_str(), directory_, directory_ + directory_size_, limit);
        if (count_ > directory_size_ / member_size)
            bad_input("%s announces %" PRIu64 " members in a directory of %" PRIu64 " bytes", name_.c_str(),
                      count_, directory_size_);
        extents_.reserve(static_cast<size_t>(count_));
    }

    // The member that the directory has at `*at`, which goes behind it.
    ZipMember member(uint64_t index, uint64_t *at) {
        const uint64_t left = directory_ + directory_size_ - *at;
        const uint8_t *const entry = data_ + *at;
        if (left < member_size || u32(entry) != member_signature)
            bad_input("%s: its directory ends or is damaged at member %" PRIu64 " of %" PRIu64, name_.c_str(),
                      index, count_);
        const uint32_t name_size = u16(entry + 28), extra_size = u16(entry + 30),
                       comment_size = u16(entry + 32);
        const uint64_t whole = uint64_t{member_size} + name_size + extra_size + comment_size;
        if (left < whole)
            bad_input("%s: member %" PRIu64 " of %" PRIu64 " leaves the directory", name_.c_str(), index,
                      count_);
        *at += whole;
        const std::string_view name(reinterpret_cast<const char *>(entry) + member_size, name_size);
        const std::string item = name_ + ": member " + quoted(name);
        uint64_t size = u32(entry + 24), packed = u32(entry + 20), place = u32(entry + 42);
        read_extra(entry + member_size + name_size, extra_size, item, {&size, &packed, &place});
        const uint32_t method = u16(entry + 10);
        if ((u16(entry + 8) & 1) != 0) bad_input("%s is encrypted", item.c_str());
        if (method != 0)
            bad_input("%s is compressed (method %u); stored members are needed, as torch.save writes them: "
                      "extract the archive and pack it again with zip -0",
                      item.c_str(), method);
        if (packed != size)
            bad_input("%s is stored in %" PRIu64 " bytes, and has %" PRIu64, item.c_str(), packed, size);
        return locate(name, item, place, size);
    }

    // What does not fit into 32 bits stands in the extra field 1, in this order.
    static void read_extra(const uint8_t *extra, size_t extra_size, const std::string &item,
                           const std::vector<uint64_t *> &fields) {
        const uint8_t *found = nullptr;
        size_t found_size = 0;
        for (size_t at = 0; extra_size - at >= 4;) {
            const size_t size = u16(extra + at + 2);
            if (size > extra_size - at - 4) break;
            if (u16(extra + at) == 1 && found == nullptr) found = extra + at + 4, found_size = size;
            at += 4 + size;
        }
        for (uint64_t *field : fields) {
            if (*field != all_ones_32) continue;
            if (found_size < 8) bad_input("%s has no ZIP64 field for its size or place", item.c_str());
            *field = u64(found);
            found += 8, found_size -= 8;
        }
    }

    ZipMember locate(std::string_view name, const std::string &item, uint64_t place, uint64_t size) {
        const bool is_inside = place <= directory_ && directory_ - place >= local_size;
        const uint8_t *const local = data_ + (is_inside ? place : 0);
        if (!is_inside || u32(local) != local_signature)
            bad_input("%s is said to be at byte %" PRIu64 ", and is not there", item.c_str(), place);
        const uint32_t name_size = u16(local + 26), extra_size = u16(local + 28);
        const uint64_t header = uint64_t{local_size} + name_size + extra_size, room = directory_ - place;
        if (header > room || size > room - header)
            bad_input("%s has %" PRIu64 " bytes at byte %" PRIu64 ", which leaves the %" PRIu64
                      " bytes of members",
                      item.c_str(), size, place, directory_);
        if (name != std::string_view(reinterpret_cast<const char *>(local) + local_size, name_size))
            bad_input("%s has another name at byte %" PRIu64, item.c_str(), place);
        if (u16(local + 8) != 0) bad_input("%s is compressed by its own header", item.c_str());
        extents_.push_back({place, place + header + size, name});
        return {name, local + header, size};
    }

    void check_overlaps() {
        std::sort(extents_.begin(), extents_.end(),
                  [](const Extent &a, const Extent &b) { return a.begin < b.begin; });
        for (size_t i = 1; i < extents_.size(); ++i)
            if (extents_[i].begin < extents_[i - 1].end)
                bad_input("%s: members %s and %s overlap", name_.c_str(),
                          quoted(extents_[i - 1].name).c_str(), quoted(extents_[i].name).c_str());
    }

    struct Extent {
        uint64_t begin, end;
        std::string_view name;
    };
    const uint8_t *data_;
    size_t size_;
    const std::string &name_;
    uint64_t count_ = 0, directory_ = 0, directory_size_ = 0;
    std::vector<Extent> extents_;
};

}  // namespace

const ZipMember *ZipArchive::find(std::string_view name) const {
    const auto found =
        std::lower_bound(members.begin(), members.end(), name,
                         [](const ZipMember &member, std::string_view key) { return member.name < key; });
    return found != members.end() && found->name == name ? &*found : nullptr;
}

bool is_zip(const uint8_t *data, size_t size) { return size >= 4 && u32(data) == local_signature; }

ZipArchive parse_zip(const uint8_t *data, size_t size, const std::string &name) {
    return Reader(data, size, name).read();
}

}  // namespace adder

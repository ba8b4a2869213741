// Parses GGUF files.
// SPDX-License-Identifier: MIT
#include "converter/import/gguf.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "converter/base/error.h"
#include "converter/import/gguf_types.h"
#include "converter/text/json.h"

namespace adder {
namespace {

constexpr std::string_view magic = "GGUF";
constexpr uint64_t max_name = 65535;  // bytes of a key or a tensor's name
constexpr uint32_t max_rank = 4;
constexpr uint64_t max_alignment = 1 << 20;

// The one place where the file's promises are checked. `item_` names what is being read: `x.gguf: tensor "y"`.
class Reader {
  public:
    Reader(const uint8_t *data, uint64_t size, const std::string &name)
        : data_(data), size_(size), file_(std::make_shared<const std::string>(name)), item_(name) {}

    GgufFile read() {
        GgufFile file{GgufMetadata(file_), {file_, {}}, {}};
        at_ = magic.size();
        check_version(number(4, "the version"));
        const uint64_t tensors = number(8, "the number of tensors"), keys = number(8, "the number of keys");
        // The least that one takes: a length, a type, a value; a length, dimensions, type and place.
        check_count(keys, 8 + 4 + 1, "keys");
        check_count(tensors, 8 + 4 + 4 + 8, "tensors");
        for (uint64_t i = 0; i < keys; ++i) read_key(i, &file.metadata);
        item_ = *file_;
        file.parts = parts(file.metadata);
        std::vector<Info> infos;
        for (uint64_t i = 0; i < tensors; ++i) infos.push_back(read_info(i));
        item_ = *file_;
        alignment_ = alignment(file.metadata);
        begin_ = round_up(at_);
        for (const Info &info : infos) file.table.tensors.push_back(tensor(info));
        check_tensors(&file.table.tensors);
        return file;
    }

  private:
    struct Info {
        std::string name;
        std::vector<uint64_t> shape;  // outermost first
        const GgufTensorType *type;
        uint64_t elements, bytes, offset;
    };

    [[noreturn]] void refuse(const std::string &why) const { bad_input("%s %s", item_.c_str(), why.c_str()); }

    // ---- Pieces ----

    const uint8_t *take(uint64_t size, const char *what) {
        if (size > size_ - at_)
            refuse(format("is cut: %s takes %" PRIu64 " bytes from byte %" PRIu64
                          " on, and the file has %" PRIu64,
                          what, size, at_, size_));
        const uint8_t *const found = data_ + at_;
        at_ += size;
        return found;
    }

    uint64_t number(unsigned bytes, const char *what) {
        const uint8_t *const from = take(bytes, what);
        uint64_t value = 0;
        for (unsigned i = bytes; i-- > 0;) value = value << 8 | from[i];
        return value;
    }

    std::string name(const char *what) {
        const uint64_t length = number(8, "a length");
        if (length > max_name)
            refuse(
                format("has %s of %" PRIu64 " bytes; at most %" PRIu64 " are legal", what, length, max_name));
        const uint8_t *const text = take(length, what);
        return {reinterpret_cast<const char *>(text), static_cast<size_t>(length)};
    }

    void check_version(uint64_t version) const {
        if (version == 1)
            refuse("is of version 1 of the format, which is no longer written; 2 and 3 are supported");
        if (version != 0 && (version & 0xFFFF) == 0)
            refuse("is big-endian; little-endian files are supported");
        if (version != 2 && version != 3)
            refuse(format("is of version %" PRIu64 " of the format; 2 and 3 are supported", version));
    }

    void check_count(uint64_t count, uint64_t least_bytes, const char *what) const {
        if (count > (size_ - at_) / least_bytes)
            refuse(format("announces %" PRIu64 " %s, and has %" PRIu64 " bytes left for them", count, what,
                          size_ - at_));
    }

    // ---- Keys ----

    GgufType value_type() {
        const uint64_t type = number(4, "a type");
        if (type > static_cast<uint64_t>(GgufType::f64))
            refuse(format("has the type %" PRIu64 ", which is not known", type));
        return static_cast<GgufType>(type);
    }

    void read_key(uint64_t i, GgufMetadata *metadata) {
        item_ = format("%s: key %" PRIu64, file_->c_str(), i);
        const std::string key = name("a name");
        item_ = *file_ + ": key " + json_quote(key);
        if (key.empty()) refuse("has no name");
        const GgufType type = value_type();
        const GgufValue value = type == GgufType::array ? read_array() : read_value(type);
        if (!metadata->add(key, value)) refuse("is there twice");
    }

    void check_booleans(const uint8_t *values, uint64_t count) const {
        for (uint64_t i = 0; i < count; ++i)
            if (values[i] > 1) refuse(format("has a boolean of %u; 0 or 1 is needed", values[i]));
    }

    GgufValue read_value(GgufType type) {
        const uint64_t size = type == GgufType::string ? number(8, "a length") : gguf_type_size(type);
        const uint8_t *const data = take(size, "its value");
        if (type == GgufType::boolean) check_booleans(data, 1);
        return {type, false, 1, data, size};
    }

    GgufValue read_array() {
        const GgufType type = value_type();
        const uint64_t count = number(8, "a count");
        if (type == GgufType::array) refuse("is an array of arrays, which is not supported");
        const uint64_t least = type == GgufType::string ? 8 : gguf_type_size(type);
        check_count(count, least, "elements");
        const uint64_t begin = at_;
        if (type == GgufType::string)
            for (uint64_t i = 0; i < count; ++i) take(number(8, "a length"), "an element");
        else
            take(count * least, "its elements");
        if (type == GgufType::boolean) check_booleans(data_ + begin, count);
        return {type, true, count, data_ + begin, at_ - begin};
    }

    static GgufParts parts(const GgufMetadata &metadata) {
        constexpr char number[] = "split.no", count[] = "split.count";
        GgufParts parts;
        parts.tensors = metadata.integer("split.tensors.count", 0, INT32_MAX);
        parts.count =
            static_cast<uint32_t>(std::max<int64_t>(metadata.integer(count, 0, 65535).value_or(1), 1));
        parts.number = static_cast<uint32_t>(metadata.integer(number, 0, 65535).value_or(0)) + 1;
        if (parts.number > parts.count)
            metadata.refuse(
                number, format("is %u, counted from 0, and split.count %u", parts.number - 1, parts.count));
        return parts;
    }

    uint64_t alignment(const GgufMetadata &metadata) const {
        const char key[] = "general.alignment";
        const auto value = static_cast<uint64_t>(metadata.integer(key, 1, max_alignment).value_or(32));
        if ((value & (value - 1)) != 0)
            metadata.refuse(key, format("is %" PRIu64 "; a power of two is needed", value));
        return value;
    }

    // ---- Tensors ----

    Info read_info(uint64_t i) {
        item_ = format("%s: tensor %" PRIu64, file_->c_str(), i);
        Info info{name("a name"), {}, nullptr, 1, 0, 0};
        item_ = *file_ + ": tensor " + json_quote(info.name);
        const uint64_t rank = number(4, "a number of dimensions");
        if (rank > max_rank)
            refuse(format("has %" PRIu64 " dimensions; at most %u are legal", rank, max_rank));
        for (uint64_t d = 0; d < rank; ++d) info.shape.push_back(number(8, "a dimension"));
        std::reverse(info.shape.begin(), info.shape.end());
        const auto type = static_cast<uint32_t>(number(4, "a type"));
        info.type = gguf_tensor_type(type);
        if (info.type == nullptr) refuse(format("has the type %u, which is not known", type));
        if (info.type->block == 0)
            refuse(std::string("has the type ") + info.type->name + ", which is not supported; " +
                   readable_gguf_types() + " are");
        info.offset = number(8, "a place");
        measure(&info);
        return info;
    }

    void measure(Info *info) const {
        const bool empty = std::count(info->shape.begin(), info->shape.end(), uint64_t{0}) > 0;
        for (const uint64_t extent : info->shape) {
            if (!empty && extent > INT64_MAX / info->elements)
                refuse("has shape " + shape_text(info->shape) + ", which no file can hold");
            info->elements = empty ? 0 : info->elements * extent;
        }
        const uint64_t row = info->shape.empty() ? 1 : info->shape.back();
        if (row % info->type->block != 0)
            refuse(format("has rows of %" PRIu64 " elements of type %s, whose blocks have %u", row,
                          info->type->name, info->type->block));
        const uint64_t blocks = info->elements / info->type->block;
        if (blocks > UINT64_MAX / info->type->bytes)
            refuse("has shape " + shape_text(info->shape) + ", which no file can hold");
        info->bytes = blocks * info->type->bytes;
    }

    uint64_t round_up(uint64_t place) const { return (place + alignment_ - 1) / alignment_ * alignment_; }

    TensorView tensor(const Info &info) {
        item_ = *file_ + ": tensor " + json_quote(info.name);
        if (info.offset % alignment_ != 0)
            refuse(format("lies at byte %" PRIu64
                          " of the data, which is no multiple of the alignment, %" PRIu64,
                          info.offset, alignment_));
        const uint64_t data_size = begin_ < size_ ? size_ - begin_ : 0;
        if (info.offset > data_size || info.bytes > data_size - info.offset)
            refuse(format("of shape %s and type %s takes %" PRIu64 " bytes from byte %" PRIu64
                          " of the data on, which has %" PRIu64 ": the file is cut",
                          shape_text(info.shape).c_str(), info.type->name, info.bytes, info.offset, data_size));
        // Where there is no data at all, an empty tensor lies at the file's end.
        const uint64_t place = std::min(begin_, size_) + info.offset;
        return {info.name,  info.type->dtype, info.shape,  data_ + place,
                info.bytes, info.elements,    file_.get(), {}};
    }

    void check_tensors(std::vector<TensorView> *tensors) const {
        std::sort(tensors->begin(), tensors->end(), [](const TensorView &a, const TensorView &b) {
            return a.data != b.data ? a.data < b.data : a.size < b.size;
        });
        for (size_t i = 1; i < tensors->size(); ++i) {
            const TensorView &before = (*tensors)[i - 1], &after = (*tensors)[i];
            if (before.data + before.size > after.data)
                bad_input("%s: tensors %s and %s overlap", file_->c_str(), json_quote(before.name).c_str(),
                          json_quote(after.name).c_str());
        }
        std::sort(tensors->begin(), tensors->end(),
                  [](const TensorView &a, const TensorView &b) { return a.name < b.name; });
        for (size_t i = 1; i < tensors->size(); ++i)
            if ((*tensors)[i - 1].name == (*tensors)[i].name)
                bad_input("%s: tensor %s is there twice", file_->c_str(),
                          json_quote((*tensors)[i].name).c_str());
    }

    const uint8_t *const data_;
    const uint64_t size_;
    const std::shared_ptr<const std::string> file_;
    std::string item_;
    uint64_t at_ = 0, alignment_ = 32, begin_ = 0;
};

}  // namespace

bool is_gguf(std::string_view bytes) { return bytes.substr(0, magic.size()) == magic; }

GgufFile parse_gguf(const uint8_t *data, size_t size, const std::string &name) {
    if (!is_gguf({reinterpret_cast<const char *>(data), size}))
        bad_input("%s is no GGUF file: it does not begin with \"GGUF\"", name.c_str());
    return Reader(data, size, name).read();
}

}  // namespace adder

// From a pickle's calls to tensors in place.
// SPDX-License-Identifier: MIT
#include "converter/import/pytorch.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "converter/base/error.h"
#include "converter/import/pickle.h"
#include "converter/import/zip.h"
#include "converter/text/json.h"

namespace adder {
namespace {

constexpr size_t max_rank = 32;

constexpr char rebuild_tensor[] = "torch._utils _rebuild_tensor_v2";
constexpr char rebuild_parameter[] = "torch._utils _rebuild_parameter";

struct StorageType {
    const char *global;
    DType dtype;
};

constexpr StorageType storage_types[] = {
    {"torch FloatStorage", DType::f32},        {"torch HalfStorage", DType::f16},
    {"torch BFloat16Storage", DType::bf16},    {"torch DoubleStorage", DType::f64},
    {"torch LongStorage", DType::i64},         {"torch IntStorage", DType::i32},
    {"torch ShortStorage", DType::i16},        {"torch CharStorage", DType::i8},
    {"torch ByteStorage", DType::u8},          {"torch BoolStorage", DType::boolean},
    {"torch ComplexFloatStorage", DType::c64},
};

std::vector<const char *> allowed_globals() {
    std::vector<const char *> names = {"collections OrderedDict", rebuild_tensor, rebuild_parameter};
    for (const StorageType &type : storage_types) names.push_back(type.global);
    names.push_back(nullptr);
    return names;
}

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// The archive's folder with a slash, which holds all of its members.
std::string stem_of(const ZipArchive &archive, const std::string &name) {
    constexpr std::string_view pickle = "/data.pkl";
    const ZipMember *found = nullptr;
    for (const ZipMember &member : archive.members) {
        if (!ends_with(member.name, pickle) || member.name.find('/') != member.name.size() - pickle.size())
            continue;
        if (found != nullptr) bad_input("%s has several members FOLDER/data.pkl", name.c_str());
        found = &member;
    }
    if (found == nullptr)
        bad_input("%s is a ZIP archive without a member FOLDER/data.pkl: no file of torch.save", name.c_str());
    std::string stem(found->name.substr(0, found->name.size() - pickle.size() + 1));
    if (archive.find(stem + "constants.pkl") != nullptr)
        bad_input("%s is a TorchScript archive, which holds code: save the weights alone, with "
                  "torch.save(torch.jit.load(FILE).state_dict(), NEW)",
                  name.c_str());
    const ZipMember *const order = archive.find(stem + "byteorder");
    if (order != nullptr && std::string_view(reinterpret_cast<const char *>(order->data),
                                             static_cast<size_t>(order->size)) != "little")
        bad_input("%s was saved on a big-endian machine; a little-endian file is needed", name.c_str());
    return stem;
}

class Reader {
  public:
    Reader(const ZipArchive &archive, const std::string &name)
        : archive_(archive), file_(std::make_shared<const std::string>(name)), stem_(stem_of(archive, name)),
          globals_(allowed_globals()) {
        const ZipMember &member = *archive.find(stem_ + "data.pkl");
        pickle_ = parse_pickle({reinterpret_cast<const char *>(member.data), static_cast<size_t>(member.size)},
                               name + " (" + stem_ + "data.pkl)", globals_.data());
    }

    TensorTable read() {
        TensorTable table{file_, {}};
        const Id root = pickle_.root();
        if (pickle_.kind(root) != Kind::dict)
            bad_input(
                "%s holds no dict of tensors by name: save them with torch.save(model.state_dict(), FILE)",
                file_->c_str());
        const std::vector<Id> &items = pickle_.items(root);
        std::string others;
        for (size_t i = 0; i + 1 < items.size(); i += 2) {
            if (pickle_.kind(items[i]) != Kind::string)
                bad_input("%s: a tensor's name is no text", file_->c_str());
            const std::string name(pickle_.text(items[i]));
            Id value = items[i + 1];
            if (is_call(value, rebuild_parameter)) value = parameter(name, value);
            if (is_call(value, rebuild_tensor))
                table.tensors.push_back(tensor(name, value));
            else if (others.size() < 200)
                others += (others.empty() ? "" : ", ") + json_quote(name);
        }
        if (table.tensors.empty())
            bad_input("%s holds no tensors by name%s%s: save them with torch.save(model.state_dict(), FILE)",
                      file_->c_str(), others.empty() ? "" : ", but ", others.c_str());
        std::sort(table.tensors.begin(), table.tensors.end(),
                  [](const TensorView &a, const TensorView &b) { return a.name < b.name; });
        for (size_t i = 1; i < table.tensors.size(); ++i)
            if (table.tensors[i].name == table.tensors[i - 1].name)
                bad_input("%s: tensor %s stands twice", file_->c_str(),
                          json_quote(table.tensors[i].name).c_str());
        return table;
    }

  private:
    using Id = Pickle::Id;
    using Kind = Pickle::Kind;

    struct Storage {
        DType dtype;
        const uint8_t *data;
        uint64_t count;  // elements
    };

    bool is_call(Id id, const char *what) const {
        return pickle_.kind(id) == Kind::call && pickle_.text(pickle_.items(id)[0]) == what;
    }
    // The arguments of a call.
    const std::vector<Id> &arguments(Id call) const { return pickle_.items(pickle_.items(call)[1]); }

    [[noreturn]] void refuse(const std::string &why) const {
        bad_input("%s: tensor %s %s", file_->c_str(), json_quote(item_).c_str(), why.c_str());
    }

    Id parameter(const std::string &name, Id call) {
        item_ = name;
        if (arguments(call).empty()) refuse("is a parameter of nothing");
        return arguments(call)[0];
    }

    uint64_t count(Id id, const char *what) const {
        if (pickle_.kind(id) != Kind::integer || pickle_.number(id) < 0)
            refuse(std::string("has ") + what + " that is no integer from 0 on");
        return static_cast<uint64_t>(pickle_.number(id));
    }

    std::vector<uint64_t> counts(Id id, const char *what) const {
        if (pickle_.kind(id) != Kind::tuple) refuse(std::string("has ") + what + " that is no tuple");
        const std::vector<Id> &items = pickle_.items(id);
        if (items.size() > max_rank)
            refuse(format("has %zu dimensions; at most %zu are supported", items.size(), max_rank));
        std::vector<uint64_t> list;
        for (const Id item : items) list.push_back(count(item, what));
        return list;
    }

    // ('storage', type, key, device, elements); on which device it lay is of no interest.
    Storage storage(Id id) const {
        if (pickle_.kind(id) != Kind::persistent) refuse("has no storage");
        const std::vector<Id> &parts = pickle_.items(pickle_.items(id)[0]);
        if (parts.size() != 5 || pickle_.kind(parts[0]) != Kind::string ||
            pickle_.text(parts[0]) != "storage" || pickle_.kind(parts[1]) != Kind::global ||
            pickle_.kind(parts[2]) != Kind::string)
            refuse("has a storage in another form than ('storage', type, key, device, elements)");
        const auto type =
            std::find_if(std::begin(storage_types), std::end(storage_types),
                         [&](const StorageType &known) { return pickle_.text(parts[1]) == known.global; });
        if (type == std::end(storage_types))
            refuse("has a storage of type " + json_quote(pickle_.text(parts[1])));
        const uint64_t elements = count(parts[4], "a storage's size");
        const std::string member_name = stem_ + "data/" + std::string(pickle_.text(parts[2]));
        const ZipMember *const member = archive_.find(member_name);
        if (member == nullptr) refuse("lies in " + json_quote(member_name) + ", which the file has not");
        const uint64_t bytes = dtype_bits(type->dtype) / 8;
        if (member->size % bytes != 0 || member->size / bytes != elements)
            refuse(format("lies in a storage of %" PRIu64 " elements of %s, and %s has %" PRIu64 " bytes",
                          elements, dtype_name(type->dtype), json_quote(member_name).c_str(), member->size));
        return {type->dtype, member->data, elements};
    }

    // _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks[, metadata])
    TensorView tensor(const std::string &name, Id call) {
        item_ = name;
        const std::vector<Id> &values = arguments(call);
        if (values.size() < 4) refuse(format("is made of %zu values; at least 4 are needed", values.size()));
        const Storage storage = this->storage(values[0]);
        const uint64_t offset = count(values[1], "an offset");
        std::vector<uint64_t> shape = counts(values[2], "a shape"), strides = counts(values[3], "strides");
        if (shape.size() != strides.size())
            refuse(format("has %zu dimensions and %zu strides", shape.size(), strides.size()));
        const uint64_t elements = check_extent(shape, strides, offset, storage);
        if (is_contiguous(shape, strides)) strides.clear();
        const uint64_t bytes = dtype_bits(storage.dtype) / 8;
        return {name,
                storage.dtype,
                std::move(shape),
                storage.data + (elements == 0 ? 0 : offset) * bytes,
                elements * bytes,
                elements,
                file_.get(),
                std::move(strides)};
    }

    // The number of elements, all of which lie within the storage.
    uint64_t check_extent(const std::vector<uint64_t> &shape, const std::vector<uint64_t> &strides,
                          uint64_t offset, const Storage &storage) const {
        if (std::find(shape.begin(), shape.end(), uint64_t{0}) != shape.end()) return 0;
        uint64_t elements = 1, last = offset;
        bool fits = offset < storage.count;
        for (size_t i = 0; i < shape.size() && fits; ++i) {
            // An expanded tensor, whose elements lie on one another, has more of them than its storage.
            fits = elements <= storage.count / shape[i] &&
                   (strides[i] == 0 || shape[i] - 1 <= (storage.count - 1 - last) / strides[i]);
            if (!fits) break;
            elements *= shape[i];
            last += (shape[i] - 1) * strides[i];
        }
        if (!fits)
            refuse(format("of shape %s, strides %s and offset %" PRIu64 " leaves its storage of %" PRIu64
                          " elements",
                          shape_text(shape).c_str(), shape_text(strides).c_str(), offset, storage.count));
        return elements;
    }

    // Dimensions of one element, and tensors of none, may have any strides.
    static bool is_contiguous(const std::vector<uint64_t> &shape, const std::vector<uint64_t> &strides) {
        if (std::find(shape.begin(), shape.end(), uint64_t{0}) != shape.end()) return true;
        uint64_t expected = 1;
        for (size_t i = shape.size(); i-- > 0;) {
            if (shape[i] == 1) continue;
            if (strides[i] != expected) return false;
            expected *= shape[i];
        }
        return true;
    }

    const ZipArchive &archive_;
    const std::shared_ptr<const std::string> file_;
    const std::string stem_;
    const std::vector<const char *> globals_;
    Pickle pickle_;
    std::string item_;
};

// A pickle that begins with the number 0x1950a86a20f9469cfc6c: what torch.save wrote before 1.6.
bool is_legacy(std::string_view bytes) {
    constexpr std::string_view magic = "\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";
    return !bytes.empty() && bytes[0] == '\x80' && bytes.substr(0, 64).find(magic) != std::string_view::npos;
}

}  // namespace

TensorTable parse_pytorch(const uint8_t *data, size_t size, const std::string &name) {
    const std::string_view bytes(reinterpret_cast<const char *>(data), size);
    if (is_legacy(bytes))
        bad_input(
            "%s has the form that torch.save wrote before PyTorch 1.6: load it with torch.load and save it "
            "again with torch.save",
            name.c_str());
    if (!is_zip(data, size))
        bad_input("%s is no PyTorch file: it does not begin as a ZIP archive does", name.c_str());
    const ZipArchive archive = parse_zip(data, size, name);
    return Reader(archive, name).read();
}

}  // namespace adder

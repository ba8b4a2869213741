// Parses safetensors headers.
// SPDX-License-Identifier: MIT
#include "converter/import/safetensors.h"

#include <algorithm>
#include <cinttypes>

#include "converter/base/error.h"
#include "converter/text/json.h"

namespace adder {

namespace {

constexpr uint64_t max_header_size = 100'000'000;
constexpr size_t prefix_size = 8;
constexpr size_t max_rank = 32;

// The one place where the header's promises are checked. `item_` names what is being read: `x.safetensors:
// tensor "y"`.
class HeaderReader {
  public:
    HeaderReader(const uint8_t *data, uint64_t data_size, std::shared_ptr<const std::string> file)
        : data_(data), data_size_(data_size), file_(std::move(file)) {}

    TensorTable read(const Json &header) {
        TensorTable result{file_, {}};
        for (const auto &[name, value] : header.object(*file_ + ": the header")) {
            if (name == "__metadata__") {
                check_metadata(value);
            } else {
                result.tensors.push_back(tensor(name, value));
            }
        }
        check_coverage(result.tensors);
        std::sort(result.tensors.begin(), result.tensors.end(),
                  [](const TensorView &a, const TensorView &b) { return a.name < b.name; });
        return result;
    }

  private:
    void check_metadata(const Json &metadata) const {
        const std::string what = *file_ + ": __metadata__";
        for (const auto &[key, value] : metadata.object(what)) {
            value.string(what + ": " + json_quote(key));
        }
    }

    TensorView tensor(const std::string &name, const Json &json) {
        item_ = *file_ + ": tensor " + json_quote(name);
        for (const auto &[key, value] : json.object(item_)) {
            if (key != "dtype" && key != "shape" && key != "data_offsets") {
                bad_input("%s has an unknown member %s", item_.c_str(), json_quote(key).c_str());
            }
        }
        const DType type = dtype(member(json, "dtype"));
        std::vector<uint64_t> shape = unsigned_list(member(json, "shape"), "shape");
        if (shape.size() > max_rank) {
            bad_input("%s has %zu dimensions; at most %zu are supported", item_.c_str(), shape.size(),
                      max_rank);
        }
        const std::vector<uint64_t> offsets = unsigned_list(member(json, "data_offsets"), "data_offsets");
        if (offsets.size() != 2) {
            bad_input("%s has %zu data_offsets; 2 are needed", item_.c_str(), offsets.size());
        }
        const uint64_t begin = offsets[0], end = offsets[1];
        if (begin > end || end > data_size_) {
            bad_input("%s lies at bytes %" PRIu64 " to %" PRIu64 " of the data, which has %" PRIu64,
                      item_.c_str(), begin, end, data_size_);
        }
        const uint64_t elements = product(shape);
        // In bits, as the smallest types are smaller than a byte.
        const uint64_t found = (end - begin) * 8;
        if (elements > found / dtype_bits(type) || elements * dtype_bits(type) != found) {
            bad_input("%s has %" PRIu64 " bytes; shape %s of %s needs %.17g", item_.c_str(), end - begin,
                      shape_text(shape).c_str(), dtype_name(type),
                      static_cast<double>(elements) * dtype_bits(type) / 8);
        }
        return {name, type, std::move(shape), data_ + begin, end - begin, elements, file_.get(), {}};
    }

    const Json &member(const Json &json, const char *key) const {
        const Json *const found = json.find(key);
        if (found == nullptr) bad_input("%s has no %s", item_.c_str(), key);
        return *found;
    }

    DType dtype(const Json &json) const {
        const std::string &name = json.string(item_ + ": dtype");
        DType dtype;
        if (dtype_of_name(name, &dtype)) return dtype;
        bad_input("%s has the unknown type %s", item_.c_str(), json_quote(name).c_str());
    }

    std::vector<uint64_t> unsigned_list(const Json &json, const char *key) const {
        const std::string what = item_ + ": " + key;
        std::vector<uint64_t> list;
        for (const Json &item : json.array(what)) {
            list.push_back(static_cast<uint64_t>(item.integer(what, 0, INT64_MAX)));
        }
        return list;
    }

    // A zero makes any shape legal and empty, as in numpy, whatever stands beside it.
    uint64_t product(const std::vector<uint64_t> &shape) const {
        if (std::find(shape.begin(), shape.end(), uint64_t{0}) != shape.end()) return 0;
        uint64_t elements = 1;
        for (const uint64_t extent : shape) {
            if (extent > UINT64_MAX / elements) {
                bad_input("%s has shape %s, which no file can hold", item_.c_str(), shape_text(shape).c_str());
            }
            elements *= extent;
        }
        return elements;
    }

    void check_coverage(const std::vector<TensorView> &tensors) const {
        std::vector<const TensorView *> order;
        for (const TensorView &tensor : tensors) order.push_back(&tensor);
        std::sort(order.begin(), order.end(), [](const TensorView *a, const TensorView *b) {
            return a->data != b->data ? a->data < b->data : a->size < b->size;
        });
        const TensorView *previous = nullptr;
        uint64_t covered = 0;
        for (const TensorView *tensor : order) {
            const auto begin = static_cast<uint64_t>(tensor->data - data_);
            if (begin < covered) {
                bad_input("%s: tensors %s and %s overlap", file_->c_str(), json_quote(previous->name).c_str(),
                          json_quote(tensor->name).c_str());
            }
            if (begin > covered) break;
            covered = begin + tensor->size;
            previous = tensor;
        }
        if (covered != data_size_) {
            bad_input("%s: no tensor covers the data from byte %" PRIu64 " on, of %" PRIu64, file_->c_str(),
                      covered, data_size_);
        }
    }

    const uint8_t *data_;
    uint64_t data_size_;
    std::shared_ptr<const std::string> file_;
    std::string item_;
};

}  // namespace

TensorTable parse_safetensors(const uint8_t *data, size_t size, const std::string &name) {
    if (size < prefix_size) {
        bad_input("%s has %zu bytes; a safetensors file has at least %zu", name.c_str(), size, prefix_size);
    }
    uint64_t length = 0;
    for (size_t i = prefix_size; i-- > 0;) length = length << 8 | data[i];
    if (length > max_header_size) {
        bad_input("%s announces a header of %" PRIu64 " bytes; at most %" PRIu64
                  " are legal: it is no safetensors file, or damaged",
                  name.c_str(), length, max_header_size);
    }
    if (length > size - prefix_size) {
        bad_input("%s announces a header of %" PRIu64 " bytes, but has only %zu behind the length: it is cut",
                  name.c_str(), length, size - prefix_size);
    }
    const std::string_view text(reinterpret_cast<const char *>(data) + prefix_size,
                                static_cast<size_t>(length));
    if (text.empty() || text.front() != '{')
        bad_input("%s: the header does not start with '{'", name.c_str());
    const Json header = Json::parse(text, name + " (header)");
    const size_t data_start = prefix_size + static_cast<size_t>(length);
    return HeaderReader(data + data_start, size - data_start, std::make_shared<const std::string>(name))
        .read(header);
}

}  // namespace adder

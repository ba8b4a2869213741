// Typed access to the keys of a GGUF file.
// SPDX-License-Identifier: MIT
#include "converter/import/gguf_metadata.h"

#include <cstring>

#include "converter/base/error.h"
#include "converter/text/json.h"

namespace adder {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file's byte order is taken as the host's");

template <typename T>
T read(const uint8_t *data) {
    T value;
    std::memcpy(&value, data, sizeof value);
    return value;
}

const char *name_of(GgufType type) {
    static constexpr const char *names[] = {"uint8",  "int8",    "uint16",  "int16",    "uint32",
                                            "int32",  "float32", "boolean", "a string", "array",
                                            "uint64", "int64",   "float64"};
    return names[static_cast<uint32_t>(type)];
}

bool is_integer(GgufType type) {
    return gguf_type_size(type) > 0 && type != GgufType::f32 && type != GgufType::f64 &&
           type != GgufType::boolean;
}

// Of a uint64 beyond the range the largest that there is, which is beyond every range that is asked for.
int64_t integer_at(GgufType type, const uint8_t *data) {
    switch (type) {
    case GgufType::u8: return *data;
    case GgufType::i8: return read<int8_t>(data);
    case GgufType::u16: return read<uint16_t>(data);
    case GgufType::i16: return read<int16_t>(data);
    case GgufType::u32: return read<uint32_t>(data);
    case GgufType::i32: return read<int32_t>(data);
    case GgufType::i64: return read<int64_t>(data);
    default: break;
    }
    const uint64_t value = read<uint64_t>(data);
    return value > INT64_MAX ? INT64_MAX : static_cast<int64_t>(value);
}

std::string described(const GgufValue &value) {
    if (value.is_array)
        return format("an array of %s", value.type == GgufType::string ? "strings" : name_of(value.type));
    return name_of(value.type);
}

}  // namespace

uint32_t gguf_type_size(GgufType type) {
    switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean: return 1;
    case GgufType::u16:
    case GgufType::i16: return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32: return 4;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64: return 8;
    default: return 0;
    }
}

std::string GgufMetadata::what(const std::string &key) const { return *file_ + ": " + key; }

void GgufMetadata::refuse(const std::string &key, const std::string &why) const {
    bad_input("%s %s", what(key).c_str(), why.c_str());
}

const GgufValue *GgufMetadata::find(const std::string &key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
}

std::optional<int64_t> GgufMetadata::integer(const std::string &key, int64_t low, int64_t high) const {
    const GgufValue *const value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_array || !is_integer(value->type))
        refuse(key, "is " + described(*value) + "; an integer is needed");
    const int64_t number = integer_at(value->type, value->data);
    if (number < low || number > high)
        refuse(key, format("is %lld; an integer from %lld to %lld is needed", static_cast<long long>(number),
                           static_cast<long long>(low), static_cast<long long>(high)));
    return number;
}

std::optional<double> GgufMetadata::number(const std::string &key) const {
    const GgufValue *const value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_array && value->type == GgufType::f32)
        return static_cast<double>(read<float>(value->data));
    if (!value->is_array && value->type == GgufType::f64) return read<double>(value->data);
    if (value->is_array || !is_integer(value->type))
        refuse(key, "is " + described(*value) + "; a number is needed");
    return static_cast<double>(integer_at(value->type, value->data));
}

std::optional<bool> GgufMetadata::boolean(const std::string &key) const {
    const GgufValue *const value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_array || value->type != GgufType::boolean)
        refuse(key, "is " + described(*value) + "; a boolean is needed");
    return *value->data != 0;
}

std::optional<std::string_view> GgufMetadata::string(const std::string &key) const {
    const GgufValue *const value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_array || value->type != GgufType::string)
        refuse(key, "is " + described(*value) + "; a string is needed");
    return std::string_view(reinterpret_cast<const char *>(value->data), static_cast<size_t>(value->size));
}

std::vector<std::string_view> GgufMetadata::strings(const std::string &key) const {
    std::vector<std::string_view> list;
    const GgufValue *const value = find(key);
    if (value == nullptr) return list;
    if (!value->is_array || value->type != GgufType::string)
        refuse(key, "is " + described(*value) + "; an array of strings is needed");
    list.reserve(static_cast<size_t>(value->count));
    const uint8_t *at = value->data;
    for (uint64_t i = 0; i < value->count; ++i) {
        const auto size = static_cast<size_t>(read<uint64_t>(at));
        list.emplace_back(reinterpret_cast<const char *>(at) + 8, size);
        at += 8 + size;
    }
    return list;
}

std::vector<int64_t> GgufMetadata::integers(const std::string &key) const {
    std::vector<int64_t> list;
    const GgufValue *const value = find(key);
    if (value == nullptr) return list;
    if (!value->is_array || !is_integer(value->type))
        refuse(key, "is " + described(*value) + "; an array of integers is needed");
    list.reserve(static_cast<size_t>(value->count));
    for (uint64_t i = 0; i < value->count; ++i)
        list.push_back(integer_at(value->type, value->data + i * gguf_type_size(value->type)));
    return list;
}

std::vector<bool> GgufMetadata::flags(const std::string &key) const {
    std::vector<bool> list;
    const GgufValue *const value = find(key);
    if (value == nullptr) return list;
    if (!value->is_array || (value->type != GgufType::boolean && !is_integer(value->type)))
        refuse(key, "is " + described(*value) + "; an array of booleans is needed");
    list.reserve(static_cast<size_t>(value->count));
    for (uint64_t i = 0; i < value->count; ++i) {
        const uint8_t *const at = value->data + i * gguf_type_size(value->type);
        list.push_back(value->type == GgufType::boolean ? *at != 0 : integer_at(value->type, at) != 0);
    }
    return list;
}

std::vector<float> GgufMetadata::numbers(const std::string &key) const {
    std::vector<float> list;
    const GgufValue *const value = find(key);
    if (value == nullptr) return list;
    if (!value->is_array || (value->type != GgufType::f32 && !is_integer(value->type)))
        refuse(key, "is " + described(*value) + "; an array of numbers is needed");
    list.reserve(static_cast<size_t>(value->count));
    for (uint64_t i = 0; i < value->count; ++i) {
        const uint8_t *const at = value->data + i * gguf_type_size(value->type);
        list.push_back(value->type == GgufType::f32 ? read<float>(at)
                                                    : static_cast<float>(integer_at(value->type, at)));
    }
    return list;
}

}  // namespace adder

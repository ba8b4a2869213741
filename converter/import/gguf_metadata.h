// What a GGUF file says of its model: values by key, read where they lie.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adder {

// As files number them.
enum class GgufType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
// Bytes of a value on its own; 0 of strings and arrays.
uint32_t gguf_type_size(GgufType type);

struct GgufValue {
    GgufType type;  // of an array its elements'
    bool is_array;
    uint64_t count;  // of an array
    // Its first byte, and how many there are; all within the file, and strings with their lengths checked.
    const uint8_t *data;
    uint64_t size;
};

// The keys of a file. A value is read as what its user needs: throws Error(bad_input) naming file and key if it is of another type,
// or beyond the range. Nothing where the key is not there.
class GgufMetadata {
  public:
    explicit GgufMetadata(std::shared_ptr<const std::string> file) : file_(std::move(file)) {}

    const std::string &file() const { return *file_; }
    // "m.gguf: mamba.block_count"
    std::string what(const std::string &key) const;
    [[noreturn]] void refuse(const std::string &key, const std::string &why) const;

    // False if the key is there already.
    bool add(const std::string &key, const GgufValue &value) { return values_.emplace(key, value).second; }
    const GgufValue *find(const std::string &key) const;

    std::optional<int64_t> integer(const std::string &key, int64_t low, int64_t high) const;
    std::optional<double> number(const std::string &key) const;  // an integer as well
    std::optional<bool> boolean(const std::string &key) const;
    std::optional<std::string_view> string(const std::string &key) const;
    // Arrays; empty where the key is not there. Strings stay in the file.
    std::vector<std::string_view> strings(const std::string &key) const;
    std::vector<int64_t> integers(const std::string &key) const;
    std::vector<float> numbers(const std::string &key) const;
    std::vector<bool> flags(const std::string &key) const;  // booleans, or integers that are not 0

    // Calls body(key, value) for the keys that begin so, in their order.
    template <typename Body>
    void each(const std::string &beginning, const Body &body) const {
        for (auto at = values_.lower_bound(beginning);
             at != values_.end() && at->first.compare(0, beginning.size(), beginning) == 0; ++at)
            body(at->first, at->second);
    }

  private:
    std::shared_ptr<const std::string> file_;
    std::map<std::string, GgufValue> values_;
};

}  // namespace adder

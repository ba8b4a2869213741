// Names and keys of the parts of a model.
// SPDX-License-Identifier: MIT
#include "converter/import/gguf_parts.h"

#include <algorithm>
#include <cstdlib>

#include "converter/base/error.h"
#include "converter/text/json.h"

namespace adder {
namespace {

constexpr std::string_view end = ".gguf", between = "-of-";
constexpr size_t digits = 5;

// Five digits at a place; 0 if they are none.
uint32_t number_at(const std::string &text, size_t at) {
    const std::string part = text.substr(at, digits);
    if (part.size() != digits || part.find_first_not_of("0123456789") != std::string::npos) return 0;
    return static_cast<uint32_t>(std::stoul(part));
}

}  // namespace

std::string GgufPartName::path() const { return format("%s-%05u-of-%05u.gguf", stem.c_str(), number, count); }

std::optional<GgufPartName> gguf_part_name(const std::string &path) {
    const size_t size = 1 + digits + between.size() + digits + end.size();
    if (path.size() <= size) return std::nullopt;
    const size_t at = path.size() - size;
    const GgufPartName name{path.substr(0, at), number_at(path, at + 1),
                            number_at(path, at + 1 + digits + between.size())};
    if (name.number == 0 || name.number > name.count || name.path() != path) return std::nullopt;
    return name;
}

GgufPartName first_gguf_part(const GgufFile &file) {
    const std::string &path = file.metadata.file();
    const GgufParts &parts = file.parts;
    const auto name = gguf_part_name(path);
    if (!name)
        bad_input("%s is part %u of %u, but is not named NAME-%05u-of-%05u.gguf, by which the others are found; "
                  "name them so, or join them with llama-gguf-split --merge",
                  path.c_str(), parts.number, parts.count, parts.number, parts.count);
    if (parts.number != name->number || parts.count != name->count)
        bad_input("%s says that it is part %u of %u", path.c_str(), parts.number, parts.count);
    if (parts.number != 1)
        bad_input("%s is part %u of %u; give the first, %s", path.c_str(), parts.number, parts.count,
                  name->of(1).path().c_str());
    return *name;
}

void check_gguf_part(const GgufFile &file, const GgufPartName &name,
                     const std::vector<const TensorTable *> &before) {
    const GgufParts &parts = file.parts;
    if (parts.number != name.number || parts.count != name.count)
        bad_input("%s says that it is part %u of %u", name.path().c_str(), parts.number, parts.count);
    for (const TensorTable *table : before)
        for (const TensorView &tensor : table->tensors)
            if (file.table.find(tensor.name) != nullptr)
                bad_input("%s: tensor %s is in %s, too", name.path().c_str(), json_quote(tensor.name).c_str(),
                          table->file->c_str());
}

void check_gguf_tensors(const GgufFile &first, const std::vector<const TensorTable *> &all) {
    size_t found = 0;
    for (const TensorTable *table : all) found += table->tensors.size();
    if (first.parts.tensors && *first.parts.tensors != static_cast<int64_t>(found))
        bad_input("%s announces %lld tensors; its %zu parts have %zu", first.metadata.file().c_str(),
                  static_cast<long long>(*first.parts.tensors), all.size(), found);
}

std::vector<std::string> without_later_gguf_parts(const std::vector<std::string> &names) {
    std::vector<std::string> kept;
    for (const std::string &name : names) {
        const auto part = gguf_part_name(name);
        if (!part || part->number == 1 || std::count(names.begin(), names.end(), part->of(1).path()) == 0)
            kept.push_back(name);
    }
    return kept;
}

}  // namespace adder

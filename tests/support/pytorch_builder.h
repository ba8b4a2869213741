// Writes PyTorch files for tests, sound or damaged: ZIP archives and pickles as torch.save writes them.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/checkpoint_builder.h"

namespace adder::test {

std::string little_endian(uint64_t value, unsigned bytes);

// One member of an archive. What its headers say may be a lie.
struct ZipEntry {
    std::string name, data;
    uint32_t method = 0, flags = 0;
    bool zip64 = false;           // sizes and place in the extra field
    std::string local_name = {};  // empty: the name
};
// Every member's data begins at a multiple of `alignment`, by padding in the local header's extra field; with `zip64` the
// directory is announced by the records of ZIP64.
std::string zip_file(const std::vector<ZipEntry> &entries, bool zip64 = false, size_t alignment = 64);

// Pieces of a pickle, each of which leaves one value on the stack.
std::string pickle_text(const std::string &text);
std::string pickle_integer(int64_t value);
std::string pickle_global(const std::string &module, const std::string &name);
std::string pickle_tuple(const std::vector<std::string> &items);
// A dict of texts and values; `ordered`, as of a module: an OrderedDict with attributes behind it.
std::string pickle_dict(const std::vector<std::pair<std::string, std::string>> &items, bool ordered = false);
std::string pickle_file(const std::string &value);  // with what stands around it

// A tensor in a storage.
struct PytorchView {
    std::string storage = "FloatStorage", key = "0";
    int64_t storage_elements = 0, offset = 0;
    std::vector<int64_t> shape, strides;
};
std::string pickle_view(const PytorchView &view);
std::string pickle_parameter(const std::string &tensor);

// The archive of a pickle and of its storages, "0", "1", ...
std::vector<ZipEntry> pytorch_entries(const std::string &pickle, const std::vector<std::string> &storages);

// As torch.save(model.state_dict()) writes these tensors, each in a storage of its own; with `transposed` matrices lie there
// by columns.
std::string pytorch_file(const std::vector<Tensor> &tensors, bool transposed = false);

}  // namespace adder::test

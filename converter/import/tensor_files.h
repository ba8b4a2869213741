// The tensors of a checkpoint, by name, whatever the format of its files of weights.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "converter/base/file.h"
#include "converter/import/checkpoint_paths.h"
#include "converter/import/gguf.h"
#include "converter/import/tensor_view.h"
#include "converter/text/json.h"

namespace adder {

// Opens, checks and maps the files of weights: the one that was given itself, or of a folder the first of
// model.safetensors, the shards that model.safetensors.index.json names, pytorch_model.bin, those that
// pytorch_model.bin.index.json names, and the one file that ends in .pth or, without one, in .gguf, with the others
// that it is the first of (gguf_parts.h). The weights stay where they are, on disk, and are
// mapped as long as the object lives. All errors are Error(bad_input), and name the file.
class TensorFiles {
  public:
    explicit TensorFiles(const CheckpointPaths &paths);
    // A GGUF file in memory, which must live on.
    explicit TensorFiles(GgufFile file);

    // Is there a file of weights at all?
    static bool are_there(const CheckpointPaths &paths);
    // Is it a GGUF file, or the first of several, which says of its model what else config.json does?
    static bool are_gguf(const CheckpointPaths &paths);
    const GgufMetadata *gguf() const { return gguf_ ? &*gguf_ : nullptr; }  // null: it is none

    // What a name in the files is called in the model; names are those of the files until then.
    using Rename = std::string (*)(const std::string &name);
    void rename(Rename new_name);

    // Puts the tensors of the model, with their names in it, in the place of each of the files: the same in another shape, or parts of
    // it. Throws Error(bad_input) where two get one name. The names in the files stay in the views, for messages.
    using NamedView = std::pair<std::string, TensorView>;
    using Arrange = std::function<std::vector<NamedView>(const TensorView &)>;
    void arrange(const Arrange &parts_of);

    const TensorView *find(const std::string &name) const;
    // Throws if it is absent, or has another shape or an unreadable type.
    const TensorView &tensor(const std::string &name) const;
    const TensorView &tensor(const std::string &name, const std::vector<uint64_t> &shape) const;

    // Every tensor that lies in the files, also those that an index does not name.
    template <typename Body>
    void each(const Body &body) const {
        for (const auto &[path, table] : tables_)
            for (const TensorView &view : table.tensors) body(view);
    }

    // Converts a whole tensor, or elements [first, first + count) of it, to float. Throws naming tensor and
    // index if a value is infinite or not a number.
    void read(const TensorView &tensor, float *out) const { read(tensor, 0, tensor.elements, out); }
    void read(const TensorView &tensor, uint64_t first, uint64_t count, float *out) const;

    // Gives the tensor's pages back to the system; they are read from the file again where they are touched.
    // Bounds the resident memory of a walk over large weights.
    void release(const TensorView &tensor) const;

  private:
    void open_single(const std::string &path);
    void open_gguf(const std::string &path);
    const TensorTable &add_table(const std::string &path, TensorTable table);
    void open_sharded(const std::string &index_path);
    const TensorTable &open_file(const std::string &path);

    std::string given_, directory_;
    std::vector<MappedFile> files_;
    std::map<std::string, TensorTable> tables_;  // by path; the tensors' views point into them
    std::unordered_map<std::string, const TensorView *> tensors_;
    std::optional<GgufMetadata> gguf_;
};

}  // namespace adder

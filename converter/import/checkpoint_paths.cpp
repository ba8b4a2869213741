// Finding the files of a checkpoint.
// SPDX-License-Identifier: MIT
#include "converter/import/checkpoint_paths.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/base/paths.h"
#include "converter/import/gguf_parts.h"

namespace adder {
namespace {

constexpr const char *weights_extensions[] = {".safetensors", ".pth", ".pt", ".bin", ".gguf"};

bool is_weights_name(const std::string &path) {
    const size_t point = file_name(path).rfind('.');
    if (point == std::string::npos || point == 0) return false;
    const std::string extension = file_name(path).substr(point);
    return std::find(std::begin(weights_extensions), std::end(weights_extensions), extension) !=
           std::end(weights_extensions);
}

bool is_gguf_name(const std::string &path) {
    return path.size() >= 5 && path.compare(path.size() - 5, 5, ".gguf") == 0;
}

std::string path_if_exists(const std::string &directory, const char *name) {
    std::string path = join_path(directory, name);
    return access(path.c_str(), F_OK) == 0 ? path : std::string();
}

constexpr char world_vocabulary[] = "rwkv_vocab_v20230424.txt";

std::string tokenizer_in(const std::string &directory) {
    for (const char *name : {"tokenizer.json", "tokenizer.model", world_vocabulary})
        if (const std::string path = path_if_exists(directory, name); !path.empty()) return path;
    return std::string();
}

}  // namespace

CheckpointPaths find_checkpoint(const std::string &path) {
    CheckpointPaths paths;
    paths.given = path;
    if (access(path.c_str(), F_OK) != 0) bad_input("cannot open %s: %s", path.c_str(), std::strerror(errno));
    if (is_directory(path)) {
        paths.directory = path;
    } else {
        if (!is_checkpoint(path))
            bad_input(
                "%s is not a directory; that of a checkpoint (config.json, model.safetensors) is needed, or "
                "a file of weights: FILE.safetensors, FILE.pth, FILE.bin, FILE.gguf",
                path.c_str());
        paths.weights = path;
        paths.directory = path.substr(0, path.size() - file_name(path).size());
    }
    paths.config = path_if_exists(paths.directory, "config.json");
    paths.generation_config = path_if_exists(paths.directory, "generation_config.json");
    paths.tokenizer = tokenizer_in(paths.directory);
    paths.tokenizer_config = path_if_exists(paths.directory, "tokenizer_config.json");
    return paths;
}

void choose_tokenizer(CheckpointPaths *paths, const std::string &path) {
    if (path == no_tokenizer) {
        paths->tokenizer.clear();
        paths->tokenizer_config.clear();
        return;
    }
    if (access(path.c_str(), F_OK) != 0) bad_input("cannot open %s: %s", path.c_str(), std::strerror(errno));
    const bool folder = is_directory(path);
    const std::string directory = folder ? path : path.substr(0, path.size() - file_name(path).size());
    paths->tokenizer = folder ? tokenizer_in(path) : path;
    if (paths->tokenizer.empty())
        bad_input("%s has none of tokenizer.json, tokenizer.model and %s", path.c_str(), world_vocabulary);
    // A GGUF file has its template in itself.
    paths->tokenizer_config =
        is_gguf_name(paths->tokenizer) ? "" : path_if_exists(directory, "tokenizer_config.json");
}

bool is_checkpoint(const std::string &path) {
    return is_directory(path) || (file_exists(path) && is_weights_name(path));
}

std::string checkpoint_name(const std::string &path) {
    const std::string name = file_name(path);
    if (is_directory(path) || !is_weights_name(path)) return name;
    const auto part = gguf_part_name(name);
    return part ? part->stem : name.substr(0, name.rfind('.'));
}

}  // namespace adder

// What `adder inspect` tells of a blob and of a checkpoint, as text or as JSON.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "adder/adder.h"
#include "converter/json.h"

namespace adder {

struct InspectOptions {
    bool json = false;
    bool tensors = false;  // list each one
    adder_options session{};
};

// Both return the whole output, and throw Error(bad_input). *damaged is set where the checksum differs.
std::string inspect_blob(const std::string &path, const InspectOptions &options, bool *damaged);
std::string inspect_checkpoint(const std::string &directory, const InspectOptions &options);

// ---- Shared by the two ----

// The regions of an arena in order, with their bytes; those that take none are left out.
struct ArenaReport {
    std::vector<std::pair<const char *, uint64_t>> regions;
    uint64_t total;
};
struct Shape;
// code_inputs, float_weights: some linear layer has a quantized input, or float weights.
ArenaReport arena_report(const Shape &shape, bool code_inputs, bool float_weights,
                         const adder_options &options);
void write_arena(JsonWriter &w, const ArenaReport &arena, const adder_options &options);

// Aligned lines of a label and a text.
class Lines {
  public:
    void add(const std::string &label, const std::string &text);
    void arena(const ArenaReport &arena, const adder_options &options);
    const std::string &text() const { return text_; }

  private:
    std::string text_;
};

std::string bytes_text(uint64_t bytes);                        // "13 310 720 bytes (12.7 MiB)"
std::string count_text(uint64_t number);                       // "13 310 720"
std::string list_text(const std::vector<std::string> &items);  // "a, b, c"

}  // namespace adder

// What `adder inspect` tells of a blob and of a checkpoint, as text or as JSON.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "adder/adder.h"
#include "converter/report/lines.h"
#include "converter/text/json.h"
#include "runtime/model.h"

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
// code_inputs, float_weights: some linear layer has a quantized input, or float weights.
ArenaReport arena_report(const Architecture &architecture, bool code_inputs, bool float_weights,
                         const adder_options &options);
// Kind and dimensions: "mamba, d_model 384, ..." and members of an object.
std::string shape_line(const Architecture &architecture, uint32_t n_layer);
void write_shape(JsonWriter &w, const Architecture &architecture, uint32_t n_layer);
void write_arena(JsonWriter &w, const ArenaReport &arena, const adder_options &options);
void add_arena(Lines *lines, const ArenaReport &arena, const adder_options &options);

}  // namespace adder

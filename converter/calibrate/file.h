// Calibration files: the statistics of the inputs of all linear layers on some text, as JSON. docs/quantization.md has
// the format.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "converter/calibrate/channel_statistics.h"
#include "converter/calibrate/texts.h"
#include "converter/plan/plan.h"

namespace adder {

constexpr uint32_t calibration_file_version = 2;

// The model that was run, and what it was run on.
struct CalibrationSource {
    struct Text {
        std::string name;  // of the file, without directories
        uint64_t bytes;
        uint32_t crc;
        uint32_t tokens;  // that were run
    };
    std::string checkpoint;               // the name of its directory
    uint32_t weights_crc, tokenizer_crc;  // of all weights; of tokenizer.json, 0 without one
    uint32_t d_model, n_layer, vocab_size;
    struct Shape {
        BlockId kind;
        uint16_t flags;  // ShapeFlags, of those that say which linear layers there are
        // The dimensions that inputs have, but d_model, in the order of the kind.
        std::vector<std::pair<Dim, uint32_t>> widths;
        bool operator==(const Shape &other) const {
            return kind == other.kind && flags == other.flags && widths == other.widths;
        }
    };
    struct Block {
        uint32_t shape, layer;
        bool operator==(const Block &other) const { return shape == other.shape && layer == other.layer; }
    };
    std::vector<Shape> shapes;
    std::vector<Block> blocks;
    uint32_t window;
    std::vector<Text> texts;
    Tokens golden;  // the first of the first text, for the blob's golden case

    uint64_t tokens() const;
    // One shape, and one block for each layer? A file then says no more of the blocks than this.
    bool is_plain() const { return shapes.size() == 1 && blocks.size() == n_layer; }
    const Shape &shape_of(uint32_t block) const { return shapes[blocks[block].shape]; }
};
bool operator==(const CalibrationSource &a, const CalibrationSource &b);

// "layers.3.in_proj", "head": what a file calls an input.
std::string input_place_name(const CalibrationSource &source, Role role, uint32_t block);
// Calls body(role, block) for all inputs of the model, in the order of a file.
void each_input_of(const CalibrationSource &source,
                   const std::function<void(Role role, uint32_t block)> &body);

constexpr size_t golden_tokens = 16;  // at most

// Reads all weights once, for their CRC.
CalibrationSource calibration_source(const Checkpoint &checkpoint, const std::vector<CalibrationText> &texts,
                                     uint32_t window);

// A file, checked as a whole when it is opened; the histograms are kept as text until they are asked for.
class CalibrationFile {
  public:
    // `name` (a path) stands in messages. Throws Error(bad_input) on anything that no calibration can have seen: wrong
    // lengths, values that are not finite, counts that do not fit their channel's largest magnitude or the tokens.
    CalibrationFile(std::string_view text, const std::string &name);

    const std::string &name() const { return name_; }
    const CalibrationSource &source() const { return source_; }
    // The inputs of a block's linear layers, under the first role that takes each, and of the head.
    ChannelStatistics statistics(Role role, uint32_t block) const;
    // The texts, without windows.
    std::vector<CalibrationText> texts() const;

    // Throws Error(bad_input) unless the file is of this checkpoint.
    void require(const Checkpoint &checkpoint) const;

  private:
    struct Input {
        std::vector<float> absmax;
        std::vector<std::string> counts;
    };
    void read_source(const Json &json);
    void read_blocks(const Json &model, const std::string &what);
    Input read_input(const Json &json, const std::string &tensor, uint32_t channels) const;

    std::string name_;
    CalibrationSource source_;
    std::vector<Input> inputs_;  // in the order of Plan::each_input
};

CalibrationFile read_calibration_file(const std::string &path);

// Writes the text of a file, input by input in the order of Plan::each_input.
class CalibrationFileWriter {
  public:
    // `source` must outlive it.
    explicit CalibrationFileWriter(const CalibrationSource &source);
    void add(Role role, uint32_t block, const ChannelStatistics &statistics);
    std::string finish();

  private:
    const CalibrationSource &source_;
    JsonWriter json_;
};

// One file of the texts of all: counts are added, and the largest magnitude is that of any. Throws Error(bad_input) if
// they are not of one checkpoint and window, or if two have a text in common. At least one file.
std::string merge_calibrations(const std::vector<CalibrationFile> &files);

// Why the plan asks for more than such statistics, naming the tensor: "layers.0.in_proj: GPTQ takes ..."; empty: it does not.
std::string why_text_is_needed(const Plan &plan, const ModelShape &shape);
// Throws Error(usage) with that if it does.
void require_no_text(const Plan &plan, const ModelShape &shape, const std::string &file);

}  // namespace adder

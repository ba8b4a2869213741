// docs/format.md against the blob that it shows: the hexdump, and the tables of fields against the structs.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <set>
#include <sstream>

#include "converter/plan/names.h"
#include "runtime/blocks/block.h"
#include "tests/support/blob_builder.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

std::string page() { return read_text(std::string(ADDER_SOURCE_DIR) + "/docs/format.md"); }

AlignedBytes toy_blob() {
    BlobSpec spec;
    ModelConfig &config = spec.checkpoint.config;
    config.d_model = 4;
    config.n_layer = 1;
    config.vocab_size = 4;
    config.d_inner = 8;
    config.d_state = 1;
    config.d_conv = 2;
    config.dt_rank = 1;
    spec.golden = {1, 2, 3};
    spec.texts = {{ADDER_TEXT_NAME, "toy"}};
    return build_blob(spec);
}

AlignedBytes toy_mamba2() {
    BlobSpec spec;
    ModelConfig &config = spec.checkpoint.config;
    config.model_type = "mamba2";
    config.d_model = 4;
    config.n_layer = 2;
    config.vocab_size = 4;
    config.d_inner = 16;
    config.d_state = 4;
    config.d_conv = 2;
    config.n_head = 2;
    config.norm_groups = 2;
    spec.state = StateType::f16;
    spec.golden = {1, 2, 3};
    return build_blob(spec);
}

// The lines of the hexdump behind a heading against the bytes; how many there are.
size_t compare_hexdump(const char *heading, const AlignedBytes &blob) {
    const std::string text = page();
    const size_t begin = text.find("```\n", text.find(heading)) + 4;
    std::istringstream lines(text.substr(begin, text.find("```", begin) - begin));
    std::string line;
    size_t shown = 0;
    while (std::getline(lines, line)) {
        if (line == "...") continue;
        EXPECT_GE(line.size(), 40u) << line;
        const size_t offset = std::stoul(line.substr(0, 3), nullptr, 16);
        std::string words;
        for (size_t i = 0; i < 16; ++i) {
            char byte[4];
            std::snprintf(byte, sizeof byte, "%02x", blob.data()[offset + i]);
            words += byte;
            if (i % 4 == 3 && i < 15) words += ' ';
        }
        EXPECT_EQ(line.substr(5, 35), words) << "at " << line.substr(0, 3);
        ++shown;
    }
    return shown;
}

TEST(Format, TheHexdumpsAreThoseOfTheToyBlobs) {
    const AlignedBytes blob = toy_blob();
    EXPECT_EQ(blob.size(), 2880u);
    EXPECT_GE(compare_hexdump("## A whole blob, in hex", blob), 54u);
    EXPECT_EQ(compare_hexdump("## Tables of a Mamba-2, in hex", toy_mamba2()), 6u);
}

// `| offset | type | field |` of the table behind a heading, for a field.
void expect_field(const std::string &heading, const char *field, size_t offset) {
    const std::string text = page();
    const size_t begin = text.find("## " + heading), end = text.find("\n## ", begin + 1);
    const size_t name = text.find(std::string(" | ") + field + " | ", begin);
    ASSERT_LT(name, end) << field;
    const size_t line = text.rfind('\n', name);
    EXPECT_EQ(std::stoul(text.substr(line + 3)), offset) << field;
}

TEST(Format, OffsetsOfFieldsAreThoseOfTheStructs) {
#define EXPECT_FIELD(heading, type, field) expect_field(heading, #field, offsetof(type, field))
    EXPECT_FIELD("Header", BlobHeader, format_version);
    EXPECT_FIELD("Header", BlobHeader, header_size);
    EXPECT_FIELD("Header", BlobHeader, blob_size);
    EXPECT_FIELD("Header", BlobHeader, metadata_crc);
    EXPECT_FIELD("Header", BlobHeader, payload_crc);
    EXPECT_FIELD("Header", BlobHeader, flags);
    EXPECT_FIELD("Header", BlobHeader, d_model);
    EXPECT_FIELD("Header", BlobHeader, vocab_size);
    EXPECT_FIELD("Header", BlobHeader, layer_count);
    EXPECT_FIELD("Header", BlobHeader, block_count);
    EXPECT_FIELD("Header", BlobHeader, shape_count);
    EXPECT_FIELD("Header", BlobHeader, tensor_count);
    EXPECT_FIELD("Header", BlobHeader, section_count);
    EXPECT_FIELD("Header", BlobHeader, shape_table_offset);
    EXPECT_FIELD("Header", BlobHeader, block_table_offset);
    EXPECT_FIELD("Header", BlobHeader, tensor_table_offset);
    EXPECT_FIELD("Header", BlobHeader, section_table_offset);
    EXPECT_FIELD("Header", BlobHeader, payload_offset);
    EXPECT_FIELD("Header", BlobHeader, parameters);
    EXPECT_FIELD("Header", BlobHeader, norm_epsilon);
    EXPECT_FIELD("Header", BlobHeader, embedding_scale);
    EXPECT_FIELD("Header", BlobHeader, logit_scale);
    EXPECT_FIELD("Header", BlobHeader, logit_softcap);
    EXPECT_FIELD("Header", BlobHeader, bos_token);
    EXPECT_FIELD("Header", BlobHeader, eos_tokens);
    EXPECT_FIELD("Header", BlobHeader, temperature);
    EXPECT_FIELD("Header", BlobHeader, top_k);
    EXPECT_FIELD("Header", BlobHeader, top_p);
    EXPECT_FIELD("Header", BlobHeader, min_p);
    EXPECT_FIELD("Header", BlobHeader, repetition_penalty);
    EXPECT_FIELD("Header", BlobHeader, reserved);
    EXPECT_FIELD("Shape table", BlobShape, kind);
    EXPECT_FIELD("Shape table", BlobShape, flags);
    EXPECT_FIELD("Shape table", BlobShape, state_type);
    EXPECT_FIELD("Shape table", BlobShape, reserved);
    EXPECT_FIELD("Shape table", BlobShape, dim);
    EXPECT_FIELD("Shape table", BlobShape, param);
    EXPECT_FIELD("Block table", BlobBlock, shape);
    EXPECT_FIELD("Block table", BlobBlock, layer);
    EXPECT_FIELD("Block table", BlobBlock, first_tensor);
    EXPECT_FIELD("Block table", BlobBlock, state_offset);
    EXPECT_FIELD("Tensor table", BlobTensor, role);
    EXPECT_FIELD("Tensor table", BlobTensor, block);
    EXPECT_FIELD("Tensor table", BlobTensor, dtype);
    EXPECT_FIELD("Tensor table", BlobTensor, granularity);
    EXPECT_FIELD("Tensor table", BlobTensor, input);
    EXPECT_FIELD("Tensor table", BlobTensor, input_bits);
    EXPECT_FIELD("Tensor table", BlobTensor, rows);
    EXPECT_FIELD("Tensor table", BlobTensor, cols);
    EXPECT_FIELD("Tensor table", BlobTensor, offset);
    EXPECT_FIELD("Tensor table", BlobTensor, size);
    EXPECT_FIELD("Tensor table", BlobTensor, scale_offset);
    EXPECT_FIELD("Tensor table", BlobTensor, multiplier_offset);
    EXPECT_FIELD("Tensor table", BlobTensor, input_scale);
    EXPECT_FIELD("Tensor table", BlobTensor, group);
    EXPECT_FIELD("Tensor table", BlobTensor, scale_type);
    EXPECT_FIELD("Tensor table", BlobTensor, part);
    EXPECT_FIELD("Tensor table", BlobTensor, reserved1);
    EXPECT_FIELD("Tensor table", BlobTensor, tiles);
    EXPECT_FIELD("Section table and sections", BlobSection, kind);
    EXPECT_FIELD("Section table and sections", BlobSection, reserved);
    EXPECT_FIELD("Section table and sections", BlobSection, offset);
    EXPECT_FIELD("Section table and sections", BlobSection, size);
#undef EXPECT_FIELD
}

// The cells of the rows of the table that comes next behind a text.
std::vector<std::vector<std::string>> table_behind(const std::string &text) {
    std::istringstream lines(page().substr(page().find(text)));
    std::vector<std::vector<std::string>> rows;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] != '|') {
            if (rows.empty()) continue;
            break;
        }
        std::vector<std::string> cells;
        std::istringstream rest(line.substr(1));
        for (std::string cell; std::getline(rest, cell, '|');)
            cells.push_back(cell.size() > 2 ? cell.substr(1, cell.size() - 2) : "");
        rows.push_back(cells);
    }
    rows.erase(rows.begin(), rows.begin() + 2);
    return rows;
}

// Roles and dimensions of a kind of block, in the page's order, against the library's tables.
TEST(Format, TensorsAndDimensionsAreThoseOfTheKinds) {
    for (size_t place = 0; place < all_kinds().size(); ++place) {
        const BlockKind &kind = *all_kinds()[place];
        const auto id = static_cast<uint16_t>(kind.id);
        const auto rows = table_behind("**Kind " + std::to_string(id) + ", " + kind_title(kind.id) + "**");
        ASSERT_EQ(rows.size(), kind.tensor_count);
        for (size_t i = 0; i < rows.size(); ++i) {
            const TensorRow &row = kind.tensors[i];
            EXPECT_EQ(std::stoul(rows[i][0]), static_cast<unsigned>(row.role));
            const char *stored = row.form == Form::matrix  ? "matrix"
                                 : row.form == Form::whole ? "vector"
                                                           : "channels";
            EXPECT_EQ(rows[i][3].compare(0, std::strlen(stored), stored), 0) << rows[i][1];
            EXPECT_EQ(rows[i][3].find("flag") != std::string::npos, row.presence != 0) << rows[i][1];
        }
        std::string expected, found;
        for (uint32_t i = 0; i < kind.dim_count; ++i)
            expected += std::to_string(static_cast<unsigned>(kind.dims[i].dim)) + " " +
                        dim_name(kind.dims[i].dim) + " " + std::to_string(kind.dims[i].high) + "\n";
        for (const auto &row : table_behind("| place in dim |")) {
            const std::string &range = row[3 + place];
            if (range.empty()) continue;
            const size_t power = range.find("2^");
            const unsigned long most = power != std::string::npos ? 1ul << std::stoul(range.substr(power + 2))
                                                                  : std::stoul(range.substr(5));
            found += row[0] + " " + row[1] + " " + std::to_string(most) + "\n";
        }
        EXPECT_EQ(found, expected);
    }
}

TEST(Blocks, BuffersOfOneKindHaveDifferentPlaces) {
    for (const BlockKind *kind : all_kinds()) {
        std::set<uint8_t> places = {slot_places[static_cast<uint32_t>(Slot::in_codes)],
                                    slot_places[static_cast<uint32_t>(Slot::in_floats)]};
        for (uint32_t i = 0; i < kind->slot_count; ++i)
            places.insert(slot_places[static_cast<uint32_t>(kind->slots[i].slot)]);
        EXPECT_EQ(places.size(), kind->slot_count + 2u) << kind_title(kind->id);
    }
}

// A second reader, written from the page alone: the embedding's values come out of the blob as they went in.
TEST(Format, TheFormulasFindTheWeights) {
    AlignedBytes blob = toy_blob();
    CheckpointSpec spec;
    spec.config.d_model = 4;
    spec.config.n_layer = 1;
    spec.config.vocab_size = 4;
    spec.config.d_inner = 8;
    spec.config.d_state = 1;
    spec.config.d_conv = 2;
    spec.config.dt_rank = 1;
    const std::vector<Tensor> tensors = checkpoint_tensors(spec);
    const auto values_of = [&](const std::string &name) {
        for (const Tensor &tensor : tensors)
            if (tensor.name.find(name) != std::string::npos) {
                std::vector<float> values(tensor.data.size() / 4);
                std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
                return values;
            }
        ADD_FAILURE() << name;
        return std::vector<float>();
    };
    const BlobTensor *table = tensors_of(blob);
    const auto code_value = [&](const BlobTensor &t, size_t row, size_t col, size_t cols) {
        const auto code = static_cast<int8_t>(
            blob.data()[t.offset + row / 8 * 8 * cols + col / 4 * 32 + row % 8 * 4 + col % 4]);
        float scale;
        std::memcpy(&scale, blob.data() + t.scale_offset + 4 * row, 4);
        return static_cast<float>(code) * scale;
    };
    const std::vector<float> embedding = values_of("embeddings.weight"), x_proj = values_of("x_proj.weight"),
                             conv = values_of("conv1d.weight");
    for (size_t row = 0; row < 4; ++row)
        for (size_t col = 0; col < 4; ++col)
            EXPECT_NEAR(code_value(table[0], row, col, 8), embedding[4 * row + col], 5e-4);
    const size_t padded_row[] = {0, 8, 16};  // dt, B, C
    for (size_t row = 0; row < 3; ++row)
        for (size_t col = 0; col < 8; ++col)
            EXPECT_NEAR(code_value(table[5], padded_row[row], col, 8), x_proj[8 * row + col], 5e-4);
    for (size_t channel = 0; channel < 8; ++channel)
        for (size_t k = 0; k < 2; ++k) {
            float weight;
            std::memcpy(&weight, blob.data() + table[3].offset + 4 * (channel / 8 * 16 + k * 8 + channel % 8),
                        4);
            EXPECT_EQ(weight, conv[2 * channel + k]);
        }
}

}  // namespace
}  // namespace adder::test

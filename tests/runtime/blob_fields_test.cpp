// Blobs with one field that is wrong under right checksums.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstring>

#include "tests/runtime/blob_fixture.h"

namespace adder::test {
namespace {

TEST(Blob, HeaderFields) {
    AlignedBytes sound = small_blob();
    const BlobHeader header = header_of(sound);
    const uint64_t size = header.blob_size, huge = ~uint64_t{0};
    expect_refused(set_header(&BlobHeader::header_size, 255u), ADDER_ERROR_CORRUPT, "header size", 255, 256);
    expect_refused(set_header(&BlobHeader::blob_size, size + 1), ADDER_ERROR_TRUNCATED, "bytes", size,
                   size + 1);
    expect_refused(set_header(&BlobHeader::blob_size, huge), ADDER_ERROR_TRUNCATED, "bytes", size, huge);
    for (const uint64_t offset : {uint64_t{0}, uint64_t{255}, size + 1, huge, huge - 63})
        expect_refused(set_header(&BlobHeader::payload_offset, offset), ADDER_ERROR_CORRUPT, "payload offset",
                       offset, 256);
    // The metadata is bounded, so that a blob that claims to be all metadata is refused before that is read.
    ASSERT_LE(header.payload_offset, max_metadata);
    expect_refused(
        [](AlignedBytes &blob) {
            blob.resize(size_t{max_metadata} + 64);
            header_of(blob).blob_size = blob.size();
            header_of(blob).payload_offset = max_metadata + 64;
        },
        ADDER_ERROR_CORRUPT, "payload offset", max_metadata + 64, max_metadata);

    const struct {
        const char *item;
        uint32_t BlobHeader::*field;
        uint32_t most;
    } dimensions[] = {{"d_model", &BlobHeader::d_model, max_d_model},
                      {"vocab_size", &BlobHeader::vocab_size, max_vocab_size},
                      {"layers", &BlobHeader::layer_count, max_n_layer},
                      {"blocks", &BlobHeader::block_count, max_blocks},
                      {"shapes", &BlobHeader::shape_count, max_shapes},
                      {"number of tensors", &BlobHeader::tensor_count, max_tensors}};
    for (const auto &dimension : dimensions) {
        expect_refused(set_header(dimension.field, 0u), ADDER_ERROR_CORRUPT, dimension.item, 0, 1);
        for (const uint32_t value : {dimension.most + 1, 0xfffffff9u, 0xffffffffu})
            expect_refused(set_header(dimension.field, value), ADDER_ERROR_CORRUPT, dimension.item, value,
                           dimension.most);
    }
    // Within its range, but not what the tables have. More layers than blocks there may be.
    for (const auto &dimension : dimensions)
        for (const uint32_t value : {header.*dimension.field + 1, dimension.most}) {
            if (dimension.field == &BlobHeader::layer_count) continue;
            AlignedBytes blob = small_blob();
            header_of(blob).*dimension.field = value;
            fix_checksums(blob);
            // A second shape is what lies behind the first, and has no kind.
            const bool second = dimension.field == &BlobHeader::shape_count && value == 2;
            EXPECT_EQ(open_blob(blob, nullptr), second ? ADDER_ERROR_UNSUPPORTED : ADDER_ERROR_CORRUPT)
                << dimension.item << " " << value;
        }

    const struct {
        const char *item;
        float BlobHeader::*field;
        float least, most;
    } floats[] = {{"norm epsilon", &BlobHeader::norm_epsilon, 0, 1},
                  {"temperature", &BlobHeader::temperature, 0, 1e6f},
                  {"top-p", &BlobHeader::top_p, 0, 1},
                  {"min-p", &BlobHeader::min_p, 0, 1},
                  {"repetition penalty", &BlobHeader::repetition_penalty, 1e-3f, 1e3f}};
    for (const auto &f : floats)
        for (const float value :
             {std::nextafter(f.least, -1e30f), std::nextafter(f.most, 1e30f), NAN, INFINITY, -INFINITY})
            if (!(value == -1e-45f && f.least == 0))  // a subnormal: zero to the library
                expect_refused(set_header(f.field, value), ADDER_ERROR_CORRUPT, f.item, 0, 0);

    const struct {
        float BlobHeader::*field;
        std::vector<float> refused;
    } scales[] = {{&BlobHeader::embedding_scale, {0.0f, 0.9e-6f, 1.1e6f}},
                  {&BlobHeader::logit_scale, {2.0f, std::nextafter(1.0f, 0.0f), 0.0f}},
                  {&BlobHeader::logit_softcap, {0.9e-3f, 1.1e6f}}};
    for (const auto &f : scales) {
        for (const float value : {-1.0f, NAN, INFINITY})
            expect_refused(set_header(f.field, value), ADDER_ERROR_UNSUPPORTED,
                           "scale of embedding or logits", 0, 0);
        for (const float value : f.refused)
            expect_refused(set_header(f.field, value), ADDER_ERROR_UNSUPPORTED,
                           "scale of embedding or logits", 0, 0);
    }

    for (const int32_t token : {260, -2, INT32_MIN, INT32_MAX}) {
        expect_refused(set_header(&BlobHeader::bos_token, token), ADDER_ERROR_CORRUPT, "bos token",
                       static_cast<uint32_t>(token), 259);
        for (int32_t i = 0; i < 4; ++i)
            expect_refused([=](AlignedBytes &blob) { header_of(blob).eos_tokens[i] = token; },
                           ADDER_ERROR_CORRUPT, "eos token", static_cast<uint32_t>(token), 259, i);
    }
    for (const size_t i : {size_t{0}, sizeof header.reserved - 1})
        expect_refused([=](AlignedBytes &blob) { header_of(blob).reserved[i] = 1; }, ADDER_ERROR_UNSUPPORTED,
                       "reserved bytes of the header", 0, 0);

    const uint32_t tensors = header.tensor_count;
    for (const uint32_t count : {tensors - 1, tensors + 1})
        expect_refused(set_header(&BlobHeader::tensor_count, count), ADDER_ERROR_CORRUPT, "number of tensors",
                       count, tensors);
    const struct {
        const char *item;
        uint64_t BlobHeader::*field;
    } tables[] = {{"shape table offset", &BlobHeader::shape_table_offset},
                  {"block table offset", &BlobHeader::block_table_offset},
                  {"tensor table offset", &BlobHeader::tensor_table_offset}};
    for (const auto &table : tables)
        for (const uint64_t offset :
             {uint64_t{0}, uint64_t{248}, uint64_t{260}, header.payload_offset, huge - 7, huge})
            expect_refused(set_header(table.field, offset), ADDER_ERROR_CORRUPT, table.item, offset, 256);
    for (const uint64_t offset : {uint64_t{0}, uint64_t{300}, header.payload_offset, huge - 7, huge})
        expect_refused(set_header(&BlobHeader::section_table_offset, offset), ADDER_ERROR_CORRUPT,
                       "section table offset", offset, 256);
    for (const uint32_t count : {max_sections + 1, 0xffffffffu})
        expect_refused(set_header(&BlobHeader::section_count, count), ADDER_ERROR_CORRUPT, "sections", count,
                       max_sections);
    expect_refused(set_header(&BlobHeader::section_count, max_sections), ADDER_ERROR_CORRUPT,
                   "section table offset", header.section_table_offset, 256);
    // A flag that contradicts the tensors.
    expect_refused(set_header(&BlobHeader::flags, header.flags ^ blob_tied_head), ADDER_ERROR_CORRUPT,
                   "number of tensors", tensors, tensors - 1);
}

// The shapes of a small blob of each family, by their places.
std::vector<std::pair<std::string, int32_t>> all_shapes() {
    std::vector<std::pair<std::string, int32_t>> all;
    for (const std::string &family : model_types()) {
        AlignedBytes blob = small_blob(family);
        for (uint32_t i = 0; i < header_of(blob).shape_count; ++i)
            all.emplace_back(family, static_cast<int32_t>(i));
    }
    return all;
}

TEST(Blob, ShapeFields) {
    for (const auto &[family, at] : all_shapes()) {
        SCOPED_TRACE(family + " " + std::to_string(at));
        AlignedBytes sound = small_blob(family);
        const int32_t place = at;
        const auto refused = [&](const std::function<void(BlobShape &)> &change, adder_status status,
                                 const char *item, uint64_t found, uint64_t needed) {
            expect_refusal(
                sound, [&](AlignedBytes &blob) { change(shapes_of(blob)[place]); }, status, item, found,
                needed, place);
        };
        for (const uint16_t kind : {uint16_t{0}, uint16_t{1000}, uint16_t{0xffff}})
            refused([=](BlobShape &shape) { shape.kind = kind; }, ADDER_ERROR_UNSUPPORTED, "kind of shape",
                    kind, 1);
        const BlockKind &kind_of_family = *find_block_kind(shapes_of(sound)[place].kind);
        const uint16_t known = kind_of_family.flags;
        for (const uint16_t flags : {uint16_t{4}, uint16_t{0x8000}, static_cast<uint16_t>(known + 4)})
            refused([=](BlobShape &shape) { shape.flags = flags; }, ADDER_ERROR_UNSUPPORTED, "flags of shape",
                    flags, flags & known);
        AlignedBytes copy = sound;
        const uint16_t flags = shapes_of(copy)[place].flags;
        if ((known & shape_mixer_norms) == 0)
            refused([=](BlobShape &shape) { shape.flags |= shape_mixer_norms; }, ADDER_ERROR_UNSUPPORTED,
                    "flags of shape", flags | shape_mixer_norms, flags);
        for (const uint8_t type : {uint8_t{1}, uint8_t{2}, uint8_t{255}})
            if (type > static_cast<uint8_t>(kind_of_family.state_types))
                refused([=](BlobShape &shape) { shape.state_type = type; }, ADDER_ERROR_UNSUPPORTED,
                        "state of shape", type, 0);
        for (const size_t i : {0, 1, 2})
            refused([=](BlobShape &shape) { shape.reserved[i] = 1; }, ADDER_ERROR_UNSUPPORTED,
                    "state of shape", shapes_of(copy)[place].state_type, 0);
        std::map<uint32_t, uint32_t> dims, lowest;  // with their largest values
        for (uint32_t i = 0; i < kind_of_family.dim_count; ++i) {
            dims[static_cast<uint32_t>(kind_of_family.dims[i].dim)] = kind_of_family.dims[i].high;
            lowest[static_cast<uint32_t>(kind_of_family.dims[i].dim)] = kind_of_family.dims[i].low;
        }
        for (uint32_t i = 0; i < stored_dims; ++i) {
            const auto set = [=](uint32_t value) { return [=](BlobShape &shape) { shape.dim[i] = value; }; };
            if (dims.count(i) == 0) {
                for (const uint32_t value : {1u, 0xffffffffu})
                    refused(set(value), ADDER_ERROR_UNSUPPORTED, "dimension of shape", value, 0);
                continue;
            }
            if (lowest.at(i) > 0) refused(set(0), ADDER_ERROR_CORRUPT, "dimension of shape", 0, 1);
            for (const uint32_t value : {dims.at(i) + 1, 0xfffffff9u, 0xffffffffu})
                refused(set(value), ADDER_ERROR_CORRUPT, "dimension of shape", value, dims.at(i));
            // Within its range, but not what the tensors have. Of the norm's groups, of windows and contexts none says anything.
            const Dim dim = static_cast<Dim>(i);
            if (dim == Dim::n_norm_group || dim == Dim::window || dim == Dim::context) continue;
            AlignedBytes other = sound;
            for (const uint32_t value : {shapes_of(other)[place].dim[i] + 1, dims.at(i)}) {
                AlignedBytes blob = sound;
                shapes_of(blob)[place].dim[i] = value;
                fix_checksums(blob);
                EXPECT_EQ(open_blob(blob, nullptr), ADDER_ERROR_CORRUPT) << "dimension " << i << ", " << value;
            }
        }
        for (uint32_t i = 0; i < 8; ++i) {
            const bool limit = (i == 2 || i == 3) && i < kind_of_family.param_count;
            for (const float value : {-1.0f, std::nextafter(1.0f, 2.0f), NAN, INFINITY, -INFINITY, 1e-3f})
                if (limit ? !(value >= 0) : i < kind_of_family.param_count ? value != 1e-3f : true)
                    refused([=](BlobShape &shape) { shape.param[i] = value; }, ADDER_ERROR_CORRUPT,
                            "parameter of shape", i, 0);
        }
    }
}

// A block beside another works on what that has kept.
TEST(Blob, WhatABlockTakesIsLeftBeforeIt) {
    AlignedBytes sound = small_blob("falcon_h1");
    uint32_t keeper = 0;
    while ((shapes_of(sound)[keeper].flags & shape_keeps_input) == 0)
        ASSERT_LT(++keeper, header_of(sound).shape_count);
    expect_refusal(
        sound,
        [&](AlignedBytes &blob) {
            BlobShape &shape = shapes_of(blob)[keeper];
            shape.flags = static_cast<uint16_t>(shape.flags & ~shape_keeps_input);
        },
        ADDER_ERROR_CORRUPT, "a block that takes what none before it left, block", 1, 0, 1);
}

TEST(Blob, BlockFields) {
    for (const std::string &family : model_types()) {
        SCOPED_TRACE(family);
        AlignedBytes sound = small_blob(family);
        for (int32_t i = 0; i < 2; ++i) {
            const BlobBlock block = blocks_of(sound)[i];
            const auto refused = [&](auto BlobBlock::*field, auto value, const char *item, uint64_t needed) {
                expect_refusal(
                    sound, [&](AlignedBytes &blob) { blocks_of(blob)[i].*field = value; },
                    ADDER_ERROR_CORRUPT, item, value, needed, i);
            };
            const auto shapes = static_cast<uint16_t>(header_of(sound).shape_count);
            for (const uint16_t shape : {shapes, uint16_t{0xffff}})
                refused(&BlobBlock::shape, shape, "shape of block", shapes - 1u);
            for (const uint16_t layer : {uint16_t{2}, uint16_t{0xffff}})
                refused(&BlobBlock::layer, layer, "layer of block", 0);
            for (const uint32_t first : {0u, block.first_tensor + 1, 0xffffffffu})
                refused(&BlobBlock::first_tensor, first, "tensors or state of block", block.first_tensor);
            for (const uint64_t offset : {block.state_offset + 4, ~uint64_t{0}})
                expect_refusal(
                    sound, [&](AlignedBytes &blob) { blocks_of(blob)[i].state_offset = offset; },
                    ADDER_ERROR_CORRUPT, "tensors or state of block", block.first_tensor, block.first_tensor,
                    i);
        }
        // Descending layers; two blocks of one layer there may be.
        const auto layers = [&](uint16_t first, uint16_t second) {
            AlignedBytes blob = sound;
            blocks_of(blob)[0].layer = first;
            blocks_of(blob)[1].layer = second;
            for (uint32_t i = 2; i < header_of(blob).block_count; ++i)
                blocks_of(blob)[i].layer = std::max(blocks_of(blob)[i].layer, first);
            fix_checksums(blob);
            adder_error error{};
            const adder_status status = open_blob(blob, &error);
            EXPECT_TRUE(status == ADDER_OK || (error.found == 0 && error.needed == 1 && error.index == 1));
            return status;
        };
        EXPECT_EQ(layers(1, 0), ADDER_ERROR_CORRUPT);
        EXPECT_EQ(layers(1, 1), ADDER_OK);
        EXPECT_EQ(layers(0, 0), ADDER_OK);
    }
}

TEST_P(BlobFamilies, TensorFields) {
    AlignedBytes sound = small_blob(GetParam());
    const BlockKind &kind = kind_of(GetParam());
    const auto expect_refused = [&](const std::function<void(AlignedBytes &)> &change, adder_status status,
                                    const char *item, uint64_t found, uint64_t needed, int32_t index) {
        expect_refusal(sound, change, status, item, found, needed, index);
    };
    const BlobHeader header = header_of(sound);
    const uint64_t huge = ~uint64_t{0} - 63;
    for (int32_t i = 0; i < static_cast<int32_t>(header.tensor_count); ++i) {
        SCOPED_TRACE("tensor " + std::to_string(i));
        const BlobTensor tensor = tensors_of(sound)[i];
        const bool matrix = tensor.dtype == 1;
        for (const uint16_t role :
             {uint16_t{0}, static_cast<uint16_t>(tensor.role + 1), uint16_t{30}, uint16_t{0xffff}})
            expect_refused(set_tensor(i, &BlobTensor::role, role), ADDER_ERROR_CORRUPT, "role of tensor",
                           role, tensor.role, i);
        for (const uint16_t block : {static_cast<uint16_t>(tensor.block + 1), uint16_t{1024}})
            expect_refused(set_tensor(i, &BlobTensor::block, block), ADDER_ERROR_CORRUPT, "block of tensor",
                           block, tensor.block, i);
        for (const uint8_t dtype : {uint8_t{3}, uint8_t{255}})
            expect_refused(set_tensor(i, &BlobTensor::dtype, dtype), ADDER_ERROR_UNSUPPORTED,
                           "type of tensor", dtype, 2, i);
        if (!matrix)
            expect_refused(set_tensor(i, &BlobTensor::dtype, uint8_t{1}), ADDER_ERROR_CORRUPT,
                           "type of tensor", 1, 0, i);
        else
            expect_refused(set_tensor(i, &BlobTensor::dtype, uint8_t{0}), ADDER_ERROR_CORRUPT,
                           "size of tensor", tensor.size, 4 * tensor.size, i);
        for (const uint32_t rows : {0u, tensor.rows + 1, 0xffffffffu})
            expect_refused(set_tensor(i, &BlobTensor::rows, rows), ADDER_ERROR_CORRUPT, "rows of tensor",
                           rows, tensor.rows, i);
        for (const uint32_t cols : {0u, tensor.cols + 1, 0xffffffffu})
            expect_refused(set_tensor(i, &BlobTensor::cols, cols), ADDER_ERROR_CORRUPT, "columns of tensor",
                           cols, tensor.cols, i);
        for (const uint32_t tiles : {0u, tensor.tiles + 1, 0xffffffffu})
            expect_refused(set_tensor(i, &BlobTensor::tiles, tiles), ADDER_ERROR_CORRUPT, "tiles of tensor",
                           tiles, tensor.tiles, i);
        for (const uint64_t size : {uint64_t{0}, tensor.size + 64, huge})
            expect_refused(set_tensor(i, &BlobTensor::size, size), ADDER_ERROR_CORRUPT, "size of tensor",
                           size, tensor.size, i);

        const uint64_t last = header.blob_size - tensor.size;
        expect_refused(set_tensor(i, &BlobTensor::offset, tensor.offset + 4), ADDER_ERROR_CORRUPT,
                       "offset of tensor", tensor.offset + 4, tensor.offset, i);
        expect_refused(set_tensor(i, &BlobTensor::offset, uint64_t{0}), ADDER_ERROR_CORRUPT,
                       "offset of tensor", 0, header.payload_offset, i);
        for (const uint64_t offset : {(last / 64 + 1) * 64, huge})
            expect_refused(set_tensor(i, &BlobTensor::offset, offset), ADDER_ERROR_CORRUPT,
                           "offset of tensor", offset, last, i);

        if (matrix) {
            for (const uint8_t granularity : {uint8_t{0}, uint8_t{3}, uint8_t{255}})
                expect_refused(set_tensor(i, &BlobTensor::granularity, granularity), ADDER_ERROR_CORRUPT,
                               "granularity of tensor", granularity, 1, i);
            const uint64_t rows = 8 * tensor.tiles;
            expect_refused(set_tensor(i, &BlobTensor::scale_offset, uint64_t{4}), ADDER_ERROR_CORRUPT,
                           "scale offset of tensor", 4, 0, i);
            expect_refused(set_tensor(i, &BlobTensor::scale_offset, uint64_t{0}), ADDER_ERROR_CORRUPT,
                           "scale offset of tensor", 0, header.payload_offset, i);
            for (const uint64_t offset : {header.blob_size, huge})
                expect_refused(set_tensor(i, &BlobTensor::scale_offset, offset), ADDER_ERROR_CORRUPT,
                               "scale offset of tensor", offset, header.blob_size - 4 * rows, i);
        } else {
            expect_refused(set_tensor(i, &BlobTensor::granularity, uint8_t{1}), ADDER_ERROR_CORRUPT,
                           "granularity of tensor", 1, 0, i);
            expect_refused(set_tensor(i, &BlobTensor::scale_offset, uint64_t{64}), ADDER_ERROR_CORRUPT,
                           "scale offset of float tensor", 64, 0, i);
        }
        // The head is its own. Where an input is floats no scale is stated, and no bits.
        const bool has_input = matrix && tensor.role != static_cast<uint16_t>(Role::embedding);
        const bool has_codes = has_input && tensor.input != static_cast<uint8_t>(Input::floats);
        const bool has_scale = has_codes && tensor.input != static_cast<uint8_t>(Input::token);
        for (const float scale : {has_scale ? 0.0f : 1.0f, -1.0f, 9e-31f, 1.1e30f, NAN, INFINITY})
            expect_refused(set_tensor(i, &BlobTensor::input_scale, scale), ADDER_ERROR_CORRUPT,
                           "input scale of tensor", 0, 0, i);
        for (const uint8_t input : {uint8_t{6}, uint8_t{255}})
            expect_refused(set_tensor(i, &BlobTensor::input, input), ADDER_ERROR_UNSUPPORTED,
                           "input of tensor", input, 5, i);
        for (uint8_t input = 0; input <= 4; ++input) {
            const auto role = static_cast<Role>(tensor.role);
            const TensorRow *const row = find_row(kind, role);
            const bool channels = row != nullptr && (row->inputs & input_bit(Input::channels)) != 0;
            // What would fit is floats, and where the tensor has it already, its own.
            if (has_input ? input == 1 || input == (channels ? 3 : 2) : input == 0) continue;
            expect_refused(set_tensor(i, &BlobTensor::input, input), ADDER_ERROR_CORRUPT, "input of tensor",
                           input, 0, i);
        }
        expect_refused(set_tensor(i, &BlobTensor::group, 32u), ADDER_ERROR_CORRUPT, "group of tensor", 32, 0,
                       i);
        if (tensor.multiplier_offset != 0)
            expect_refused(set_tensor(i, &BlobTensor::multiplier_offset, uint64_t{0}), ADDER_ERROR_CORRUPT,
                           "multiplier offset of tensor", 0, header.payload_offset, i);
        else
            expect_refused(set_tensor(i, &BlobTensor::multiplier_offset, uint64_t{64}), ADDER_ERROR_CORRUPT,
                           "multiplier offset of tensor", 64, 0, i);
        for (const uint8_t bits : {has_codes ? uint8_t{0} : uint8_t{8}, uint8_t{1}, uint8_t{16}, uint8_t{255}})
            expect_refused(set_tensor(i, &BlobTensor::input_bits, bits), ADDER_ERROR_CORRUPT,
                           "input bits of tensor", bits, has_codes ? 8 : 0, i);
        for (const uint8_t type : {static_cast<uint8_t>(matrix ? 0 : 1), uint8_t{2}, uint8_t{3}, uint8_t{255}})
            expect_refused(set_tensor(i, &BlobTensor::scale_type, type), ADDER_ERROR_UNSUPPORTED,
                           "type of scales of tensor", type, matrix ? 1 : 0, i);
        expect_refused(set_tensor(i, &BlobTensor::part, uint8_t{1}), ADDER_ERROR_UNSUPPORTED,
                       "reserved bytes of tensor", 0, 0, i);
        for (const size_t k : {0, 1})
            expect_refused([=](AlignedBytes &blob) { tensors_of(blob)[i].reserved1[k] = 1; },
                           ADDER_ERROR_UNSUPPORTED, "reserved bytes of tensor", 0, 0, i);
    }
}

TEST(Blob, SectionFields) {
    AlignedBytes sound = small_blob();
    const BlobHeader header = header_of(sound);
    const uint64_t huge = ~uint64_t{0} - 63;
    ASSERT_EQ(header.section_count, 4u);  // tokenizer, golden, name, user prefix
    for (int32_t i = 0; i < 4; ++i) {
        SCOPED_TRACE("section " + std::to_string(i));
        const BlobSection section = sections_of(sound)[i];
        const uint64_t previous = i == 0 ? 0 : sections_of(sound)[i - 1].kind;
        expect_refused(set_section(i, &BlobSection::kind, static_cast<uint32_t>(previous)),
                       ADDER_ERROR_CORRUPT, "kind of section", previous, previous + 1, i);
        expect_refused(set_section(i, &BlobSection::reserved, 1u), ADDER_ERROR_UNSUPPORTED,
                       "reserved bytes of section", 1, 0, i);
        expect_refused(set_section(i, &BlobSection::offset, section.offset + 8), ADDER_ERROR_CORRUPT,
                       "offset of section", section.offset + 8, section.offset, i);
        expect_refused(set_section(i, &BlobSection::offset, uint64_t{64}), ADDER_ERROR_CORRUPT,
                       "offset of section", 64, header.payload_offset, i);
        expect_refused(set_section(i, &BlobSection::offset, huge), ADDER_ERROR_CORRUPT, "offset of section",
                       huge, header.blob_size - section.size, i);
        expect_refused(set_section(i, &BlobSection::size, huge), ADDER_ERROR_CORRUPT, "offset of section",
                       section.offset, 0, i);
        expect_refused(set_section(i, &BlobSection::size, header.blob_size - section.offset + 1),
                       ADDER_ERROR_CORRUPT, "offset of section", section.offset, section.offset - 1, i);
    }
    // The last section may be of any kind: later versions add some, and this one passes over them.
    AlignedBytes blob = small_blob();
    sections_of(blob)[3].kind = 0xffffffffu;
    fix_checksums(blob);
    EXPECT_EQ(open_blob(blob, nullptr), ADDER_OK);
}

TEST(Blob, GoldenCaseFitsItsSection) {
    AlignedBytes sound = small_blob();
    const BlobSection section = sections_of(sound)[1];
    ASSERT_EQ(section.kind, section_golden);
    const auto set_count = [=](uint32_t count) {
        return [=](AlignedBytes &blob) { std::memcpy(blob.data() + section.offset + 4, &count, 4); };
    };
    for (const uint32_t count : {3u, 5u, 0x40000004u, 0xffffffffu})
        expect_refused(set_count(count), ADDER_ERROR_CORRUPT, "size of the golden case", 24,
                       8 + 4 * uint64_t{count});
    expect_refused(set_count(0), ADDER_ERROR_CORRUPT, "number of golden tokens", 0, 1);
    for (const uint64_t size : {0, 7, 8, 11})
        expect_refused(set_section(1, &BlobSection::size, size), ADDER_ERROR_CORRUPT,
                       "size of the golden case", size, 12);

    for (const int32_t token : {260, -1, INT32_MIN}) {  // payload: found by whoever runs the case
        AlignedBytes blob = small_blob();
        std::memcpy(blob.data() + section.offset + 8 + 4 * 3, &token, 4);
        fix_checksums(blob);
        const TestSession session(blob);
        adder_error error{};
        EXPECT_EQ(adder_selftest(session.get(), &error), ADDER_ERROR_CORRUPT);
        EXPECT_STREQ(error.item, "tokens of the golden case");
        EXPECT_EQ(adder_session_position(session.get()), 0u);
    }
}

TEST(Blob, TokenizerSectionIsChecked) {
    AlignedBytes sound = small_blob();
    const BlobSection section = sections_of(sound)[0];
    ASSERT_EQ(section.kind, section_tokenizer);
    const auto set = [=](size_t field, uint32_t value) {
        return [=](AlignedBytes &blob) { std::memcpy(blob.data() + section.offset + 4 * field, &value, 4); };
    };
    expect_refused(set(0, 5), ADDER_ERROR_UNSUPPORTED, "tokenizer section", 0, 0);
    expect_refused(set(0, 4), ADDER_ERROR_CORRUPT, "tokenizer section", 0, 0);  // no split
    expect_refused(set(0, 3), ADDER_ERROR_CORRUPT, "tokenizer section", 0, 0);  // not of characters
    expect_refused(set(0, 2), ADDER_ERROR_CORRUPT, "tokenizer section", 0, 0);  // not of longest match
    expect_refused(set(1, 8), ADDER_ERROR_UNSUPPORTED, "tokenizer section", 0, 0);
    for (size_t field = 2; field < 8; ++field)
        for (const uint32_t value : {0u, 0xffffffffu})
            if (!(field == 6 && value == 0))  // no normalized tokens: as it is
                expect_refused(set(field, value), ADDER_ERROR_CORRUPT, "tokenizer section", 0, 0);
    expect_refused(set_section(0, &BlobSection::size, section.size - 1), ADDER_ERROR_CORRUPT,
                   "tokenizer section", 0, 0);

    // More tokens than the model has: a section of another kind, renamed.
    BlobSpec spec;
    spec.checkpoint.config.vocab_size = 259;
    const std::vector<uint8_t> tokenizer = toy_tokenizer();
    spec.texts = {{ADDER_TEXT_NAME, std::string(tokenizer.begin(), tokenizer.end())}};
    AlignedBytes blob = build_blob(spec);
    std::swap(sections_of(blob)[0], sections_of(blob)[1]);
    sections_of(blob)[0].kind = section_tokenizer;
    fix_checksums(blob);
    adder_error error{};
    EXPECT_EQ(open_blob(blob, &error), ADDER_ERROR_CORRUPT);
    EXPECT_STREQ(error.item, "tokens of the tokenizer");
    EXPECT_EQ(error.found, 260u);
    EXPECT_EQ(error.needed, 259u);
}

}  // namespace
}  // namespace adder::test

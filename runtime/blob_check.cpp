// Validation of a blob: everything that later code relies on is checked here, once.
// SPDX-License-Identifier: MIT
#include "runtime/blob_check.h"

#include <stddef.h>
#include <string.h>

#include "kernels/float_mode.h"
#include "kernels/scalar/hadamard.h"
#include "runtime/crc32.h"
#include "runtime/error.h"

namespace adder {
namespace {

// Reports that a field of 32 bits is wrong. Out of line, since there are many.
[[gnu::noinline]] adder_status corrupt(adder_error *error, const char *item, uint32_t found, uint32_t needed,
                                       int32_t index = -1) {
    return report(error, ADDER_ERROR_CORRUPT, item, found, needed, index);
}

[[gnu::noinline]] adder_status unsupported(adder_error *error, const char *item, uint32_t found,
                                           uint32_t needed, int32_t index = -1) {
    return report(error, ADDER_ERROR_UNSUPPORTED, item, found, needed, index);
}

// A float field of the header is usable: finite and within bounds. NaN compares false.
bool within(float value, float low, float high) { return value >= low && value <= high; }

// [offset, offset + bytes) lies within [low, high).
bool contains(uint64_t low, uint64_t high, uint64_t offset, uint64_t bytes) {
    return offset >= low && offset <= high && bytes <= high - offset;
}

bool all_zero(const void *bytes, size_t size) {
    for (size_t i = 0; i < size; ++i)
        if (static_cast<const uint8_t *>(bytes)[i] != 0) return false;
    return true;
}

// A part of the payload lies at an aligned offset, between the metadata and the end.
adder_status check_place(const BlobHeader &header, const char *item, uint64_t offset, uint64_t bytes,
                         int32_t index, adder_error *error) {
    if (offset % blob_alignment != 0)
        return report(error, ADDER_ERROR_CORRUPT, item, offset, offset / blob_alignment * blob_alignment,
                      index);
    if (offset < header.payload_offset)
        return report(error, ADDER_ERROR_CORRUPT, item, offset, header.payload_offset, index);
    if (!contains(header.payload_offset, header.blob_size, offset, bytes)) {
        const uint64_t last = bytes <= header.blob_size ? header.blob_size - bytes : 0;
        return report(error, ADDER_ERROR_CORRUPT, item, offset, last, index);
    }
    return ADDER_OK;
}

adder_status check_table(const BlobHeader &header, const char *item, uint64_t offset, uint32_t bytes,
                         adder_error *error) {
    if (offset % 8 != 0 || !contains(sizeof(BlobHeader), header.payload_offset, offset, bytes))
        return report(error, ADDER_ERROR_CORRUPT, item, offset, sizeof(BlobHeader));
    return ADDER_OK;
}

// CRC of everything before the payload, with the CRC's own field taken as zero.
adder_status check_metadata_crc(const uint8_t *blob, const BlobHeader &header, adder_error *error) {
    BlobHeader copy = header;
    copy.metadata_crc = 0;
    uint32_t crc = crc32(0, &copy, sizeof copy);
    crc = crc32(crc, blob + sizeof copy, static_cast<size_t>(header.payload_offset - sizeof copy));
    if (crc != header.metadata_crc)
        return corrupt(error, "CRC-32 of the header and tables", crc, header.metadata_crc);
    return ADDER_OK;
}

// A number of the header or of a shape.
adder_status check_count(const char *item, uint32_t value, uint32_t low, uint32_t high, int32_t at,
                         adder_error *error) {
    if (value >= low && value <= high) return ADDER_OK;
    return corrupt(error, item, value, value < low ? low : high, at);
}

adder_status check_fields(const BlobHeader &header, adder_error *error) {
    if (header.flags & ~uint32_t{blob_all_flags})
        return unsupported(error, "flags", header.flags, header.flags & blob_all_flags);
    // What a build without families that have such does not compute, it refuses.
    const bool scales_fit =
        is_built(block_scaled_ends)
            ? within(header.embedding_scale, 1e-6f, 1e6f) &&
                  (header.logit_softcap == 0.0f || within(header.logit_softcap, 1e-3f, 1e6f))
            : header.embedding_scale == 1.0f && header.logit_softcap == 0.0f;
    if (!scales_fit || header.logit_scale != 1.0f)
        return unsupported(error, "scale of embedding or logits", 0, 0);
    if (ADDER_LAYER_NORM && (header.flags & blob_layer_norm) && header.d_model % tile_size != 0)
        return corrupt(error, "d_model of a model with LayerNorm, a multiple of 8", header.d_model,
                       round_up_to_tile(header.d_model));
    static constexpr struct {
        char item[20];
        uint32_t at;  // in the header
        float low, high;
    } floats[] = {
        {"norm epsilon", offsetof(BlobHeader, norm_epsilon), 0.0f, 1.0f},
        {"temperature", offsetof(BlobHeader, temperature), 0.0f, 1e6f},
        {"top-p", offsetof(BlobHeader, top_p), 0.0f, 1.0f},
        {"min-p", offsetof(BlobHeader, min_p), 0.0f, 1.0f},
        {"repetition penalty", offsetof(BlobHeader, repetition_penalty), 1e-3f, 1e3f},
    };
    for (const auto &f : floats) {
        float value;
        memcpy(&value, reinterpret_cast<const uint8_t *>(&header) + f.at, sizeof value);
        if (!within(value, f.low, f.high)) return corrupt(error, f.item, 0, 0);
    }
    // -1 for none. As unsigned numbers the other negative ones are above any vocabulary.
    const auto is_token = [&](int32_t token) {
        return token == -1 || static_cast<uint32_t>(token) < header.vocab_size;
    };
    if (!is_token(header.bos_token))
        return corrupt(error, "bos token", static_cast<uint32_t>(header.bos_token), header.vocab_size - 1);
    for (int32_t i = 0; i < 4; ++i)
        if (!is_token(header.eos_tokens[i]))
            return corrupt(error, "eos token", static_cast<uint32_t>(header.eos_tokens[i]),
                           header.vocab_size - 1, i);
    if (!all_zero(header.reserved, sizeof header.reserved))
        return unsupported(error, "reserved bytes of the header", 0, 0);
    return ADDER_OK;
}

// The part of the library that a kind which is not built would need.
const char *kind_missing([[maybe_unused]] uint16_t kind) {
#if ADDER_ERROR_STRINGS
    static constexpr struct {
        uint8_t id;
        char item[21];
    } left_out[] = {
    // clang-format off
#define ADDER_BLOCK_LEFT_OUT(id, item) {id, item},
#include "runtime/blocks/kinds.inc"
        // clang-format on
        {0, "kind of shape"}};
    uint32_t i = 0;
    while (left_out[i].id != kind && left_out[i].id != 0) ++i;
    return left_out[i].item;
#else
    return "kind of shape";
#endif
}

// A shape: a kind that this build has, dimensions in its ranges, and nothing else.
adder_status check_shape(const BlobHeader &header, const BlobShape &shape, int32_t at, adder_error *error) {
    const BlockKind *kind = find_block_kind(shape.kind);
    if (!kind) return unsupported(error, kind_missing(shape.kind), shape.kind, 1, at);
    if (shape.flags & ~kind->flags)
        return unsupported(error, "flags of shape", shape.flags, shape.flags & kind->flags, at);
    if (shape.state_type > static_cast<uint8_t>(kind->state_types) ||
        !all_zero(shape.reserved, sizeof shape.reserved))
        return unsupported(error, "state of shape", shape.state_type, 0, at);
    uint32_t stated = 0;
    for (uint32_t i = 0; i < kind->dim_count; ++i) {
        const uint32_t place = static_cast<uint32_t>(kind->dims[i].dim);
        stated |= 1u << place;
        const adder_status status =
            check_count("dimension of shape", shape.dim[place], is_built(block_cache) ? kind->dims[i].low : 1,
                        kind->dims[i].high, at, error);
        if (status != ADDER_OK) return status;
    }
    for (uint32_t i = 0; i < stored_dims; ++i)
        if (!(stated >> i & 1) && shape.dim[i] != 0)
            return unsupported(error, "dimension of shape", shape.dim[i], 0, at);
    uint32_t value = 0;
    const char *fault = is_built(block_faults) && kind->fault
                            ? kind->fault(shape, make_dims(shape, header.d_model, header.vocab_size), &value)
                            : nullptr;
    if (fault) return corrupt(error, fault, value, 0, at);
    static constexpr float highest[static_cast<uint32_t>(Param::count)] = {
#define ADDER_PARAM(name, high) high,
#include "runtime/blocks/kinds.inc"
    };
    for (uint32_t i = 0; i < static_cast<uint32_t>(Param::count); ++i) {
        if (!within(shape.param[i], 0.0f, i < kind->param_count ? highest[i] : 0.0f))
            return corrupt(error, "parameter of shape", i, 0, at);
    }
    return ADDER_OK;
}

// Blocks in the order of their layers, whose tensors and states lie one after the other.
adder_status check_blocks(const Architecture &architecture, const BlobHeader &header, uint32_t *tensors,
                          adder_error *error) {
    for (uint32_t i = 0; i < header.shape_count; ++i) {
        const adder_status status =
            check_shape(header, architecture.shapes[i], static_cast<int32_t>(i), error);
        if (status != ADDER_OK) return status;
    }
    uint32_t tensor = 1, layer = 0;
    uint64_t state = 0, page = 0;
    uint16_t carried = 0;  // what the last block that left something has left
    for (uint32_t i = 0; i < header.block_count; ++i) {
        const BlobBlock &block = architecture.blocks[i];
        const int32_t at = static_cast<int32_t>(i);
        if (block.shape >= header.shape_count)
            return corrupt(error, "shape of block", block.shape, header.shape_count - 1, at);
        if (block.layer < layer || block.layer >= header.layer_count)
            return corrupt(error, "layer of block", block.layer, layer, at);
        const BlockView view = block_view(architecture, i);
        const bool cached = is_built(block_cache) && view.kind->has_cache;
        if (block.first_tensor != tensor || block.state_offset != (cached ? page : state))
            return corrupt(error, "tensors or state of block", block.first_tensor, tensor, at);
        layer = block.layer;
        if (is_built(block_carried)) {
            const uint16_t flags = view.shape->flags, leaves = leaves_carried(*view.kind, flags);
            if (takes_carried(*view.kind, flags) & ~carried)
                return corrupt(error, "a block that takes what none before it left, block", i, 0, at);
            if (leaves != 0) carried = leaves;
        }
        tensor += tensors_of_block(*view.kind, view.shape->flags);
        state += block_state_bytes(*view.kind, *view.shape, view.dims);
        if (is_built(block_cache)) page += block_page_bytes(*view.kind, *view.shape, view.dims);
    }
    if (is_built(block_cache) && page > max_page_bytes)
        return report(error, ADDER_ERROR_UNSUPPORTED, "bytes of 8 tokens in the cache", page, max_page_bytes);
    *tensors = tensor + (header.flags & blob_tied_head ? 1 : 2) + (has_layer_norm(architecture) ? 1 : 0);
    return ADDER_OK;
}

// The scales of quantized weights: a granularity that the type has, a group that divides tiles, a place for them.
adder_status check_scales(const BlobHeader &header, const BlobTensor &tensor, Dtype dtype,
                          const TensorExtent &extent, int32_t at, adder_error *error) {
    const Granularity granularity = static_cast<Granularity>(tensor.granularity);
    const bool fits = dtype == Dtype::f32 ? granularity == Granularity::none
                      : dtype == Dtype::int8
                          ? granularity == Granularity::tensor || granularity == Granularity::row
                          : granularity == Granularity::group;
    if (!fits)
        return corrupt(error, "granularity of tensor", tensor.granularity,
                       dtype == Dtype::int4 ? static_cast<uint8_t>(Granularity::group) : tensor.dtype, at);
    if (dtype == Dtype::int4 ? tensor.group == 0 || tensor.group % tile_size != 0 : tensor.group != 0)
        return corrupt(error, "group of tensor", tensor.group, dtype == Dtype::int4 ? tile_size : 0, at);
    const ScaleType scale_type = dtype == Dtype::f32    ? ScaleType::none
                                 : dtype == Dtype::int8 ? ScaleType::f32
                                                        : ScaleType::bf16;
    const bool halves = ADDER_HALF_SCALES && dtype == Dtype::int4 &&
                        tensor.scale_type == static_cast<uint8_t>(ScaleType::f16);
    if (tensor.scale_type != static_cast<uint8_t>(scale_type) && !halves)
        return unsupported(error, "type of scales of tensor", tensor.scale_type,
                           static_cast<uint8_t>(scale_type), at);
    if (dtype == Dtype::f32)
        return tensor.scale_offset == 0 ? ADDER_OK
                                        : report(error, ADDER_ERROR_CORRUPT, "scale offset of float tensor",
                                                 tensor.scale_offset, 0, at);
    return check_place(header, "scale offset of tensor", tensor.scale_offset,
                       scale_extent(extent, granularity, tensor.group).bytes, at, error);
}

bool input_fits(const TensorRow &row, Input input, uint32_t cols) {
    return (row.inputs & input_bit(input)) != 0 && (input != Input::hadamard || cols % hadamard_size == 0);
}

// Linear layers state what they make of their input, with what that takes; other tensors state nothing.
adder_status check_input(const BlobHeader &header, const BlobTensor &tensor, const TensorRow &row,
                         const TensorExtent &extent, int32_t at, adder_error *error) {
    if (tensor.input > static_cast<uint8_t>(Input::token))
        return unsupported(error, "input of tensor", tensor.input, static_cast<uint8_t>(Input::token), at);
    const Input input = static_cast<Input>(tensor.input);
    const bool is_float = input == Input::floats || tensor.dtype == static_cast<uint8_t>(Dtype::f32);
    if (!ADDER_FLOAT_LAYERS && is_float && row.form == Form::matrix)
        return unsupported(error, "a float layer without ADDER_FLOAT_LAYERS, tensor", 0, 0, at);
    if (has_input(row, header.flags) ? !input_fits(row, input, extent.cols) : input != Input::none)
        return corrupt(error, "input of tensor", tensor.input, 0, at);
    const bool bits_fit =
        has_codes(input) ? tensor.input_bits == 8 || tensor.input_bits == 4 : tensor.input_bits == 0;
    if (!bits_fit)
        return corrupt(error, "input bits of tensor", tensor.input_bits, has_codes(input) ? 8 : 0, at);
    // 1 / scale is a normal number.
    if (has_scale(input) ? !within(tensor.input_scale, 1e-30f, 1e30f) : !(tensor.input_scale == 0.0f))
        return corrupt(error, "input scale of tensor", 0, 0, at);
    if (has_multipliers(input))
        return check_place(header, "multiplier offset of tensor", tensor.multiplier_offset,
                           4 * uint64_t{extent.cols}, at, error);
    if (tensor.multiplier_offset != 0)
        return report(error, ADDER_ERROR_CORRUPT, "multiplier offset of tensor", tensor.multiplier_offset, 0,
                      at);
    return ADDER_OK;
}

// What one generated token reads of a tensor: all; of an embedding that is not the head, one row.
uint64_t bytes_per_token(const BlobHeader &header, const BlobTensor &tensor, const TensorExtent &extent) {
    if (tensor.role == static_cast<uint16_t>(Role::embedding) && !(header.flags & blob_tied_head)) {
        const Dtype dtype = static_cast<Dtype>(tensor.dtype);
        return extent.cols * (dtype == Dtype::f32 ? 32u : dtype == Dtype::int8 ? 8u : 4u) / 8;
    }
    return tensor.size +
           scale_extent(extent, static_cast<Granularity>(tensor.granularity), tensor.group).bytes;
}

// One entry of the tensor table against what its place in the order demands.
adder_status check_tensor(Model *model, uint32_t index, const TensorRow &row, const Dims &dims,
                          uint16_t block, adder_error *error) {
    const BlobHeader &header = *model->header;
    const BlobTensor &tensor = model->tensors[index];
    const int32_t at = static_cast<int32_t>(index);
    if (tensor.dtype > static_cast<uint8_t>(Dtype::int4))
        return unsupported(error, "type of tensor", tensor.dtype, static_cast<uint8_t>(Dtype::int4), at);
    const Dtype dtype = static_cast<Dtype>(tensor.dtype);
    if (!ADDER_INT4 && dtype == Dtype::int4)
        return unsupported(error, "int4 weights without ADDER_INT4, tensor", 0, 0, at);
    const TensorExtent extent = tensor_extent(row, dims, dtype);
    const struct {
        const char *item;
        uint32_t found, needed;
    } fields[] = {
        {"role of tensor", tensor.role, static_cast<uint16_t>(row.role)},
        {"block of tensor", tensor.block, block},
        {"type of tensor", row.form == Form::matrix ? 0u : tensor.dtype, 0},
        {"rows of tensor", tensor.rows, row.rows.sum(dims)},
        {"columns of tensor", tensor.cols, dims[row.cols]},
        {"tiles of tensor", tensor.tiles, extent.rows / tile_size},
    };
    for (const auto &field : fields)
        if (field.found != field.needed) return corrupt(error, field.item, field.found, field.needed, at);
    if (tensor.size != extent.bytes)
        return report(error, ADDER_ERROR_CORRUPT, "size of tensor", tensor.size, extent.bytes, at);
    adder_status status = check_place(header, "offset of tensor", tensor.offset, tensor.size, at, error);
    if (status != ADDER_OK) return status;
    if (tensor.part != 0 || !all_zero(tensor.reserved1, sizeof tensor.reserved1))
        return unsupported(error, "reserved bytes of tensor", 0, 0, at);

    status = check_scales(header, tensor, dtype, extent, at, error);
    if (status == ADDER_OK) status = check_input(header, tensor, row, extent, at, error);
    if (status != ADDER_OK) return status;
    note_form(model, tensor);
    model->bytes_per_token += bytes_per_token(header, tensor, extent);
    return ADDER_OK;
}

// Matrices with one input take it in one form: it is made once.
adder_status check_shared_inputs(const Model &model, const BlockView &view, uint32_t first,
                                 adder_error *error) {
    const TensorRow *rows = view.kind->tensors;
    for (uint32_t i = 1; i < view.kind->tensor_count; ++i)
        for (uint32_t j = 0; j < i; ++j) {
            if (rows[i].form != Form::matrix || rows[j].form != Form::matrix || rows[i].input != rows[j].input)
                continue;
            const uint16_t flags = view.shape->flags;
            if (is_built(block_beside) && (!is_present(rows[i], flags) || !is_present(rows[j], flags)))
                continue;
            const uint32_t at = first + view.place[i];
            const BlobTensor &a = model.tensors[first + view.place[j]], &b = model.tensors[at];
            if (a.input != b.input || a.input_bits != b.input_bits || a.input_scale < b.input_scale ||
                a.input_scale > b.input_scale)
                return corrupt(error, "input, which others share, of tensor", b.input, a.input,
                               static_cast<int32_t>(at));
        }
    return ADDER_OK;
}

adder_status check_tensors(Model *model, adder_error *error) {
    const Architecture &architecture = model->architecture;
    const BlockView ends = ends_view(architecture);
    adder_status status = ADDER_OK;
    for (uint32_t i = 0; i < model_ends.tensor_count && status == ADDER_OK; ++i) {
        const TensorRow &row = model_ends.tensors[i];
        if (row.role == Role::head && (architecture.flags & blob_tied_head)) continue;
        if (is_built(block_layer_norm) && !is_present(row, static_cast<uint16_t>(architecture.flags)))
            continue;
        status = check_tensor(model, end_index(model->header->tensor_count, architecture, row.role), row,
                              ends.dims, no_block, error);
    }
    for (uint32_t block = 0; block < architecture.block_count && status == ADDER_OK; ++block) {
        const BlockView view = block_view(architecture, block);
        uint32_t index = architecture.blocks[block].first_tensor;
        for (uint32_t i = 0; i < view.kind->tensor_count && status == ADDER_OK; ++i)
            if (is_present(view.kind->tensors[i], view.shape->flags))
                status = check_tensor(model, index++, view.kind->tensors[i], view.dims,
                                      static_cast<uint16_t>(block), error);
        if (is_built(block_shared_inputs) && status == ADDER_OK && view.kind->shared_inputs)
            status = check_shared_inputs(*model, view, architecture.blocks[block].first_tensor, error);
    }
    return status;
}

adder_status check_sections(const Model &model, adder_error *error) {
    const BlobHeader &header = *model.header;
    uint32_t previous = 0;
    for (uint32_t i = 0; i < header.section_count; ++i) {
        const BlobSection &section = model.sections[i];
        const int32_t at = static_cast<int32_t>(i);
        if (section.kind <= previous)
            return corrupt(error, "kind of section", section.kind, previous + 1, at);
        previous = section.kind;
        if (section.reserved != 0)
            return unsupported(error, "reserved bytes of section", section.reserved, 0, at);
        const adder_status status =
            check_place(header, "offset of section", section.offset, section.size, at, error);
        if (status != ADDER_OK) return status;
    }
    return ADDER_OK;
}

// The golden case, where there is one.
adder_status check_golden(const Model &model, adder_error *error) {
    uint64_t size = 0;
    const uint8_t *golden = model_section(model, section_golden, &size);
    if (golden) {
        BlobGolden head;
        if (size < sizeof head + 4)
            return report(error, ADDER_ERROR_CORRUPT, "size of the golden case", size, sizeof head + 4);
        memcpy(&head, golden, sizeof head);
        if (head.token_count == 0) return corrupt(error, "number of golden tokens", 0, 1);
        const uint64_t needed = sizeof head + 4 * uint64_t{head.token_count};
        if (size != needed)
            return report(error, ADDER_ERROR_CORRUPT, "size of the golden case", size, needed);
    }
    return ADDER_OK;
}

}  // namespace

void note_form(Model *model, const BlobTensor &tensor) {
    const Input input = static_cast<Input>(tensor.input);
    if (input == Input::none) return;
    if (tensor.dtype == static_cast<uint8_t>(Dtype::f32)) model->float_weights = true;
    if (input != Input::floats) model->code_inputs = true;
}

adder_status blob_check_header(const BlobHeader &header, uint64_t size, adder_error *error) {
    if (memcmp(header.magic, blob_magic, sizeof blob_magic) != 0)
        return report(error, ADDER_ERROR_NOT_A_BLOB, "magic number");
    if (header.format_version != ADDER_FORMAT_VERSION)
        return report(error, ADDER_ERROR_VERSION, "format version", header.format_version,
                      ADDER_FORMAT_VERSION);
    if (header.header_size != sizeof(BlobHeader))
        return corrupt(error, "header size", header.header_size, sizeof(BlobHeader));
    if (header.blob_size > size) return report(error, ADDER_ERROR_TRUNCATED, "bytes", size, header.blob_size);
    if (!contains(sizeof(BlobHeader), header.blob_size, header.payload_offset, 0))
        return report(error, ADDER_ERROR_CORRUPT, "payload offset", header.payload_offset, sizeof(BlobHeader));
    // The tables are bounded, and with them the metadata, all of which is read.
    const struct {
        const char *item;
        uint32_t value, low, high;
    } counts[] = {
        {"d_model", header.d_model, 1, max_d_model},
        {"vocab_size", header.vocab_size, 1, max_vocab_size},
        {"layers", header.layer_count, 1, max_n_layer},
        {"blocks", header.block_count, 1, max_blocks},
        {"shapes", header.shape_count, 1, max_shapes},
        {"number of tensors", header.tensor_count, 1, max_tensors},
        {"sections", header.section_count, 0, max_sections},
    };
    for (const auto &c : counts) {
        const adder_status status = check_count(c.item, c.value, c.low, c.high, -1, error);
        if (status != ADDER_OK) return status;
    }
    if (header.payload_offset > max_metadata)
        return report(error, ADDER_ERROR_CORRUPT, "payload offset", header.payload_offset, max_metadata);
    return check_table(header, "section table offset", header.section_table_offset,
                       header.section_count * uint32_t{sizeof(BlobSection)}, error);
}

adder_status blob_check_metadata(Model *model, const uint8_t *metadata, uint64_t size, adder_error *error) {
    const FloatModeScope mode;  // a NaN in the header is compared without a trap
    Model &m = *model;
    m.header = reinterpret_cast<const BlobHeader *>(metadata);
    const BlobHeader &header = *m.header;
    adder_status status = blob_check_header(header, size, error);
    if (status == ADDER_OK) status = check_metadata_crc(metadata, header, error);
    if (status == ADDER_OK)
        status = check_table(header, "shape table offset", header.shape_table_offset,
                             header.shape_count * uint32_t{sizeof(BlobShape)}, error);
    if (status == ADDER_OK)
        status = check_table(header, "block table offset", header.block_table_offset,
                             header.block_count * uint32_t{sizeof(BlobBlock)}, error);
    if (status != ADDER_OK) return status;
    m.architecture = {header.d_model,
                      header.vocab_size,
                      header.flags,
                      header.block_count,
                      header.shape_count,
                      reinterpret_cast<const BlobShape *>(metadata + header.shape_table_offset),
                      reinterpret_cast<const BlobBlock *>(metadata + header.block_table_offset)};
    uint32_t tensors = 0;
    status = check_blocks(m.architecture, header, &tensors, error);  // a kind that is left out is named first
    if (status == ADDER_OK) status = check_fields(header, error);
    if (status != ADDER_OK) return status;
    if (header.tensor_count != tensors)
        return corrupt(error, "number of tensors", header.tensor_count, tensors);
    status = check_table(header, "tensor table offset", header.tensor_table_offset,
                         tensors * uint32_t{sizeof(BlobTensor)}, error);
    if (status != ADDER_OK) return status;
    m.tensors = reinterpret_cast<const BlobTensor *>(metadata + header.tensor_table_offset);
    m.sections = reinterpret_cast<const BlobSection *>(metadata + header.section_table_offset);
    status = check_tensors(model, error);
    if (status == ADDER_OK) status = check_sections(m, error);
    if (status != ADDER_OK) return status;

    m.fingerprint = uint64_t{header.metadata_crc} << 32 | header.payload_crc;
    return ADDER_OK;
}

#if ADDER_TOKENIZER
// What a tokenizer section needs that is not here.
static const char *tokenizer_lack(const TokenizerHeader &header) {
    (void)header;
#if !ADDER_WORLD_TOKENIZER
    if (header.version == tokenizer_version_longest) return "ADDER_WORLD_TOKENIZER";
#endif
#if !ADDER_SENTENCEPIECE
    if (header.version == tokenizer_version_characters) return "ADDER_SENTENCEPIECE";
#endif
#if !ADDER_PRETOKENIZER
    if (header.version == tokenizer_version_split) return "ADDER_PRETOKENIZER";
#endif
#if ADDER_NFC
    return "tokenizer section";
#else
    return "tokenizer section without ADDER_NFC";
#endif
}
#endif

adder_status blob_open_sections(Model *model, adder_error *error) {
    const adder_status status = check_golden(*model, error);
    if (status != ADDER_OK) return status;
#if ADDER_TOKENIZER
    uint64_t size = 0;
    const uint8_t *tokenizer = model_section(*model, section_tokenizer, &size);
    if (!tokenizer) return ADDER_OK;
    const TokenizeStatus opened = tokenizer_open(&model->tokenizer, tokenizer, size);
    if (opened == TokenizeStatus::unsupported)
        return unsupported(error, tokenizer_lack(*reinterpret_cast<const TokenizerHeader *>(tokenizer)), 0, 0);
    if (opened != TokenizeStatus::ok) return corrupt(error, "tokenizer section", 0, 0);
    if (model->tokenizer.tokens > model->architecture.vocab_size)
        return corrupt(error, "tokens of the tokenizer", model->tokenizer.tokens,
                       model->architecture.vocab_size);
    model->has_tokenizer = true;
#endif
    return ADDER_OK;
}

adder_status blob_check(Model *model, const void *blob, size_t size, adder_error *error) {
    *model = Model{};
    if (reinterpret_cast<uintptr_t>(blob) % blob_alignment != 0)
        return report(error, ADDER_ERROR_ALIGNMENT, "blob address modulo 64",
                      reinterpret_cast<uintptr_t>(blob) % blob_alignment, 0);
    if (size < sizeof(BlobHeader)) {
        const bool is_blob = size >= sizeof blob_magic && memcmp(blob, blob_magic, sizeof blob_magic) == 0;
        return report(error, is_blob ? ADDER_ERROR_TRUNCATED : ADDER_ERROR_NOT_A_BLOB, "bytes", size,
                      sizeof(BlobHeader));
    }
    model->blob = static_cast<const uint8_t *>(blob);
    adder_status status = blob_check_metadata(model, model->blob, size, error);
    if (status == ADDER_OK) status = blob_open_sections(model, error);
    if (status != ADDER_OK) *model = Model{};
    return status;
}

}  // namespace adder

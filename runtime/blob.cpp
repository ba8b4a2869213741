// Validation of a blob: everything that later code relies on is checked here, once.
// SPDX-License-Identifier: MIT
#include "runtime/blob.h"

#include <cstring>

#include "kernels/float_mode.h"
#include "kernels/scalar/hadamard.h"
#include "runtime/crc32.h"
#include "runtime/error.h"
#include "runtime/model.h"

namespace adder {
namespace {

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

adder_status check_table(const BlobHeader &header, const char *item, uint64_t offset, uint64_t bytes,
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
        return report(error, ADDER_ERROR_CORRUPT, "CRC-32 of the header and tables", crc,
                      header.metadata_crc);
    return ADDER_OK;
}

adder_status check_dimension(const char *item, uint32_t value, uint32_t low, uint32_t high,
                             adder_error *error) {
    if (value < low) return report(error, ADDER_ERROR_CORRUPT, item, value, low);
    if (value > high) return report(error, ADDER_ERROR_CORRUPT, item, value, high);
    return ADDER_OK;
}

adder_status check_fields(const BlobHeader &header, adder_error *error) {
    if (header.architecture != architecture_mamba)
        return report(error, ADDER_ERROR_UNSUPPORTED, "architecture", header.architecture,
                      architecture_mamba);
    if (header.flags & ~uint32_t{blob_all_flags})
        return report(error, ADDER_ERROR_UNSUPPORTED, "flags", header.flags, header.flags & blob_all_flags);
    const struct {
        const char *item;
        uint32_t value, low, high;
    } dimensions[] = {
        {"d_model", header.d_model, 1, max_d_model},          {"n_layer", header.n_layer, 1, max_n_layer},
        {"vocab_size", header.vocab_size, 1, max_vocab_size}, {"d_inner", header.d_inner, 1, max_d_inner},
        {"d_state", header.d_state, 1, max_d_state},          {"d_conv", header.d_conv, 1, max_d_conv},
        {"dt_rank", header.dt_rank, 1, max_dt_rank},
    };
    for (const auto &d : dimensions) {
        const adder_status status = check_dimension(d.item, d.value, d.low, d.high, error);
        if (status != ADDER_OK) return status;
    }
    if (!within(header.norm_epsilon, 0.0f, 1.0f))
        return report(error, ADDER_ERROR_CORRUPT, "norm epsilon", 0, 0);
    if (!within(header.temperature, 0.0f, 1e6f))
        return report(error, ADDER_ERROR_CORRUPT, "temperature", 0, 0);
    if (!within(header.top_p, 0.0f, 1.0f)) return report(error, ADDER_ERROR_CORRUPT, "top-p", 0, 0);
    if (!within(header.min_p, 0.0f, 1.0f)) return report(error, ADDER_ERROR_CORRUPT, "min-p", 0, 0);
    if (!within(header.repetition_penalty, 1e-3f, 1e3f))
        return report(error, ADDER_ERROR_CORRUPT, "repetition penalty", 0, 0);
    // -1 for none. As unsigned numbers the other negative ones are above any vocabulary.
    const auto is_token = [&](int32_t token) {
        return token == -1 || static_cast<uint32_t>(token) < header.vocab_size;
    };
    if (!is_token(header.bos_token))
        return report(error, ADDER_ERROR_CORRUPT, "bos token", static_cast<uint32_t>(header.bos_token),
                      header.vocab_size - 1);
    for (int32_t i = 0; i < 4; ++i)
        if (!is_token(header.eos_tokens[i]))
            return report(error, ADDER_ERROR_CORRUPT, "eos token",
                          static_cast<uint32_t>(header.eos_tokens[i]), header.vocab_size - 1, i);
    if (!all_zero(header.reserved, sizeof header.reserved))
        return report(error, ADDER_ERROR_UNSUPPORTED, "reserved bytes of the header", 0, 0);
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
        return report(error, ADDER_ERROR_CORRUPT, "granularity of tensor", tensor.granularity,
                      dtype == Dtype::int4 ? static_cast<uint8_t>(Granularity::group) : tensor.dtype, at);
    if (dtype == Dtype::int4 ? tensor.group == 0 || tensor.group % tile_size != 0 : tensor.group != 0)
        return report(error, ADDER_ERROR_CORRUPT, "group of tensor", tensor.group,
                      dtype == Dtype::int4 ? tile_size : 0, at);
    if (dtype == Dtype::f32)
        return tensor.scale_offset == 0 ? ADDER_OK
                                        : report(error, ADDER_ERROR_CORRUPT, "scale offset of float tensor",
                                                 tensor.scale_offset, 0, at);
    return check_place(header, "scale offset of tensor", tensor.scale_offset,
                       scale_extent(extent, granularity, tensor.group).bytes, at, error);
}

// Kinds of input that the stages of a layer can make; see runtime/layer.cpp.
bool input_fits(Role role, Input input, uint32_t cols) {
    if (input == Input::floats || input == Input::token) return true;
    if (role == Role::x_proj) return input == Input::channels;
    if (role == Role::out_proj)
        return input == Input::channels || (input == Input::hadamard && cols % hadamard_size == 0);
    return input == Input::fixed;
}

// Linear layers state what they make of their input, with what that takes; other tensors state nothing.
adder_status check_input(const BlobHeader &header, const BlobTensor &tensor, Role role,
                         const TensorExtent &extent, int32_t at, adder_error *error) {
    if (tensor.input > static_cast<uint8_t>(Input::token))
        return report(error, ADDER_ERROR_UNSUPPORTED, "input of tensor", tensor.input,
                      static_cast<uint8_t>(Input::token), at);
    const Input input = static_cast<Input>(tensor.input);
    const bool is_float = input == Input::floats || tensor.dtype == static_cast<uint8_t>(Dtype::f32);
    if (!ADDER_FLOAT_LAYERS && is_float && is_matrix(role))
        return report(error, ADDER_ERROR_UNSUPPORTED, "a float layer without ADDER_FLOAT_LAYERS, tensor", 0,
                      0, at);
    if (has_input(role, header.flags) ? !input_fits(role, input, extent.cols) : input != Input::none)
        return report(error, ADDER_ERROR_CORRUPT, "input of tensor", tensor.input, 0, at);
    const bool bits_fit =
        has_codes(input) ? tensor.input_bits == 8 || tensor.input_bits == 4 : tensor.input_bits == 0;
    if (!bits_fit)
        return report(error, ADDER_ERROR_CORRUPT, "input bits of tensor", tensor.input_bits,
                      has_codes(input) ? 8 : 0, at);
    // 1 / scale is a normal number.
    if (has_scale(input) ? !within(tensor.input_scale, 1e-30f, 1e30f) : !(tensor.input_scale == 0.0f))
        return report(error, ADDER_ERROR_CORRUPT, "input scale of tensor", 0, 0, at);
    if (has_multipliers(input))
        return check_place(header, "multiplier offset of tensor", tensor.multiplier_offset,
                           4 * uint64_t{extent.cols}, at, error);
    if (tensor.multiplier_offset != 0)
        return report(error, ADDER_ERROR_CORRUPT, "multiplier offset of tensor", tensor.multiplier_offset, 0,
                      at);
    return ADDER_OK;
}

// One entry of the tensor table against what its place in the order demands.
adder_status check_tensor(const Model &model, uint32_t index, Role role, uint16_t layer, adder_error *error) {
    const BlobHeader &header = *model.header;
    const BlobTensor &tensor = model.tensors[index];
    const int32_t at = static_cast<int32_t>(index);
    if (tensor.role != static_cast<uint16_t>(role))
        return report(error, ADDER_ERROR_CORRUPT, "role of tensor", tensor.role, static_cast<uint16_t>(role),
                      at);
    if (tensor.layer != layer)
        return report(error, ADDER_ERROR_CORRUPT, "layer of tensor", tensor.layer, layer, at);
    if (tensor.dtype > static_cast<uint8_t>(Dtype::int4))
        return report(error, ADDER_ERROR_UNSUPPORTED, "type of tensor", tensor.dtype,
                      static_cast<uint8_t>(Dtype::int4), at);
    const Dtype dtype = static_cast<Dtype>(tensor.dtype);
    if (!ADDER_INT4 && dtype == Dtype::int4)
        return report(error, ADDER_ERROR_UNSUPPORTED, "int4 weights without ADDER_INT4, tensor", 0, 0, at);
    if (dtype != Dtype::f32 && !is_matrix(role))
        return report(error, ADDER_ERROR_CORRUPT, "type of tensor", tensor.dtype, 0, at);
    uint32_t rows = 0, cols = 0;
    logical_extent(header, role, &rows, &cols);
    if (tensor.rows != rows)
        return report(error, ADDER_ERROR_CORRUPT, "rows of tensor", tensor.rows, rows, at);
    if (tensor.cols != cols)
        return report(error, ADDER_ERROR_CORRUPT, "columns of tensor", tensor.cols, cols, at);
    const TensorExtent extent = tensor_extent(model.shape, role, dtype);
    if (tensor.size != extent.bytes)
        return report(error, ADDER_ERROR_CORRUPT, "size of tensor", tensor.size, extent.bytes, at);
    adder_status status = check_place(header, "offset of tensor", tensor.offset, tensor.size, at, error);
    if (status != ADDER_OK) return status;
    if (!all_zero(tensor.reserved1, sizeof tensor.reserved1))
        return report(error, ADDER_ERROR_UNSUPPORTED, "reserved bytes of tensor", 0, 0, at);

    status = check_scales(header, tensor, dtype, extent, at, error);
    if (status != ADDER_OK) return status;
    return check_input(header, tensor, role, extent, at, error);
}

adder_status check_tensors(const Model &model, adder_error *error) {
    const BlobHeader &header = *model.header;
    const auto check = [&](Role role, uint32_t layer, uint16_t layer_field) {
        const uint32_t index = tensor_index(header.flags, header.n_layer, role, layer);
        return check_tensor(model, index, role, layer_field, error);
    };
    adder_status status = check(Role::embedding, 0, no_layer);
    if (status == ADDER_OK) status = check(Role::final_norm, 0, no_layer);
    if (status == ADDER_OK && !(header.flags & blob_tied_head)) status = check(Role::head, 0, no_layer);
    for (uint32_t layer = 0; layer < header.n_layer && status == ADDER_OK; ++layer)
        for (uint16_t role = static_cast<uint16_t>(Role::norm);
             role <= static_cast<uint16_t>(Role::out_proj_bias); ++role) {
            const Role r = static_cast<Role>(role);
            if (!is_present(r, header.flags)) continue;
            status = check(r, layer, static_cast<uint16_t>(layer));
            if (status != ADDER_OK) break;
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
            return report(error, ADDER_ERROR_CORRUPT, "kind of section", section.kind, uint64_t{previous} + 1,
                          at);
        previous = section.kind;
        if (section.reserved != 0)
            return report(error, ADDER_ERROR_UNSUPPORTED, "reserved bytes of section", section.reserved, 0,
                          at);
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
        if (head.token_count == 0) return report(error, ADDER_ERROR_CORRUPT, "number of golden tokens", 0, 1);
        const uint64_t needed = sizeof head + 4 * uint64_t{head.token_count};
        if (size != needed)
            return report(error, ADDER_ERROR_CORRUPT, "size of the golden case", size, needed);
    }
    return ADDER_OK;
}

// What one generated token reads: all layers, the final norm and the head; of an embedding of its own, one row.
uint64_t count_bytes_per_token(const Model &model) {
    const BlobHeader &header = *model.header;
    uint64_t total = 0;
    for (uint32_t i = 0; i < header.tensor_count; ++i) {
        const BlobTensor &tensor = model.tensors[i];
        const TensorExtent extent =
            tensor_extent(model.shape, static_cast<Role>(tensor.role), static_cast<Dtype>(tensor.dtype));
        if (i == 0 && !(header.flags & blob_tied_head)) {
            const Dtype dtype = static_cast<Dtype>(tensor.dtype);
            total += extent.cols * (dtype == Dtype::f32 ? 32 : dtype == Dtype::int8 ? 8 : 4) / 8;
            continue;
        }
        total += tensor.size;
        if (is_matrix(static_cast<Role>(tensor.role)))
            total += scale_extent(extent, static_cast<Granularity>(tensor.granularity), tensor.group).bytes;
    }
    return total;
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
        return report(error, ADDER_ERROR_NOT_A_BLOB, "magic number", 0, 0);
    if (header.format_version != ADDER_FORMAT_VERSION)
        return report(error, ADDER_ERROR_VERSION, "format version", header.format_version,
                      ADDER_FORMAT_VERSION);
    if (header.header_size != sizeof(BlobHeader))
        return report(error, ADDER_ERROR_CORRUPT, "header size", header.header_size, sizeof(BlobHeader));
    if (header.blob_size > size) return report(error, ADDER_ERROR_TRUNCATED, "bytes", size, header.blob_size);
    if (!contains(sizeof(BlobHeader), header.blob_size, header.payload_offset, 0))
        return report(error, ADDER_ERROR_CORRUPT, "payload offset", header.payload_offset,
                      sizeof(BlobHeader));
    return check_table(header, "section table offset", header.section_table_offset,
                       uint64_t{header.section_count} * sizeof(BlobSection), error);
}

adder_status blob_check_metadata(Model *model, const uint8_t *metadata, uint64_t size, adder_error *error) {
    const FloatModeScope mode;  // a NaN in the header is compared without a trap
    Model &m = *model;
    m.header = reinterpret_cast<const BlobHeader *>(metadata);
    const BlobHeader &header = *m.header;
    adder_status status = blob_check_header(header, size, error);
    if (status == ADDER_OK) status = check_metadata_crc(metadata, header, error);
    if (status == ADDER_OK) status = check_fields(header, error);
    if (status != ADDER_OK) return status;

    m.shape = make_shape(header.d_model, header.n_layer, header.vocab_size, header.d_inner, header.d_state,
                         header.d_conv, header.dt_rank);
    const uint32_t tensors = tensor_count(header.flags, header.n_layer);
    if (header.tensor_count != tensors)
        return report(error, ADDER_ERROR_CORRUPT, "number of tensors", header.tensor_count, tensors);
    status = check_table(header, "tensor table offset", header.tensor_table_offset,
                         uint64_t{tensors} * sizeof(BlobTensor), error);
    if (status != ADDER_OK) return status;
    m.tensors = reinterpret_cast<const BlobTensor *>(metadata + header.tensor_table_offset);
    m.sections = reinterpret_cast<const BlobSection *>(metadata + header.section_table_offset);
    status = check_tensors(m, error);
    if (status == ADDER_OK) status = check_sections(m, error);
    if (status != ADDER_OK) return status;

    for (uint32_t i = 0; i < tensors; ++i) note_form(&m, m.tensors[i]);
    m.bytes_per_token = count_bytes_per_token(m);
    m.fingerprint = uint64_t{header.metadata_crc} << 32 | header.payload_crc;
    return ADDER_OK;
}

adder_status blob_open_sections(Model *model, adder_error *error) {
    const adder_status status = check_golden(*model, error);
    if (status != ADDER_OK) return status;
#if ADDER_TOKENIZER
    uint64_t size = 0;
    const uint8_t *tokenizer = model_section(*model, section_tokenizer, &size);
    if (!tokenizer) return ADDER_OK;
    const TokenizeStatus opened = tokenizer_open(&model->tokenizer, tokenizer, size);
    if (opened == TokenizeStatus::unsupported)
        return report(error, ADDER_ERROR_UNSUPPORTED,
                      ADDER_NFC ? "tokenizer section" : "tokenizer section without ADDER_NFC", 0, 0);
    if (opened != TokenizeStatus::ok) return report(error, ADDER_ERROR_CORRUPT, "tokenizer section", 0, 0);
    if (model->tokenizer.tokens > model->shape.vocab_size)
        return report(error, ADDER_ERROR_CORRUPT, "tokens of the tokenizer", model->tokenizer.tokens,
                      model->shape.vocab_size);
    model->has_tokenizer = true;
#endif
    return ADDER_OK;
}

adder_status blob_validate(Model *model, const void *blob, size_t size, adder_error *error) {
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

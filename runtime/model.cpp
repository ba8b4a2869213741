// A model's accessors: shapes, weights and sections as pointers into the blob.
// SPDX-License-Identifier: MIT
#include "runtime/model.h"

#include "kernels/layout.h"
#include "kernels/scalar/math.h"
#include "runtime/crc32.h"
#include "runtime/error.h"

namespace adder {

Shape make_shape(uint32_t d_model, uint32_t n_layer, uint32_t vocab_size, uint32_t d_inner, uint32_t d_state,
                 uint32_t d_conv, uint32_t dt_rank) {
    Shape shape{};
    shape.d_model = d_model;
    shape.d_model_padded = round_up_to_tile(d_model);
    shape.n_layer = n_layer;
    shape.vocab_size = vocab_size;
    shape.vocab_padded = round_up_to_tile(vocab_size);
    shape.d_inner_padded = round_up_to_tile(d_inner);
    shape.d_state = d_state;
    shape.d_conv = d_conv;
    shape.dt_rank_padded = round_up_to_tile(dt_rank);
    shape.x_proj_padded = shape.dt_rank_padded + round_up_to_tile(2 * d_state);
    return shape;
}

// ---- The order of the tensors ---------------------------------------------------------------------------------------

namespace {

constexpr Role layer_roles[] = {Role::norm,      Role::in_proj, Role::in_proj_bias, Role::conv_weight,
                                Role::conv_bias, Role::x_proj,  Role::dt_proj,      Role::dt_bias,
                                Role::A2,        Role::D,       Role::out_proj,     Role::out_proj_bias};

uint32_t tensors_per_layer(uint32_t flags) {
    uint32_t count = 0;
    for (Role role : layer_roles) count += is_present(role, flags);
    return count;
}

}  // namespace

uint32_t tensor_count(uint32_t flags, uint32_t n_layer) {
    return 2 + n_layer * tensors_per_layer(flags) + ((flags & blob_tied_head) ? 0 : 1);
}

uint32_t tensor_index(uint32_t flags, uint32_t n_layer, Role role, uint32_t layer) {
    const uint32_t per_layer = tensors_per_layer(flags);
    if (role == Role::embedding) return 0;
    if (role == Role::final_norm) return 1 + n_layer * per_layer;
    if (role == Role::head) return (flags & blob_tied_head) ? 0 : 2 + n_layer * per_layer;
    uint32_t index = 1 + layer * per_layer;
    for (Role candidate : layer_roles) {
        if (candidate == role) break;
        index += is_present(candidate, flags);
    }
    return index;
}

TensorExtent tensor_extent(const Shape &shape, Role role, Dtype dtype) {
    uint32_t rows = 0, cols = 1;
    switch (role) {
    case Role::embedding:
    case Role::head: rows = shape.vocab_padded, cols = shape.d_model_padded; break;
    case Role::norm:
    case Role::final_norm:
    case Role::out_proj_bias: rows = shape.d_model_padded; break;
    case Role::in_proj: rows = 2 * shape.d_inner_padded, cols = shape.d_model_padded; break;
    case Role::in_proj_bias: rows = 2 * shape.d_inner_padded; break;
    case Role::conv_weight: rows = shape.d_inner_padded, cols = shape.d_conv; break;
    case Role::conv_bias:
    case Role::dt_bias:
    case Role::D: rows = shape.d_inner_padded; break;
    case Role::x_proj: rows = shape.x_proj_padded, cols = shape.d_inner_padded; break;
    case Role::dt_proj: rows = shape.d_inner_padded, cols = shape.dt_rank_padded; break;
    case Role::A2: rows = shape.d_inner_padded, cols = shape.d_state; break;
    case Role::out_proj: rows = shape.d_model_padded, cols = shape.d_inner_padded; break;
    }
    const uint64_t weights = uint64_t{rows} * cols;
    return {rows, cols, dtype == Dtype::f32 ? 4 * weights : dtype == Dtype::int8 ? weights : weights / 2};
}

ScaleExtent scale_extent(const TensorExtent &extent, Granularity granularity, uint32_t group) {
    switch (granularity) {
    case Granularity::none: break;
    case Granularity::tensor: return {1, 4};
    case Granularity::row: return {extent.rows, 4 * uint64_t{extent.rows}};
    case Granularity::group: {
        const uint64_t count = uint64_t{extent.rows} * ((extent.cols + group - 1) / group);
        return {count, 2 * count};
    }
    }
    return {0, 0};
}

void logical_extent(const BlobHeader &h, Role role, uint32_t *rows, uint32_t *cols) {
    *cols = 1;
    switch (role) {
    case Role::embedding:
    case Role::head: *rows = h.vocab_size, *cols = h.d_model; break;
    case Role::norm:
    case Role::final_norm:
    case Role::out_proj_bias: *rows = h.d_model; break;
    case Role::in_proj: *rows = 2 * h.d_inner, *cols = h.d_model; break;
    case Role::in_proj_bias: *rows = 2 * h.d_inner; break;
    case Role::conv_weight: *rows = h.d_inner, *cols = h.d_conv; break;
    case Role::conv_bias:
    case Role::dt_bias:
    case Role::D: *rows = h.d_inner; break;
    case Role::x_proj: *rows = h.dt_rank + 2 * h.d_state, *cols = h.d_inner; break;
    case Role::dt_proj: *rows = h.d_inner, *cols = h.dt_rank; break;
    case Role::A2: *rows = h.d_inner, *cols = h.d_state; break;
    case Role::out_proj: *rows = h.d_model, *cols = h.d_inner; break;
    }
}

// ---- Pointers into the blob -----------------------------------------------------------------------------------------

const BlobTensor &tensor_of(const Model &model, Role role, uint32_t layer) {
    return model.tensors[tensor_index(model.header->flags, model.shape.n_layer, role, layer)];
}

namespace {

// A place in the blob; null where that is streamed.
const uint8_t *place_of(const Model &model, uint64_t offset) {
    return model.blob ? model.blob + offset : nullptr;
}

const float *vector_of(const Model &model, Role role, uint32_t layer) {
    return reinterpret_cast<const float *>(place_of(model, tensor_of(model, role, layer).offset));
}

Linear linear_of(const Model &model, Role role, uint32_t layer, const float *bias) {
    const BlobTensor &tensor = tensor_of(model, role, layer);
    const Dtype dtype = static_cast<Dtype>(tensor.dtype);
    const TensorExtent extent = tensor_extent(model.shape, role, dtype);
    const void *scales = tensor.scale_offset ? place_of(model, tensor.scale_offset) : nullptr;
    Linear linear{};
    linear.matrix.weights = place_of(model, tensor.offset);
    linear.matrix.scale = dtype == Dtype::int8 ? static_cast<const float *>(scales) : nullptr;
    linear.matrix.group_scale = dtype == Dtype::int4 ? static_cast<const uint16_t *>(scales) : nullptr;
    linear.matrix.group = tensor.group;
    linear.matrix.bias = bias;
    linear.matrix.tiles = extent.rows / tile_size;
    linear.matrix.cols = extent.cols;
    linear.matrix.scale_per_row = tensor.granularity == static_cast<uint8_t>(Granularity::row);
    linear.dtype = dtype;
    linear.input = static_cast<Input>(tensor.input);
    linear.largest_code = largest_code(tensor.input_bits);
    linear.input_scale = tensor.input_scale;
    linear.multipliers = tensor.multiplier_offset
                             ? reinterpret_cast<const float *>(place_of(model, tensor.multiplier_offset))
                             : nullptr;
    return linear;
}

}  // namespace

LayerWeights model_layer(const Model &model, uint32_t layer) {
    const bool bias = (model.header->flags & blob_projection_bias) != 0;
    LayerWeights weights{};
    weights.norm = vector_of(model, Role::norm, layer);
    weights.in_proj =
        linear_of(model, Role::in_proj, layer, bias ? vector_of(model, Role::in_proj_bias, layer) : nullptr);
    weights.conv_weight = vector_of(model, Role::conv_weight, layer);
    weights.conv_bias = vector_of(model, Role::conv_bias, layer);
    weights.x_proj = linear_of(model, Role::x_proj, layer, nullptr);
    weights.dt_proj = linear_of(model, Role::dt_proj, layer, vector_of(model, Role::dt_bias, layer));
    weights.A2 = vector_of(model, Role::A2, layer);
    weights.D = vector_of(model, Role::D, layer);
    weights.out_proj = linear_of(model, Role::out_proj, layer,
                                 bias ? vector_of(model, Role::out_proj_bias, layer) : nullptr);
    return weights;
}

const float *model_final_norm(const Model &model) { return vector_of(model, Role::final_norm, 0); }

Linear model_head(const Model &model) { return linear_of(model, Role::head, 0, nullptr); }

Linear model_embedding(const Model &model) { return linear_of(model, Role::embedding, 0, nullptr); }

void embed_row(const Linear &table, uint32_t row, float *out) {
    const uint32_t cols = table.matrix.cols;
    const void *weights = table.matrix.weights;
    switch (table.dtype) {
    case Dtype::f32:
        if (!ADDER_FLOAT_LAYERS) break;  // refused when the blob was opened
        for (uint32_t i = 0; i < cols; ++i)
            out[i] = static_cast<const float *>(weights)[f32_index(row, i, cols)];
        break;
    case Dtype::int8: {
        const float scale = table.matrix.scale[table.matrix.scale_per_row ? row : 0];
        for (uint32_t i = 0; i < cols; ++i)
            out[i] = static_cast<float>(static_cast<const int8_t *>(weights)[q8_index(row, i, cols)]) * scale;
        break;
    }
    case Dtype::int4:
        if (!ADDER_INT4) break;
        for (uint32_t i = 0; i < cols; ++i) {
            const Q4Index at = q4_index(row, i, cols);
            const int code = ((static_cast<const uint8_t *>(weights)[at.byte] >> at.shift) & 15) - 8;
            out[i] = static_cast<float>(code) *
                     bf16_f32(table.matrix.group_scale[group_scale_index(row, i, cols, table.matrix.group)]);
        }
        break;
    }
}

uint64_t section_resident_bytes(const BlobSection &section, uint32_t stream_flags) {
    const bool text = section.kind != section_golden;
    if (section.kind == ADDER_TEXT_QUANTIZATION_RECORD || (text && (stream_flags & ADDER_STREAM_NO_TEXT)))
        return 0;
    return round_up_to_line(section.size);
}

const uint8_t *model_section(const Model &model, uint32_t kind, uint64_t *size) {
    uint64_t resident = round_up_to_line(model.header->payload_offset);
    for (uint32_t i = 0; i < model.header->section_count; ++i) {
        const BlobSection &section = model.sections[i];
        const uint64_t bytes =
            model.blob ? section.size : section_resident_bytes(section, model.stream_flags);
        if (section.kind == kind && (model.blob || bytes > 0)) {
            *size = section.size;
            if (model.blob) return model.blob + section.offset;
            return reinterpret_cast<const uint8_t *>(model.header) + resident;
        }
        resident += bytes;
    }
    *size = 0;
    return nullptr;
}

}  // namespace adder

// ---- Public functions -----------------------------------------------------------------------------------------------

using namespace adder;

extern "C" adder_status adder_model_open(adder_model *model, const void *blob, size_t size,
                                         adder_error *error) {
    if (!model) return report(error, ADDER_ERROR_ARGUMENT, "model", 0, 0);
    if (!blob) return report(error, ADDER_ERROR_ARGUMENT, "blob", 0, 0);
    return blob_validate(reinterpret_cast<Model *>(model), blob, size, error);
}

extern "C" adder_status adder_model_verify(const adder_model *model, adder_error *error) {
    if (!model) return report(error, ADDER_ERROR_ARGUMENT, "model", 0, 0);
    const Model &m = *model_of(model);
    const uint64_t begin = m.header->payload_offset, end = m.header->blob_size;
    uint32_t found = 0;
    if (m.blob) {
        found = crc32(0, m.blob + begin, static_cast<size_t>(end - begin));
    } else {
        uint8_t some[512];
        for (uint64_t at = begin; at < end; at += sizeof some) {
            const size_t bytes = end - at < sizeof some ? static_cast<size_t>(end - at) : sizeof some;
            if (m.source->read(m.source->context, at, some, bytes) != 0)
                return report(error, ADDER_ERROR_READ, "bytes from offset", at, at + bytes);
            found = crc32(found, some, bytes);
        }
    }
    if (found != m.header->payload_crc)
        return report(error, ADDER_ERROR_CORRUPT, "CRC-32 of the weights and sections", found,
                      m.header->payload_crc);
    return ADDER_OK;
}

extern "C" void adder_model_get_info(const adder_model *model, adder_model_info *info) {
    const Model &m = *model_of(model);
    const BlobHeader &header = *m.header;
    *info = adder_model_info{};
    info->format_version = header.format_version;
    info->vocab_size = header.vocab_size;
    info->d_model = header.d_model;
    info->n_layer = header.n_layer;
    info->d_inner = header.d_inner;
    info->d_state = header.d_state;
    info->d_conv = header.d_conv;
    info->dt_rank = header.dt_rank;
    info->fingerprint = m.fingerprint;
    info->blob_bytes = header.blob_size;
    info->parameters = header.parameters;
    info->bytes_per_token = m.bytes_per_token;
    info->bos_token = header.bos_token;
    for (int i = 0; i < 4; ++i) info->eos_tokens[i] = header.eos_tokens[i];
    info->int8_activations = m.code_inputs;
    info->has_tokenizer = m.has_tokenizer;
    size_t size;
    info->has_chat_template = adder_model_text(model, ADDER_TEXT_ASSISTANT_PREFIX, &size) != nullptr;
}

extern "C" uint32_t adder_model_vocab_size(const adder_model *model) {
    return model_of(model)->shape.vocab_size;
}

extern "C" int adder_model_is_eos(const adder_model *model, int32_t token) {
    for (int32_t eos : model_of(model)->header->eos_tokens)
        if (eos >= 0 && eos == token) return 1;
    return 0;
}

extern "C" const char *adder_model_text(const adder_model *model, adder_text which, size_t *size) {
    uint64_t bytes = 0;
    const uint8_t *text = model_section(*model_of(model), static_cast<uint32_t>(which), &bytes);
    *size = static_cast<size_t>(bytes);
    return reinterpret_cast<const char *>(text);
}

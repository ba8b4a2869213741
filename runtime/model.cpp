// A model's accessors: shapes, weights and sections as pointers into the blob.
// SPDX-License-Identifier: MIT
#include "runtime/model.h"

#include <string.h>

#include "kernels/layout.h"
#include "kernels/scalar/math.h"
#include "runtime/blob_check.h"
#include "runtime/crc32.h"
#include "runtime/error.h"

namespace adder {

// ---- Blocks and the order of the tensors ----------------------------------------------------------------------------

BlockView shape_view(const Architecture &architecture, const BlobShape &shape) {
    BlockView view;
    view.kind = find_block_kind(shape.kind);
    view.shape = &shape;
    view.dims = make_dims(shape, architecture.d_model, architecture.vocab_size);
    if (!view.kind) return view;
    uint8_t place = 0;
    for (uint32_t i = 0; i < view.kind->tensor_count; ++i) {
        view.place[i] = place;
        place = static_cast<uint8_t>(place + is_present(view.kind->tensors[i], shape.flags));
    }
    return view;
}

BlockView block_view(const Architecture &architecture, uint32_t block) {
    return shape_view(architecture, architecture.shapes[architecture.blocks[block].shape]);
}

BlockView ends_view(const Architecture &architecture) {
    BlockView view = shape_view(architecture, architecture.shapes[0]);  // its own dimensions nobody asks for
    view.kind = &model_ends;
    return view;
}

uint32_t tensors_of_block(const BlockKind &kind, uint16_t flags) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < kind.tensor_count; ++i) count += is_present(kind.tensors[i], flags);
    return count;
}

uint32_t end_index(uint32_t tensor_count, const Architecture &architecture, Role role) {
    const bool tied = (architecture.flags & blob_tied_head) != 0;
    if (role == Role::embedding || (role == Role::head && tied)) return 0;
    const bool biased = has_layer_norm(architecture);
    return tensor_count - (role == Role::final_norm && !tied ? 2 : 1) -
           (biased && (role == Role::final_norm || (role == Role::final_norm_bias && !tied)) ? 1 : 0);
}

uint32_t tensor_index(const Model &model, uint32_t block, Role role) {
    const Architecture &architecture = model.architecture;
    if (block == no_block) return end_index(model.header->tensor_count, architecture, role);
    const BlockView view = block_view(architecture, block);
    return architecture.blocks[block].first_tensor +
           view.place[find_row(*view.kind, role) - view.kind->tensors];
}

uint64_t state_bytes(const Architecture &architecture) {
    uint32_t last = architecture.block_count - 1;
    BlockView view = block_view(architecture, last);
    if (is_built(block_cache)) {  // whose offsets are within a page
        while (view.kind->has_cache && last > 0) view = block_view(architecture, --last);
        if (view.kind->has_cache) return 0;
    }
    return architecture.blocks[last].state_offset + block_state_bytes(*view.kind, *view.shape, view.dims);
}

#if ADDER_CACHE

uint64_t page_bytes(const Architecture &architecture) {
    for (uint32_t block = architecture.block_count; block-- > 0;) {
        const BlockView view = block_view(architecture, block);
        if (view.kind->has_cache)
            return architecture.blocks[block].state_offset +
                   block_page_bytes(*view.kind, *view.shape, view.dims);
    }
    return 0;
}

uint32_t trained_context(const Architecture &architecture) {
    uint32_t least = 0;
    for (uint32_t i = 0; i < architecture.shape_count; ++i) {
        const uint32_t context = shape_view(architecture, architecture.shapes[i]).dims[Dim::context];
        if (context > 0 && (least == 0 || context < least)) least = context;
    }
    return least;
}

#endif

bool has_carried(const Architecture &architecture) {
    if (!is_built(block_carried)) return false;
    for (uint32_t i = 0; i < architecture.shape_count; ++i) {
        const BlobShape &shape = architecture.shapes[i];
        if (takes_carried(*find_block_kind(shape.kind), shape.flags) != 0) return true;
    }
    return false;
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

// ---- Pointers into the blob -----------------------------------------------------------------------------------------

const BlobTensor &tensor_of(const Model &model, uint32_t block, Role role) {
    return model.tensors[tensor_index(model, block, role)];
}

static const BlobTensor &end_tensor(const Model &model, Role role) {
    return model.tensors[end_index(model.header->tensor_count, model.architecture, role)];
}

// A place in the blob; null where that is streamed.
static const uint8_t *place_of(const Model &model, uint64_t offset) {
    return model.blob ? model.blob + offset : nullptr;
}

static const float *floats_at(const Model &model, uint64_t offset) {
    return reinterpret_cast<const float *>(place_of(model, offset));
}

const BlobTensor &ModelBlock::tensor(const TensorRow &row) const {
    return model.tensors[first_tensor + view.place[&row - view.kind->tensors]];
}

const float *ModelBlock::vector(const TensorRow &row) const { return floats_at(model, tensor(row).offset); }

static Linear linear_of(const Model &model, const BlobTensor &tensor, const float *bias) {
    const Dtype dtype = static_cast<Dtype>(tensor.dtype);
    const void *scales = place_of(model, tensor.scale_offset);  // of float weights none, and not looked at
    Linear linear;
    linear.matrix.weights = place_of(model, tensor.offset);
    linear.matrix.scale = dtype == Dtype::int8 ? static_cast<const float *>(scales) : nullptr;
    linear.matrix.group_scale = dtype == Dtype::int4 ? static_cast<const uint16_t *>(scales) : nullptr;
#if ADDER_HALF_SCALES
    linear.matrix.half_scales = tensor.scale_type == static_cast<uint8_t>(ScaleType::f16);
#endif
    linear.matrix.group = tensor.group;
    linear.matrix.bias = bias;
    linear.matrix.tiles = tensor.tiles;
    linear.matrix.cols = round_up_to_tile(tensor.cols);
    linear.matrix.scale_per_row = tensor.granularity == static_cast<uint8_t>(Granularity::row);
    linear.dtype = dtype;
    linear.input = static_cast<Input>(tensor.input);
    linear.largest_code = largest_code(tensor.input_bits);
    linear.input_scale = tensor.input_scale;
    linear.multipliers = tensor.multiplier_offset ? floats_at(model, tensor.multiplier_offset) : nullptr;
    if (is_built(block_diagonal)) {
        linear.blocks = 1;
        linear.first_tile = 0;
    }
    return linear;
}

Linear ModelBlock::linear(const TensorRow &row) const {
    const BlobTensor *entry = &tensor(row);
    const bool biased = bias_row(*view.kind, row, view.shape->flags) != nullptr;
    Linear linear = linear_of(model, *entry, biased ? floats_at(model, entry[1].offset) : nullptr);
    if (is_built(block_diagonal)) linear.blocks = diagonal_blocks(*view.kind, row, view.dims);
    return linear;
}

Linear model_matrix(const Model &model, Role role) {
    return linear_of(model, end_tensor(model, role), nullptr);
}

const float *model_final_norm(const Model &model) {
    return floats_at(model, end_tensor(model, Role::final_norm).offset);
}

const float *model_final_norm_bias(const Model &model) {
    if (!has_layer_norm(model.architecture)) return nullptr;
    return floats_at(model, end_tensor(model, Role::final_norm_bias).offset);
}

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
        for (uint32_t i = 0; i < cols; i += 4) {
            const int8_t *codes = static_cast<const int8_t *>(weights) + q8_index(row, i, cols);
            for (uint32_t k = 0; k < 4; ++k) out[i + k] = static_cast<float>(codes[k]) * scale;
        }
        break;
    }
    case Dtype::int4:
        if (!ADDER_INT4) break;
        for (uint32_t i = 0; i < cols; i += 8) {  // of one group
            const uint8_t *codes = static_cast<const uint8_t *>(weights) + q4_index(row, i, cols).byte;
            const float scale =
                group_scale_f32(table.matrix.group_scale[group_scale_index(row, i, cols, table.matrix.group)],
                                has_half_scales(table.matrix));
            for (uint32_t k = 0; k < 8; ++k)
                out[i + k] = static_cast<float>((codes[k % 4] >> (k & 4) & 15) - 8) * scale;
        }
        break;
    }
}

void embed_token(const Model &model, const Linear &table, uint32_t row, float *out) {
    embed_row(table, row, out);
    const float scale = is_built(block_scaled_ends) ? model.header->embedding_scale : 1.0f;
    if (scale == 1.0f) return;
    for (uint32_t i = 0; i < table.matrix.cols; ++i) out[i] = out[i] * scale;
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
        const uint64_t bytes = model.blob ? section.size : section_resident_bytes(section, model.stream_flags);
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
    if (!model) return report(error, ADDER_ERROR_ARGUMENT, "model");
    if (!blob) return report(error, ADDER_ERROR_ARGUMENT, "blob");
    return blob_check(reinterpret_cast<Model *>(model), blob, size, error);
}

extern "C" adder_status adder_model_verify_piece(const adder_model *model, adder_verification *verification,
                                                 adder_error *error) {
    if (!model || !verification)
        return report(error, ADDER_ERROR_ARGUMENT, model ? "verification" : "model");
    const Model &m = *model_of(model);
    const uint64_t at = m.header->payload_offset + verification->done, end = m.header->blob_size;
    if (at < end) {
        uint8_t piece[512];
        const uint32_t size =
            end - at < sizeof piece ? static_cast<uint32_t>(end - at) : uint32_t{sizeof piece};
        const uint8_t *read = m.blob + at;
        if (!m.blob) {
            read = piece;
            if (m.source->read(m.source->context, at, piece, size) != 0)
                return report(error, ADDER_ERROR_READ, "bytes from offset", at, at + size);
        }
        verification->crc = crc32(verification->crc, read, size);
        verification->done += size;
        if (size == sizeof piece) return ADDER_MORE;
    }
    if (verification->crc == m.header->payload_crc) return ADDER_OK;
    return report(error, ADDER_ERROR_CORRUPT, "CRC-32 of the weights and sections", verification->crc,
                  m.header->payload_crc);
}

extern "C" adder_status adder_model_verify(const adder_model *model, adder_error *error) {
    adder_verification verification{};
    adder_status status;
    do status = adder_model_verify_piece(model, &verification, error);
    while (status == ADDER_MORE);
    return status;
}

extern "C" void adder_model_get_info(const adder_model *model, adder_model_info *info) {
    const Model &m = *model_of(model);
    const BlobHeader &header = *m.header;
    *info = adder_model_info{};
    info->format_version = header.format_version;
    info->vocab_size = header.vocab_size;
    info->d_model = header.d_model;
    info->n_layer = header.layer_count;
    info->n_block = header.block_count;
    info->fingerprint = m.fingerprint;
    info->blob_bytes = header.blob_size;
    info->parameters = header.parameters;
    info->bytes_per_token = m.bytes_per_token;
    info->bos_token = header.bos_token;
    for (int i = 0; i < 4; ++i) info->eos_tokens[i] = header.eos_tokens[i];
    info->int8_activations = m.code_inputs;
    info->has_tokenizer = m.has_tokenizer;
    info->context = trained_context(m.architecture);
    size_t size;
    info->has_chat_template = adder_model_text(model, ADDER_TEXT_ASSISTANT_PREFIX, &size) != nullptr;
}

extern "C" uint32_t adder_model_dim(const adder_model *model, uint32_t block, const char *name) {
    const Architecture &architecture = model_of(model)->architecture;
    if (block >= architecture.block_count || !name) return 0;
    const BlockView view = block_view(architecture, block);
    for (uint32_t i = 0; i < view.kind->dim_count; ++i) {
        const Dim dim = view.kind->dims[i].dim;
        const size_t length = strlen(dim_name(dim)) + 1;
        if (strlen(name) + 1 == length && memcmp(dim_name(dim), name, length) == 0) return view.dims[dim];
    }
    return 0;
}

extern "C" uint32_t adder_model_vocab_size(const adder_model *model) {
    return model_of(model)->architecture.vocab_size;
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

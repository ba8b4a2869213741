// Opening a blob that is not in memory: what of it becomes resident, read once and validated there.
// SPDX-License-Identifier: MIT
#include "runtime/blob_check.h"
#include "runtime/error.h"
#include "runtime/stream.h"

namespace adder {
namespace {

constexpr StreamOperations stream_operations = {stream_least_buffer, stream_init, stream_walk_embed,
                                                stream_walk_block, stream_walk_head};

// Reads bytes [offset, offset + size) of the blob, which has them all.
adder_status read_at(const adder_source &source, uint64_t offset, void *buffer, uint64_t size,
                     adder_error *error) {
    if (size == 0 || source.read(source.context, offset, buffer, static_cast<size_t>(size)) == 0)
        return ADDER_OK;
    return report(error, ADDER_ERROR_READ, "bytes from offset", offset, offset + size);
}

adder_status check_source(const adder_source *source, uint32_t flags, adder_error *error) {
    if (!source || !source->read || !source->start != !source->wait)
        return report(error, ADDER_ERROR_ARGUMENT, "source");
    if (flags & ~uint32_t{ADDER_STREAM_NO_TEXT})
        return report(error, ADDER_ERROR_ARGUMENT, "flags", flags, flags & ADDER_STREAM_NO_TEXT);
    return ADDER_OK;
}

adder_status read_header(const adder_source &source, BlobHeader *header, adder_error *error) {
    if (source.size < sizeof *header)
        return report(error, ADDER_ERROR_TRUNCATED, "bytes", source.size, sizeof *header);
    const adder_status status = read_at(source, 0, header, sizeof *header, error);
    return status == ADDER_OK ? blob_check_header(*header, source.size, error) : status;
}

// Behind the metadata, each section that is to be resident, in the order of the table.
adder_status read_sections(const Model &model, uint8_t *memory, uint64_t size, adder_error *error) {
    uint64_t end = round_up_to_line(model.header->payload_offset);
    for (uint32_t i = 0; i < model.header->section_count; ++i) {
        const BlobSection &section = model.sections[i];
        const uint64_t bytes = section_resident_bytes(section, model.stream_flags);
        if (bytes == 0) continue;
        // `end` is at most `size` and the section within the blob: no sum overflows.
        if (bytes > size - end) return report(error, ADDER_ERROR_BUFFER, "memory", size, end + bytes);
        const adder_status status = read_at(*model.source, section.offset, memory + end, section.size, error);
        if (status != ADDER_OK) return status;
        end += bytes;
    }
    return ADDER_OK;
}

adder_status open_stream(Model *model, uint8_t *memory, uint64_t size, adder_error *error) {
    BlobHeader *header = reinterpret_cast<BlobHeader *>(memory);
    if (size < sizeof *header) return report(error, ADDER_ERROR_BUFFER, "memory", size, sizeof *header);
    adder_status status = read_header(*model->source, header, error);
    if (status != ADDER_OK) return status;
    const uint64_t metadata = header->payload_offset;
    if (metadata > size || round_up_to_line(metadata) > size)
        return report(error, ADDER_ERROR_BUFFER, "memory", size, round_up_to_line(metadata));
    status =
        read_at(*model->source, sizeof *header, memory + sizeof *header, metadata - sizeof *header, error);
    if (status == ADDER_OK) status = blob_check_metadata(model, memory, model->source->size, error);
    if (status == ADDER_OK) status = read_sections(*model, memory, size, error);
    if (status == ADDER_OK) status = blob_open_sections(model, error);
    return status;
}

}  // namespace
}  // namespace adder

using namespace adder;

extern "C" size_t adder_stream_memory_size(const adder_source *source, uint32_t flags, adder_error *error) {
    BlobHeader header;
    if (check_source(source, flags, error) != ADDER_OK || read_header(*source, &header, error) != ADDER_OK)
        return 0;
    uint64_t total = round_up_to_line(header.payload_offset);
    for (uint32_t i = 0; i < header.section_count; ++i) {
        BlobSection section;
        const uint64_t at = header.section_table_offset + uint64_t{i} * sizeof section;
        if (read_at(*source, at, &section, sizeof section, error) != ADDER_OK) return 0;
        if (section.size > header.blob_size) {
            report(error, ADDER_ERROR_CORRUPT, "size of section", section.size, header.blob_size,
                   static_cast<int32_t>(i));
            return 0;
        }
        total += section_resident_bytes(section, flags);
        if (total > SIZE_MAX / 2) {
            report(error, ADDER_ERROR_UNSUPPORTED, "memory", total, SIZE_MAX / 2);
            return 0;
        }
    }
    return static_cast<size_t>(total);
}

extern "C" adder_status adder_model_open_stream(adder_model *model, const adder_source *source, uint32_t flags,
                                                void *memory, size_t size, adder_error *error) {
    if (!model) return report(error, ADDER_ERROR_ARGUMENT, "model");
    Model *m = reinterpret_cast<Model *>(model);
    *m = Model{};
    adder_status status = check_source(source, flags, error);
    if (status != ADDER_OK) return status;
    if (!memory) return report(error, ADDER_ERROR_ARGUMENT, "memory");
    const uintptr_t misalignment = reinterpret_cast<uintptr_t>(memory) % ADDER_ALIGNMENT;
    if (misalignment != 0)
        return report(error, ADDER_ERROR_ALIGNMENT, "memory address modulo 64", misalignment, 0);
    m->source = source;
    m->stream = &stream_operations;
    m->stream_flags = flags;
    status = open_stream(m, static_cast<uint8_t *>(memory), size, error);
    if (status != ADDER_OK) *m = Model{};
    return status;
}

// Validation of a blob.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/model.h"

namespace adder {

// Validates a blob in memory and fills in a model.
adder_status blob_check(Model *model, const void *blob, size_t size, adder_error *error);

// What blob_check consists of, for a blob of which only some is in memory: the header's own claims; the metadata, bytes
// [0, payload_offset) at `metadata`, of a blob of `size` bytes; then the sections that are in memory.
adder_status blob_check_header(const BlobHeader &header, uint64_t size, adder_error *error);
adder_status blob_check_metadata(Model *model, const uint8_t *metadata, uint64_t size, adder_error *error);
adder_status blob_open_sections(Model *model, adder_error *error);

// Takes note of the forms of weights and inputs that the arena depends on, of one tensor.
void note_form(Model *model, const BlobTensor &tensor);

}  // namespace adder

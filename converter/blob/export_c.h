// A blob as C, assembly and linker script, for programs that carry their model: what `adder export-c` writes.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "converter/blob/file.h"

namespace adder {

struct ExportSpec {
    std::string name;             // a C identifier that begins with no digit; macros have it in capitals
    adder_options session;        // chunk and logit_rows that the arena is for; resolved
    std::string_view state = {};  // one that was saved under this blob; empty: none
    uint64_t state_tokens = 0;    // that it has taken
    bool stream = false;          // the blob is not in memory, and the header alone is written
    uint32_t stream_flags = 0;    // of adder_model_open_stream
};

// "adder-1m.int4" to "adder_1m_int4": what the files of a blob are called where no name was given.
std::string export_name_of(std::string_view stem);

// Throws Error(usage) unless it may name the files, the array and the macros.
void check_export_name(const std::string &name);

// Throws Error(bad_input) with the library's sentence unless the state is of this blob and fits into the session's context.
// Returns the tokens that it has taken.
uint64_t check_state(const BlobFile &blob, const ExportSpec &spec, const std::string &path);

// The texts. The same blob and specification give the same bytes, on every host.
std::string export_header(const BlobFile &blob, const ExportSpec &spec);  // NAME.h
std::string export_assembly(const BlobFile &blob,
                            const ExportSpec &spec);  // NAME.S, which includes NAME.adder
std::string export_linker_script(const BlobFile &blob, const ExportSpec &spec);  // NAME.ld
// NAME.c, in pieces: it is 2.6 times as large as the blob.
void export_array(const BlobFile &blob, const ExportSpec &spec,
                  const std::function<void(std::string_view)> &write);

// A constraint, as its opened file has it: its bytes, and bytes that no text is longer than.
struct ConstraintExport {
    std::string name;
    std::string_view bytes;
    uint32_t longest;
};
std::string export_constraint_header(const ConstraintExport &constraint);  // NAME.h
std::string export_constraint_array(const ConstraintExport &constraint);   // NAME.c

}  // namespace adder

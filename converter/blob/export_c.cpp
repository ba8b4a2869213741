// The texts of `adder export-c`: header, array, assembly, linker script.
// SPDX-License-Identifier: MIT
#include "converter/blob/export_c.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "converter/base/error.h"
#include "converter/blob/session.h"
#include "runtime/arena.h"
#include "runtime/model.h"

namespace adder {
namespace {

// ASCII only, whatever the locale.
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string capitals(std::string text) {
    for (char &c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
}

// Every @name@, @NAME@ and so on replaced by its value.
std::string filled_in(std::string_view text,
                      const std::vector<std::pair<std::string_view, std::string>> &values) {
    std::string out;
    while (!text.empty()) {
        const size_t at = text.find('@');
        out += text.substr(0, at);
        if (at == text.npos) break;
        const size_t end = text.find('@', at + 1);
        const std::string_view key = text.substr(at + 1, end - at - 1);
        for (const auto &[name, value] : values)
            if (name == key) out += value;
        text.remove_prefix(end + 1);
    }
    return out;
}

// A string literal of C and C++. Three octal digits end an escape, whatever follows; "?" could begin a trigraph.
std::string literal(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '?';
        out += plain ? std::string(1, c)
                     : format("\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
    return out + "\"";
}

// Little-endian words of 8 bytes; a blob whose size is no multiple of 8 is followed by zeros.
uint64_t word_of(const uint8_t *bytes, uint64_t left) {
    uint64_t word = 0;
    for (uint64_t i = 0; i < std::min<uint64_t>(left, 8); ++i) word |= uint64_t{bytes[i]} << (8 * i);
    return word;
}

constexpr const char *header_text =
    R"(/* The model @name@ as constants for C and C++. Made by adder export-c: make it again instead of editing it.
 *
@use@
 */
#ifndef ADDER_MODEL_@NAME@_H
#define ADDER_MODEL_@NAME@_H

#if !defined(__has_include) || __has_include(<adder/adder.h>)
#include <adder/adder.h>
#else
#include "adder.h" /* of the library in two files */
#endif

/* The arena is laid out by the library: the constants below are those of one version. */
#if ADDER_FORMAT_VERSION != @format@ || ADDER_VERSION_MAJOR != @major@ || ADDER_VERSION_MINOR != @minor@
#error "@name@ was exported for Adder @major@.@minor@: export it again with this version's adder"
#endif

#define @NAME@_MODEL_NAME @model_name@
#define @NAME@_FINGERPRINT UINT64_C(@fingerprint@)
#define @NAME@_BLOB_BYTES @blob_bytes@
#define @NAME@_VOCAB_SIZE @vocab_size@
#define @NAME@_STATE_BYTES @state_bytes@ /* of a saved state, at the end of the context where there is one */
#define @NAME@_TEXT_BYTES @text_bytes@ /* adder_detokenize_capacity */

/* adder_arena_size with these options, wherever it is compiled. */
#define @NAME@_CHUNK @chunk@
#define @NAME@_LOGIT_ROWS @logit_rows@
#define @NAME@_CONTEXT @context@ /* 0: no sequence is too long */
@arena@

/* For the program of one model; one of several defines ADDER_SEVERAL_MODELS. */
#ifndef ADDER_SEVERAL_MODELS
#define ADDER_ARENA_BYTES @NAME@_ARENA_BYTES
#endif

#ifdef __cplusplus
extern "C" {
#endif

@arrays@

#ifdef __cplusplus
}
#endif

#endif
)";

constexpr const char *use_in_memory =
    R"( * Compile @name@.S, which takes @name@.adder from the include path, or @name@.c where there is no GNU assembler:
 *
 *     static unsigned char arena[@NAME@_ARENA_BYTES] __attribute__((aligned(ADDER_ALIGNMENT)));
 *     adder_options options = {0};
 *     options.chunk = @NAME@_CHUNK;
 *     options.logit_rows = @NAME@_LOGIT_ROWS;
 *     options.context = @NAME@_CONTEXT;
 *     adder_model_open(&model, @name@_blob, @NAME@_BLOB_BYTES, &error);
 *     adder_session_init(&session, &model, &options, arena, sizeof arena, &error);)";
constexpr const char *use_of_state = R"(
 *     adder_state_load(session, @name@_state, @NAME@_SAVED_BYTES, &error);)";
constexpr const char *use_of_stream =
    R"( * The blob is read through callbacks (adder_source):
 *
 *     static unsigned char memory[@NAME@_STREAM_MEMORY_BYTES] __attribute__((aligned(ADDER_ALIGNMENT)));
 *     static unsigned char arena[@NAME@_ARENA_BYTES] __attribute__((aligned(ADDER_ALIGNMENT)));
 *     adder_options options = {0};
 *     options.chunk = @NAME@_CHUNK;
 *     options.logit_rows = @NAME@_LOGIT_ROWS;
 *     options.context = @NAME@_CONTEXT;
 *     options.stream_buffer = @NAME@_STREAM_BUFFER;
 *     adder_model_open_stream(&model, &source, @NAME@_STREAM_FLAGS, memory, sizeof memory, &error);
 *     adder_session_init(&session, &model, &options, arena, sizeof arena, &error);)";

constexpr const char *arena_in_memory = "#define @NAME@_ARENA_BYTES (ADDER_SESSION_BYTES + @model_arena@)";
constexpr const char *arena_of_stream = R"(#define @NAME@_STREAM_FLAGS @stream_flags@
#define @NAME@_STREAM_BUFFER @stream_buffer@
#define @NAME@_STREAM_MEMORY_BYTES @stream_memory@ /* adder_stream_memory_size */
#define @NAME@_ARENA_BYTES (ADDER_SESSION_BYTES + ADDER_STREAM_READER_BYTES + @model_arena@)
/* Where the source reads ahead, with `start` and `wait`: */
#define @NAME@_AHEAD_ARENA_BYTES (@NAME@_ARENA_BYTES + @NAME@_STREAM_BUFFER))";

constexpr const char *blob_declaration =
    "extern const uint64_t @name@_blob[(@NAME@_BLOB_BYTES + 7) / 8]; /* aligned to ADDER_ALIGNMENT */";
constexpr const char *state_declaration = R"(

/* A saved state, for adder_state_load: that after @state_tokens@ tokens. */
#define @NAME@_SAVED_BYTES @saved_bytes@
extern const uint64_t @name@_state[(@NAME@_SAVED_BYTES + 7) / 8];)";

constexpr const char *assembly_text =
    R"(/* The blob of the model @name@ as it lies in @name@.adder. Made by adder export-c: make it again instead of editing it.
 *
 * The assembler looks for the file on the include path. -D@NAME@_SECTION='".name"' puts it into another section.
 */
#if defined(__APPLE__)
#define @NAME@_SYMBOL _@name@_blob
    .const
#else
#define @NAME@_SYMBOL @name@_blob
#ifndef @NAME@_SECTION
#define @NAME@_SECTION ".rodata.@name@_blob"
#endif
#if defined(__ELF__)
    .section @NAME@_SECTION, "a", %progbits
    .type @NAME@_SYMBOL, %object
    .size @NAME@_SYMBOL, @blob_bytes@
#else
    .section .rdata, "dr"
#endif
#endif
    .globl @NAME@_SYMBOL
    .balign 64
@NAME@_SYMBOL:
    .incbin "@name@.adder"
    .balign 8
@state_assembly@
#if defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
)";

constexpr const char *state_assembly_text = R"(
#if defined(__APPLE__)
#define @NAME@_STATE_SYMBOL _@name@_state
#else
#define @NAME@_STATE_SYMBOL @name@_state
#if defined(__ELF__)
    .section ".rodata.@name@_state", "a", %progbits
    .type @NAME@_STATE_SYMBOL, %object
    .size @NAME@_STATE_SYMBOL, @saved_bytes@
#endif
#endif
    .globl @NAME@_STATE_SYMBOL
    .balign 8
@NAME@_STATE_SYMBOL:
    .incbin "@name@.state"
    .balign 8
)";

constexpr const char *array_text =
    R"(/* The blob of the model @name@ as an array. Made by adder export-c: make it again instead of editing it.
 *
 * @name@.S gives the same in a moment. -D@NAME@_SECTION='".name"' puts it into another section.
 */
#include "@name@.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "blobs are little-endian"
#endif

#if defined(__ELF__) && !defined(@NAME@_SECTION)
#define @NAME@_SECTION ".rodata.@name@_blob"
#endif
#ifdef @NAME@_SECTION
__attribute__((section(@NAME@_SECTION)))
#endif
#if defined(__GNUC__)
__attribute__((aligned(ADDER_ALIGNMENT)))
#elif defined(__cplusplus)
alignas(ADDER_ALIGNMENT)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Alignas(ADDER_ALIGNMENT)
#else
#error "say here how this compiler aligns an array to 64 bytes"
#endif
const uint64_t @name@_blob[(@NAME@_BLOB_BYTES + 7) / 8] = {
)";

constexpr const char *state_array_text = R"(
#if defined(__ELF__)
__attribute__((section(".rodata.@name@_state")))
#endif
const uint64_t @name@_state[(@NAME@_SAVED_BYTES + 7) / 8] = {
)";

constexpr const char *linker_text =
    R"(/* Where the blob of the model @name@ goes: for a script of GNU ld or lld. Made by adder export-c.
 *
 *     MEMORY { ... QSPI (r) : ORIGIN = 0x90000000, LENGTH = 16M }
 *     REGION_ALIAS("@NAME@_REGION", QSPI)
 *     SECTIONS
 *     {
 *         INCLUDE @name@.ld
 *         ...
 *     }
 *
 * in front of the line that takes *(.rodata*). A blob that shares its region with other constants needs none of this.
 */
.@name@_blob : ALIGN(64)
{
    KEEP(*(.rodata.@name@_blob))
} > @NAME@_REGION
ASSERT(SIZEOF(.@name@_blob) == @section_bytes@, "the blob of @name@ is not in its section: is another line in front of its own?")
)";

constexpr const char *constraint_header_text =
    R"(/* The constraint @name@ for C and C++. Made by adder export-c: make it again instead of editing it.
 *
 * Compile @name@.c:
 *
 *     adder_constraint_open(&constraint, @name@_constraint, @NAME@_CONSTRAINT_BYTES, &error);
 */
#ifndef ADDER_CONSTRAINT_@NAME@_H
#define ADDER_CONSTRAINT_@NAME@_H

#include <stdint.h>

#define @NAME@_CONSTRAINT_BYTES @bytes@
#define @NAME@_LONGEST @longest@ /* bytes that no text is longer than, and tokens that every text is complete with */

#ifdef __cplusplus
extern "C" {
#endif

extern const uint64_t @name@_constraint[(@NAME@_CONSTRAINT_BYTES + 7) / 8];

#ifdef __cplusplus
}
#endif

#endif
)";

constexpr const char *constraint_array_text =
    R"(/* The constraint @name@ as an array. Made by adder export-c: make it again instead of editing it. */
#include "@name@.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "constraints are little-endian"
#endif

const uint64_t @name@_constraint[(@NAME@_CONSTRAINT_BYTES + 7) / 8] = {
)";

std::vector<std::pair<std::string_view, std::string>> values_of(const ConstraintExport &constraint) {
    return {{"name", constraint.name},
            {"NAME", capitals(constraint.name)},
            {"bytes", std::to_string(constraint.bytes.size())},
            {"longest", std::to_string(constraint.longest)}};
}

// The elements of an array of words, and its end.
void write_words(const uint8_t *bytes, uint64_t size, const std::function<void(std::string_view)> &write) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (uint64_t at = 0; at < size; at += 8) {
        const uint64_t word = word_of(bytes + at, size - at);
        text += "0x";
        for (int shift = 60; shift >= 0; shift -= 4) text += digits[word >> shift & 15];
        text += at % 48 == 40 || at + 8 >= size ? ",\n" : ",";
        if (text.size() > 1 << 16) {
            write(text);
            text.clear();
        }
    }
    write(text + "};\n");
}

// A blob in memory as a source, for the sizes of a streamed one.
struct BlobSource {
    explicit BlobSource(const BlobFile &blob) : bytes(model_of(blob.model())->blob) {
        source.read = [](void *context, uint64_t offset, void *buffer, size_t size) {
            std::memcpy(buffer, static_cast<const BlobSource *>(context)->bytes + offset, size);
            return 0;
        };
        source.context = this;
        source.size = blob.info().blob_bytes;
    }
    const uint8_t *bytes;
    adder_source source{};
};

using Values = std::vector<std::pair<std::string_view, std::string>>;

// Bytes of the arena that are the same wherever it is compiled; and what else is said of a streamed blob.
void add_arena(const BlobFile &blob, const ExportSpec &spec, Values *values) {
    adder_options session;
    adder_error error{};
    BlobSource source(blob);
    std::vector<uint8_t> memory;
    adder_model streamed;
    const adder_model *model = blob.model();
    uint64_t elsewhere = ADDER_SESSION_BYTES;
    if (spec.stream) {
        const size_t size = adder_stream_memory_size(&source.source, spec.stream_flags, &error);
        memory.resize(size + ADDER_ALIGNMENT);
        uint8_t *const aligned =
            memory.data() + (ADDER_ALIGNMENT - reinterpret_cast<uintptr_t>(memory.data()) % ADDER_ALIGNMENT);
        check(adder_model_open_stream(&streamed, &source.source, spec.stream_flags, aligned, size, &error),
              blob.path());
        model = &streamed;
        elsewhere += ADDER_STREAM_READER_BYTES;
        values->emplace_back("stream_memory", std::to_string(size));
        values->emplace_back("stream_flags", std::to_string(spec.stream_flags));
    }
    const adder_status status = options_resolve(*model_of(model), &spec.session, &session, &error);
    if (status != ADDER_OK) bad_input("%s: %s", blob.path().c_str(), error_text(status, error).c_str());
    values->emplace_back("stream_buffer", std::to_string(session.stream_buffer));
    values->emplace_back("context", std::to_string(session.context));
    values->emplace_back("state_bytes", std::to_string(adder_state_size_at(model, session.context)));
    values->emplace_back("model_arena",
                         std::to_string(arena_plan(*model_of(model), session).total - elsewhere));
}

Values values_of(const BlobFile &blob, const ExportSpec &spec) {
    const adder_model_info &info = blob.info();
    size_t name_size = 0;
    const char *const model_name = adder_model_text(blob.model(), ADDER_TEXT_NAME, &name_size);
    Values values = {
        {"name", spec.name},
        {"NAME", capitals(spec.name)},
        {"format", std::to_string(info.format_version)},
        {"major", std::to_string(ADDER_VERSION_MAJOR)},
        {"minor", std::to_string(ADDER_VERSION_MINOR)},
        {"model_name", literal({model_name ? model_name : "", name_size})},
        {"fingerprint", format("0x%016" PRIx64, info.fingerprint)},
        {"blob_bytes", std::to_string(info.blob_bytes)},
        {"section_bytes", std::to_string((info.blob_bytes + 7) / 8 * 8)},
        {"vocab_size", std::to_string(info.vocab_size)},
        {"text_bytes", std::to_string(adder_detokenize_capacity(blob.model()))},
        {"chunk", std::to_string(spec.session.chunk)},
        {"logit_rows", std::to_string(spec.session.logit_rows)},
        {"saved_bytes", std::to_string(spec.state.size())},
        {"state_tokens", std::to_string(spec.state_tokens)},
    };
    add_arena(blob, spec, &values);
    const bool saved = !spec.state.empty();
    const auto add = [&values](const char *key, std::string text) {
        values.emplace_back(key, filled_in(text, values));
    };
    add("use", (spec.stream ? std::string(use_of_stream) : use_in_memory) + (saved ? use_of_state : ""));
    add("arena", spec.stream ? arena_of_stream : arena_in_memory);
    add("arrays", (spec.stream ? std::string() : blob_declaration) + (saved ? state_declaration : ""));
    add("state_assembly", saved ? state_assembly_text : "");
    return values;
}

}  // namespace

std::string export_name_of(std::string_view stem) {
    std::string name;
    for (const char c : stem) name += is_letter(c) || is_digit(c) ? c : '_';
    return name.empty() || is_digit(name[0]) ? "model_" + name : name;
}

void check_export_name(const std::string &name) {
    const bool identifier =
        !name.empty() && !is_digit(name[0]) &&
        std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c); });
    if (!identifier || name.size() > 64)
        fail(ExitCode::usage,
             "--name %s: a name is at most 64 letters, digits and _, and begins with no digit", name.c_str());
    // Its header would be adder.h, its macros those of the library.
    if (capitals(name) == "ADDER")
        fail(ExitCode::usage, "--name %s: that is the library's own", name.c_str());
}

std::string export_header(const BlobFile &blob, const ExportSpec &spec) {
    return filled_in(header_text, values_of(blob, spec));
}

std::string export_assembly(const BlobFile &blob, const ExportSpec &spec) {
    return filled_in(assembly_text, values_of(blob, spec));
}

std::string export_linker_script(const BlobFile &blob, const ExportSpec &spec) {
    return filled_in(linker_text, values_of(blob, spec));
}

void export_array(const BlobFile &blob, const ExportSpec &spec,
                  const std::function<void(std::string_view)> &write) {
    write(filled_in(array_text, values_of(blob, spec)));
    write_words(model_of(blob.model())->blob, blob.info().blob_bytes, write);
    if (spec.state.empty()) return;
    write(filled_in(state_array_text, values_of(blob, spec)));
    write_words(reinterpret_cast<const uint8_t *>(spec.state.data()), spec.state.size(), write);
}

uint64_t check_state(const BlobFile &blob, const ExportSpec &spec, const std::string &path) {
    const Session session(blob, spec.session);
    adder_error error{};
    const adder_status status = adder_state_load(session.get(), spec.state.data(), spec.state.size(), &error);
    if (status != ADDER_OK) bad_input("%s: %s", path.c_str(), error_text(status, error).c_str());
    return adder_session_position(session.get());
}

std::string export_constraint_header(const ConstraintExport &constraint) {
    return filled_in(constraint_header_text, values_of(constraint));
}

std::string export_constraint_array(const ConstraintExport &constraint) {
    std::string text = filled_in(constraint_array_text, values_of(constraint));
    write_words(reinterpret_cast<const uint8_t *>(constraint.bytes.data()), constraint.bytes.size(),
                [&text](std::string_view more) { text += more; });
    return text;
}

}  // namespace adder

// Status sentences, error sentences with their numbers, and the version. No stdio.
// SPDX-License-Identifier: MIT
#include "adder/adder.h"
#include "kernels/kernels.h"
#include "runtime/error.h"

namespace adder {

// Out of line: it is called where code is rarely run.
adder_status report(adder_error *error, adder_status status, const char *item, uint64_t found,
                    uint64_t needed, int32_t index) {
    if (error) *error = adder_error{status, ADDER_ERROR_STRINGS ? item : nullptr, index, found, needed};
    return status;
}

adder_status report(adder_error *error, adder_status status, const char *item) {
    return report(error, status, item, 0, 0);
}

}  // namespace adder

namespace {

// Numbers are written by subtracting these: a 64-bit division is a library call of half a kilobyte on small cores.
struct PowersOfTen {
    uint64_t at[20];
};
constexpr PowersOfTen make_powers_of_ten() {
    PowersOfTen powers{};
    uint64_t power = 1;
    for (int i = 0; i < 20; ++i, power *= 10) powers.at[i] = power;
    return powers;
}
constexpr PowersOfTen powers_of_ten = make_powers_of_ten();

// Appends to a bounded, zero-terminated text and counts what did not fit as well.
struct Writer {
    char *text;
    size_t size;
    size_t length = 0;

    void put(char c) {
        if (length + 1 < size) text[length] = c;
        ++length;
    }
    void put(const char *words) {
        while (*words) put(*words++);
    }
    void put(uint64_t number) {
        bool begun = false;
        for (int i = 19; i >= 0; --i) {
            char digit = '0';
            for (; number >= powers_of_ten.at[i]; number -= powers_of_ten.at[i]) ++digit;
            begun = begun || digit != '0' || i == 0;
            if (begun) put(digit);
        }
    }
    void end() {
        if (size > 0) text[length < size ? length : size - 1] = '\0';
    }
};

#if ADDER_ERROR_STRINGS

// Which instruction sets could have been asked for, and where the name came from.
void put_usable_isas(Writer &writer, const char *name) {
    if (name == adder::kernels_environment()) writer.put(" (from ADDER_ISA)");
    writer.put("; usable here: ");
    uint32_t count = 0;
    const adder::KernelTable *const *tables = adder::kernels_built(&count);
    for (uint32_t i = 0; i < count; ++i) {
        if (!tables[i]->usable()) continue;
        if (i > 0) writer.put(", ");  // the first is scalar, which always is
        writer.put(tables[i]->name);
    }
}

#endif

}  // namespace

#if ADDER_ERROR_STRINGS

extern "C" const char *adder_status_text(adder_status status) {
    switch (status) {
    case ADDER_OK: return "no error";
    case ADDER_ERROR_ARGUMENT: return "an argument is null or outside of its range";
    case ADDER_ERROR_ALIGNMENT: return "the memory is not aligned to 64 bytes";
    case ADDER_ERROR_NOT_A_BLOB: return "this is not an Adder blob";
    case ADDER_ERROR_VERSION: return "the blob is of another format version: convert the checkpoint again";
    case ADDER_ERROR_TRUNCATED: return "the blob is cut short";
    case ADDER_ERROR_CORRUPT: return "the blob is damaged";
    case ADDER_ERROR_UNSUPPORTED: return "the blob needs what this build of the library lacks";
    case ADDER_ERROR_ARENA: return "the arena is too small";
    case ADDER_ERROR_TOKEN: return "the token id is outside of the vocabulary";
    case ADDER_ERROR_STATE: return "the saved state is damaged or of another model";
    case ADDER_ERROR_BUFFER: return "the buffer is too small";
    case ADDER_ERROR_NO_TOKENIZER: return "the blob carries no tokenizer";
    case ADDER_ERROR_ISA: return "the instruction set is not built in or not on this CPU";
    case ADDER_ERROR_TEXT: return "a byte of the text has no token in this vocabulary";
    case ADDER_ERROR_SELFTEST: return "the results differ from those that the converter recorded";
    case ADDER_ERROR_SEQUENCE:
        return "what was begun has to be continued to its end first, or nothing was begun";
    case ADDER_ERROR_READ: return "the blob could not be read";
#if ADDER_CACHE
    case ADDER_ERROR_CONTEXT: return "the sequence would be longer than the context of the session";
#else
    case ADDER_ERROR_CONTEXT: break;
#endif
#if ADDER_CONSTRAINT
    case ADDER_ERROR_CONSTRAINT: return "this is no constraint that this library reads, or a damaged one";
    case ADDER_ERROR_NO_TOKEN_FITS: return "no token fits the constraint";
    case ADDER_ERROR_LENGTH: return "the tokens left do not complete what the constraint asks for";
#else
    case ADDER_ERROR_CONSTRAINT:
    case ADDER_ERROR_NO_TOKEN_FITS:
    case ADDER_ERROR_LENGTH: break;
#endif
    case ADDER_MORE: return "there is more to do: call adder_continue again";
    }
    return "unknown status";
}

extern "C" size_t adder_error_text(const adder_error *error, char *text, size_t size) {
    Writer writer{text, size};
    if (error) {
        writer.put(adder_status_text(error->status));
        if (error->item) {
            writer.put(": ");
            writer.put(error->item);
            if (error->status == ADDER_ERROR_ISA) put_usable_isas(writer, error->item);
            if (error->index >= 0) {
                writer.put(' ');
                writer.put(static_cast<uint64_t>(error->index));
            }
            if (error->found != error->needed) {
                writer.put(": found ");
                writer.put(error->found);
                writer.put(", needed ");
                writer.put(error->needed);
            }
        }
    }
    writer.end();
    return writer.length;
}

#else

extern "C" const char *adder_status_text(adder_status) { return ""; }

extern "C" size_t adder_error_text(const adder_error *error, char *text, size_t size) {
    Writer writer{text, size};
    if (error) {
        const uint64_t numbers[] = {0 - static_cast<uint64_t>(error->status), error->found, error->needed};
        writer.put("error");
        for (const uint64_t number : numbers) {
            writer.put(' ');
            writer.put(number);
        }
    }
    writer.end();
    return writer.length;
}

#endif

#define ADDER_TEXT_OF(x) #x
#define ADDER_VERSION_TEXT(a, b, c) ADDER_TEXT_OF(a) "." ADDER_TEXT_OF(b) "." ADDER_TEXT_OF(c)

extern "C" const char *adder_version(void) {
    return ADDER_VERSION_TEXT(ADDER_VERSION_MAJOR, ADDER_VERSION_MINOR, ADDER_VERSION_PATCH);
}

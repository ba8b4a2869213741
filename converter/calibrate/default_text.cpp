// Embeds converter/calibrate/default_text.txt, whose path the build gives as ADDER_CALIBRATION_TEXT.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/default_text.h"

#include <cstddef>

// The assembler copies the file; a literal of this size would be at the mercy of each compiler's limits.
#if defined(__APPLE__)
#define ADDER_RODATA ".const_data\n"
#define ADDER_SYMBOL(name) "_" name
#define ADDER_TEXT_SECTION ".text\n"
#else
#define ADDER_RODATA ".pushsection .rodata.adder_calibration_text,\"a\"\n"
#define ADDER_SYMBOL(name) name
#define ADDER_TEXT_SECTION ".popsection\n"
#endif

__asm__(ADDER_RODATA ".globl " ADDER_SYMBOL(
    "adder_calibration_begin") "\n"
                               ".globl " ADDER_SYMBOL("adder_calibration_end") "\n" ADDER_SYMBOL(
                                   "adder_calibration_begin") ":\n"
                                                              ".incbin \"" ADDER_CALIBRATION_TEXT
                                                              "\"\n" ADDER_SYMBOL(
                                                                  "adder_calibration_end") ":\n"
                                                                                           ".byte "
                                                                                           "0"
                                                                                           "\n" ADDER_TEXT_SECTION);

extern "C" {
extern const char adder_calibration_begin[];
extern const char adder_calibration_end[];
}

namespace adder {

std::string_view default_calibration_text() {
    return {adder_calibration_begin, static_cast<size_t>(adder_calibration_end - adder_calibration_begin)};
}

}  // namespace adder

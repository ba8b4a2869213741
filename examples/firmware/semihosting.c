/* The end of the program by way of the debugger, or of qemu with -semihosting: the exit code becomes that of the emulator.
 * SPDX-License-Identifier: MIT
 * Semihosting for AArch32 and AArch64, SYS_EXIT_EXTENDED. Without a debugger its breakpoint is a fault. */
#include "port.h"

void port_exit(int code) {
    const uint32_t block[2] = {0x20026 /* ADP_Stopped_ApplicationExit */, (uint32_t)code};
    register uint32_t operation __asm__("r0") = 0x20;
    register const uint32_t *argument __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : : "r"(operation), "r"(argument) : "memory");
    for (;;) __asm__ volatile("wfi");
}

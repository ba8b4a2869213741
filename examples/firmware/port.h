/* What the firmware needs of a board: three functions, each weak, so that a definition of your own replaces it.
 * SPDX-License-Identifier: MIT */
#ifndef ADDER_FIRMWARE_PORT_H
#define ADDER_FIRMWARE_PORT_H

#include <stddef.h>
#include <stdint.h>

/* Text out. The boards' own write to their first serial port, at 115200 baud, and wait until all is taken. */
void port_write(const char *text, size_t size);

/* The end: 0 for success, 99 for a fault. The default sleeps for ever; semihosting.c hands the code to the debugger or the
 * emulator. */
_Noreturn void port_exit(int code);

/* Milliseconds since the start; wraps after 49 days. The default counts interrupts of SysTick. */
uint32_t port_milliseconds(void);

/* ---- What a board's folder defines besides ---------------------------------------------------------------------- */

/* Clocks and the serial port, before main. Returns the core's clock in Hz. */
uint32_t board_start(void);

/* ---- What the start-up code offers ------------------------------------------------------------------------------ */

/* The largest number of bytes that the stack has had since the start. */
size_t stack_used(void);

/* Zero-terminated text, and a number in decimal or in eight hexadecimal digits, by port_write: no printf. */
void put_text(const char *text);
void put_number(uint32_t number);
void put_hex(uint32_t number);

int main(void);

#endif

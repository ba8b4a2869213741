/* Clock and serial port of the MPS2 board with AN505, by its secure address.
 * SPDX-License-Identifier: MIT */
#include "cmsdk_uart.h"

static cmsdk_uart *const uart = (cmsdk_uart *)0x50200000;
static const uint32_t clock = 20000000;

uint32_t board_start(void) {
    cmsdk_uart_start(uart, clock);
    return clock;
}

__attribute__((weak)) void port_write(const char *text, size_t size) { cmsdk_uart_write(uart, text, size); }

/* The serial port of Arm's MPS boards, for their board.c: the APB UART of the Cortex-M System Design Kit.
 * SPDX-License-Identifier: MIT */
#ifndef ADDER_FIRMWARE_CMSDK_UART_H
#define ADDER_FIRMWARE_CMSDK_UART_H

#include "port.h"

typedef struct cmsdk_uart {
    volatile uint32_t data, state, control, interrupt, divider;
} cmsdk_uart;

/* `clock` is that of the peripheral bus, in Hz. */
static inline void cmsdk_uart_start(cmsdk_uart *uart, uint32_t clock) {
    uart->divider = clock / 115200;
    uart->control = 1; /* transmit */
}

static inline void cmsdk_uart_write(cmsdk_uart *uart, const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        while (uart->state & 1) {
        } /* its only place is taken */
        uart->data = (uint8_t)text[i];
    }
}

#endif

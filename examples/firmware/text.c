/* Text and numbers to the port: a printf would cost more than the model's own code.
 * SPDX-License-Identifier: MIT */
#include "port.h"

#include <string.h>

void put_text(const char *text) { port_write(text, strlen(text)); }

void put_number(uint32_t number) {
    char digits[10];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    port_write(digits + at, sizeof digits - at);
}

void put_hex(uint32_t number) {
    char digits[8];
    for (size_t i = 0; i < sizeof digits; i++) digits[i] = "0123456789abcdef"[number >> (28 - 4 * i) & 15];
    port_write(digits, sizeof digits);
}

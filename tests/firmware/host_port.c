/* The port of examples/firmware on a host: standard output. Its stack is not measured.
 * SPDX-License-Identifier: MIT */
#include "port.h"

#include <stdio.h>
#include <stdlib.h>

void port_write(const char *text, size_t size) { fwrite(text, 1, size, stdout); }

size_t stack_used(void) { return 0; }

uint32_t port_milliseconds(void) { return 0; }

void port_exit(int code) { exit(code); }

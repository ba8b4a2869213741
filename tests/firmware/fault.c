/* Faults on purpose: by an undefined instruction, or by a stack that overflows.
 * SPDX-License-Identifier: MIT */
#include "port.h"

#ifdef ADDER_STACK_OVERFLOW
/* Ends at a depth that no stack here has. */
static int dig(volatile int *depth) {
    volatile int hole[64];
    hole[0] = *depth + 1;
    return hole[0] == 1000000 ? 0 : dig(hole) + hole[0];
}

int main(void) {
    volatile int top = 0;
    return dig(&top);
}
#else
int main(void) {
    __asm__ volatile("udf #0");
    return 0;
}
#endif

/* From reset to main on a Cortex-M: vectors, floating-point unit, data, stack, clock tick; and what a fault leaves behind.
 * SPDX-License-Identifier: MIT
 * Registers: Armv7-M and Armv8-M Architecture Reference Manuals, B3.2 and D1.2. */
#include "port.h"

#include <string.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CFSR REGISTER(0xE000ED28)  /* what kind of fault it was */
#define VTOR REGISTER(0xE000ED08)  /* where the vectors are */
#define CPACR REGISTER(0xE000ED88) /* access to the floating-point unit and Helium */
#define SYST_CSR REGISTER(0xE000E010)
#define SYST_RVR REGISTER(0xE000E014)
#define SYST_CVR REGISTER(0xE000E018)

/* sections.ld */
extern uint32_t stack_limit[], stack_top[], data_begin[], data_end[], bss_begin[], bss_end[];
extern const uint32_t data_image[];

static volatile uint32_t milliseconds;
static const uint32_t paint = 0xA5A5A5A5;

void reset_handler(void);
void fault_handler(void);
void fault_report(const uint32_t *frame);
static void tick_handler(void) { milliseconds++; }

/* The first entry is the stack pointer, which is no function: hence the union. */
typedef union vector {
    uint32_t *stack;
    void (*handler)(void);
} vector;

/* No interrupt but SysTick is enabled, so the table ends with it. */
__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    [0] = {.stack = stack_top},        [1] = {.handler = reset_handler},
    [2] = {.handler = fault_handler},  /* NMI */
    [3] = {.handler = fault_handler},  /* HardFault */
    [4] = {.handler = fault_handler},  /* MemManage */
    [5] = {.handler = fault_handler},  /* BusFault */
    [6] = {.handler = fault_handler},  /* UsageFault */
    [7] = {.handler = fault_handler},  /* SecureFault */
    [11] = {.handler = fault_handler}, /* SVCall */
    [12] = {.handler = fault_handler}, /* DebugMonitor */
    [14] = {.handler = fault_handler}, /* PendSV */
    [15] = {.handler = tick_handler},
};

/* Runs before anything is set up: the stack pointer alone is right. */
void reset_handler(void) {
    VTOR = (uint32_t)vectors;
    CPACR |= 15u << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#if __ARM_ARCH >= 8
    __asm__ volatile("msr msplim, %0" : : "r"(stack_limit));
#endif
    uint32_t *const below_this_frame = (uint32_t *)__builtin_frame_address(0) - 16;
    for (volatile uint32_t *at = stack_limit; at < below_this_frame; at++) *at = paint;
    memcpy(data_begin, data_image, (size_t)((char *)data_end - (char *)data_begin));
    memset(bss_begin, 0, (size_t)((char *)bss_end - (char *)bss_begin));

    SYST_RVR = board_start() / 1000 - 1;
    SYST_CVR = 0;
    SYST_CSR = 7; /* the core's clock, with interrupt */
    port_exit(main());
}

/* An interrupt's frame, which is on the same stack, counts if one came at the deepest point: 108 bytes with floats. */
size_t stack_used(void) {
    const volatile uint32_t *at = stack_limit;
    while (at < stack_top && *at == paint) at++;
    return (size_t)((const char *)stack_top - (const char *)at);
}

/* A fault may come from a stack that has overflown: the report has one of its own. */
__attribute__((used)) static uint64_t fault_stack[32];

__attribute__((naked)) void fault_handler(void) {
#if __ARM_ARCH >= 8
    __asm__ volatile("movs r0, #0\n\tmsr msplim, r0");
#endif
    __asm__ volatile("tst lr, #4\n\t"
                     "ite eq\n\t"
                     "mrseq r0, msp\n\t"
                     "mrsne r0, psp\n\t"
                     "ldr r1, =fault_stack + 256\n\t"
                     "mov sp, r1\n\t"
                     "b fault_report\n\t"
                     ".ltorg");
}

void fault_report(const uint32_t *frame) {
    put_text("\nfault: cfsr ");
    put_hex(CFSR);
    if (frame >= stack_limit && frame + 8 <= stack_top) { /* r0-r3, r12, lr, pc, xpsr */
        put_text(" pc ");
        put_hex(frame[6]);
        put_text(" lr ");
        put_hex(frame[5]);
    } else {
        put_text(" stack ");
        put_hex((uint32_t)frame);
    }
    put_text("\n");
    port_exit(99);
}

__attribute__((weak)) void port_exit(int code) {
    (void)code;
    for (;;) __asm__ volatile("wfi");
}

__attribute__((weak)) uint32_t port_milliseconds(void) { return milliseconds; }

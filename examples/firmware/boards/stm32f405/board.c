/* Clocks and serial port of an STM32F405: 168 MHz from the internal oscillator, USART1 with its output on PA9.
 * SPDX-License-Identifier: MIT
 * Registers: RM0090, 3.9 (flash), 7.3 (clocks), 8.4 (pins), 30.6 (USART). */
#include "port.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define FLASH_ACR REGISTER(0x40023C00)
#define RCC_CR REGISTER(0x40023800)
#define RCC_PLLCFGR REGISTER(0x40023804)
#define RCC_CFGR REGISTER(0x40023808)
#define RCC_AHB1ENR REGISTER(0x40023830)
#define RCC_APB2ENR REGISTER(0x40023844)
#define GPIOA_MODER REGISTER(0x40020000)
#define GPIOA_AFRH REGISTER(0x40020024)
#define USART1_SR REGISTER(0x40011000)
#define USART1_DR REGISTER(0x40011004)
#define USART1_BRR REGISTER(0x40011008)
#define USART1_CR1 REGISTER(0x4001100C)

/* Waits until a bit is set; not for ever, as the clocks of an emulator never are. */
static int becomes_ready(volatile uint32_t *status, uint32_t bit) {
    for (uint32_t i = 0; i < 100000; i++)
        if (*status & bit) return 1;
    return 0;
}

/* 16 MHz / 16 * 336 / 2. The flash needs 5 wait states then, and its caches; the bus of USART1 takes half the clock. */
static uint32_t start_clocks(void) {
    FLASH_ACR = 5 | 7 << 8;
    RCC_PLLCFGR = 16 | 336 << 6 | 0 << 16 | 7 << 24;
    RCC_CR |= 1 << 24;
    if (!becomes_ready(&RCC_CR, 1 << 25)) return 16000000;
    RCC_CFGR = 5 << 10 | 4 << 13 | 2;
    return becomes_ready(&RCC_CFGR, 2 << 2) ? 168000000 : 16000000;
}

uint32_t board_start(void) {
    const uint32_t core_clock = start_clocks();
    const uint32_t bus_clock = core_clock == 16000000 ? core_clock : core_clock / 2;
    RCC_AHB1ENR |= 1;
    RCC_APB2ENR |= 1 << 4;
    GPIOA_AFRH = (GPIOA_AFRH & ~(15u << 4)) | 7 << 4;
    GPIOA_MODER = (GPIOA_MODER & ~(3u << 18)) | 2 << 18;
    USART1_BRR = (bus_clock + 115200 / 2) / 115200;
    USART1_CR1 = 1 << 13 | 1 << 3; /* on, transmit */
    return core_clock;
}

__attribute__((weak)) void port_write(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        while (!(USART1_SR & 1 << 7)) {
        }
        USART1_DR = (uint8_t)text[i];
    }
}

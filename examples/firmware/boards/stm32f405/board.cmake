# STM32F405: a Cortex-M4 at 168 MHz with 1 MB of flash and 192 KB of RAM. Under qemu it is the machine netduinoplus2.
# SPDX-License-Identifier: MIT
set(board_cpu cortex-m4)
set(board_machine netduinoplus2)

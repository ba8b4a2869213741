# Arm's MPS2 board with the FPGA image AN500: a Cortex-M7 at 25 MHz.
# SPDX-License-Identifier: MIT
set(board_cpu cortex-m7)
set(board_machine mps2-an500)

# Arm's MPS2 board with the FPGA image AN386: a Cortex-M4 at 25 MHz.
# SPDX-License-Identifier: MIT
set(board_cpu cortex-m4)
set(board_machine mps2-an386)

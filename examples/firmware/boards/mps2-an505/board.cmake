# Arm's MPS2 board with the FPGA image AN505: a Cortex-M33 at 20 MHz, in its secure state.
# SPDX-License-Identifier: MIT
set(board_cpu cortex-m33)
set(board_machine mps2-an505)

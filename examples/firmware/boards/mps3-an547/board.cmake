# Arm's MPS3 board with the FPGA image AN547: a Cortex-M55 with Helium at 32 MHz, in its secure state.
# SPDX-License-Identifier: MIT
set(board_cpu cortex-m55)
set(board_machine mps3-an547)

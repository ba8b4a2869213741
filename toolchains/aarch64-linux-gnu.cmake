# AArch64 Linux (64-bit Raspberry Pi OS and the like) with Debian's cross compiler; its programs run under qemu-user.
# SPDX-License-Identifier: MIT
#
#     apt-get install g++-aarch64-linux-gnu qemu-user
#     cmake -S . -B build-aarch64 -DCMAKE_TOOLCHAIN_FILE=toolchains/aarch64-linux-gnu.cmake
#
# The code is for any ARMv8-A; the kernels look for more at run time. QEMU_CPU=cortex-a53 in the environment makes qemu play
# that CPU; without it, it plays one that has everything.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(triple aarch64-linux-gnu)

set(CMAKE_C_COMPILER ${triple}-gcc)
set(CMAKE_CXX_COMPILER ${triple}-g++)
set(CMAKE_FIND_ROOT_PATH /usr/${triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

# What runs programs of the target: ctest uses it, and so do tests that start programs themselves.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/${triple} CACHE STRING "Runs programs of the target")

# The CPUs that tests/CMakeLists.txt has qemu play: no dot products; dot products; dot products and int8 matrix products.
set(ADDER_TEST_CPUS cortex-a53 cortex-a76 max CACHE STRING "CPUs, the names of qemu, on each of which the tests run")
# The kernels that each of them has to get.
set(ADDER_TEST_ISA_cortex-a53 neon)
set(ADDER_TEST_ISA_cortex-a76 dotprod)
set(ADDER_TEST_ISA_max i8mm)

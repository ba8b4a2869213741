# 32-bit ARM Linux, hard float, with Debian's cross compiler; its programs run under qemu-user.
# SPDX-License-Identifier: MIT
#
#     apt-get install g++-arm-linux-gnueabihf qemu-user
#     cmake -S . -B build-armv7 -DCMAKE_TOOLCHAIN_FILE=toolchains/arm-linux-gnueabihf.cmake
#
# The code is for ARMv7-A with NEON and VFPv4: Cortex-A7, A15, A17 and everything 64-bit. For older ones set ADDER_ARM_FLAGS
# (docs/porting.md).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(triple arm-linux-gnueabihf)

set(ADDER_ARM_FLAGS "-mcpu=cortex-a7 -mfpu=neon-vfpv4" CACHE STRING "Flags that name the 32-bit ARM core")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ADDER_ARM_FLAGS)
set(CMAKE_C_FLAGS_INIT "${ADDER_ARM_FLAGS}")
set(CMAKE_CXX_FLAGS_INIT "${ADDER_ARM_FLAGS}")

set(CMAKE_C_COMPILER ${triple}-gcc)
set(CMAKE_CXX_COMPILER ${triple}-g++)
set(CMAKE_FIND_ROOT_PATH /usr/${triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

# What runs programs of the target: ctest uses it, and so do tests that start programs themselves.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-arm -L /usr/${triple} CACHE STRING "Runs programs of the target")

set(ADDER_TEST_CPUS cortex-a7 CACHE STRING "CPUs, the names of qemu, on each of which the tests run")
# The kernels that each of them has to get.
set(ADDER_TEST_ISA_cortex-a7 neon)

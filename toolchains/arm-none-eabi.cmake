# Cortex-M without an operating system, with Debian's bare-metal compiler; its programs run under qemu-system-arm.
# SPDX-License-Identifier: MIT
#
#     apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-arm
#     cmake -S . -B build-m4 -DCMAKE_TOOLCHAIN_FILE=toolchains/arm-none-eabi.cmake -DADDER_CPU=cortex-m4
#     cmake -S . -B build-board -DCMAKE_TOOLCHAIN_FILE=toolchains/arm-none-eabi.cmake -DADDER_BOARD=stm32f405
#
# ADDER_CPU names the core: cortex-m4, cortex-m7, cortex-m33 or cortex-m55, each with its floating-point unit. ADDER_BOARD names a
# folder of examples/firmware/boards, which says the core itself, and ADDER_BOARD_DIR one that is anywhere else; without them the
# library alone is built. Other cores: set ADDER_ARM_FLAGS as well.
set(CMAKE_SYSTEM_NAME Generic)
set(triple arm-none-eabi)

set(ADDER_BOARD "" CACHE STRING "Board of examples/firmware/boards to build the firmware for; empty: none")
set(ADDER_BOARD_DIR "" CACHE PATH "Folder of a board that is not in examples/firmware/boards; empty: none")
set(ADDER_CPU "" CACHE STRING "Cortex-M core; empty: the board's")
set(core "${ADDER_CPU}")
if(ADDER_BOARD_DIR)
  get_filename_component(ADDER_BOARD "${ADDER_BOARD_DIR}" NAME)
  if(NOT EXISTS ${ADDER_BOARD_DIR}/board.cmake)
    message(FATAL_ERROR "no board.cmake in ADDER_BOARD_DIR '${ADDER_BOARD_DIR}'")
  endif()
  set(board_folder ${ADDER_BOARD_DIR})
elseif(ADDER_BOARD)
  set(boards ${CMAKE_CURRENT_LIST_DIR}/../examples/firmware/boards)
  if(NOT EXISTS ${boards}/${ADDER_BOARD}/board.cmake)
    file(GLOB known RELATIVE ${boards} ${boards}/*)
    message(FATAL_ERROR "no board ${ADDER_BOARD} in examples/firmware/boards, and no ADDER_BOARD_DIR; there are: ${known}")
  endif()
  set(board_folder ${boards}/${ADDER_BOARD})
endif()
if(board_folder)
  include(${board_folder}/board.cmake)
  set(core ${board_cpu})
elseif(NOT core)
  set(core cortex-m4)
endif()

set(flags_cortex-m4 "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16")
set(flags_cortex-m7 "-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-d16")
set(flags_cortex-m33 "-mcpu=cortex-m33 -mfloat-abi=hard -mfpu=fpv5-sp-d16")
set(flags_cortex-m55 "-mcpu=cortex-m55 -mfloat-abi=hard")
set(ADDER_ARM_FLAGS "${flags_${core}}" CACHE STRING "Flags that name the core and its floating-point unit")
if(NOT ADDER_ARM_FLAGS)
  message(FATAL_ERROR "no flags are known for ADDER_CPU ${core}: set ADDER_ARM_FLAGS")
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ADDER_BOARD ADDER_BOARD_DIR ADDER_CPU ADDER_ARM_FLAGS)
set(CMAKE_SYSTEM_PROCESSOR ${core})
foreach(language C CXX)
  set(CMAKE_${language}_FLAGS_INIT "-mthumb ${ADDER_ARM_FLAGS}")
endforeach()

set(CMAKE_C_COMPILER ${triple}-gcc)
set(CMAKE_CXX_COMPILER ${triple}-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)  # a program would need the board's memory map
set(CMAKE_BUILD_TYPE MinSizeRel CACHE STRING "Flash is scarce")

# What needs files or threads is for hosts.
set(ADDER_TOOLS OFF CACHE BOOL "")
set(ADDER_POOL OFF CACHE BOOL "")
set(ADDER_STATE_CACHE OFF CACHE BOOL "")
set(ADDER_INSTALL OFF CACHE BOOL "")

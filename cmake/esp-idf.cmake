# Adder as a component of ESP-IDF, for the root's CMakeLists.txt.
# SPDX-License-Identifier: MIT
include(${CMAKE_CURRENT_LIST_DIR}/library.cmake)
idf_component_register(
  SRCS ${adder_sources} ${adder_isa_sources}
  INCLUDE_DIRS include
  PRIV_INCLUDE_DIRS .)
target_compile_options(${COMPONENT_LIB} PRIVATE -ffp-contract=off -fno-math-errno)

# What the library is made of, for CMakeLists.txt here, in zephyr/ and of ESP-IDF: every source in its folders, and the parts of
# include/adder/config.h.
# SPDX-License-Identifier: MIT
#
#     adder_sources        those of every build, from the repository's root
#     adder_isa_sources    those of one instruction set each, which are empty where it is not there
#     adder_parts          "MAMBA1;...;INT4;...": ADDER_MAMBA1 and the like
#     adder_families       "mamba1;...": families of models, each with a part of its name; the first is the smallest
get_filename_component(adder_root ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)
set(adder_watch CONFIGURE_DEPENDS)
if(CMAKE_SCRIPT_MODE_FILE)
  set(adder_watch "")
endif()
file(GLOB adder_sources ${adder_watch} RELATIVE ${adder_root} ${adder_root}/kernels/*.cpp ${adder_root}/kernels/scalar/*.cpp
     ${adder_root}/runtime/*.cpp ${adder_root}/runtime/blocks/*.cpp)
list(REMOVE_ITEM adder_sources kernels/cases.cpp)  # for bench and tests
file(GLOB adder_isa_sources ${adder_watch} RELATIVE ${adder_root} ${adder_root}/kernels/*/*.cpp)
list(REMOVE_ITEM adder_isa_sources ${adder_sources})
file(STRINGS ${adder_root}/include/adder/config.h adder_parts REGEX "^#ifndef ADDER_[A-Z0-9_]+$")
list(FILTER adder_parts EXCLUDE REGEX "_H$")
list(TRANSFORM adder_parts REPLACE "^#ifndef ADDER_" "")
file(STRINGS ${adder_root}/runtime/blocks/kinds.inc adder_families REGEX "^ADDER_FAMILY\\(")
list(TRANSFORM adder_families REPLACE "^ADDER_FAMILY\\(([a-z0-9_]+)\\).*" "\\1")

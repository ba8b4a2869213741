# The kernels of each instruction set: their files, their flags, and whether this compiler has them. kernels/isas.inc is the list.
# SPDX-License-Identifier: MIT
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

# adder_add_isa(NAME CONDITION "FLAGS" source...): the kernels of an instruction set. Where the condition holds they are
# compiled with its flags and kernels.cpp is told that their table is there; elsewhere the files are empty. No flags that
# bring FMA: it rounds differently.
function(adder_add_isa name condition flags)
  target_sources(adder PRIVATE ${ARGN})
  if(${condition})
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS ${flags})
    set_property(SOURCE kernels/kernels.cpp APPEND PROPERTY COMPILE_DEFINITIONS ADDER_KERNELS_${name})
  endif()
  string(TOLOWER ${name} isa)
  set_property(GLOBAL APPEND PROPERTY adder_isas ${isa})
endfunction()

set(adder_x86 OFF)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(adder_x86 ON)  # the flags: gcc 11 and clang 12 on, gcc 8 and clang 6 on
  check_cxx_compiler_flag(-mavxvnni adder_avxvnni)
  check_cxx_compiler_flag(-mavx512vnni adder_avx512vnni)
endif()
# AArch64 always has NEON. On 32-bit ARM it is an option of the CPU, and asked for at run time.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^arm")
  set(adder_neon_flags -mfpu=neon)
endif()
set(CMAKE_REQUIRED_FLAGS ${adder_neon_flags})
check_cxx_source_compiles("#include <arm_neon.h>\nint main() { return vgetq_lane_s32(vdupq_n_s32(0), 0); }" ADDER_HAS_NEON)
unset(CMAKE_REQUIRED_FLAGS)
# AArch64 only: gcc 8 and clang 7 on, gcc 10 and clang 11 on.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  check_cxx_compiler_flag(-march=armv8.2-a+dotprod ADDER_HAS_DOTPROD)
  check_cxx_compiler_flag(-march=armv8.2-a+dotprod+i8mm ADDER_HAS_I8MM)
endif()

adder_add_isa(SSE41 adder_x86 "-msse4.1" kernels/x86/table_sse41.cpp kernels/x86/matmul_sse41.cpp)
adder_add_isa(AVX2 adder_x86 "-mavx2" kernels/x86/table_avx2.cpp kernels/x86/matmul_avx2.cpp)
adder_add_isa(AVXVNNI adder_avxvnni "-mavxvnni" kernels/x86/table_avxvnni.cpp kernels/x86/matmul_avxvnni.cpp)
adder_add_isa(AVX512VNNI adder_avx512vnni "-mavx512vl;-mavx512vnni" kernels/x86/table_avx512vnni.cpp
              kernels/x86/matmul_avx512vnni.cpp)
adder_add_isa(NEON ADDER_HAS_NEON "${adder_neon_flags}" kernels/arm/table_neon.cpp kernels/arm/matmul_q4_neon.cpp
              kernels/arm/matmul_q8_neon.cpp)
adder_add_isa(DOTPROD ADDER_HAS_DOTPROD "-march=armv8.2-a+dotprod" kernels/arm/table_dotprod.cpp
              kernels/arm/matmul_dotprod.cpp)
adder_add_isa(I8MM ADDER_HAS_I8MM "-march=armv8.2-a+dotprod+i8mm" kernels/arm/table_i8mm.cpp kernels/arm/matmul_i8mm.cpp)
# Cortex-M cores: their flags are the whole build's, and without them the files are empty.
adder_add_isa(DSP OFF "" kernels/arm/table_dsp.cpp kernels/arm/matmul_dsp.cpp kernels/arm/scan_dsp.cpp)
adder_add_isa(HELIUM OFF "" kernels/arm/table_helium.cpp kernels/arm/matmul_helium.cpp)

# Where the rest is to be small, the inner loops are to be fast all the same.
get_target_property(fast_sources adder SOURCES)
list(FILTER fast_sources INCLUDE REGEX "_(scalar|dsp|helium)\\.cpp$")
set_property(SOURCE ${fast_sources} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:MinSizeRel>:-O2>)
# These are written in the order that in-order cores like, for as many registers as there are; gcc's scheduler spoils both.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set_property(SOURCE kernels/arm/matmul_q8_neon.cpp kernels/arm/matmul_i8mm.cpp APPEND PROPERTY
               COMPILE_OPTIONS -fno-schedule-insns)
endif()

# kernels.cpp learns of the sets from the list, which names those of this file and the scalar one.
get_property(adder_isas GLOBAL PROPERTY adder_isas)
file(STRINGS kernels/isas.inc adder_listed REGEX "^ADDER_ISA")
list(TRANSFORM adder_listed REPLACE "ADDER_ISA\\(([a-z0-9]+)\\)" "\\1")
if(NOT "${adder_listed}" STREQUAL "scalar;${adder_isas}")
  message(FATAL_ERROR "kernels/isas.inc has ${adder_listed}, and cmake/isas.cmake ${adder_isas}")
endif()

# Adder as a component of ESP-IDF, for the root's CMakeLists.txt. Made by scripts/manifests.sh.
# SPDX-License-Identifier: MIT
idf_component_register(
  SRCS
    kernels/cpu.cpp
    kernels/kernels.cpp
    kernels/scalar/matmul_scalar.cpp
    kernels/scalar/table_scalar.cpp
    kernels/scalar/vectors_scalar.cpp
    runtime/arena.cpp
    runtime/blob_check.cpp
    runtime/blocks/block.cpp
    runtime/blocks/frame.cpp
    runtime/blocks/mamba1.cpp
    runtime/blocks/mamba2.cpp
    runtime/bpe.cpp
    runtime/crc32.cpp
    runtime/linear.cpp
    runtime/model.cpp
    runtime/nfc.cpp
    runtime/sampler.cpp
    runtime/session.cpp
    runtime/slices.cpp
    runtime/state.cpp
    runtime/status.cpp
    runtime/stream_open.cpp
    runtime/stream_reader.cpp
    runtime/stream_walk.cpp
    runtime/team.cpp
    runtime/text.cpp
    runtime/tokenize.cpp
    runtime/tokenizer.cpp
    runtime/unicode.cpp
    runtime/walk.cpp
    kernels/x86/table_sse41.cpp
    kernels/x86/matmul_sse41.cpp
    kernels/x86/table_avx2.cpp
    kernels/x86/matmul_avx2.cpp
    kernels/x86/table_avxvnni.cpp
    kernels/x86/matmul_avxvnni.cpp
    kernels/x86/table_avx512vnni.cpp
    kernels/x86/matmul_avx512vnni.cpp
    kernels/arm/table_neon.cpp
    kernels/arm/matmul_q4_neon.cpp
    kernels/arm/matmul_q8_neon.cpp
    kernels/arm/table_dotprod.cpp
    kernels/arm/matmul_dotprod.cpp
    kernels/arm/table_i8mm.cpp
    kernels/arm/matmul_i8mm.cpp
    kernels/arm/table_dsp.cpp
    kernels/arm/matmul_dsp.cpp
    kernels/arm/scan_dsp.cpp
    kernels/arm/table_helium.cpp
    kernels/arm/matmul_helium.cpp
  INCLUDE_DIRS include
  PRIV_INCLUDE_DIRS .)
target_compile_options(${COMPONENT_LIB} PRIVATE -ffp-contract=off -fno-math-errno)

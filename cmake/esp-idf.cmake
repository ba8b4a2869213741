# Adder as a component of ESP-IDF, for the root's CMakeLists.txt. Made by scripts/manifests.sh.
# SPDX-License-Identifier: MIT
idf_component_register(
  SRCS
    kernels/cpu.cpp
    kernels/kernels.cpp
    kernels/scalar/kernels_scalar.cpp
    runtime/arena.cpp
    runtime/blob.cpp
    runtime/bpe.cpp
    runtime/crc32.cpp
    runtime/forward.cpp
    runtime/layer.cpp
    runtime/linear.cpp
    runtime/model.cpp
    runtime/nfc.cpp
    runtime/sampler.cpp
    runtime/session.cpp
    runtime/slices.cpp
    runtime/state.cpp
    runtime/status.cpp
    runtime/stream_forward.cpp
    runtime/stream_open.cpp
    runtime/stream_reader.cpp
    runtime/text.cpp
    runtime/tokenize.cpp
    runtime/tokenizer.cpp
    runtime/unicode.cpp
    kernels/x86/kernels_sse41.cpp
    kernels/x86/kernels_sse41_matmul_int8.cpp
    kernels/x86/kernels_avx2.cpp
    kernels/x86/kernels_avx2_matmul_int8.cpp
    kernels/x86/kernels_avxvnni.cpp
    kernels/x86/kernels_avx512vnni.cpp
    kernels/arm/kernels_neon.cpp
    kernels/arm/matmul_q4_neon.cpp
    kernels/arm/matmul_q8_neon.cpp
    kernels/arm/kernels_dotprod.cpp
    kernels/arm/kernels_i8mm.cpp
    kernels/arm/kernels_dsp.cpp
    kernels/arm/scan_dsp.cpp
    kernels/arm/kernels_helium.cpp
    kernels/arm/matmul_helium.cpp
  INCLUDE_DIRS include
  PRIV_INCLUDE_DIRS .)
target_compile_options(${COMPONENT_LIB} PRIVATE -ffp-contract=off -fno-math-errno)

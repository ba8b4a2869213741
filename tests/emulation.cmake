# What of the tests runs where an emulator plays the processor: all that can differ there, on every CPU where it matters.
# SPDX-License-Identifier: MIT
#
# An emulated processor is some 20 times slower than a real one. The last of ADDER_TEST_CPUS has every instruction set, and
# runs every kernel table: it gets all tests. The others show that a CPU without them gets the table that it can run, and that
# nothing else in the library needs more; library.instructions shows the latter by disassembly.

set(ADDER_EMULATED OFF)
if(CMAKE_CROSSCOMPILING AND CMAKE_CROSSCOMPILING_EMULATOR)
  set(ADDER_EMULATED ON)
  set(test_prefix "${CMAKE_SYSTEM_PROCESSOR}.")
  set(timeout 1200)
endif()

# Of the library, on CPUs that have not every instruction set: the choice, and sessions of every recipe and family.
set(everywhere_adder_runtime_test
    Isa.*:*/SessionBits.AreTheSameEverywhere/odd_*:*/SessionBits.SelftestPasses*/state17_*:*/SessionBits.SelftestPasses*/*_groups_*:*/SessionBits.SelftestPasses*/*_odd_*)

# adder_emulated_tests(NAME CPU FILTER): the tests of the program NAME that run on this CPU, as a filter of GoogleTest; empty: none.
function(adder_emulated_tests name cpu filter)
  # On the other CPUs: the table chosen, each kernel of it, sessions of every recipe, and one real model's logits.
  set(everywhere_adder_kernels_test Isa/EveryKernel.*:Isa/Matmul.Q?/*)
  set(everywhere_adder_golden_test */mamba_best:*/mamba_small:*_toy_best:*_toy_f16_small)
  # On the last one is left out what only costs time there:
  set(without_adder_kernels_test
      Math.*Error   # scalar functions against libm; every table is compared with them
      Isa/*/scalar)  # compared with itself
  set(without_adder_runtime_test
      Sampler.LargeFlatVocabulariesAreDrawnEvenly Sampler.DrawsWithTheProbabilitiesAskedFor  # statistics of the same bits
      Unicode.TheScriptWritesTheTables                                                       # Python's
      # Cutting of prompts and streams and races of threads are the host's to find; of each way one shape runs here.
      */SessionBits.AreTheSameForEveryPromptLength/?*_?*_* */SessionBits.AreTheSameOnRealThreads/?*_?*_*
      */SessionBits.AreTheSameFromAStream/?*_?*_*
      */SessionBits.AreTheSame*/narrow_* */SessionBits.AreTheSame*/smallest_* */SessionBits.AreTheSame*/state8_*
      */SessionBits.AreTheSame[FO]*/state*
      # Their like run: groups, odd.
      */SessionBits.*/*_heads_* */SessionBits.*/*_smallest_* */SessionBits.*/*_wide_* */SessionBits.*/nemotron_h_groups_*
      */BlobFamilies.EveryByteOfThePayload*                                                  # a checksum, whatever it is of
      Context.NarrowKeysAndValues*                                                           # statistics of the same bits
      */ModelBits.*)                                                                         # the golden logits' models
  # Kills and processes side by side are the host's; of families one without a cache of keys and values, and one with it.
  set(without_adder_cache_test
      CacheFiles.AKilled* CacheFiles.TwoProcesses* */CacheBits.*/*mamba2 */CacheBits.*/falcon_* */CacheBits.*/rwkv*
      */CacheBits.*/bamba */CacheBits.*/recurrent_gemma */CacheBits.*/nemotron_h */CacheBits.*/lfm2 */CacheBits.*/qwen3_*)
  set(without_adder_golden_test
      */adder_13m_naive */adder_13m_static */adder_13m_float */adder_1m_naive */adder_1m_int4_naive */adder_1m_int4_static
      */adder_1m_int4_float)
  set(without_adder_converter_test
      # The emulator's own pages, page faults and exec:
      Checkpoint.ReleasedTensors* MappedFile.TheSameBytesInEveryKindOfPages InterruptDeathTest.* Gguf.LargeFilesAreMapped
      # Many megabytes of input, or a whole conversion:
      Pytorch.NestingCounts* Safetensors.ManyTensors* Checkpoint.OpensOther* GgufTokenizer.Splits* SentencePieceJson.AgreesWith*
      WorldCommands.* WeightsTest.*)

  # Of programs what their texts depend on.
  if(name STREQUAL "adder_examples_test")
    set(${filter} "Chat.WritesExactly*:Chat.EveryIsa*:Chat.ASavedConversation*:Minimal.*" PARENT_SCOPE)
    return()
  endif()
  list(GET ADDER_TEST_CPUS -1 last)
  if(cpu STREQUAL last)
    list(JOIN without_${name} ":" left_out)
    set(${filter} "*-${left_out}" PARENT_SCOPE)
  else()
    set(${filter} "${everywhere_${name}}" PARENT_SCOPE)
  endif()
endfunction()

# adder_runnable(TARGET VARIABLE): the path at which tests can start the program, a script that runs the emulator if need be.
function(adder_runnable target variable)
  if(NOT ADDER_EMULATED)
    set(${variable} $<TARGET_FILE:${target}> PARENT_SCOPE)
    return()
  endif()
  set(script ${CMAKE_CURRENT_BINARY_DIR}/run-${target})
  list(JOIN CMAKE_CROSSCOMPILING_EMULATOR " " emulator)
  file(GENERATE OUTPUT ${script} CONTENT "#!/bin/sh\nexec ${emulator} '$<TARGET_FILE:${target}>' \"$@\"\n"
       FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ WORLD_READ)
  set(${variable} ${script} PARENT_SCOPE)
endfunction()

# adder_emulated_x86_tests(): on an x86 host, the kernels and the sessions on CPUs that lack what the host has. A kernel of a
# wider instruction set ends such a CPU's program, so that it proves the choice among the tables. qemu hands signal handlers no AVX
# registers, which the emulation of vpdpbusd needs: no avxvnni.
function(adder_emulated_x86_tests)
  find_program(ADDER_QEMU_X86_64 qemu-x86_64)
  if(NOT ADDER_QEMU_X86_64)
    message(STATUS "No qemu-x86_64: older x86 CPUs are not tested")
    return()
  endif()
  # qemu 7.2 flushes subnormal halves where MXCSR says so of floats, which F16C does not: no states or keys of halves on Haswell.
  set(without_Haswell "-*_halves_*")
  foreach(cpu_and_isa qemu64:scalar Nehalem:sse41 Haswell:avx2)
    string(REGEX MATCH "^[^:]*" cpu ${cpu_and_isa})
    string(REGEX MATCH "[^:]*$" isa ${cpu_and_isa})
    add_test(NAME x86.${cpu}.kernels COMMAND ${ADDER_QEMU_X86_64} -cpu ${cpu} $<TARGET_FILE:adder_kernels_test>
                                             --gtest_brief=1 "--gtest_filter=Kernel*.*:Isa/EveryKernel.*/${isa}:Isa/Matmul.Q?/${isa}")
    add_test(NAME x86.${cpu}.sessions COMMAND ${ADDER_QEMU_X86_64} -cpu ${cpu} $<TARGET_FILE:adder_runtime_test> --gtest_brief=1
             "--gtest_filter=${everywhere_adder_runtime_test}:Session.*:*/SessionBits.AreTheSameEverywhere/state17*${without_${cpu}}")
    set_tests_properties(x86.${cpu}.kernels x86.${cpu}.sessions PROPERTIES TIMEOUT 900
                         ENVIRONMENT "ADDER_EXPECT_ISA=${isa};ADDER_TEST_SAMPLE=1")
  endforeach()
endfunction()

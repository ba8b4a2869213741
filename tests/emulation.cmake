# What of the tests runs where an emulator plays the processor: all that can differ there, on every CPU where it matters.
# SPDX-License-Identifier: MIT
#
# An emulated processor is some 20 times slower than a real one. The kernels, and the sessions built on them, run on each of
# ADDER_TEST_CPUS; all else runs once, on the last of them.

set(ADDER_EMULATED OFF)
if(CMAKE_CROSSCOMPILING AND CMAKE_CROSSCOMPILING_EMULATOR)
  set(ADDER_EMULATED ON)
  set(test_prefix "${CMAKE_SYSTEM_PROCESSOR}.")
  set(timeout 900)
endif()

# adder_emulated_tests(NAME FILTER CPUS): the tests of the program NAME that run, as a filter of GoogleTest, and where.
function(adder_emulated_tests name filter cpus)
  set(without_adder_kernels_test "")
  set(without_adder_runtime_test "")
  set(everywhere adder_kernels_test adder_runtime_test)

  list(GET ADDER_TEST_CPUS -1 last)
  set(${cpus} ${last} PARENT_SCOPE)
  if(name IN_LIST everywhere)
    set(${cpus} ${ADDER_TEST_CPUS} PARENT_SCOPE)
  endif()
  if(without_${name})
    list(JOIN without_${name} ":" left_out)
    set(${filter} "*-${left_out}" PARENT_SCOPE)
  else()
    set(${filter} "*" PARENT_SCOPE)
  endif()
endfunction()

# fgm_add_library, fgm_add_test, fgm_add_mpi_test and fgm_compile_cpu_flavour: one way to declare each kind of target.

# One precompiled header serves the whole build: LibTorch's headers cost about 10 s a file without it.
file(WRITE "${CMAKE_BINARY_DIR}/pch.cpp.in" "// Gives the shared precompiled header an owner.\n")
configure_file("${CMAKE_BINARY_DIR}/pch.cpp.in" "${CMAKE_BINARY_DIR}/pch.cpp" COPYONLY)
add_library(fgm_pch OBJECT "${CMAKE_BINARY_DIR}/pch.cpp")
target_link_libraries(fgm_pch PRIVATE fgm_flags LibTorch::LibTorch spdlog::spdlog nlohmann_json::nlohmann_json)
target_precompile_headers(fgm_pch PRIVATE
  <ATen/ATen.h> <ATen/core/grad_mode.h>
  <spdlog/spdlog.h> <nlohmann/json.hpp>
  <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <map> <memory> <optional> <span> <string> <vector>)

# fgm_add_library(name SOURCES a.cpp ... [DEPS fgm::x ...] [PRIVATE_DEPS y ...])
# makes the library fgm_<name>, alias fgm::<name>. Headers are included by their full path from the root.
function(fgm_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(fgm_${name} STATIC ${ARG_SOURCES})
  add_library(fgm::${name} ALIAS fgm_${name})
  target_include_directories(fgm_${name} PUBLIC "${PROJECT_SOURCE_DIR}")
  target_link_libraries(fgm_${name} PUBLIC ${ARG_DEPS} LibTorch::LibTorch spdlog::spdlog nlohmann_json::nlohmann_json
                                    PRIVATE fgm_flags ${ARG_PRIVATE_DEPS})
  target_precompile_headers(fgm_${name} REUSE_FROM fgm_pch)
endfunction()

# fgm_compile_cpu_flavour(name SOURCES a.cpp ... [PRIVATE_DEPS y ...])
# In the CUDA flavour, compiles these sources of fgm_<name> once more as the CPU flavour does: without FGM_WITH_CUDA
# and with no CUDA header in sight. In the CPU flavour there is nothing to do.
function(fgm_compile_cpu_flavour name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PRIVATE_DEPS" ${ARGN})
  if(NOT FGM_CUDA)
    return()
  endif()
  add_library(fgm_${name}_cpu_flavour OBJECT ${ARG_SOURCES})
  target_include_directories(fgm_${name}_cpu_flavour PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(fgm_${name}_cpu_flavour PRIVATE fgm_flags LibTorch::Headers spdlog::spdlog
                                                        nlohmann_json::nlohmann_json ${ARG_PRIVATE_DEPS})
endfunction()

# fgm_add_tests(folder SOURCES thing_test.cpp ... DEPS fgm::x ... [LABELS l ...] [TIMEOUT s]): the tests of tests/<folder>,
# one program and one CTest named after the folder. A file that must not share its process with others (it limits the
# process, catches its signals or stands in for libc) is a program of its own: fgm_add_test(folder/thing_test ...).
function(fgm_add_tests folder)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  list(TRANSFORM ARG_SOURCES PREPEND ${folder}/)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  _fgm_test_executable(${folder} "${ARG_SOURCES}" GTest::gtest_main "${ARG_DEPS}" target)
  add_test(NAME ${folder} COMMAND ${target})
  set_tests_properties(${folder} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS};${sanitized}"
    ENVIRONMENT "OMP_NUM_THREADS=1" FAIL_REGULAR_EXPRESSION "\\[==========\\] 0 tests")
endfunction()

function(fgm_add_test path)
  get_filename_component(file ${path} NAME)
  fgm_add_tests(${path} SOURCES ../${file}.cpp ${ARGN})
endfunction()

# fgm_add_mpi_tests(folder RANKS 2 4 SOURCES thing_mptest.cpp ... DEPS fgm::x ...): one program, and one CTest for each
# number of ranks. tests/support/mpi_main.cpp gives it its main(), which fails when fewer ranks came than were asked for.
function(fgm_add_mpi_tests folder)
  cmake_parse_arguments(ARG "" "TIMEOUT" "RANKS;SOURCES;DEPS;LABELS" ${ARGN})
  list(TRANSFORM ARG_SOURCES PREPEND ${folder}/)
  set(name ${folder}/ranks)
  _fgm_test_executable(${name} "${ARG_SOURCES}" fgm_mpi_main "${ARG_DEPS}" target)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  foreach(ranks IN LISTS ARG_RANKS)
    add_test(NAME ${name}.${ranks} COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none -n ${ranks} $<TARGET_FILE:${target}>)
    set_tests_properties(${name}.${ranks} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "mpi;${ARG_LABELS};${sanitized}" PROCESSORS 2
      ENVIRONMENT "OMP_NUM_THREADS=1;FGM_TEST_RANKS=${ranks};OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_btl_vader_single_copy_mechanism=none;ASAN_OPTIONS=detect_leaks=0")  # Open MPI leaves memory behind
  endforeach()
endfunction()

function(_fgm_test_executable name sources main deps out)
  string(REPLACE "/" "_" target ${name})
  string(APPEND target "_tests")
  string(REPLACE "_test_tests" "_test" target ${target})
  add_executable(${target} ${sources})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE fgm_flags ${deps} ${main} GTest::gtest GTest::gmock LibTorch::LibTorch
                                          spdlog::spdlog nlohmann_json::nlohmann_json)
  target_compile_definitions(${target} PRIVATE FGM_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_precompile_headers(${target} REUSE_FROM fgm_pch)
  set(${out} ${target} PARENT_SCOPE)
  set(sanitized "" PARENT_SCOPE)
  if(FGM_SANITIZED_TESTS AND name MATCHES "${FGM_SANITIZED_TESTS}")
    set(sanitized sanitized PARENT_SCOPE)
    set_property(GLOBAL APPEND PROPERTY FGM_SANITIZED_TARGETS ${target})
  endif()
endfunction()

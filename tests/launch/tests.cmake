fgm_add_test(core/config/fields_test DEPS fgm::config)
fgm_add_test(core/config/ini_test DEPS fgm::config)
fgm_add_test(core/config/validate_test DEPS fgm::config)

fgm_add_test(launch/runtime/environment_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/limits_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/placement_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/run_folder_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/signals_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/observers/metrics_file_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/observers/progress_line_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/observers/tensorboard_events_test DEPS fgm::runtime)

fgm_add_test(launch/cli/command_line_test DEPS fgm::cli)
fgm_add_test(launch/cli/prompts_test DEPS fgm::commands fgm::store)
fgm_add_test(launch/cli/inspect/coordinator_checkpoint_test DEPS fgm::inspect fgm::models)
fgm_add_test(launch/cli/inspect/diff_report_test DEPS fgm::inspect)
fgm_add_test(launch/cli/inspect/run_report_test DEPS fgm::inspect)
fgm_add_test(launch/cli/inspect/step_report_test DEPS fgm::inspect fgm::models)
fgm_add_test(launch/cli/inspect/tensor_stats_test DEPS fgm::inspect)
fgm_add_test(launch/cli/inspect/verify_report_test DEPS fgm::inspect)
fgm_add_test(launch/cli_test DEPS fgm::io fgm::store)
target_compile_definitions(launch_cli_test PRIVATE FGM_BINARY="$<TARGET_FILE:fgm>")
add_dependencies(launch_cli_test fgm)

function(fgm_add_program_test path)  # a test that runs the built program, also on several ranks
  fgm_add_test(${path} ${ARGN})
  string(REPLACE "/" "_" target ${path})
  target_compile_definitions(${target} PRIVATE FGM_BINARY="$<TARGET_FILE:fgm>" FGM_MPIRUN="${MPIEXEC_EXECUTABLE}")
  add_dependencies(${target} fgm)
endfunction()
fgm_add_program_test(launch/dry_run_test DEPS fgm::commands fgm::io fgm::store)
fgm_add_program_test(launch/ranks_test DEPS fgm::store LABELS bits TIMEOUT 300)
fgm_add_program_test(launch/resume_test DEPS fgm::base TIMEOUT 300)
fgm_add_program_test(soak/kill_soak DEPS fgm::base LABELS soak TIMEOUT 900)
set_tests_properties(launch/ranks_test launch/resume_test soak/kill_soak PROPERTIES PROCESSORS 2)  # mostly two ranks

fgm_add_test(launch/main_job_test DEPS fgm::io fgm::store TIMEOUT 300)
target_compile_definitions(launch_main_job_test PRIVATE FGM_BINARY="$<TARGET_FILE:fgm>")
add_dependencies(launch_main_job_test fgm)
if(CMAKE_BINARY_DIR STREQUAL "${PROJECT_SOURCE_DIR}/build/release")  # the build that the quickstart makes and uses
  add_test(NAME launch/scripts/quickstart_test
           COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/launch/scripts/quickstart_test.sh ${PROJECT_SOURCE_DIR} ${CMAKE_BINARY_DIR}/quickstart_test)
  set_tests_properties(launch/scripts/quickstart_test PROPERTIES TIMEOUT 600 PROCESSORS 2)
endif()
fgm_add_test(launch/coordinator/weights_test DEPS fgm::coordinator)
fgm_add_test(launch/coordinator/export_metadata_test DEPS fgm::coordinator)
fgm_add_test(launch/coordinator/manifest_test DEPS fgm::coordinator)
fgm_add_test(launch/coordinator/restart_guard_test DEPS fgm::coordinator)
fgm_add_mpi_test(launch/coordinator/coordinator_mptest RANKS 2 4 DEPS fgm::coordinator)
fgm_add_test(launch/coordinator/checkpoint_coordinator_test DEPS fgm::coordinator)
fgm_add_test(launch/coordinator/crash_test DEPS fgm::coordinator)
target_link_libraries(launch_coordinator_crash_test PRIVATE ${CMAKE_DL_LIBS})
fgm_add_test(launch/coordinator/fault_test DEPS fgm::coordinator)
target_link_libraries(launch_coordinator_fault_test PRIVATE ${CMAKE_DL_LIBS})

add_executable(launch_coordinator_write_checkpoint launch/coordinator/write_checkpoint.cpp)
target_link_libraries(launch_coordinator_write_checkpoint PRIVATE fgm_flags fgm::coordinator)
target_precompile_headers(launch_coordinator_write_checkpoint REUSE_FROM fgm_pch)
add_test(NAME launch/coordinator/read_checkpoint_test
  COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/launch/coordinator/read_checkpoint_test.sh
    ${CMAKE_BINARY_DIR}/read_checkpoint_test ${CMAKE_BINARY_DIR}/python $<TARGET_FILE:launch_coordinator_write_checkpoint>
    ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none -n 2)
set_tests_properties(launch/coordinator/read_checkpoint_test PROPERTIES TIMEOUT 60 LABELS mpi PROCESSORS 2
  ENVIRONMENT "OMP_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")

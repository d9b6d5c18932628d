function(fgm_let_run_program)  # tests that run the built program, also on several ranks
  foreach(target IN LISTS ARGN)
    target_compile_definitions(${target} PRIVATE FGM_BINARY="$<TARGET_FILE:fgm>" FGM_MPIRUN="${MPIEXEC_EXECUTABLE}")
    add_dependencies(${target} fgm)
  endforeach()
endfunction()

fgm_add_tests(launch/runtime
  SOURCES environment_test.cpp error_line_test.cpp placement_test.cpp run_folder_test.cpp observers/metrics_file_test.cpp
          observers/progress_line_test.cpp observers/tensorboard_events_test.cpp
  DEPS fgm::runtime)
fgm_add_test(launch/runtime/limits_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/signals_test DEPS fgm::runtime)

fgm_add_tests(launch/checkpoint SOURCES checkpoint_test.cpp manifest_test.cpp DEPS fgm::checkpoint)
add_executable(launch_checkpoint_write_checkpoint launch/checkpoint/write_checkpoint.cpp)
target_link_libraries(launch_checkpoint_write_checkpoint PRIVATE fgm_flags fgm::coordinator fgm::optim fgm::models)
target_precompile_headers(launch_checkpoint_write_checkpoint REUSE_FROM fgm_pch)
add_test(NAME launch/checkpoint/read_checkpoint_test
  COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/launch/checkpoint/read_checkpoint_test.sh
    ${CMAKE_BINARY_DIR}/read_checkpoint_test ${CMAKE_BINARY_DIR}/python $<TARGET_FILE:launch_checkpoint_write_checkpoint>
    ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none -n 2)
set_tests_properties(launch/checkpoint/read_checkpoint_test PROPERTIES TIMEOUT 60 LABELS mpi PROCESSORS 2
  ENVIRONMENT "OMP_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")

fgm_add_tests(launch/weights
  SOURCES decoder_test.cpp export_metadata_test.cpp frozen_network_test.cpp weights_place_test.cpp weights_test.cpp DEPS fgm::weights fgm::coordinator)
fgm_add_tests(launch/text SOURCES text_encoder_test.cpp DEPS fgm::store fgm::text_encoder)
fgm_add_tests(launch/sampling
  SOURCES image_batches_test.cpp image_folder_test.cpp image_job_test.cpp image_list_test.cpp image_sampler_test.cpp
  DEPS fgm::io fgm::sampling fgm::store fgm::text_encoder)
fgm_add_tests(launch/inspect
  SOURCES coordinator_checkpoint_test.cpp diff_report_test.cpp run_report_test.cpp step_report_test.cpp tensor_stats_test.cpp
          verify_report_test.cpp
  DEPS fgm::inspect fgm::coordinator fgm::models)

fgm_add_tests(launch/report SOURCES metrics_log_test.cpp page_test.cpp DEPS fgm::report fgm::io)
add_test(NAME launch/report/browser_test
  COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/launch/report/browser_test.sh $<TARGET_FILE:fgm> ${CMAKE_BINARY_DIR}/browser_test)
set_tests_properties(launch/report/browser_test PROPERTIES LABELS browser SKIP_RETURN_CODE 77 TIMEOUT 120 ENVIRONMENT "OMP_NUM_THREADS=1")

fgm_add_tests(launch/coordinator
  SOURCES checkpoint_coordinator_test.cpp restart_guard_test.cpp resume_rules_test.cpp resume_test.cpp state_snapshot_test.cpp
  DEPS fgm::coordinator fgm::models)
fgm_add_mpi_tests(launch/coordinator RANKS 2 4 SOURCES coordinator_mptest.cpp DEPS fgm::coordinator fgm::optim fgm::models fgm::weights)
foreach(test IN ITEMS crash_test fault_test)  # they stand in for functions of libc
  fgm_add_test(launch/coordinator/${test} DEPS fgm::coordinator fgm::models)
  target_link_libraries(launch_coordinator_${test} PRIVATE ${CMAKE_DL_LIBS})
endforeach()

fgm_add_tests(launch/job SOURCES memory_needs_test.cpp networks_test.cpp plan_test.cpp DEPS fgm::job)
fgm_add_tests(launch/cli SOURCES command_line_test.cpp flags_test.cpp DEPS fgm::cli)
fgm_add_tests(launch SOURCES cifar10_test.cpp cli_test.cpp dry_run_test.cpp main_job_test.cpp TIMEOUT 600 DEPS fgm::commands fgm::io fgm::store)
fgm_add_test(launch/ranks_test LABELS bits DEPS fgm::store)
fgm_add_test(launch/resume_test DEPS fgm::base)
fgm_add_test(launch/text_store_test DEPS fgm::store)
fgm_add_test(soak/kill_soak TIMEOUT 900 LABELS soak DEPS fgm::base)
fgm_let_run_program(launch_tests launch_ranks_test launch_resume_test launch_text_store_test soak_kill_soak_tests)
set_tests_properties(launch/ranks_test launch/resume_test launch/text_store_test soak/kill_soak PROPERTIES PROCESSORS 2)  # mostly two ranks

foreach(test IN ITEMS setup_test mpirun_test distill_sbatch_codes_test srun_test)
  add_test(NAME launch/scripts/${test} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/launch/scripts/${test}.sh)
  set_tests_properties(launch/scripts/${test} PROPERTIES TIMEOUT 120)
endforeach()
add_test(NAME launch/scripts/convert_weights_test
         COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/launch/scripts/convert_weights_test.py)
set_tests_properties(launch/scripts/convert_weights_test PROPERTIES TIMEOUT 60)
set_tests_properties(launch/scripts/mpirun_test PROPERTIES LABELS mpi)
if(CMAKE_BINARY_DIR STREQUAL "${PROJECT_SOURCE_DIR}/build/release")  # the build that they make and use
  foreach(job IN ITEMS quickstart demo)
    add_test(NAME launch/scripts/${job}_test
             COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/launch/scripts/${job}_test.sh ${PROJECT_SOURCE_DIR} ${CMAKE_BINARY_DIR}/${job}_test)
    set_tests_properties(launch/scripts/${job}_test PROPERTIES TIMEOUT 600 PROCESSORS 2)
  endforeach()
endif()

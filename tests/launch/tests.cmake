fgm_add_test(core/config/fields_test DEPS fgm::config)
fgm_add_test(core/config/ini_test DEPS fgm::config)
fgm_add_test(core/config/validate_test DEPS fgm::config)

fgm_add_test(launch/runtime/environment_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/placement_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/run_folder_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/signals_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/observers/metrics_file_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/observers/progress_line_test DEPS fgm::runtime)
fgm_add_test(launch/runtime/observers/tensorboard_events_test DEPS fgm::runtime)

fgm_add_test(launch/cli/command_line_test DEPS fgm::cli)
fgm_add_test(launch/cli/inspect/tensor_stats_test DEPS fgm::inspect)
fgm_add_test(launch/cli_test DEPS fgm::io fgm::store)
target_compile_definitions(launch_cli_test PRIVATE FGM_BINARY="$<TARGET_FILE:fgm>")
add_dependencies(launch_cli_test fgm)

fgm_add_test(launch/main_job_test DEPS fgm::io fgm::store TIMEOUT 300)
target_compile_definitions(launch_main_job_test PRIVATE FGM_BINARY="$<TARGET_FILE:fgm>")
add_dependencies(launch_main_job_test fgm)
if(CMAKE_BINARY_DIR STREQUAL "${PROJECT_SOURCE_DIR}/build/release")  # the build that the quickstart makes and uses
  add_test(NAME launch/scripts/quickstart_test
           COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/launch/scripts/quickstart_test.sh ${PROJECT_SOURCE_DIR} ${CMAKE_BINARY_DIR}/quickstart_test)
  set_tests_properties(launch/scripts/quickstart_test PROPERTIES TIMEOUT 600 PROCESSORS 2)
endif()
fgm_add_test(launch/coordinator/weights_test DEPS fgm::coordinator fgm::models fgm::optim)
fgm_add_test(launch/coordinator/manifest_test DEPS fgm::coordinator)

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

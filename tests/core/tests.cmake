fgm_add_tests(core/base SOURCES error_test.cpp number_test.cpp rng_test.cpp text_test.cpp LABELS bits DEPS fgm::base)
fgm_add_tests(core/config SOURCES fields_test.cpp ini_test.cpp validate_test.cpp DEPS fgm::config)
fgm_add_tests(core/io
  SOURCES external_file_test.cpp file_test.cpp lock_file_test.cpp npz_test.cpp png_test.cpp safetensors_test.cpp torch_file_test.cpp
  DEPS fgm::io PNG::PNG)
fgm_add_tests(core/nn SOURCES layers_test.cpp LABELS bits DEPS fgm::nn)
fgm_add_tests(core/models
  SOURCES init_test.cpp mmdit_golden_test.cpp mmdit_test.cpp text_encoders_test.cpp unet_golden_test.cpp unet_test.cpp vae_golden_test.cpp vae_test.cpp weights_test.cpp
  LABELS bits DEPS fgm::formats fgm::models)
fgm_add_tests(core/formats
  SOURCES sd3_files_test.cpp sd3_shapes_test.cpp text_encoder_files_test.cpp unet_files_test.cpp weight_files_test.cpp weight_names_test.cpp
  DEPS fgm::formats)
fgm_add_tests(core/train SOURCES phase_timer_test.cpp trainer_test.cpp DEPS fgm::train)
fgm_add_tests(core/flow SOURCES flow_test.cpp schedules_test.cpp LABELS bits DEPS fgm::flow fgm::io fgm::methods)
fgm_add_tests(core/methods
  SOURCES agreement_test.cpp distill_loss_test.cpp distill_monitor_test.cpp distill_step_test.cpp fgm_loss_test.cpp
          regression_step_test.cpp
  LABELS bits DEPS fgm::methods fgm::optim)
fgm_add_tests(core/eval
  SOURCES diversity_test.cpp efficientnet_lite_test.cpp frechet_test.cpp kernel_distance_test.cpp pixel_font_test.cpp report_test.cpp
          resampling_test.cpp shapes/detector_test.cpp shapes/faithfulness_test.cpp shapes/request_test.cpp
          shapes/scene_test.cpp shapes/undecided_test.cpp torchscript_space_test.cpp
  DEPS fgm::eval fgm::runtime fgm::shapes)

# Speed is measured, not tested: cmake --build --preset release --target mmdit_bench
find_package(benchmark QUIET)
if(benchmark_FOUND)
  add_executable(mmdit_bench EXCLUDE_FROM_ALL bench/mmdit_bench.cpp)
  target_link_libraries(mmdit_bench PRIVATE fgm_flags fgm::models benchmark::benchmark)
  target_precompile_headers(mmdit_bench REUSE_FROM fgm_pch)
endif()

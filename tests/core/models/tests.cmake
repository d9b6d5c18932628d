fgm_add_test(core/io/safetensors_test DEPS fgm::io)
fgm_add_test(core/nn/layers_test DEPS fgm::nn)
fgm_add_test(core/models/init_test DEPS fgm::models)
fgm_add_test(core/models/mmdit_golden_test DEPS fgm::models)
fgm_add_test(core/models/mmdit_test DEPS fgm::models)
fgm_add_test(core/models/weights_test DEPS fgm::models)

# Speed is measured, not tested: cmake --build --preset release --target mmdit_bench
find_package(benchmark QUIET)
if(benchmark_FOUND)
  add_executable(mmdit_bench EXCLUDE_FROM_ALL bench/mmdit_bench.cpp)
  target_link_libraries(mmdit_bench PRIVATE fgm_flags fgm::models benchmark::benchmark)
  target_precompile_headers(mmdit_bench REUSE_FROM fgm_pch)
endif()

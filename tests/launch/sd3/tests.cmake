# Stable Diffusion 3 through the program: open, compare, distil, export, sample.
fgm_add_mpi_tests(launch/sd3 RANKS 1 2 SOURCES frozen_memory_mptest.cpp DEPS fgm::commands fgm::models)
set_tests_properties(launch/sd3/ranks.1 launch/sd3/ranks.2 PROPERTIES RUN_SERIAL ON)  # 4 GB
fgm_add_tests(launch/sd3
  SOURCES distill_test.cpp export_test.cpp forward_test.cpp latents_test.cpp opening_test.cpp plan_test.cpp sample_test.cpp
          text_test.cpp
  LABELS bits TIMEOUT 600 DEPS fgm::commands fgm::formats fgm::hdf5 fgm::import fgm::io fgm::models fgm::pipeline fgm::store
  fgm::text_encoder)
fgm_let_run_program(launch_sd3_tests)
add_test(NAME launch/sd3/reference
         COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/launch/sd3/reference.sh $<TARGET_FILE:fgm>
                 ${PROJECT_SOURCE_DIR}/build/reference ${PROJECT_SOURCE_DIR})
set_tests_properties(launch/sd3/reference PROPERTIES LABELS reference SKIP_RETURN_CODE 77 TIMEOUT 600 ENVIRONMENT "OMP_NUM_THREADS=1")

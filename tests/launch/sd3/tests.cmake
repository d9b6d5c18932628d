# Stable Diffusion 3 through the program: open, compare, distil, export, sample.
fgm_add_mpi_test(launch/sd3/frozen_memory_mptest RANKS 1 2 TIMEOUT 300 DEPS fgm::commands fgm::models)
set_tests_properties(launch/sd3/frozen_memory_mptest.1 launch/sd3/frozen_memory_mptest.2 PROPERTIES RUN_SERIAL ON)  # 4 GB
fgm_add_program_test(launch/sd3/opening_test DEPS fgm::models)
fgm_add_program_test(launch/sd3/forward_test DEPS fgm::models LABELS bits)
fgm_add_program_test(launch/sd3/export_test DEPS fgm::io)
fgm_add_program_test(launch/sd3/sample_test DEPS fgm::io fgm::import LABELS bits)
fgm_add_program_test(launch/sd3/plan_test DEPS fgm::io)
fgm_add_program_test(launch/sd3/distill_test DEPS fgm::io)
add_test(NAME launch/sd3/reference
         COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/launch/sd3/reference.sh $<TARGET_FILE:fgm>
                 ${PROJECT_SOURCE_DIR}/build/reference ${PROJECT_SOURCE_DIR})
set_tests_properties(launch/sd3/reference PROPERTIES LABELS reference SKIP_RETURN_CODE 77 TIMEOUT 300 ENVIRONMENT "OMP_NUM_THREADS=1")

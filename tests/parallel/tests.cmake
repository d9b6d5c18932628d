fgm_add_tests(parallel/comm SOURCES reduce_rows_test.cpp self_communicator_test.cpp wait_test.cpp DEPS fgm::comm)
fgm_add_mpi_tests(parallel/comm RANKS 2 3 4 SOURCES communicator_contract_mptest.cpp communicator_mptest.cpp DEPS fgm::comm)
fgm_add_test(parallel/comm/mpi_session_test DEPS fgm::comm)  # starts and ends MPI
set_property(TEST parallel/comm/mpi_session_test APPEND PROPERTY ENVIRONMENT ASAN_OPTIONS=detect_leaks=0)  # Open MPI's
if(FGM_CUDA)
  fgm_add_mpi_tests(parallel/comm/nccl RANKS 2 SOURCES nccl_communicator_mptest.cpp LABELS gpu DEPS fgm::comm)
endif()

# A rank that fails ends the job, and mpirun hands its exit code on: 70 for an exception, 75 for abort(75).
add_executable(parallel_comm_failing_job parallel/comm/failing_job.cpp)
target_link_libraries(parallel_comm_failing_job PRIVATE fgm_flags fgm::comm)
target_precompile_headers(parallel_comm_failing_job REUSE_FROM fgm_pch)
function(_add_failing_job_test way exit_code)
  set(_name parallel/comm/failing_job.${way})
  add_test(NAME ${_name} COMMAND sh -c "\"$@\"; code=$?; echo \"exit code $code\"; test $code -eq ${exit_code}" sh
    ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none -n 3 $<TARGET_FILE:parallel_comm_failing_job> ${way})
  set_tests_properties(${_name} PROPERTIES TIMEOUT 60 LABELS mpi PROCESSORS 2
    ENVIRONMENT "OMP_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
endfunction()
_add_failing_job_test(throw 70)
_add_failing_job_test(abort 75)

fgm_add_tests(parallel/mesh SOURCES shard_layout_test.cpp DEPS fgm::mesh)
fgm_add_mpi_tests(parallel/mesh RANKS 2 4 SOURCES device_mesh_mptest.cpp DEPS fgm::mesh)
fgm_add_tests(parallel/fsdp SOURCES flat_unit_test.cpp unit_pool_test.cpp DEPS fgm::fsdp)
fgm_add_mpi_tests(parallel/fsdp RANKS 2 3 4
  SOURCES sharded_block_mptest.cpp sharded_model_mptest.cpp sharded_text_encoder_mptest.cpp
  LABELS bits DEPS fgm::fsdp fgm::models fgm::optim)
fgm_add_mpi_tests(parallel/fsdp/whole_step RANKS 1 2 3 4  # one rank, too, is compared with an unsharded step
  SOURCES ../whole_step_mptest.cpp
  LABELS bits DEPS fgm::fsdp fgm::methods fgm::models fgm::optim)
fgm_add_tests(parallel/optim SOURCES fsdp_engine_test.cpp DEPS fgm::optim)
fgm_add_mpi_tests(parallel/optim RANKS 2 3 4 SOURCES fsdp_engine_mptest.cpp LABELS bits DEPS fgm::optim)

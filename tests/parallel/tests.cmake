fgm_add_mpi_test(parallel/comm/communicator_mptest RANKS 2 3 4 DEPS fgm::comm)
fgm_add_mpi_test(parallel/comm/communicator_contract_mptest RANKS 2 4 DEPS fgm::comm)
fgm_add_mpi_test(parallel/mesh/device_mesh_mptest RANKS 2 4 DEPS fgm::mesh)
fgm_add_test(parallel/comm/reduce_rows_test DEPS fgm::comm)
fgm_add_test(parallel/comm/mpi_session_test DEPS fgm::comm)
if(FGM_CUDA)
  fgm_add_mpi_test(parallel/comm/nccl_communicator_mptest RANKS 2 LABELS gpu DEPS fgm::comm)
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
fgm_add_test(parallel/comm/self_communicator_test DEPS fgm::comm)
fgm_add_test(parallel/mesh/shard_layout_test DEPS fgm::mesh)

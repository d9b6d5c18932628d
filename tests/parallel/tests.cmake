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
foreach(_way throw=70 abort=75)
  string(REPLACE "=" ";" _way ${_way})
  list(GET _way 0 _how)
  list(GET _way 1 _code)
  add_test(NAME parallel/comm/failing_job.${_how}
    COMMAND sh -c "\"$1\" --oversubscribe --bind-to none -n 3 \"$2\" ${_how}; code=$?; echo \"exit code $code\"; test $code -eq ${_code}"
            sh ${MPIEXEC_EXECUTABLE} $<TARGET_FILE:parallel_comm_failing_job>)
  set_tests_properties(parallel/comm/failing_job.${_how} PROPERTIES TIMEOUT 60 LABELS mpi PROCESSORS 2
    ENVIRONMENT "OMP_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_btl_vader_single_copy_mechanism=none")
endforeach()

# In a real Slurm, made for the test: as root, else it skips and says so.
add_test(NAME launch/cluster/distill_sbatch_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/support/slurm/in_cluster.sh 2 2
                 bash ${CMAKE_CURRENT_LIST_DIR}/distill_sbatch_test.sh ${PROJECT_SOURCE_DIR} $<TARGET_FILE:fgm> ${CMAKE_BINARY_DIR}/cluster_test)
set_tests_properties(launch/cluster/distill_sbatch_test PROPERTIES
  LABELS cluster TIMEOUT 300 PROCESSORS 2 SKIP_RETURN_CODE 77)

# Two hosts made for the test, without Slurm: as root, else it skips and says so.
add_test(NAME launch/cluster/two_hosts_test
         COMMAND bash ${CMAKE_CURRENT_LIST_DIR}/two_hosts_test.sh ${PROJECT_SOURCE_DIR} $<TARGET_FILE:fgm> ${CMAKE_BINARY_DIR}/two_hosts_test)
set_tests_properties(launch/cluster/two_hosts_test PROPERTIES
  LABELS cluster TIMEOUT 300 PROCESSORS 2 SKIP_RETURN_CODE 77)

#include "launch/runtime/environment.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/base/error.h"

namespace fgm {
namespace {

class EnvironmentTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"FGM_HOME", "FGM_LOG", "OMP_NUM_THREADS", "OMP_PROC_BIND", "GOMP_CPU_AFFINITY", "OMPI_COMM_WORLD_RANK",
          "OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "SLURM_JOB_ID", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}) {
      unsetenv(name);
    }
    setenv("HOME", "/home/ada", 1);
  }
};

TEST_F(EnvironmentTest, UnsetVariablesMeanOneRankAndTheUsersCache) {
  const auto environment = read_environment();
  EXPECT_EQ(environment.home, "/home/ada/.cache/fgm");
  EXPECT_EQ(environment.log_level, "info");
  EXPECT_FALSE(environment.has_mpi_launcher);
  EXPECT_EQ(environment.rank, 0);
  EXPECT_EQ(environment.world, 1);
  EXPECT_EQ(environment.slurm_job, "");
}

TEST_F(EnvironmentTest, SetVariablesAreTaken) {
  setenv("SLURM_JOB_ID", "77", 1);
  setenv("FGM_HOME", "/scratch/fgm", 1);
  setenv("FGM_LOG", "debug", 1);
  const auto environment = read_environment();
  EXPECT_EQ(environment.home, "/scratch/fgm");
  EXPECT_EQ(environment.log_level, "debug");
  EXPECT_EQ(environment.slurm_job, "77");
}

TEST_F(EnvironmentTest, OmpNumThreadsCountsWithTheFirstNumberOfItsList) {
  EXPECT_EQ(read_environment().omp_num_threads, 0);
  for (const auto& [text, number] :
       std::vector<std::pair<const char*, int>>{{"3", 3}, {" 4 , 2", 4}, {"0", 0}, {"-1", 0}, {"all", 0}, {"2x", 0}}) {
    setenv("OMP_NUM_THREADS", text, 1);
    EXPECT_EQ(read_environment().omp_num_threads, number) << text;
  }
}

TEST_F(EnvironmentTest, BindingByOpenMPIsNoticedUnlessItIsOff) {
  EXPECT_EQ(read_environment().thread_binding, "");
  setenv("GOMP_CPU_AFFINITY", "0 1", 1);
  EXPECT_EQ(read_environment().thread_binding, "GOMP_CPU_AFFINITY = 0 1");
  setenv("OMP_PROC_BIND", "close", 1);
  EXPECT_EQ(read_environment().thread_binding, "OMP_PROC_BIND = close");
  setenv("OMP_PROC_BIND", "FALSE", 1);
  EXPECT_EQ(read_environment().thread_binding, "");
}

TEST_F(EnvironmentTest, MpirunsRankWinsOverThatOfTheSlurmStepItRunsIn) {
  setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
  setenv("SLURM_PROCID", "1", 1);
  setenv("SLURM_STEP_NUM_TASKS", "2", 1);
  const auto environment = read_environment();
  EXPECT_TRUE(environment.has_mpi_launcher);
  EXPECT_EQ(environment.rank, 3);
  EXPECT_EQ(environment.world, 4);
}

TEST_F(EnvironmentTest, SrunHasAnMpiLauncherOnlyWithPmix) {
  setenv("SLURM_PROCID", "1", 1);
  setenv("SLURM_STEP_NUM_TASKS", "2", 1);
  EXPECT_FALSE(read_environment().has_mpi_launcher);
  setenv("PMIX_RANK", "1", 1);
  const auto environment = read_environment();
  EXPECT_TRUE(environment.has_mpi_launcher);
  EXPECT_EQ(environment.rank, 1);
  EXPECT_EQ(environment.world, 2);
}

TEST_F(EnvironmentTest, ImpossibleRankIsAnErrorNamingTheVariable) {
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  setenv("OMPI_COMM_WORLD_RANK", "two", 1);
  try {
    read_environment();
    FAIL() << "took 'two' for a rank";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "environment variable OMPI_COMM_WORLD_RANK = 'two' is not a whole number");
  }
  setenv("OMPI_COMM_WORLD_RANK", "2", 1);
  EXPECT_THROW(read_environment(), ConfigError);
}

}  // namespace
}  // namespace fgm

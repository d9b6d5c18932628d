#include "launch/runtime/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/base/error.h"

namespace fgm {
namespace {

using testing::ElementsAre;

class EnvironmentTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"FGM_LOG",
                             "OMP_NUM_THREADS",
                             "OMP_PROC_BIND",
                             "GOMP_CPU_AFFINITY",
                             "OMPI_COMM_WORLD_RANK",
                             "OMPI_COMM_WORLD_SIZE",
                             "PMIX_RANK",
                             "PMIX_NAMESPACE",
                             "PMIX_SERVER_TMPDIR",
                             "SLURM_JOB_ID",
                             "SLURM_PROCID",
                             "SLURM_STEP_ID",
                             "SLURM_STEP_NUM_TASKS",
                             "PMI_RANK",
                             "PMI_SIZE",
                             "MPI_LOCALNRANKS",
                             "MPI_LOCALRANKID",
                             "WORLD_SIZE",
                             "RANK",
                             "LOCAL_RANK",
                             "FLUX_JOB_SIZE",
                             "FLUX_TASK_RANK"}) {
      unsetenv(name);
    }
  }
};

TEST_F(EnvironmentTest, UnsetVariablesMeanOneRank) {
  const auto environment = read_environment();
  EXPECT_EQ(environment.log_level, "info");
  EXPECT_FALSE(environment.has_mpi_launcher);
  EXPECT_EQ(environment.rank, 0);
  EXPECT_EQ(environment.world, 1);
  EXPECT_EQ(environment.slurm_job, "");
  EXPECT_TRUE(environment.world_names.empty());
  EXPECT_EQ(environment.rank_file, "");
}

TEST_F(EnvironmentTest, SetVariablesAreTaken) {
  setenv("SLURM_JOB_ID", "77", 1);
  setenv("FGM_LOG", "debug", 1);
  const auto environment = read_environment();
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
  EXPECT_TRUE(environment.is_mpirun);
  EXPECT_EQ(environment.rank, 3);
  EXPECT_EQ(environment.world, 4);
  EXPECT_THAT(environment.world_names, ElementsAre("OMPI_COMM_WORLD_SIZE"));
}

TEST_F(EnvironmentTest, MpirunsOneProcessInAShellOfSrunIsOne) {
  setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
  setenv("SLURM_STEP_NUM_TASKS", "4", 1);
  setenv("PMI_SIZE", "4", 1);
  EXPECT_EQ(read_environment().world, 1);
}

TEST_F(EnvironmentTest, OtherLaunchersAreBelievedAndNamed) {
  setenv("PMI_SIZE", "3", 1);
  setenv("PMI_RANK", "2", 1);
  setenv("MPI_LOCALNRANKS", "2", 1);
  const auto environment = read_environment();
  EXPECT_EQ(environment.world, 3);
  EXPECT_EQ(environment.rank, 2);
  EXPECT_FALSE(environment.is_mpirun);
  EXPECT_THAT(environment.world_names, ElementsAre("PMI_SIZE", "MPI_LOCALNRANKS"));
  EXPECT_TRUE(environment.has_mpi_launcher) << "its PMI may be one that MPI knows";
  setenv("SLURM_STEP_ID", "0", 1);
  EXPECT_FALSE(read_environment().has_mpi_launcher) << "Open MPI does not start in a step of Slurm without PMIx";
}

TEST_F(EnvironmentTest, TorchrunIsToldByThreeVariablesAndNotByTwo) {
  setenv("WORLD_SIZE", "8", 1);
  setenv("RANK", "5", 1);
  EXPECT_EQ(read_environment().world, 1);
  setenv("LOCAL_RANK", "1", 1);
  const auto environment = read_environment();
  EXPECT_EQ(environment.world, 8);
  EXPECT_EQ(environment.rank, 5);
  EXPECT_THAT(environment.world_names, ElementsAre("WORLD_SIZE"));
  EXPECT_FALSE(environment.has_mpi_launcher);
}

TEST_F(EnvironmentTest, NonsenseOfOthersMeansNothing) {
  setenv("PMI_SIZE", "many", 1);
  setenv("FLUX_JOB_SIZE", "2", 1);
  setenv("FLUX_TASK_RANK", "7", 1);
  EXPECT_EQ(read_environment().world, 1);
}

TEST_F(EnvironmentTest, RankHasAFileOfItsOwnAndOneWithTheOthersInItsJobsFolder) {
  setenv("PMIX_SERVER_TMPDIR", "/tmp/job", 1);
  setenv("PMIX_NAMESPACE", "7.0", 1);
  EXPECT_EQ(read_environment().rank_file, "");
  setenv("PMIX_RANK", "1", 1);
  EXPECT_EQ(read_environment().rank_file, "/tmp/job/fgm-7.0-1");
  EXPECT_EQ(read_environment().said_file, "/tmp/job/fgm-7.0-said");
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

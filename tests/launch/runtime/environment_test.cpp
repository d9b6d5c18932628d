#include "launch/runtime/environment.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/base/error.h"

namespace fgm {
namespace {

class EnvironmentTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"FGM_HOME", "FGM_LOG", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"}) {
      unsetenv(name);
    }
    setenv("HOME", "/home/ada", 1);
  }
};

TEST_F(EnvironmentTest, UnsetVariablesMeanOneRankAndTheUsersCache) {
  const auto environment = read_environment();
  EXPECT_EQ(environment.home, "/home/ada/.cache/fgm");
  EXPECT_EQ(environment.log_level, "info");
  EXPECT_EQ(environment.local_rank, 0);
  EXPECT_EQ(environment.local_size, 1);
}

TEST_F(EnvironmentTest, SetVariablesAreTaken) {
  setenv("FGM_HOME", "/scratch/fgm", 1);
  setenv("FGM_LOG", "debug", 1);
  setenv("OMPI_COMM_WORLD_LOCAL_RANK", "3", 1);
  setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "4", 1);
  const auto environment = read_environment();
  EXPECT_EQ(environment.home, "/scratch/fgm");
  EXPECT_EQ(environment.log_level, "debug");
  EXPECT_EQ(environment.local_rank, 3);
  EXPECT_EQ(environment.local_size, 4);
}

TEST_F(EnvironmentTest, ImpossibleRankIsAnErrorNamingTheVariable) {
  setenv("OMPI_COMM_WORLD_LOCAL_RANK", "two", 1);
  try {
    read_environment();
    FAIL() << "took 'two' for a rank";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "environment variable OMPI_COMM_WORLD_LOCAL_RANK = 'two' is not a whole number");
  }
  setenv("OMPI_COMM_WORLD_LOCAL_RANK", "2", 1);
  setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "2", 1);
  EXPECT_THROW(read_environment(), ConfigError);
}

}  // namespace
}  // namespace fgm

// A process started without mpirun. MPI starts once in the life of a process, so there is one test.
#include "parallel/comm/mpi_session.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/base/error.h"
#include "parallel/comm/communicator_factory.h"
#include "parallel/comm/mpi_communicator.h"

namespace fgm {
namespace {

TEST(MpiSession, AProcessWithoutALauncherIsAJobOfOneRankAndStartsNoDaemon) {
  // Open MPI's daemon cannot be started from here: it needs ssh or rsh in PATH.
  setenv("PATH", "/nonexistent", 1);
  MpiSession session;
  EXPECT_EQ(session.host_ranks().size, 1);
  const auto world = make_mpi_world();
  ASSERT_EQ(world->size(), 1);
  const auto in = at::arange(5, at::kFloat);
  const auto out = at::zeros({5});
  world->all_gather_into(out, in).wait();
  EXPECT_TRUE(at::equal(out, in));
  world->reduce_scatter_into(out, in * 2, Reduce::kMax).wait();
  world->all_reduce(out, Reduce::kSum).wait();
  world->broadcast(out, 0).wait();
  EXPECT_TRUE(at::equal(out, in * 2));
  world->barrier();
  world->close();
  session.close();
}

}  // namespace
}  // namespace fgm

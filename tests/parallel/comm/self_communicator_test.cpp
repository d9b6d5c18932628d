#include "parallel/comm/self_communicator.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace fgm {
namespace {

TEST(SelfCommunicator, GatheringAndReducingAreCopiesPastAutograd) {
  const auto comm = make_self_communicator(at::kCPU);
  const auto out = at::zeros({2, 3}).set_requires_grad(true);
  const auto version = out._version();
  comm->all_gather_into(out, at::arange(6, at::kFloat)).wait();
  EXPECT_TRUE(at::equal(out.detach().view({-1}), at::arange(6, at::kFloat)));
  comm->reduce_scatter_into(out, at::ones({6}), Reduce::kMax).wait();
  EXPECT_TRUE(at::equal(out.detach(), at::ones({2, 3})));
  EXPECT_EQ(out._version(), version);
}

TEST(SelfCommunicator, ReductionsAndBroadcastsInPlaceChangeNothing) {
  const auto comm = make_self_communicator(at::kCPU);
  const auto tensor = at::arange(4, at::kLong);
  comm->all_reduce(tensor, Reduce::kSum).wait();
  comm->broadcast(tensor, 0).wait();
  comm->reduce_scatter_into(tensor, tensor, Reduce::kSum).wait();
  comm->barrier();
  EXPECT_TRUE(at::equal(tensor, at::arange(4, at::kLong)));
}

TEST(SelfCommunicator, KeepsTheContractOfItsBase) {
  const auto comm = make_self_communicator(at::kCPU);
  EXPECT_THROW((void)comm->all_gather_into(at::zeros({3}), at::zeros({2})), Error);
  EXPECT_THROW((void)comm->broadcast(at::zeros({3}), 1), Error);
  const auto part = comm->split(0, 5);
  EXPECT_EQ(part->rank(), 0);
  EXPECT_EQ(part->size(), 1);
  comm->close();
  comm->close();
  EXPECT_THROW((void)comm->all_reduce(at::zeros({3}), Reduce::kSum), Error);
  part->all_reduce(at::zeros({3}), Reduce::kSum).wait();
}

}  // namespace
}  // namespace fgm

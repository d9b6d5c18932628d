// Every operation, dtype and reduction against what each rank works out alone, bit for bit.
#include "parallel/comm/communicator.h"

#include <gtest/gtest.h>

#include "parallel/comm/mpi_communicator.h"
#include "tests/parallel/comm/expected.h"
#include "tests/support/counting_communicator.h"

namespace fgm {
namespace {

using support::input_of;
using support::inputs_of_all;
using support::reduced;

struct Case {
  at::ScalarType dtype;
  MpiOptions options;
  const char* name;
};

// 1: one element. 7, 1001: odd. 5000: all_reduce takes its long way. With the small limits every size is cut
// in pieces that divide neither the rows nor (for gathers, which move bytes) the elements.
const std::vector<int64_t> kSizes = {1, 7, 1001, 5000};
constexpr MpiOptions kSmallLimits = {.message_bytes = 1003, .scratch_bytes = 999};

class Collectives : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    world_ = make_mpi_world(GetParam().options);
    ASSERT_GT(world_->size(), 1) << "one rank alone proves nothing";
  }
  void TearDown() override { world_->close(); }

  at::Tensor mine(int64_t numel) const { return input_of(world_->rank(), numel, GetParam().dtype); }
  std::vector<at::Tensor> all(int64_t numel) const { return inputs_of_all(world_->size(), numel, GetParam().dtype); }

  std::unique_ptr<Communicator> world_;
};

TEST_P(Collectives, AllGatherLaysTheRanksSideBySide) {
  for (const int64_t numel : kSizes) {
    const auto in = mine(numel);
    const auto out = at::zeros({world_->size(), numel}, in.options());
    world_->all_gather_into(out, in).wait();
    EXPECT_TRUE(at::equal(out, at::stack(all(numel)))) << numel;
  }
}

TEST_P(Collectives, AllGatherInPlaceGivesTheSame) {
  for (const int64_t numel : kSizes) {
    const auto out = at::zeros({world_->size(), numel}, mine(numel).options());
    out[world_->rank()].copy_(mine(numel));
    world_->all_gather_into(out, out[world_->rank()]).wait();
    EXPECT_TRUE(at::equal(out, at::stack(all(numel)))) << numel;
  }
}

TEST_P(Collectives, ReduceScatterKeepsThisRanksSliceOfTheReduction) {
  for (const auto reduce : {Reduce::kSum, Reduce::kMax, Reduce::kMin}) {
    for (const int64_t numel : kSizes) {
      const auto in = mine(world_->size() * numel);
      const auto before = in.clone();
      const auto out = at::zeros({numel}, in.options());
      world_->reduce_scatter_into(out, in, reduce).wait();
      const auto expected = reduced(all(world_->size() * numel), reduce).view({world_->size(), numel})[world_->rank()];
      EXPECT_TRUE(at::equal(out, expected)) << numel;
      EXPECT_TRUE(at::equal(in, before)) << numel;
    }
  }
}

TEST_P(Collectives, ReduceScatterInPlaceTouchesOnlyTheSlice) {
  for (const int64_t numel : kSizes) {
    const auto in = mine(world_->size() * numel).view({world_->size(), numel});
    auto expected = in.clone();
    expected[world_->rank()] =
        reduced(all(world_->size() * numel), Reduce::kSum).view({world_->size(), numel})[world_->rank()];
    world_->reduce_scatter_into(in[world_->rank()], in, Reduce::kSum).wait();
    EXPECT_TRUE(at::equal(in, expected)) << numel;
  }
}

TEST_P(Collectives, AllReduceGivesEveryRankTheReductionInRankOrder) {
  for (const auto reduce : {Reduce::kSum, Reduce::kMax, Reduce::kMin}) {
    for (const int64_t numel : kSizes) {
      const auto tensor = mine(numel);
      world_->all_reduce(tensor, reduce).wait();
      EXPECT_TRUE(at::equal(tensor, reduced(all(numel), reduce))) << numel;
    }
  }
}

TEST_P(Collectives, BroadcastCopiesEachRootToAll) {
  for (const int64_t numel : kSizes) {
    for (int root = 0; root < world_->size(); ++root) {
      const auto tensor = mine(numel);
      world_->broadcast(tensor, root).wait();
      EXPECT_TRUE(at::equal(tensor, input_of(root, numel, GetParam().dtype))) << numel << " from " << root;
    }
  }
}

TEST_P(Collectives, OfEmptyTensorsMoveNothing) {
  support::CountingCommunicator ranks(world_->split(0, world_->rank()));
  const auto empty = mine(0);
  ranks.all_gather_into(at::empty_like(empty), empty).wait();
  ranks.reduce_scatter_into(at::empty_like(empty), empty, Reduce::kSum).wait();
  ranks.all_reduce(empty, Reduce::kMax).wait();
  ranks.broadcast(empty, 0).wait();
  EXPECT_EQ(ranks.take_counts(), support::CollectiveCounts{}) << "an empty tensor reached the transport";
  ranks.all_reduce(mine(1), Reduce::kSum).wait();
  EXPECT_EQ(ranks.take_counts(), (support::CollectiveCounts{.reductions = 1}));
  ranks.close();
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto dtype : support::kDtypes) {
    all.push_back({dtype, MpiOptions{}, ""});
    all.push_back({dtype, kSmallLimits, "InPieces"});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Dtypes, Collectives, ::testing::ValuesIn(cases()), [](const auto& test) {
  return std::string(at::toString(test.param.dtype)) + test.param.name;
});

}  // namespace
}  // namespace fgm

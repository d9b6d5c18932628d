#include "parallel/fsdp/sharded_block.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "parallel/comm/mpi_communicator.h"
#include "tests/support/counting_communicator.h"
#include "tests/support/linear_block.h"
#include "tests/support/matmul_counter.h"
#include "tests/support/phase_list.h"

namespace fgm {
namespace {

using support::CollectiveCounts;

// A block cut over all ranks beside a whole twin; every rank has rows of its own. The pool poisons what is released.
class ShardedBlock : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GT(world_.size(), 1) << "a unit of one rank is resident";
    const auto& layout = unit_.flat().layout();
    const auto whole = at::zeros({layout.numel()}, at::kDouble);
    unit_.flat().view_of(whole, 0).copy_(twin_.weight);
    unit_.flat().view_of(whole, 1).copy_(twin_.bias);
    unit_.set_values(shard_of(whole).clone());
    gradient_ = at::zeros({layout.shard_numel()}, at::kDouble);
    unit_.set_gradient(gradient_);
  }
  void TearDown() override { world_.close(); }

  at::Tensor rows(int rank) const { return RandomStream(2, "x").normal(0, 10 * rank, 3, {9}).to(at::kDouble); }
  at::Tensor my_rows() const { return rows(world_.rank()); }
  at::Tensor shard_of(const at::Tensor& whole) const {
    const int64_t numel = unit_.flat().layout().shard_numel();
    return whole.narrow(0, world_.rank() * numel, numel);
  }
  at::Tensor run(const at::Tensor& x, bool recompute = false) {
    return run_sharded(unit_, {x}, {.recompute = recompute})[0];
  }

  // This rank's shard of the sum over the ranks of the gradients of sum(twin(rows)^2).
  at::Tensor expected_gradient() {
    const auto weight = twin_.weight.clone().set_requires_grad(true), bias = twin_.bias.clone().set_requires_grad(true);
    for (int rank = 0; rank < world_.size(); ++rank)
      at::sin(at::linear(rows(rank), weight, bias)).square().sum().backward();
    const auto whole = at::zeros({unit_.flat().layout().numel()}, at::kDouble);
    unit_.flat().view_of(whole, 0).copy_(weight.grad());
    unit_.flat().view_of(whole, 1).copy_(bias.grad());
    return shard_of(whole);
  }
  void expect_gradient(const at::Tensor& expected) { EXPECT_TRUE(at::allclose(gradient_, expected, 1e-12, 1e-14)); }

  support::CountingCommunicator world_{make_mpi_world()};
  UnitPool pool_{at::kCPU, /*poisons=*/true};
  support::LinearBlock block_{5, 9}, twin_{5, 9};
  support::PhaseList phases_;
  ShardedUnit unit_{block_, world_, pool_, &phases_};
  at::Tensor gradient_;
};

// Ordinary inputs need no gradient: without an anchor that does there would be no node.
TEST_F(ShardedBlock, ABlockLearnsThoughNoneOfItsInputsNeedsAGradient) {
  unit_.set_trainable(true);
  run(my_rows()).square().sum().backward();
  EXPECT_GT(expected_gradient().abs().max().item<double>(), 0.0);
  expect_gradient(expected_gradient());
}

TEST_F(ShardedBlock, RecomputationGivesTheSameGradient) {
  unit_.set_trainable(true);
  run(my_rows(), /*recompute=*/true).square().sum().backward();
  expect_gradient(expected_gradient());
}

TEST_F(ShardedBlock, ABlockThatRunsTwiceInOneGraphAddsBothGradients) {
  unit_.set_trainable(true);
  const auto first = run(my_rows()), second = run(my_rows());
  (first.square().sum() + 2.0 * second.square().sum()).backward();
  expect_gradient(3.0 * expected_gradient());
}

TEST_F(ShardedBlock, ATrainableBlockGathersInBothPassesAndReducesOnce) {
  unit_.set_trainable(true);
  const auto y = run(my_rows());
  EXPECT_EQ(world_.take_counts(), (CollectiveCounts{.gathers = 1}));
  y.sum().backward();
  EXPECT_EQ(world_.take_counts(), (CollectiveCounts{.gathers = 1, .scatters = 1}));
}

TEST_F(ShardedBlock, EachGatherAndReductionIsAPhase) {
  unit_.set_trainable(true);
  run(my_rows()).sum().backward();
  EXPECT_EQ(phases_.entered, (std::vector<std::string>{"gather", "gather", "reduce"}));
}

TEST_F(ShardedBlock, AFrozenBlockPassesTheGradientOnAndIsNeverReduced) {
  auto x = my_rows().set_requires_grad(true), expected = my_rows().set_requires_grad(true);
  twin_.forward({expected})[0].square().sum().backward();
  run(x).square().sum().backward();
  EXPECT_TRUE(at::equal(x.grad(), expected.grad()));
  EXPECT_EQ(world_.take_counts(), (CollectiveCounts{.gathers = 2}));
  EXPECT_EQ(gradient_.abs().max().item<double>(), 0.0);
}

TEST_F(ShardedBlock, AFrozenBlockDoesNoWeightGradientWork) {
  auto x = my_rows().set_requires_grad(true);
  const support::MatmulCounter counter;
  run(x).sum().backward();
  EXPECT_EQ(counter.count(), 2);  // forward, and to the input
}

TEST_F(ShardedBlock, WhereNothingNeedsAGradientABlockIsGatheredOnceAndMakesNoNode) {
  EXPECT_FALSE(run(my_rows()).requires_grad()) << "frozen, constant input";
  unit_.set_trainable(true);
  {
    const at::NoGradGuard no_grad;
    EXPECT_FALSE(run(my_rows()).requires_grad());
  }
  EXPECT_EQ(world_.take_counts(), (CollectiveCounts{.gathers = 2}));
}

// saved_data is not among what autograd frees: the loss would keep every block's activations alive.
TEST_F(ShardedBlock, TheBackwardPassFreesTheInnerGraph) {
  unit_.set_trainable(true);
  const auto loss = run(my_rows()).sum();
  ASSERT_FALSE(block_.products.at(0).expired());
  loss.backward();
  EXPECT_TRUE(block_.products.at(0).expired());
}

TEST_F(ShardedBlock, AGraphThatIsNeverDifferentiatedIsFreedWithItsOutput) {
  unit_.set_trainable(true);
  run(my_rows());
  EXPECT_TRUE(block_.products.at(0).expired());
}

TEST_F(ShardedBlock, RecomputationKeepsNoActivationsBetweenThePasses) {
  unit_.set_trainable(true);
  const auto loss = run(my_rows(), /*recompute=*/true).sum();
  EXPECT_TRUE(block_.products.at(0).expired());
  loss.backward();
  ASSERT_EQ(block_.products.size(), 2u);
  EXPECT_TRUE(block_.products.at(1).expired());
}

TEST_F(ShardedBlock, ParametersCannotBeUsedOutsideTheirBlock) {
  unit_.set_trainable(true);
  const auto y = run(my_rows());
  EXPECT_EQ(block_.weight.storage().data(), nullptr);
  y.sum().backward();
  EXPECT_EQ(block_.weight.storage().data(), nullptr);
}

TEST_F(ShardedBlock, GatheringAgainMovesNoVersionOfAParameter) {
  unit_.set_trainable(true);
  const auto version = block_.weight._version();
  run(my_rows()).sum().backward();
  EXPECT_EQ(block_.weight._version(), version);
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(ShardedBlock, ASecondDerivativeAndASecondBackwardPassAreErrorsThatSaySo) {
  auto x = my_rows().set_requires_grad(true);
  const auto y = run(x).sum();
  EXPECT_NE(message_of([&] { y.backward({}, /*retain_graph=*/true, /*create_graph=*/true); }).find("second derivative"),
            std::string::npos);
  y.backward({}, /*retain_graph=*/true);
  EXPECT_NE(message_of([&] { y.backward(); }).find("differentiated a second time"), std::string::npos);
}

TEST_F(ShardedBlock, FreezingABlockBetweenItsPassesIsAnError) {
  unit_.set_trainable(true);
  const auto y = run(my_rows()).sum();
  unit_.set_trainable(false);
  EXPECT_NE(message_of([&] { y.backward(); }).find("set_trainable() of block linear"), std::string::npos);
}

TEST_F(ShardedBlock, ABlockThatThrowsGivesItsSlotBack) {
  EXPECT_THROW(run(at::zeros({3, 4}, at::kDouble)), std::exception);
  EXPECT_TRUE(at::equal(run(my_rows()), twin_.forward({my_rows()})[0]));
}

TEST_F(ShardedBlock, WithoutABufferForItsGradientABlockCannotBeTrained) {
  support::LinearBlock other(2, 2);
  ShardedUnit unit(other, world_, pool_);
  EXPECT_NE(message_of([&] { unit.set_trainable(true); }).find("block linear cannot be trained"), std::string::npos);
}

}  // namespace
}  // namespace fgm

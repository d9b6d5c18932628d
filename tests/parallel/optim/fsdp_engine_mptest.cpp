#include "parallel/optim/fsdp_engine.h"

#include <gtest/gtest.h>

#include <limits>

#include "parallel/comm/mpi_communicator.h"
#include "tests/support/counting_communicator.h"
#include "tests/support/tiny_velocity_model.h"

namespace fgm {
namespace {

const std::vector<int64_t> kShape = {1, 2, 2};

class Engine : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_GT(world_.size(), 1); }
  void TearDown() override {
    mesh_.close();
    world_.close();
  }

  at::Tensor output(VelocityModel& model) const {
    const auto x = RandomStream(2, "x").normal(0, 10 * world_.rank(), 3, kShape).to(at::kDouble);
    return model.velocity(x, at::full({3}, 0.5f), {at::ones({3, 3, 2}), at::ones({3, 2})});
  }
  at::Tensor output() { return output(model_); }
  void train(FsdpEngine& engine, int num_updates) const {
    engine.set_trainable(true);
    for (int i = 0; i < num_updates; ++i) {
      output(engine.model()).square().sum().backward();
      ASSERT_TRUE(engine.update(1e-2).is_applied);
    }
  }

  const OptimizerConfig config_{.clip = 1.0, .ema = {0.5}};
  support::CountingCommunicator world_{make_mpi_world()};
  DeviceMesh mesh_{world_, {.replicate = 1, .shard = world_.size()}};
  support::TinyVelocityModel model_{kShape, 2, at::kDouble, 1};
};

TEST_F(Engine, ANonFiniteGradientOfOneRankIsRefusedByAll) {
  FsdpEngine engine(model_, config_, mesh_);
  engine.set_trainable(true);
  const auto before = output().detach();
  const bool is_bad = world_.rank() == world_.size() - 1;
  (output().sum() * (is_bad ? std::numeric_limits<double>::infinity() : 1.0)).backward();
  EXPECT_FALSE(engine.update(1e-2).is_applied);
  EXPECT_TRUE(at::equal(output(), before));
  EXPECT_EQ(engine.num_updates(), 0);
}

TEST_F(Engine, AllRanksReportTheSameNormFromOneReduction) {
  FsdpEngine engine(model_, config_, mesh_);
  engine.set_trainable(true);
  output().sum().backward();
  world_.take_counts();
  const auto norm = at::full({1}, engine.update(0.0).grad_norm, at::kDouble);
  EXPECT_EQ(world_.take_counts(), (support::CollectiveCounts{.reductions = 1}));
  const auto largest = norm.clone();
  world_.all_reduce(largest, Reduce::kMax).wait();
  EXPECT_TRUE(at::equal(norm, largest));
  EXPECT_GT(norm.item<double>(), 0.0);
}

TEST_F(Engine, GoesOnFromARestoredStateWithTheSameBits) {
  FsdpEngine engine(model_, config_, mesh_);
  train(engine, 3);
  support::TinyVelocityModel other(kShape, 2, at::kDouble, 99);
  FsdpEngine restored(other, config_, mesh_);
  const auto source = engine.state(), target = restored.state();
  ASSERT_EQ(source.size(), target.size());
  for (size_t i = 0; i < source.size(); ++i) target[i].values.copy_(source[i].values);
  restored.set_num_updates(engine.num_updates());
  train(engine, 2);
  train(restored, 2);
  for (size_t i = 0; i < source.size(); ++i)
    EXPECT_TRUE(at::equal(source[i].values, target[i].values)) << source[i].part << " " << source[i].name;
}

TEST_F(Engine, SamplesWithTheAverageAndGoesBackToTheCurrentWeightsAlsoAfterAnException) {
  FsdpEngine engine(model_, config_, mesh_);
  const auto initial = output().detach();
  train(engine, 1);
  const auto current = output().detach();
  at::Tensor averaged;
  engine.with_ema([&] { averaged = output(); });
  EXPECT_FALSE(averaged.requires_grad());
  EXPECT_FALSE(at::equal(averaged, current));
  EXPECT_FALSE(at::equal(averaged, initial));
  EXPECT_TRUE(at::equal(output(), current));
  EXPECT_THROW(engine.with_ema([] { throw std::runtime_error("in the middle"); }), std::runtime_error);
  EXPECT_TRUE(at::equal(output(), current));
}

TEST_F(Engine, WithoutAFirstMomentNoneIsKeptOrSaved) {
  auto config = config_;
  config.beta1 = 0.0;
  FsdpEngine engine(model_, config, mesh_);
  train(engine, 1);
  for (const auto& slice : engine.state()) EXPECT_FALSE(slice.name.ends_with(".exp_avg")) << slice.name;
}

}  // namespace
}  // namespace fgm

#include "parallel/fsdp/sharded_model.h"

#include <gtest/gtest.h>

#include <map>

#include "parallel/comm/mpi_communicator.h"
#include "parallel/comm/self_communicator.h"
#include "tests/support/matmul_counter.h"
#include "tests/support/tiny_mmdit.h"

namespace fgm {
namespace {

class ShardedMMDiT : public ::testing::Test {
 protected:
  void TearDown() override { world_->close(); }

  static at::Tensor velocity(VelocityModel& model, const at::Tensor& x) {
    return model.velocity(x, at::linspace(0.1, 0.9, 3),
                          {at::ones({3, 3, 2}, at::kDouble), at::ones({3, 5}, at::kDouble)});
  }
  at::Tensor input() const { return RandomStream(7, "x").normal(0, 0, 3, support::kTinyShape).to(at::kDouble); }

  std::unique_ptr<Communicator> world_ = make_mpi_world();
  std::unique_ptr<VelocityModel> model_ = support::tiny_mmdit(1), whole_ = support::tiny_mmdit(1);
};

TEST_F(ShardedMMDiT, GivesTheBitsOfTheWholeNetwork) {
  ShardedModel sharded(*model_, *world_);
  EXPECT_TRUE(at::equal(velocity(*model_, input()), velocity(*whole_, input())));
}

TEST_F(ShardedMMDiT, WeightsOfAllRanksAreEveryElementOnceWithItsValue) {
  const ShardedModel sharded(*model_, *world_);
  std::map<std::string, at::Tensor> whole;
  visit_parameters(*whole_, [&](const std::string& name, at::Tensor& p) { whole[name] = p.reshape({-1}); });
  auto count = at::zeros({1}, at::kLong);
  for (const auto& slice : sharded.weights()) {
    EXPECT_EQ(slice.part, "");
    EXPECT_TRUE(at::equal(slice.values, whole.at(slice.name).narrow(0, slice.begin, slice.values.numel())));
    count += slice.values.numel();
  }
  world_->all_reduce(count, Reduce::kSum).wait();
  EXPECT_EQ(count.item<int64_t>(), num_parameters(*whole_));
}

TEST_F(ShardedMMDiT, AModelOnTheMetaDeviceIsLoadedByWritingItsWeights) {
  const auto model = make_model(support::tiny_mmdit_config(), at::TensorOptions(at::kMeta).dtype(at::kDouble));
  whole_->visit_buffers([&](const std::string&, at::Tensor& table) {
    model->visit_buffers([&](const std::string&, at::Tensor& buffer) { buffer = table; });
  });
  ShardedModel sharded(*model, *world_);
  const ShardedModel source(*model_, *world_);
  const auto weights = source.weights();
  for (size_t i = 0; const auto& slice : sharded.weights()) slice.values.copy_(weights[i++].values);
  EXPECT_TRUE(at::equal(velocity(*model, input()), velocity(*whole_, input())));
}

// The embedding's context and condition need no gradient here; a node that claimed so would cost products in every
// block.
TEST_F(ShardedMMDiT, AFrozenNetworkDoesNoMoreProductsThanAWholeOne) {
  const auto products = [&](VelocityModel& model) {
    auto x = input().set_requires_grad(true);
    const support::MatmulCounter counter;
    velocity(model, x).sum().backward();
    EXPECT_GT(x.grad().abs().max().item<double>(), 0.0);
    return counter.count();
  };
  const int expected = products(*whole_);
  ShardedModel sharded(*model_, *world_);
  EXPECT_EQ(products(*model_), expected);
}

// The last block's context ln_q takes part in nothing; what the slot held before must not become its gradient.
TEST_F(ShardedMMDiT, AParameterWithoutAGradientGetsZero) {
  ShardedModel sharded(*model_, *world_, {.pool = std::make_shared<UnitPool>(at::kCPU, /*poisons=*/true)});
  const auto gradients = at::zeros_like(sharded.values());
  sharded.set_gradients(gradients);
  sharded.set_trainable(true);
  velocity(*model_, input()).square().sum().backward();
  int num_unused = 0;
  for (const auto& slice : sharded.slices_of(gradients, "", "")) {
    const bool is_unused = slice.name == "joint_blocks.1.context_block.attn.ln_q.weight";
    EXPECT_EQ(slice.values.abs().max().item<double>() == 0.0, is_unused) << slice.name;
    num_unused += is_unused;
  }
  EXPECT_TRUE(gradients.isfinite().all().item<bool>());
  auto found = at::full({1}, int64_t{num_unused}, at::kLong);
  world_->all_reduce(found, Reduce::kSum).wait();
  EXPECT_GE(found.item<int64_t>(), 1);
}

TEST_F(ShardedMMDiT, OfOneRankComputesOnTheBufferItself) {
  const auto self = make_self_communicator(at::kCPU);
  const ShardedModel sharded(*model_, *self);
  std::vector<at::Tensor> shown;
  visit_parameters(*model_, [&](const std::string&, at::Tensor& p) { shown.push_back(p); });
  for (size_t i = 0; const auto& slice : sharded.weights()) {
    EXPECT_EQ(slice.values.data_ptr(), shown[i].data_ptr()) << slice.name;
    EXPECT_EQ(slice.values.numel(), shown[i++].numel()) << slice.name;
  }
}

std::unique_ptr<VelocityModel> random_unet() {
  auto model = make_model(UNetConfig{.flavour = UNetFlavour::kEdm,
                                     .in_channels = 2,
                                     .image_size = 4,
                                     .channels = 8,
                                     .channel_mult = {1, 2},
                                     .num_res_blocks = 1,
                                     .attention_resolutions = {2},
                                     .num_heads = 1},
                          at::kDouble);
  visit_parameters(*model, [&](const std::string& name, at::Tensor& parameter) {
    parameter.copy_(RandomStream(1, name).normal(0, 0, parameter.size(0), parameter.sizes().slice(1)) * 0.3);
  });
  return model;
}

// A skip is an output of one block and an input of a later one, beside the next block's.
TEST(ShardedUNet, GradientsThroughItsSkipsAreThoseOfTheWholeNetwork) {
  const auto world = make_mpi_world();
  const auto model = random_unet(), whole = random_unet();
  const auto differentiate = [](VelocityModel& network) {
    const auto x = RandomStream(7, "x").normal(0, 0, 3, support::kTinyShape).to(at::kDouble).set_requires_grad(true);
    network.velocity(x, at::linspace(0.1, 0.9, 3), {{}, at::zeros({3, 1})}).square().sum().backward();
    return x.grad();
  };
  std::map<std::string, at::Tensor> parameters;
  visit_parameters(*whole,
                   [&](const std::string& name, at::Tensor& p) { parameters[name] = p.set_requires_grad(true); });
  const auto expected = differentiate(*whole);
  {
    ShardedModel sharded(*model, *world, {.recompute = true});
    const auto gradients = at::zeros_like(sharded.values());
    sharded.set_gradients(gradients);
    sharded.set_trainable(true);
    EXPECT_TRUE(at::allclose(differentiate(*model), expected, 1e-12, 1e-12));
    for (const auto& slice : sharded.slices_of(gradients, "", "")) {
      const auto of_one_rank =
          parameters.at(slice.name).grad().reshape({-1}).narrow(0, slice.begin, slice.values.numel());
      EXPECT_TRUE(at::allclose(slice.values, of_one_rank * world->size(), 1e-10, 1e-10)) << slice.name;
    }
  }
  world->close();
}

}  // namespace
}  // namespace fgm

// The text encoders cut into shards: encoders compute the same bits, wherever their weights lie.
#include <gtest/gtest.h>

#include <map>

#include "core/base/rng.h"
#include "core/models/clip_text_encoder.h"
#include "core/models/t5_encoder.h"
#include "parallel/comm/mpi_communicator.h"
#include "parallel/fsdp/sharded_model.h"

namespace fgm {
namespace {

class ShardedTextEncoder : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  void TearDown() override { world_->close(); }

  // Gives `whole` values, and `sharded`, a network of the same config, this rank's shards of them.
  static void fill(Network& whole, const ShardedModel& sharded) {
    std::map<std::string, at::Tensor> values;
    visit_parameters(whole, [&](const std::string& name, at::Tensor& parameter) {
      parameter.copy_(RandomStream(1, name).normal(0, 0, parameter.size(0), parameter.sizes().slice(1)) * 0.3);
      values[name] = parameter.reshape({-1});
    });
    for (const auto& slice : sharded.weights()) {
      slice.values.copy_(values.at(slice.name).narrow(0, slice.begin, slice.values.numel()));
    }
  }

  std::unique_ptr<Communicator> world_ = make_mpi_world();
  at::Tensor ids_ = at::tensor({3, 1, 4, 1, 5, 9, 2, 6, 5, 7}, at::kLong).view({2, 5});
};

TEST_P(ShardedTextEncoder, OfClipGivesTheBitsOfTheWholeOne) {
  ASSERT_GT(world_->size(), 1) << "one rank holds all";
  const ClipTextConfig config{.vocab_size = 10,
                              .num_positions = 7,
                              .width = 12,
                              .num_layers = 3,
                              .num_heads = 2,
                              .mlp_width = 20,
                              .projection_width = 6};
  ClipTextEncoder whole(config, GetParam()), network(config, at::TensorOptions(at::kMeta).dtype(GetParam()));
  const ShardedModel sharded(network, *world_);
  fill(whole, sharded);
  const auto expected = whole.encode(ids_), text = network.encode(ids_);
  EXPECT_TRUE(at::equal(text.hidden_NLW, expected.hidden_NLW));
  EXPECT_TRUE(at::equal(text.pooled_NP, expected.pooled_NP));
  EXPECT_GT(expected.pooled_NP.abs().max().item<double>(), 0.0);
}

TEST_P(ShardedTextEncoder, OfT5GivesTheBitsOfTheWholeOne) {
  const T5Config config{
      .vocab_size = 10, .width = 12, .num_layers = 3, .num_heads = 2, .head_width = 5, .mlp_width = 20};
  T5Encoder whole(config, GetParam()), network(config, at::TensorOptions(at::kMeta).dtype(GetParam()));
  const ShardedModel sharded(network, *world_);
  fill(whole, sharded);
  const auto expected = whole.encode(ids_);
  EXPECT_TRUE(at::equal(network.encode(ids_), expected));
  EXPECT_GT(expected.abs().max().item<double>(), 0.0);
}

INSTANTIATE_TEST_SUITE_P(Dtypes, ShardedTextEncoder, testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& tested) { return at::toString(tested.param); });

}  // namespace
}  // namespace fgm

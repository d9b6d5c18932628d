#include "launch/weights/frozen_network.h"

#include <gmock/gmock.h>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "tests/launch/weights/saved_run.h"
#include "tests/support/errors.h"
#include "tests/support/loaded_weights.h"

namespace fgm {
namespace {

class FrozenWeights : public support::SavedRunTest {
 protected:
  void SetUp() override { save({1}); }

  // The velocity of a batch that is always the same.
  at::Tensor velocity(VelocityModel& model) const {
    const at::NoGradGuard no_grad;
    const auto normal = [&](at::IntArrayRef shape) { return RandomStream(1, "input").normal(0, 0, 2, shape); };
    return model.velocity(normal({3, 12, 12}), at::tensor({0.3f, 0.9f}),
                          {normal({3, config_.model.context_width()}), normal({config_.model.pooled_width()})});
  }
  FrozenNetwork frozen(const ModelConfig& model, at::ScalarType dtype) const {
    return {model, dtype, *open_weights({step_folder(1), "student"}).source, *self_};
  }
};

TEST_F(FrozenWeights, GiveTheVelocityOfTheWholeNetworkBitForBit) {
  const auto whole = support::load_weights(step_folder(1), {"student"});
  auto network = frozen(config_.model, at::kFloat);
  ASSERT_GT(velocity(*whole.model).abs().max().item<double>(), 0.0);
  EXPECT_TRUE(at::equal(velocity(network.model()), velocity(*whole.model)));
}

TEST_F(FrozenWeights, InBfloat16AreRoundedAndStillTakeAndGiveFloat32) {
  const auto exact = velocity(*support::load_weights(step_folder(1), {"student"}).model);
  auto network = frozen(config_.model, at::kBFloat16);
  const auto rounded = velocity(network.model());
  EXPECT_EQ(rounded.scalar_type(), at::kFloat);
  EXPECT_FALSE(at::equal(rounded, exact));
  // bfloat16 keeps 8 bits, and a few roundings follow one another.
  EXPECT_LE((rounded - exact).abs().max().item<double>(), 0.05 * exact.abs().max().item<double>());
}

TEST_F(FrozenWeights, OfAnotherNetworkAreRefusedNamingTheirPlace) {
  auto deeper = config_.model;
  deeper.mmdit.depth = 2;
  EXPECT_THAT(message_of<ConfigError>([&] { frozen(deeper, at::kFloat); }),
              testing::AllOf(testing::HasSubstr("step-00000001"), testing::HasSubstr("joint_blocks.1.")));
}

}  // namespace
}  // namespace fgm

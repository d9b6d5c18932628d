#include "core/base/rng.h"

#include <gtest/gtest.h>

namespace fgm {
namespace {

// Known-answer vectors of Random123 1.14 (kat_vectors, philox4x32 10).
TEST(Philox, MatchesRandom123KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, SampleDoesNotDependOnHowABatchIsCut) {
  const RandomStream noise(7, "noise");
  const auto whole = noise.normal(3, 100, 6, {5, 3});
  const auto parts = at::cat({noise.normal(3, 100, 2, {5, 3}), noise.normal(3, 102, 4, {5, 3})});
  EXPECT_TRUE(at::equal(whole, parts));
  EXPECT_FALSE(at::equal(whole, noise.normal(3, 101, 6, {5, 3})));
}

TEST(RandomStream, SeedNameAndStepEachChangeTheNumbers) {
  const auto reference = RandomStream(7, "noise").normal(3, 0, 4, {16});
  EXPECT_FALSE(at::equal(reference, RandomStream(8, "noise").normal(3, 0, 4, {16})));
  EXPECT_FALSE(at::equal(reference, RandomStream(7, "latent").normal(3, 0, 4, {16})));
  EXPECT_FALSE(at::equal(reference, RandomStream(7, "noise").normal(4, 0, 4, {16})));
}

TEST(RandomStream, NormalsHaveUnitMomentsAndUniformsStayInside) {
  const RandomStream stream(1, "moments");
  const auto z = stream.normal(0, 0, 1000, {1000}).to(at::kDouble);
  // A million draws: the standard error of the mean is 1e-3, of the variance 1.4e-3, of the 4th moment 1e-2.
  EXPECT_NEAR(z.mean().item<double>(), 0.0, 5e-3);
  EXPECT_NEAR(z.var().item<double>(), 1.0, 7e-3);
  EXPECT_NEAR(z.pow(4).mean().item<double>(), 3.0, 5e-2);
  const auto u = stream.uniform(0, 0, 1000, {1000});
  EXPECT_GT(u.min().item<float>(), 0.0f);
  EXPECT_LT(u.max().item<float>(), 1.0f);
  EXPECT_NEAR(u.to(at::kDouble).mean().item<double>(), 0.5, 2e-3);
}

}  // namespace
}  // namespace fgm

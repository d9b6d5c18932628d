#include "core/models/vae.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/formats/vae_names.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

using testing::HasSubstr;

const VaeConfig kTiny{
    .image_channels = 3, .latent_channels = 4, .channels = {4, 8}, .num_res_blocks = 1, .norm_groups = 2};

TEST(Vae, HasExactlyTheReleasedModelsParameters) {
  int64_t total = 0;
  for (const auto& [name, shape] : vae_shapes({})) total += c10::multiply_integers(shape);
  EXPECT_EQ(total, 83'819'683);
}

TEST(Vae, ItsSizesFollowFromTheShapesInBothNamings) {
  for (const auto naming : {Naming::kStability, Naming::kDiffusers}) {
    for (const std::string prefix : {kVaePrefix, ""}) {
      ShapeByName file;
      for (const auto& tensor : external_vae_tensors(vae_shapes({}), naming, prefix)) {
        file.emplace(tensor.name, tensor.shape);
      }
      const auto named = recognise_vae(file);
      ASSERT_TRUE(named && named->naming == naming && named->prefix == prefix);
      const auto config = infer_vae_config(file, *named, "file");
      EXPECT_EQ(vae_shapes(config), vae_shapes({}));
    }
  }
}

TEST(Vae, ClampsTheLogVariance) {
  VaeEncoder encoder(kTiny, at::kFloat);
  encoder.visit([](const std::string& name, at::Tensor& tensor) {
    tensor.fill_(name == "encoder.conv_out.bias" ? 1000.0 : 0.0);
  });
  const auto [mean, logvar] = encoder.encode(at::zeros({1, 3, 4, 4}));
  EXPECT_EQ(mean.min().item<float>(), 1000.0f);
  EXPECT_EQ(logvar.max().item<float>(), 20.0f);
}

TEST(Vae, ScalesLatentsAsSd3AndBack) {
  const VaeEncoder encoder({}, at::TensorOptions(at::kMeta));
  const VaeDecoder decoder({}, at::TensorOptions(at::kMeta));
  const auto z = at::tensor({-2.0, 0.0609, 5.0}, at::kDouble);
  EXPECT_TRUE(at::allclose(encoder.to_latents(z), (z - 0.0609) * 1.5305));
  EXPECT_EQ(encoder.to_latents(z)[1].item<double>(), 0.0);
  EXPECT_TRUE(at::allclose(decoder.from_latents(encoder.to_latents(z)), z));
}

TEST(Vae, RejectsImagesAndLatentsThatDoNotFit) {
  const VaeEncoder encoder(kTiny, at::kFloat);
  const VaeDecoder decoder(kTiny, at::kFloat);
  EXPECT_THAT(message_of<ConfigError>([&] { encoder.encode(at::zeros({1, 3, 4, 5})); }), HasSubstr("multiples of 2"));
  EXPECT_THAT(message_of<ConfigError>([&] { encoder.encode(at::zeros({1, 4, 4, 4})); }), HasSubstr("[1, 4, 4, 4]"));
  EXPECT_THAT(message_of<ConfigError>([&] { decoder.decode(at::zeros({1, 3, 4, 4})); }), HasSubstr("[batch, 4, "));
}

TEST(Vae, RejectsChannelsThatDoNotDivideIntoGroups) {
  auto config = kTiny;
  config.channels = {4, 7};
  EXPECT_THAT(message_of<ConfigError>([&] { VaeEncoder(config, at::kFloat); }), HasSubstr("7 channels"));
  EXPECT_THAT(message_of<ConfigError>([&] { VaeDecoder(config, at::kFloat); }), HasSubstr("7 channels"));
}

}  // namespace
}  // namespace fgm

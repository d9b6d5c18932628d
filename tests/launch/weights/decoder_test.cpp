#include "launch/weights/decoder.h"

#include <gmock/gmock.h>

namespace fgm {
namespace {

// Ones, and the names of the tensors that were read.
class Ones : public TensorSource {
 public:
  explicit Ones(const ShapeByName& shapes) {
    for (const auto& [name, shape] : shapes) infos_.push_back({name, at::kFloat, shape});
  }

  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  const std::map<std::string, std::string>& metadata() const override { return metadata_; }
  std::string place() const override { return "ones"; }
  void read(const std::string& name, int64_t, const at::Tensor& out) const override {
    out.fill_(1.0);
    names_read.insert(name);
  }

  mutable std::set<std::string> names_read;

 private:
  std::vector<TensorInfo> infos_;
  std::map<std::string, std::string> metadata_;
};

TEST(Decoder, IsLoadedWithoutTheEncoder) {
  const VaeConfig config{.latent_channels = 4, .channels = {4, 8}, .num_res_blocks = 1, .norm_groups = 2};
  const auto source = std::make_shared<const Ones>(vae_shapes(config));
  const auto decoder = load_decoder(Sd3Vae{config, source}, at::kCPU);
  int64_t num_loaded = 0;
  decoder->visit([&](const std::string& name, const at::Tensor& tensor) {
    EXPECT_TRUE(tensor.eq(1.0).all().item<bool>()) << name;
    ++num_loaded;
  });
  ASSERT_GT(num_loaded, 0);
  EXPECT_EQ(std::ssize(source->names_read), num_loaded);
  EXPECT_THAT(source->names_read, testing::Each(testing::StartsWith("decoder.")));
}

TEST(Decoder, IsForNetworksThatMakeLatents) {
  EXPECT_FALSE(makes_latents(MMDiTConfig{.in_channels = 3}));
  EXPECT_TRUE(makes_latents(MMDiTConfig{.in_channels = 16}));
  const OpenWeights of_pixels;
  ASSERT_FALSE(makes_latents(of_pixels.info.config.model));
  EXPECT_FALSE(find_decoder("", "nowhere", of_pixels).has_value());
  EXPECT_EQ(load_decoder(std::nullopt, at::kCPU), nullptr);
}

}  // namespace
}  // namespace fgm

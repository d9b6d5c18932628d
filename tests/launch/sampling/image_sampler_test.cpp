#include "launch/sampling/image_sampler.h"

#include "core/flow/ode_sampler.h"
#include "core/flow/schedules.h"
#include "core/io/pixels.h"
#include "tests/launch/sampling/sampling_fixture.h"

namespace fgm {
namespace {

const std::vector<std::string> kCaptions = {"a cat", "two dogs"};

class ImageSamples : public support::SamplingTest {
 protected:
  ImageSamples() { options_.sample_shape = kShape; }

  at::Tensor sample() { return ImageSampler(model_, *encoder_, options_).sample(kCaptions, {&noise_, 1}); }
  Conditioning condition(const std::vector<std::string>& captions) { return encoder_->encode(captions); }

  SampleOptions options_;
  const at::Tensor noise_ = RandomStream(1, "noise").normal(0, 0, 2, kShape);
};

TEST_F(ImageSamples, OfAStudentAreThoseOfItsGeneratorWithANoiseForEachStep) {
  options_ = {.student = GeneratorConfig{.times = {0.7, 0.3}}, .sample_shape = kShape};
  const std::vector<at::Tensor> noise = {noise_, RandomStream(2, "noise").normal(0, 0, 2, kShape)};
  const ImageSampler sampler(model_, *encoder_, options_);
  ASSERT_EQ(sampler.num_noises(), 2);
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(
      at::equal(sampler.sample(kCaptions, noise), generate(model_, noise, condition(kCaptions), *options_.student)));
}

TEST_F(ImageSamples, OfATeacherAreThoseOfEulersMethodOnItsScheduleWithItsGuidance) {
  const auto expected = [&](const std::vector<double>& times, double guidance) {
    return sample_ode(model_, noise_, {condition(kCaptions), condition({""})}, times, guidance);
  };
  options_.steps = 3;
  ASSERT_FALSE(at::equal(sample(), noise_));
  EXPECT_TRUE(at::equal(sample(), expected(sampling_times(3, 0.0), 1.0)));
  options_.guidance = 2.0;
  EXPECT_TRUE(at::equal(sample(), expected(sampling_times(3, 0.0), 2.0)));
  options_.shift = 3.0;
  EXPECT_TRUE(at::equal(sample(), expected(sampling_times(3, 3.0), 2.0)));
}

TEST_F(ImageSamples, ArePixelsWithoutADecoder) {
  const ImageSampler sampler(model_, *encoder_, options_);
  EXPECT_EQ(sampler.image_shape(), (std::vector<int64_t>{4, 6, 3}));
  const auto images = sampler.to_images(noise_);
  EXPECT_EQ(images.sizes(), (std::vector<int64_t>{2, 4, 6, 3}));
  EXPECT_TRUE(at::equal(images, to_pixels(noise_)));
}

TEST_F(ImageSamples, OfLatentsAreDecodedEachByItself) {
  VaeDecoder decoder({.latent_channels = 3, .channels = {4, 8}, .num_res_blocks = 1, .norm_groups = 2}, at::kFloat);
  decoder.visit([](const std::string& name, at::Tensor& tensor) {
    tensor.copy_(RandomStream(1, name).normal(0, 0, 1, tensor.sizes())[0]);
  });
  options_.decoder = &decoder;
  const ImageSampler sampler(model_, *encoder_, options_);
  EXPECT_EQ(sampler.image_shape(), (std::vector<int64_t>{8, 12, 3}));
  const auto images = sampler.to_images(noise_);
  EXPECT_EQ(images.sizes(), (std::vector<int64_t>{2, 8, 12, 3}));
  ASSERT_FALSE(at::equal(images[0], images[1]));
  for (int64_t i = 0; i < 2; ++i) {
    const at::NoGradGuard no_grad;
    const auto alone = decoder.decode(decoder.from_latents(noise_.narrow(0, i, 1)));
    EXPECT_TRUE(at::equal(images[i], to_pixels(alone)[0])) << i;
  }
}

}  // namespace
}  // namespace fgm

#include "launch/sampling/image_job.h"

#include <gmock/gmock.h>

#include "tests/launch/sampling/sampling_fixture.h"

namespace fgm {
namespace {

// Notes the number of rows that each call has.
class CountedModel : public support::TinyVelocityModel {
 public:
  using TinyVelocityModel::TinyVelocityModel;

  at::Tensor velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning& condition) override {
    rows.push_back(x_t.size(0));
    return TinyVelocityModel::velocity(x_t, t_B, condition);
  }

  std::vector<int64_t> rows;
};

class ImageJobs : public support::SamplingTest {
 protected:
  // The images of a list, by caption and number.
  std::map<std::pair<std::string, int64_t>, at::Tensor> images_of(const std::vector<std::string>& captions,
                                                                  int64_t per_prompt, int64_t batch_size) {
    const ImageJob job(sampler(), {captions, per_prompt, 1}, batch_size);
    const auto sampled = job.sample_all();
    EXPECT_EQ(sampled.size(0), job.images().size());
    std::map<std::pair<std::string, int64_t>, at::Tensor> found;
    for (int64_t i = 0; i < sampled.size(0); ++i) {
      found[{job.images().caption(i), job.images().number(i)}] = sampled[i];
    }
    return found;
  }
};

TEST_F(ImageJobs, OneByOneGiveAPromptTheSameBitsInAnyListAndOrder) {
  const auto some = images_of({"a cow", "a cat"}, 1, 1);
  const auto all = images_of({"a cat", "a dog", "a cow", "a cat"}, 2, 1);
  ASSERT_EQ(all.size(), 8u);
  for (const auto& [key, image] : some) EXPECT_TRUE(at::equal(all.at(key), image)) << key.first;
  EXPECT_FALSE(at::equal(all.at({"a cat", 0}), all.at({"a cat", 2}))) << "the second goes on with the numbers";
}

TEST_F(ImageJobs, InBatchesDifferByRoundingAtMost) {
  const std::vector<std::string> captions = {"a cat", "a dog", "a cow"};
  const auto alone = images_of(captions, 2, 1), together = images_of(captions, 2, 4);
  ASSERT_EQ(together.size(), 6u);
  for (const auto& [key, image] : alone) {
    // Another number of rows may add up in another order, which can move a pixel to the next level.
    EXPECT_LE((together.at(key).to(at::kInt) - image.to(at::kInt)).abs().max().item<int>(), 1) << key.first;
  }
}

TEST_F(ImageJobs, TheNetworkSeesWholeBatchesAndTheImagesAreThoseThatWereAskedFor) {
  CountedModel model(kShape, kText.pooled_width, at::kFloat, 1);
  const std::vector<std::string> captions = {"a cat", "a dog", "a cow"};
  const ImageJob job({model, *encoder_, {.student = GeneratorConfig(), .sample_shape = kShape}}, {captions, 1, 1}, 2);
  EXPECT_EQ(job.sample_batch(1).size(0), 1);
  EXPECT_EQ(job.sample_all().size(0), 3);
  EXPECT_THAT(model.rows, testing::ElementsAre(2, 2, 2));
}

}  // namespace
}  // namespace fgm

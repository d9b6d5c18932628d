#include "launch/sampling/image_list.h"

#include <gtest/gtest.h>

namespace fgm {
namespace {

const std::vector<int64_t> kShape = {3, 2, 2};

// The noise of every image of a list, by caption and number.
std::map<std::pair<std::string, int64_t>, at::Tensor> noises(const std::vector<std::string>& captions,
                                                             int64_t per_prompt, uint64_t seed = 1) {
  const ImageList images(captions, per_prompt, seed);
  std::map<std::pair<std::string, int64_t>, at::Tensor> found;
  for (int64_t i = 0; i < images.size(); ++i) {
    found[{images.caption(i), images.number(i)}] = images.noise(i, kShape);
  }
  return found;
}

TEST(ImageList, HasPerPromptImagesForEachCaptionSideBySide) {
  const std::vector<std::string> captions = {"a cat", "a dog"};
  const ImageList images(captions, 3, 1);
  ASSERT_EQ(images.size(), 6);
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(images.prompt(i), i / 3);
    EXPECT_EQ(images.number_in_prompt(i), i % 3);
    EXPECT_EQ(images.caption(i), captions[static_cast<size_t>(i / 3)]);
    EXPECT_EQ(images.number(i), i % 3);
  }
}

TEST(ImageList, NumbersOfACaptionGoOnWhereItIsThereAgain) {
  const std::vector<std::string> captions = {"a cat", "a dog", "a cat"};
  const ImageList images(captions, 2, 1);
  EXPECT_EQ(images.number(1), 1);
  EXPECT_EQ(images.number(2), 0) << "another caption's";
  EXPECT_EQ(images.number(4), 2);
  EXPECT_EQ(images.number(5), 3);
  EXPECT_EQ(images.number_in_prompt(5), 1) << "the place in the list counts from 0 again";
}

TEST(ImageList, NoiseOfAnImageIsTheSameInAnyListInAnyPlace) {
  const auto some = noises({"a cow", "a cat"}, 1);
  for (const auto& all : {noises({"a cat", "a dog", "a cow"}, 1), noises({"a cow", "a cat"}, 4)}) {
    for (const auto& [key, noise] : some) EXPECT_TRUE(at::equal(all.at(key), noise)) << key.first;
  }
}

TEST(ImageList, NoiseDiffersBetweenCaptionsNumbersAndSeeds) {
  const auto one = noises({"a cat", "a dog", "a cat"}, 2, 1), two = noises({"a cat", "a dog", "a cat"}, 2, 2);
  ASSERT_EQ(one.size(), 6u);
  for (const auto& [key, noise] : one) {
    EXPECT_EQ(noise.sizes(), (std::vector<int64_t>{1, 3, 2, 2}));
    EXPECT_FALSE(at::equal(two.at(key), noise)) << "another seed";
    for (const auto& [other, other_noise] : one) EXPECT_EQ(at::equal(other_noise, noise), other == key);
  }
}

}  // namespace
}  // namespace fgm

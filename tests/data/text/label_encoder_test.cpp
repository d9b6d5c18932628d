#include "data/text/label_encoder.h"

#include <gmock/gmock.h>

#include "tests/support/errors.h"

namespace fgm {
namespace {

const TextConfig kClasses{.labels = "cat, dog,t-shirt", .num_tokens = 2, .context_width = 4, .pooled_width = 3};

TEST(LabelEncoder, PooledIsTheClassesUnitVectorAndZeroForTheEmptyCaption) {
  const std::vector<std::string> captions = {"t-shirt", "", "cat"};
  const auto condition = LabelEncoder(kClasses).encode(captions);
  EXPECT_TRUE(at::equal(condition.pooled_BP, at::tensor({0.f, 0.f, 1.f, 0.f, 0.f, 0.f, 1.f, 0.f, 0.f}).view({3, 3})));
  EXPECT_EQ(condition.context_BLJ.sizes(), (std::vector<int64_t>{3, 2, 4}));
  EXPECT_EQ(condition.context_BLJ.abs().max().item<float>(), 0.0f);
}

TEST(LabelEncoder, NamesTheCaptionThatIsNoClassAndTheNearestThatIs) {
  const std::vector<std::string> captions = {"cat", "doog"};
  EXPECT_THAT(message_of<ConfigError>([&] { LabelEncoder(kClasses).encode(captions); }),
              testing::AllOf(testing::HasSubstr("'doog'"), testing::HasSubstr("did you mean 'dog'")));
}

TEST(LabelEncoder, ItsClassesMustBeAsManyAsThePooledEmbeddingIsWideAndDistinct) {
  auto text = kClasses;
  text.pooled_width = 4;
  EXPECT_THAT(message_of<ConfigError>([&] { text.validate(); }), testing::HasSubstr("text.labels names 3 classes"));
  text = kClasses;
  text.labels = "cat, dog, cat";
  EXPECT_THAT(message_of<ConfigError>([&] { text.validate(); }), testing::HasSubstr("twice"));
}

}  // namespace
}  // namespace fgm

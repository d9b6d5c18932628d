#include "data/text/hashed_word_encoder.h"

#include <gmock/gmock.h>

#include <thread>

#include "core/base/error.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr TextConfig kConfig{.num_tokens = 6, .context_width = 256, .pooled_width = 128};

Conditioning encode(const std::string& caption) {
  return HashedWordEncoder(kConfig).encode({&caption, 1});
}

TEST(WordsOf, LowersAndSplitsAtBlanksAndPunctuation) {
  EXPECT_THAT(words_of("  A red,Blue circle.\n"), ElementsAre("a", "red", "blue", "circle"));
  EXPECT_THAT(words_of("a 't-shirt' -- don't!"), ElementsAre("a", "t-shirt", "don't"));
  EXPECT_THAT(words_of("gr\xC3\xBCn"), ElementsAre("gr\xC3\xBCn"));
  EXPECT_THAT(words_of("?! -"), ElementsAre());
}

TEST(LongCaptions, AreCountedByTheirWordsAndTheLongestTellsWhatWouldDo) {
  const std::vector<std::string> captions = {"a red circle", "two, blue; small squares!", "one of five words more",
                                             "a b c", "a b c d"};
  LongCaptions found{.num_tokens = 3}, none{.num_tokens = 5};
  for (const auto& caption : captions) {
    found.see(caption);
    none.see(caption);
  }
  EXPECT_EQ(found.count, 3);
  EXPECT_EQ(found.first, captions[1]);
  EXPECT_EQ(found.most_words, 5);
  EXPECT_EQ(none.count, 0);
}

TEST(WordsOf, LeavesEveryCharacterBeyondAsciiInItsWord) {
  EXPECT_THAT(words_of("\u00C9COLE, \u00E9cole"), ElementsAre("\u00C9cole", "\u00E9cole"));
  EXPECT_THAT(words_of("red\u00A0hat \u201Cred\u201D \u5199\u771F\u3000\u732B"),
              ElementsAre("red\u00A0hat", "\u201Cred\u201D", "\u5199\u771F\u3000\u732B"));
}

TEST(HashedWordEncoder, HasTheShapesOfItsConfig) {
  const std::vector<std::string> captions{"a hat", "", "two green circles"};
  const auto condition = HashedWordEncoder(kConfig).encode(captions);
  EXPECT_EQ(condition.context_BLJ.sizes(), (std::vector<int64_t>{3, 6, 256}));
  EXPECT_EQ(condition.pooled_BP.sizes(), (std::vector<int64_t>{3, 128}));
}

TEST(HashedWordEncoder, OneWordChangesItsSlotAndThePooledVectorOnly) {
  const auto red = encode("a red hat"), blue = encode("a blue hat");
  for (const int64_t slot : {0, 2, 3, 4, 5})
    EXPECT_TRUE(at::equal(red.context_BLJ[0][slot], blue.context_BLJ[0][slot]));
  EXPECT_GT((red.context_BLJ[0][1] - blue.context_BLJ[0][1]).abs().mean().item<float>(), 0.5);
  EXPECT_GT((red.pooled_BP - blue.pooled_BP).abs().mean().item<float>(), 0.1);
}

TEST(HashedWordEncoder, WordOrderChangesTheContextButNotThePooledVector) {
  const auto one = encode("red circle left"), other = encode("circle red left");
  EXPECT_FALSE(at::allclose(one.context_BLJ, other.context_BLJ));
  EXPECT_TRUE(at::allclose(one.pooled_BP, other.pooled_BP, 1e-5, 1e-6));
}

TEST(HashedWordEncoder, ARepeatedWordDiffersByItsPosition) {
  const auto context = encode("hat hat").context_BLJ[0];
  EXPECT_FALSE(at::allclose(context[0], context[1]));
}

TEST(HashedWordEncoder, EmptyCaptionIsTheSameNullConditionAsOneWithoutWords) {
  const auto null = encode("");
  EXPECT_EQ(null.pooled_BP.abs().max().item<float>(), 0.0f);
  EXPECT_TRUE(at::equal(null.context_BLJ, encode("?!").context_BLJ));
  EXPECT_TRUE(at::equal(null.context_BLJ[0][5], encode("two green circles").context_BLJ[0][5]));
}

TEST(HashedWordEncoder, HasAboutUnitVariance) {
  const auto condition = encode("one two three four five");
  // 1536 and 128 normals: the standard errors of the variance are 0.036 and 0.125, these bounds are four of them.
  EXPECT_NEAR(condition.context_BLJ.var().item<double>(), 1.0, 0.15);
  EXPECT_NEAR(condition.pooled_BP.var().item<double>(), 1.0, 0.5);
}

// Values of this encoder itself: they may not change between versions, or trained networks would lose their
// words. The tolerance is for the logarithm and cosine of other machines.
TEST(HashedWordEncoder, KeepsItsVocabulary) {
  const auto condition = encode("a red circle");
  EXPECT_NEAR(condition.context_BLJ[0][1][0].item<float>(), 0.4433616, 1e-5);
  EXPECT_NEAR(condition.context_BLJ[0][5][255].item<float>(), -0.5390977, 1e-5);
  EXPECT_NEAR(condition.pooled_BP[0][7].item<float>(), -1.2452813, 1e-5);
}

TEST(HashedWordEncoder, NamesTheCaptionWithTooManyWordsAndTheKey) {
  const auto message = message_of<ConfigError>([] { encode("one two three four five six seven"); });
  EXPECT_THAT(message, HasSubstr("'one two three four five six seven' has 7 words, text.num_tokens = 6"));
}

TEST(HashedWordEncoder, ThreadsAgree) {
  const HashedWordEncoder encoder(kConfig);
  std::vector<std::string> captions;
  for (int i = 0; i < 500; ++i) captions.push_back("word" + std::to_string(i));
  std::array<Conditioning, 4> results;
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) threads.emplace_back([&] { result = encoder.encode(captions); });
  }
  for (const auto& result : results) EXPECT_TRUE(at::equal(result.context_BLJ, results[0].context_BLJ));
}

}  // namespace
}  // namespace fgm

// A short run of damaged files and texts in every build; tests/fuzz/run.sh makes the long ones.
#include <gtest/gtest.h>

#include <iterator>

#include "tests/fuzz/mutator.h"
#include "tests/fuzz/open_tokenizer.h"

namespace fgm {
namespace {

constexpr int kRuns = 300;

Mutator::Bytes read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string_view text_of(const Mutator::Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(TokenizerFuzz, DamagedFilesOpenOrAreErrorsInOurWords) {
  TokenizerFuzz fuzz;
  for (const std::string file : kTokenizerFiles) {
    const auto sound = read_bytes(kSoundTokenizers / file);
    EXPECT_TRUE(fuzz.open_damaged(file, text_of(sound)));
    Mutator mutator({sound});
    int num_opened = 0;
    for (int run = 0; run < kRuns; ++run) {
      auto bytes = mutator.pick();
      mutator.damage(bytes);
      num_opened += fuzz.open_damaged(file, text_of(bytes)) ? 1 : 0;
    }
    EXPECT_GT(num_opened, kRuns / 50) << file << ": damage that leaves nothing sound reaches little of the reader";
    EXPECT_LT(num_opened, kRuns) << file;
  }
}

TEST(TokenizerFuzz, DamagedTextsAreEncodedOrRefused) {
  TokenizerFuzz fuzz;
  Mutator mutator({read_bytes(FGM_SOURCE_DIR "/tests/golden/tokenizers.json")});
  int num_encoded = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto& texts = mutator.pick();
    const auto begin = texts.begin() + static_cast<ptrdiff_t>(mutator.below(texts.size() - 200));
    Mutator::Bytes bytes(begin, begin + static_cast<ptrdiff_t>(mutator.below(200)));
    mutator.damage(bytes);
    num_encoded += fuzz.encode_text(text_of(bytes)) ? 1 : 0;
  }
  EXPECT_GT(num_encoded, kRuns / 10);
  EXPECT_LT(num_encoded, kRuns);
}

}  // namespace
}  // namespace fgm

// A short run of mutated corpus files in every build; tests/fuzz/run.sh makes the long ones.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fuzz/mutator.h"
#include "tests/fuzz/open_and_read.h"

namespace fgm {
namespace {

using Bytes = Mutator::Bytes;

constexpr int kRuns = 20'000;
constexpr size_t kHeaderLengthBytes = 8;

std::vector<Bytes> corpus() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(FGM_SOURCE_DIR "/tests/fuzz/corpus"))
    paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Bytes> files;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return files;
}

Bytes next_file(Mutator& mutator) {
  Bytes bytes = mutator.pick();
  const size_t size = bytes.size();
  mutator.damage(bytes);
  // Where the length of the file changed, the announced one follows half of the time, or JSON would seldom be reached.
  if (bytes.size() > kHeaderLengthBytes && mutator.below(2) == 0) {
    bytes[0] = static_cast<uint8_t>(bytes[0] + bytes.size() - size);
  }
  return bytes;
}

TEST(SafetensorsFuzz, TheCorpusHasFilesThatOpenAndFilesThatDoNot) {
  int num_opened = 0;
  const auto files = corpus();
  for (const auto& file : files) num_opened += open_and_read(file) ? 1 : 0;
  EXPECT_GE(num_opened, 3);
  EXPECT_LT(num_opened, std::ssize(files));
}

TEST(SafetensorsFuzz, MutatedFilesOpenOrAreIoErrors) {
  Mutator mutator(corpus());
  int num_opened = 0;
  for (int run = 0; run < kRuns; ++run) num_opened += open_and_read(next_file(mutator)) ? 1 : 0;
  EXPECT_GT(num_opened, kRuns / 100) << "mutations that never leave a sound file reach little of the reader";
  EXPECT_LT(num_opened, kRuns * 9 / 10);
}

}  // namespace
}  // namespace fgm

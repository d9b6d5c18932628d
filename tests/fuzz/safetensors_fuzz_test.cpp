// A short run of mutated corpus files in every build; tests/fuzz/run.sh makes the long ones.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/fuzz/open_and_read.h"

namespace fgm {
namespace {

using Bytes = std::vector<uint8_t>;

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

class Mutator {
 public:
  explicit Mutator(std::vector<Bytes> files) : files_(std::move(files)) {}

  Bytes next() {
    Bytes bytes = files_[below(files_.size())];
    const size_t size = bytes.size();
    for (size_t i = below(3); i < 3 && !bytes.empty(); ++i) mutate(bytes);
    // Where the length of the file changed, the announced one follows half of the time, or JSON would seldom be
    // reached.
    if (bytes.size() > kHeaderLengthBytes && below(2) == 0) {
      bytes[0] = static_cast<uint8_t>(bytes[0] + bytes.size() - size);
    }
    return bytes;
  }

 private:
  size_t below(size_t limit) { return random_() % limit; }

  void mutate(Bytes& bytes) {
    const auto at = bytes.begin() + static_cast<ptrdiff_t>(below(bytes.size()));
    const auto rest = static_cast<size_t>(bytes.end() - at);
    switch (below(5)) {
      case 0:
        *at ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 1:
        *at = static_cast<uint8_t>("0123456789{}[],:\"-eE.\\"[below(22)]);
        break;
      case 2:
        bytes.erase(at, at + static_cast<ptrdiff_t>(1 + below(std::min<size_t>(rest, 16))));
        break;
      case 3: {
        const Bytes piece(at, at + static_cast<ptrdiff_t>(1 + below(std::min<size_t>(rest, 40))));
        bytes.insert(at, piece.begin(), piece.end());
        break;
      }
      default: {
        const Bytes& other = files_[below(files_.size())];
        const size_t from = below(other.size());
        bytes.insert(at, other.begin() + static_cast<ptrdiff_t>(from),
                     other.begin() + static_cast<ptrdiff_t>(std::min(other.size(), from + 40)));
      }
    }
  }

  std::vector<Bytes> files_;
  std::mt19937_64 random_{1};
};

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
  for (int run = 0; run < kRuns; ++run) num_opened += open_and_read(mutator.next()) ? 1 : 0;
  EXPECT_GT(num_opened, kRuns / 100) << "mutations that never leave a sound file reach little of the reader";
  EXPECT_LT(num_opened, kRuns * 9 / 10);
}

}  // namespace
}  // namespace fgm

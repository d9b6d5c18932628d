// The store opener. A few thousand damaged and strange files in every build; for a million of each kind:
//   build/release/tests/fuzz_store_fuzz_test --gtest_repeat=2000
//
// Note [HDF5 is not what is fuzzed]
// HDF5 1.10 reads and writes beyond its buffers when its own structures in a file are damaged, and ends the process. In a
// file with a guard (format 2) any byte is damaged here: the library never sees it. A file without one is damaged in its
// datasets' values alone, or written by the library itself with attributes and shapes that do not fit.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "core/base/error.h"
#include "data/store/verify_store.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/mutator.h"
#include "tests/fuzz/small_stores.h"
#include "tests/fuzz/strange_layout.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using Bytes = Mutator::Bytes;

constexpr int kRuns = 500, kStrangeRuns = 200;
constexpr size_t kMagicBytes = 8;

// The mutator of a test outlives it: each repetition has files of its own.
Mutator& mutator_of(const std::string& test, const Bytes& file) {
  static std::map<std::string, Mutator> mutators;
  return mutators.try_emplace(test, std::vector<Bytes>{file}).first->second;
}

// What a store holds, or nothing where it is refused in our words; whatever else happens ends the process.
std::optional<std::string> read_or_refuse(const std::filesystem::path& path) {
  try {
    return read_whole_store(path);
  } catch (const IoError& error) {
    EXPECT_EQ(error.exit_code(), kExitConfig) << error.what();
  } catch (const ConfigError&) {
  }
  return std::nullopt;
}

class StoreFuzz : public testing::TestWithParam<const char*> {
 protected:
  StoreFuzz() {
    write_small_store(folder_ / "a.h5", GetParam());
    const auto text = bytes_of_file(folder_ / "a.h5");
    sound_.assign(text.begin(), text.end());
    whole_ = read_whole_store(folder_ / "a.h5");
  }

  // A damaged store that is still read holds what it held; `fgm data verify` has a word for the others.
  template <typename Damage>
  void read_damaged(const Damage& damage) {
    int num_refused = 0;
    for (int run = 0; run < kRuns; ++run) {
      auto bytes = sound_;
      damage(bytes);
      memory_.hold(bytes);
      const auto read = read_or_refuse(memory_.path());
      ASSERT_EQ(read.value_or(whole_), whole_);
      if (read) continue;
      ASSERT_FALSE(verify_store(memory_.path(), 1).problems.empty());
      ++num_refused;
    }
    EXPECT_GT(num_refused, kRuns / 2);
  }

  const TemporaryFolder folder_;
  const MemoryFile memory_;
  Bytes sound_;
  std::string whole_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, StoreFuzz, testing::ValuesIn(kStoreKinds));

TEST_P(StoreFuzz, DamagedValuesAreRefusedOrReadRight) {
  const auto values = values_of(folder_ / "a.h5");
  ASSERT_GE(values.size(), 4u);
  auto& mutator = mutator_of(std::string("values of ") + GetParam(), sound_);
  read_damaged([&](Bytes& bytes) {
    const auto& extent = values[mutator.below(values.size())];
    bytes[extent.offset + mutator.below(extent.bytes)] ^= static_cast<uint8_t>(1u << mutator.below(8));
  });
}

class GuardFuzz : public StoreFuzz {};

INSTANTIATE_TEST_SUITE_P(Kinds, GuardFuzz, testing::Values("embeddings", "latents"));

TEST_P(GuardFuzz, ADamagedFileIsRefusedOrReadRight) {
  auto& mutator = mutator_of(GetParam(), sound_);
  read_damaged([&](Bytes& bytes) {
    mutator.damage(bytes);
    // A file that does not begin with the guard's name has no guard.
    bytes.resize(std::max(bytes.size(), kMagicBytes));
    std::copy_n(sound_.begin(), kMagicBytes, bytes.begin());
  });
}

class StrangeStoreFuzz : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Kinds, StrangeStoreFuzz, testing::ValuesIn(kStoreKinds));

TEST_P(StrangeStoreFuzz, IsReadOrRefused) {
  const TemporaryFolder folder;  // HDF5 makes no file in memory by its name
  const auto path = folder / "a.h5";
  const auto sound = sound_layout(GetParam());
  write_layout(path, sound);
  ASSERT_FALSE(read_whole_store(path).empty());
  auto& mutator = mutator_of(std::string("strange ") + GetParam(), Bytes{0});
  int num_read = 0;
  for (int run = 0; run < kStrangeRuns; ++run) {
    auto layout = sound;
    for (size_t i = mutator.below(3); i < 3; ++i) make_strange(layout, mutator);
    write_layout(path, layout);
    num_read += read_or_refuse(path) ? 1 : 0;
    verify_store(path, 1);
  }
  EXPECT_GT(num_read, kStrangeRuns / 100) << "what never fits reaches little of the reader";
  EXPECT_LT(num_read, kStrangeRuns * 9 / 10);
}

}  // namespace
}  // namespace fgm

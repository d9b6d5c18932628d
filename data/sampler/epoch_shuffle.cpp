#include "data/sampler/epoch_shuffle.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/rng.h"

namespace fgm {
namespace {

// Ten rounds, so that even the 2-bit halves of a handful of records mix well.
constexpr uint32_t kRounds = 10;

}  // namespace

EpochShuffle::EpochShuffle(int64_t size, uint64_t seed) : size_(size) {
  check(size >= 1 && size <= int64_t{1} << 62, "cannot shuffle {} records", size);
  half_bits_ = std::max(1, (static_cast<int>(std::bit_width(static_cast<uint64_t>(size - 1))) + 1) / 2);
  const uint64_t h = hash64("epoch shuffle", seed);
  key_ = {static_cast<uint32_t>(h), static_cast<uint32_t>(h >> 32)};
}

uint64_t EpochShuffle::encrypt(uint64_t value, uint64_t epoch) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = value >> half_bits_;
  uint64_t right = value & mask;
  for (uint32_t round = 0; round < kRounds; ++round) {
    const auto word = philox4x32(
        {static_cast<uint32_t>(right), round, static_cast<uint32_t>(epoch), static_cast<uint32_t>(epoch >> 32)},
        key_)[0];
    left = std::exchange(right, left ^ (word & mask));
  }
  return (left << half_bits_) | right;
}

int64_t EpochShuffle::index_of(int64_t position) const {
  check(position >= 0, "position {} lies before the first epoch", position);
  const auto epoch = static_cast<uint64_t>(position / size_);
  auto value = static_cast<uint64_t>(position % size_);
  do {
    value = encrypt(value, epoch);
  } while (value >= static_cast<uint64_t>(size_));
  return static_cast<int64_t>(value);
}

}  // namespace fgm

#pragma once

#include <array>
#include <cstdint>

namespace fgm {

// An endless order of the records [0, size) in which every epoch is a permutation of its own, computed and
// not stored: any position costs the same, every rank finds the same answer, and a run can start at any position.
//
// An epoch's permutation is a Feistel network over the smallest even number of bits that holds `size`, with
// Philox words as round functions, and cycle walking for the values beyond it (Black and Rogaway, "Ciphers
// with Arbitrary Finite Domains", CT-RSA 2002).
class EpochShuffle {
 public:
  // size in [1, 2^62].
  EpochShuffle(int64_t size, uint64_t seed);

  // The record at global `position` >= 0, which is the (position % size)-th of epoch position / size.
  int64_t index_of(int64_t position) const;

  int64_t size() const { return size_; }

 private:
  uint64_t encrypt(uint64_t value, uint64_t epoch) const;

  int64_t size_;
  int half_bits_;
  std::array<uint32_t, 2> key_;
};

}  // namespace fgm

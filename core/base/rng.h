#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace fgm {

// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
//
// A number is a function of (seed, stream, step, sample, position) alone, never of the rank, the world size or what
// was drawn before. Two runs with the same global batch draw the same numbers on 1 rank or 64.
//   key     = the two halves of hash64(stream, seed)
//   counter = {block, sample low, sample high, step}; each block yields four 32-bit words
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// One named stream of a run, such as "noise", "time" or "dropout". Cheap to copy.
class RandomStream {
 public:
  RandomStream(uint64_t seed, std::string_view name);

  // Standard normals, float32 on the CPU, shape [num_samples, shape...]; row i belongs to sample first_sample + i.
  // Box-Muller: word pairs (a, b) give r cos(2 pi v), r sin(2 pi v) with r = sqrt(-2 ln u), u = (a + 0.5) / 2^32,
  // v = b / 2^32, computed in float32 from float64 u and v.
  at::Tensor normal(int64_t step, int64_t first_sample, int64_t num_samples, at::IntArrayRef shape) const;

  // Uniforms in (0, 1), float32 on the CPU, shape [num_samples, shape...]: (word + 0.5) / 2^32, clamped below 1.
  at::Tensor uniform(int64_t step, int64_t first_sample, int64_t num_samples, at::IntArrayRef shape) const;

  // 32 random bits for one (step, sample, position).
  uint32_t bits(int64_t step, int64_t sample, int64_t position) const;

 private:
  std::array<uint32_t, 2> key_;
};

}  // namespace fgm

#include "core/base/rng.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <numbers>

#include "core/base/error.h"
#include "core/base/hash.h"

namespace fgm {
namespace {

constexpr double kTwoToMinus32 = 0x1p-32;
constexpr float kBelowOne = 0x1.fffffep-1f;

std::array<uint32_t, 4> counter_for(int64_t step, int64_t sample, int64_t block) {
  const auto s = static_cast<uint64_t>(sample);
  return {static_cast<uint32_t>(block), static_cast<uint32_t>(s), static_cast<uint32_t>(s >> 32),
          static_cast<uint32_t>(step)};
}

// Calls fill_block(words, destination, count) for every run of up to four numbers of every sample.
template <typename FillBlock>
at::Tensor fill(const std::array<uint32_t, 2>& key, int64_t step, int64_t first_sample, int64_t num_samples,
                at::IntArrayRef shape, const FillBlock& fill_block) {
  std::vector<int64_t> sizes{num_samples};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  auto out = at::empty(sizes, at::kFloat);
  const int64_t per_sample = num_samples == 0 ? 0 : out.numel() / num_samples;
  float* data = out.data_ptr<float>();
  at::parallel_for(0, num_samples, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* sample_data = data + row * per_sample;
      for (int64_t i = 0; i < per_sample; i += 4) {
        const auto words = philox4x32(counter_for(step, first_sample + row, i / 4), key);
        fill_block(words, sample_data + i, std::min<int64_t>(4, per_sample - i));
      }
    }
  });
  return out;
}

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  constexpr uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = static_cast<uint64_t>(kMultiplier0) * counter[0];
    const uint64_t product1 = static_cast<uint64_t>(kMultiplier1) * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

RandomStream::RandomStream(uint64_t seed, std::string_view name) {
  const uint64_t h = hash64(name, seed);
  key_ = {static_cast<uint32_t>(h), static_cast<uint32_t>(h >> 32)};
}

at::Tensor RandomStream::normal(int64_t step, int64_t first_sample, int64_t num_samples, at::IntArrayRef shape) const {
  return fill(key_, step, first_sample, num_samples, shape, [](const auto& words, float* out, int64_t count) {
    std::array<float, 4> z;
    for (int pair = 0; pair < 2; ++pair) {
      const auto u = static_cast<float>((words[2 * pair] + 0.5) * kTwoToMinus32);
      const auto angle = static_cast<float>(2.0 * std::numbers::pi * (words[2 * pair + 1] * kTwoToMinus32));
      const float radius = std::sqrt(-2.0f * std::log(u));
      z[2 * pair] = radius * std::cos(angle);
      z[2 * pair + 1] = radius * std::sin(angle);
    }
    std::copy_n(z.begin(), count, out);
  });
}

at::Tensor RandomStream::uniform(int64_t step, int64_t first_sample, int64_t num_samples, at::IntArrayRef shape) const {
  return fill(key_, step, first_sample, num_samples, shape, [](const auto& words, float* out, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      out[i] = std::min(static_cast<float>((words[static_cast<size_t>(i)] + 0.5) * kTwoToMinus32), kBelowOne);
    }
  });
}

uint32_t RandomStream::bits(int64_t step, int64_t sample, int64_t position) const {
  return philox4x32(counter_for(step, sample, position / 4), key_)[static_cast<size_t>(position % 4)];
}

}  // namespace fgm

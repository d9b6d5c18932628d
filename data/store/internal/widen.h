#pragma once

#include <ATen/ATen.h>

#include <bit>
#include <cstdint>

namespace fgm {

inline float widen(at::BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.x) << 16);
}
inline float widen(at::Half value) {
  return value;
}
inline float widen(float value) {
  return value;
}

}  // namespace fgm

#pragma once

#include <span>
#include <string>

#include "core/nn/conditioning.h"

namespace fgm {

// Turns captions into what a velocity model is conditioned on. The hashed-word encoder computes it; a store
// with cached CLIP/T5 embeddings looks the caption up. Thread-safe.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;
  // context [B, L, J] and pooled [B, P], float32 on the CPU; row i belongs to captions[i].
  // ConfigError naming the caption when it cannot be encoded (a caption that is not in the cache, too many words).
  virtual Conditioning encode(std::span<const std::string> captions) const = 0;
};

}  // namespace fgm

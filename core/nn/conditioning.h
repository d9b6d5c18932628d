#pragma once

#include <ATen/ATen.h>

namespace fgm {

// What a velocity model is conditioned on besides time. B batch, L context tokens, J context width, P pooled width.
struct Conditioning {
  at::Tensor context_BLJ;
  at::Tensor pooled_BP;

  int64_t batch() const { return pooled_BP.size(0); }
};

// Joins two conditionings along the batch: first `a`, then `b`.
inline Conditioning cat(const Conditioning& a, const Conditioning& b) {
  return {at::cat({a.context_BLJ, b.context_BLJ}), at::cat({a.pooled_BP, b.pooled_BP})};
}

// The same conditioning with another device or dtype.
inline Conditioning to(const Conditioning& c, const at::TensorOptions& options) {
  return {c.context_BLJ.to(options), c.pooled_BP.to(options)};
}

}  // namespace fgm
